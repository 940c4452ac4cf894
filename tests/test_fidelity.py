# SPDX-License-Identifier: BSD-3-Clause
"""Fidelity: every fault that is made on purpose is found under its name, and good reconstructions raise none."""

import math
import warnings
from itertools import product
from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from picobench.datasets.normalise import normalise
from picobench.diagnostics.fidelity import (
    THRESHOLDS,
    Signature,
    check_fidelity,
    find_duplicates,
    shared_rounding,
    signature,
)
from picobench.diagnostics.fidelity import study as fidelity_study
from picobench.diagnostics.fidelity.faults import FAULTS, Fault
from picobench.diagnostics.fidelity.moments import Correction, measure_moments
from picobench.diagnostics.fidelity.planes import BT601, BT709
from picobench.diagnostics.studies import GOOD, PUBLISHED, Coder, of_codec, published_scenes, read_picture
from picobench.errors import MetricError
from picobench.pixels import RGB8, write_rgb8


def psnr(reference: RGB8, shown: RGB8) -> float:
    return 10 * math.log10(255**2 / float(np.mean((reference.astype(float) - shown) ** 2)))


def names(reference: RGB8, shown: RGB8) -> list[str]:
    return [finding.name for finding in check_fidelity(reference, shown).findings]


@pytest.fixture(scope="module")
def pair(kodak: Path) -> tuple[RGB8, RGB8]:
    """A colourful Kodak picture and a good reconstruction."""
    reference = read_picture(kodak / "kodim23.png")
    return reference, Coder("jpeg2000", "r20")(reference)


def by_finding() -> dict[str, Fault]:
    return {fault.finding: fault for fault in FAULTS}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.finding}: {fault.what}")
def test_a_fault_is_found_alone_and_by_its_name(fault: Fault, pair: tuple[RGB8, RGB8]) -> None:
    reference, good = pair
    report = check_fidelity(reference, fault.apply(good))
    assert [finding.name for finding in report.findings] == [fault.finding]
    (finding,) = report.findings
    assert finding.evidence
    assert finding.threshold == THRESHOLDS[fault.finding]
    assert (finding.effect_db is None) == (fault.finding in {"size", "padding"})
    assert finding.effect_db is None or finding.effect_db > 0


def test_every_finding_can_be_raised(pair: tuple[RGB8, RGB8]) -> None:
    reference, _ = pair
    assert names(reference, reference) == ["exact_copy"]
    others = {"rounding", "exact_copy", "duplicate"}
    assert {fault.finding for fault in FAULTS} | others == set(THRESHOLDS)


def test_what_several_patterns_explain_has_a_name_of_its_own(kodak: Path) -> None:
    # At this rate mean errors of Cb and Cr are not known well enough.
    reference = read_picture(kodak / "kodim01.png")
    (finding,) = check_fidelity(
        reference, by_finding()["truncation"].apply(Coder("heic", "q30")(reference))
    ).findings
    assert finding.name == "rounding"
    assert "R, G and B rounded down; or Y, Cb and Cr of BT.709 rounded down" in finding.evidence


def test_good_codecs_raise_nothing(kodak: Path) -> None:
    coders = [Coder(codec, points[1]) for codec, points in GOOD.items()]
    for coder, name in product(coders, ("kodim03", "kodim20")):
        reference = read_picture(kodak / f"{name}.png")
        report = check_fidelity(reference, coder(reference))
        assert report.findings == (), (coder, name)
        assert report.psnr_db == pytest.approx(psnr(reference, coder(reference)))


@pytest.mark.parametrize(
    ("codec", "point", "name"),
    [
        ("jpeg-420", "q05", "kodim01"),  # undoing an expanded range raises PSNR by 0.26 dB
        ("jpeg-420", "q05", "kodim20"),  # red is 6 levels off in the mean
        ("heic", "q06", "kodim21"),  # undoing a mix-up of matrices raises PSNR by 0.06 dB
        ("heic", "q06", "kodim03"),  # Cb and Cr are off by what rounding down leaves
        ("jpegxl", "d19", "kodim08"),  # red, green and blue are off by 0.3 levels
        ("jpeg", "q05", "kodim02"),  # blue is 10 levels off in the mean
    ],
)
def test_coarse_quantisation_is_no_fault(codec: str, point: str, name: str, kodak: Path) -> None:
    """Each looks like a fault over the whole picture, and is off by another amount in every area."""
    reference = read_picture(kodak / f"{name}.png")
    reconstruction = Coder(codec, point)(reference)
    assert names(reference, reconstruction) == []
    added = np.clip(reconstruction + np.array([0.0, 0.0, 40.0]), 0, 255).astype(np.uint8)
    assert "bias" in names(reference, added)


def test_the_effect_is_what_undoing_gives(pair: tuple[RGB8, RGB8]) -> None:
    reference, good = pair
    (finding,) = check_fidelity(reference, good[..., ::-1]).findings
    assert finding.effect_db == pytest.approx(
        psnr(reference, good) - psnr(reference, good[..., ::-1]), abs=1e-6
    )
    moved = np.roll(good, 3, axis=1)
    (finding,) = check_fidelity(reference, moved).findings
    expected = psnr(reference, good) - psnr(reference, moved)
    assert finding.effect_db == pytest.approx(expected, abs=0.3)  # over the inner part only
    assert dict(finding.values) == pytest.approx({"down_pixels": 0.0, "right_pixels": 3.0}, abs=0.05)


def test_moments_replace_a_pass_over_the_pixels(pair: tuple[RGB8, RGB8]) -> None:
    reference, good = pair
    moments = measure_moments(reference, good)
    assert moments.mse() == pytest.approx(np.mean((reference.astype(float) - good) ** 2))
    change = Correction(np.linalg.inv(BT709) @ BT601, np.array([1.0, -2.0, 0.5]))
    changed = good @ change.matrix.T + change.offset
    np.testing.assert_allclose(
        moments.errors(change), np.mean((changed - reference) ** 2, axis=(0, 1)), rtol=1e-9
    )
    assert moments.after(change).mse() == pytest.approx(moments.mse(change))
    fitted = moments.without_gain()
    for channel in range(3):
        slope, offset = np.polyfit(good[..., channel].ravel(), reference[..., channel].ravel(), 1)
        assert fitted.matrix[channel, channel] == pytest.approx(slope)
        assert fitted.offset[channel] == pytest.approx(offset)


def test_two_faults_are_found_one_after_the_other(pair: tuple[RGB8, RGB8]) -> None:
    reference, good = pair
    faults = by_finding()
    shown = faults["range_compressed"].apply(np.ascontiguousarray(good[..., ::-1]))
    assert set(names(reference, shown)) == {"channel_order", "range_compressed"}
    shown = np.pad(faults["truncation"].apply(good), ((0, 8), (0, 0), (0, 0)))
    assert names(reference, shown) == ["padding", "truncation"]


def test_size_is_told_in_words(pair: tuple[RGB8, RGB8]) -> None:
    reference, good = pair
    turned = check_fidelity(reference, good.swapaxes(0, 1))
    assert "turned" in turned.findings[0].evidence
    assert math.isnan(turned.psnr_db)
    padded = check_fidelity(reference, np.pad(good, ((8, 0), (0, 16), (0, 0))))
    assert "from row 8 and column 0" in padded.findings[0].evidence
    assert padded.psnr_db == pytest.approx(psnr(reference, good))
    assert names(reference, np.pad(good, ((0, 65), (0, 0), (0, 0)))) == ["size"]


def test_a_lossless_point_may_return_the_reference(pair: tuple[RGB8, RGB8]) -> None:
    reference, _ = pair
    report = check_fidelity(reference, reference, lossless=True)
    assert report.findings == ()
    assert report.psnr_db == math.inf
    one_off = reference.copy()
    one_off[5, 5, 1] ^= 1
    assert names(reference, one_off) == []


@pytest.mark.parametrize("shape", [(1, 1, 3), (8, 200, 3), (40, 40, 3)])
def test_odd_pictures_raise_no_nonsense(shape: tuple[int, ...]) -> None:
    generator = np.random.default_rng(0)
    black = np.zeros(shape, dtype=np.uint8)
    noise = generator.integers(0, 256, shape, dtype=np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for one, other in product((black, noise, 255 - noise), repeat=2):
            report = check_fidelity(one, other)
            assert all(math.isfinite(f.effect_db) for f in report.findings if f.effect_db is not None)
            assert all(math.isfinite(value) for f in report.findings for _, value in f.values)
    assert names(black, black) == []


def test_what_is_no_picture_is_refused() -> None:
    good = np.zeros((4, 4, 3), dtype=np.uint8)
    for wrong in (good[..., 0], good.astype(float), good[:0], np.zeros((4, 4, 4), dtype=np.uint8)):
        with pytest.raises(MetricError, match="no picture"):
            check_fidelity(good, wrong)
        with pytest.raises(MetricError, match="no picture"):
            check_fidelity(wrong, good)


# Several pictures


def test_one_picture_under_two_names(kodak: Path) -> None:
    codec = Coder("jpeg-420", "q50")
    references = {name: read_picture(kodak / f"{name}.png") for name in ("kodim03", "kodim12", "kodim23")}
    coded = {name: signature(codec(pixels)) for name, pixels in references.items()}
    assert find_duplicates(coded) == []
    equal = coded | {"kodim12": coded["kodim03"]}
    (finding,) = find_duplicates(equal)
    assert finding.name == "duplicate"
    assert "kodim03 and kodim12" in finding.evidence
    assert "pixel for pixel" in finding.evidence
    again = coded | {"kodim23": signature(Coder("webp", "q50")(references["kodim12"]))}
    (finding,) = find_duplicates(again)
    assert "kodim12 and kodim23" in finding.evidence
    assert "grey levels" in finding.evidence
    own = {name: signature(pixels) for name, pixels in references.items()}
    assert find_duplicates(again, own | {"kodim23": own["kodim12"]}) == []
    assert len(find_duplicates(again, own)) == 1


def test_pictures_without_contents_are_no_duplicates() -> None:
    def flat(level: int) -> Signature:
        return signature(np.full((64, 64, 3), level, dtype=np.uint8))

    assert find_duplicates({"a": flat(10), "b": flat(11)}) == []
    assert len(find_duplicates({"a": flat(10), "b": flat(10)})) == 1
    tiny = {
        name: signature(np.full((4, 4, 3), level, dtype=np.uint8)) for name, level in (("a", 1), ("b", 2))
    }
    assert find_duplicates(tiny) == []


@pytest.fixture(scope="module")
def coarse(kodak: Path) -> list[tuple[RGB8, RGB8]]:
    """Eight pictures at a low rate: contents move their mean errors as far as wrong rounding does."""
    codec = Coder("avif", "q08")
    references = [read_picture(kodak / f"kodim{number:02}.png") for number in range(1, 25, 3)]
    return [(reference, codec(reference)) for reference in references]


@pytest.mark.parametrize(
    "finding", ["truncation", "rounded_up", "shifted_depth", "chroma_truncation", "ycbcr_truncation"]
)
def test_rounding_shows_on_average_where_no_picture_shows_it(
    finding: str, coarse: list[tuple[RGB8, RGB8]]
) -> None:
    broken = [check_fidelity(reference, by_finding()[finding].apply(coded)) for reference, coded in coarse]
    assert sum(finding in [found.name for found in report.findings] for report in broken) < 4
    shared = shared_rounding(broken)
    assert shared is not None
    # Eight pictures do not always tell it from a shift of bits.
    assert shared.name in ({finding, "rounding"} if finding == "truncation" else {finding})
    assert "8 pictures" in shared.evidence
    assert shared_rounding(broken[:2]) is None


def test_a_small_bias_of_all_pictures_is_found(coarse: list[tuple[RGB8, RGB8]]) -> None:
    moved = [(reference, np.clip(coded - 2.0, 0, 255).astype(np.uint8)) for reference, coded in coarse]
    shared = shared_rounding([check_fidelity(*pair) for pair in moved])
    assert shared is not None
    assert shared.name == "bias"
    assert "±" in shared.evidence
    assert shared_rounding([check_fidelity(*pair) for pair in coarse]) is None


def test_pictures_with_a_fault_of_their_own_do_not_count(coarse: list[tuple[RGB8, RGB8]]) -> None:
    narrow = by_finding()["range_compressed"]
    assert (
        shared_rounding([check_fidelity(reference, narrow.apply(coded)) for reference, coded in coarse])
        is None
    )


# Published pictures, and the study


def test_published_pictures(shared: Path) -> None:
    scenes = [
        s
        for s in published_scenes(shared / "published" / "pico-project-page")
        if not s.name.startswith(("7", "b"))
    ]
    found = {
        codec: {name: check_fidelity(reference, shown) for name, reference, shown in of_codec(scenes, codec)}
        for codec in PUBLISHED
    }
    for codec in ("hific", "dcvc", "bpg"):
        reports = list(found[codec].values())
        assert not any(report.findings for report in reports), codec
        assert shared_rounding(reports) is None
    pico = list(found["pico"].values())
    assert {finding.name for report in pico for finding in report.findings} <= {"truncation", "rounding"}
    shared_by_pico = shared_rounding(pico)
    assert shared_by_pico is not None
    assert shared_by_pico.name == "truncation"
    # Of VVC four files have 16 bits a sample, one of them with a row too many.
    assert found["vvc"]["todd-quackenbush-222"].findings[0].name == "padding"
    deep = [
        found["vvc"][scene] for scene in ("kodim15", "kodim23", "paul-itkin-46101", "todd-quackenbush-222")
    ]
    assert not any(finding.name == "truncation" for report in deep for finding in report.findings)
    shared_by_deep = shared_rounding(deep)
    assert shared_by_deep is not None
    assert shared_by_deep.name == "shifted_depth"


def test_pictures_of_16_bits_are_read_as_in_a_run(shared: Path) -> None:
    path = shared / "published" / "pico-project-page" / "kodim15" / "vvc.png"
    assert (read_picture(path) == normalise(path.read_bytes()).pixels).all()
    # Cutting to the upper byte gives other pixels, which are half a level off at black.
    samples = imagecodecs.png_decode(path.read_bytes())
    dark = samples < 20 << 8
    assert np.mean((read_picture(path) - (samples / 257))[dark]) == pytest.approx(0, abs=0.03)
    assert np.mean(((samples >> 8) - samples / 257)[dark]) < -0.4


def test_the_study_counts_what_is_found(kodak: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fidelity_study, "GOOD", {"jpeg-420": ("q20", "q50", "q85")})
    files = [tmp_path / f"kodim{number}.png" for number in ("05", "20", "23")]
    for path in files:
        write_rgb8(path, np.ascontiguousarray(read_picture(kodak / path.name)[128:384, 256:576]))
    good = fidelity_study.good_table(files, 1)
    assert "| jpeg-420 q05 | 3 | 0 | 0 |" in good
    assert "| jpeg-420 q85 | 3 | 0 | 0 |" in good
    table = fidelity_study.injected_table(files, 1)
    assert (
        "| pictures of 2, low | pictures of 3, middle | pictures of 2, high | datasets of 1, low |" in table
    )
    assert "| red and blue swapped | `channel_order` | 2 | 3 | 2 |  |  |  |  |  |" in table
    assert "| another picture's reconstruction | `duplicate` | 2 | 3 | 2 |  |  |  |  |  |" in table
    for wrong in (["--only", "nothing"], ["--processes", "0"], ["--processes", "many"]):
        with pytest.raises(SystemExit):
            fidelity_study.main([*wrong, "--kodak", str(tmp_path)])
