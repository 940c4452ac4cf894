# SPDX-License-Identifier: BSD-3-Clause
"""The recogniser itself, on drawn text: what it reads, what it misses, and what heavy compression does."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from picobench import bindings
from picobench.datasets.rendered import RenderedPicture, draw_pictures
from picobench.diagnostics.text import RapidOcr, TextDiagnostic, TextReference, TextResult, ocr
from picobench.diagnostics.text.summary import rate_difference
from picobench.diagnostics.text.swaps import Swap, make_swaps
from picobench.errors import MetricError
from picobench.pixels import RGB8

pytest.importorskip("rapidocr", reason="the text diagnostic needs rapidocr")


@pytest.fixture(scope="module")
def definition(root: Path) -> dict[str, Any]:
    value: dict[str, Any] = yaml.safe_load((root / "datasets" / "text.yaml").read_text())
    return value


@pytest.fixture(scope="module")
def pictures(definition: dict[str, Any]) -> list[RenderedPicture]:
    return draw_pictures(definition)[:4]


@pytest.fixture(scope="module")
def swaps(definition: dict[str, Any]) -> list[Swap]:
    return make_swaps(definition["source"], each=1)


@pytest.fixture(scope="module")
def diagnostic() -> TextDiagnostic:
    return TextDiagnostic()


@pytest.fixture(scope="module")
def searched(pictures: list[RenderedPicture], diagnostic: TextDiagnostic) -> TextReference:
    """Text of the first picture."""
    return diagnostic.reference(pictures[0].pixels, pictures[0].lines)


def jpeg(pixels: RGB8, quality: int) -> RGB8:
    binding = bindings.get("pillow.jpeg")
    options = {"quality": quality, "chroma": "4:2:0", "optimize": False, "progressive": False}
    return binding.decode(binding.encode(pixels, options))


def test_swaps_differ_in_one_word_of_equal_length(swaps: Sequence[Swap]) -> None:
    assert len(swaps) == 20
    for swap in swaps:
        first, second, third = swap.lines[0].text.split()
        assert len(swap.word) == len(second)
        assert swap.word != second
        left, _, right, _ = swap.lines[0].box
        letter = (right - left) / len(swap.lines[0].text)
        columns = np.flatnonzero((swap.reference != swap.forged).any(axis=(0, 2)))
        assert columns.min() >= left + letter * (len(first) + 0.5)
        assert columns.max() <= right - letter * (len(third) + 0.5)


def test_a_replaced_word_is_flagged_although_the_error_is_small(
    swaps: Sequence[Swap], diagnostic: TextDiagnostic
) -> None:
    for swap in swaps[::3]:
        reference = diagnostic.reference(swap.reference, swap.lines, search=False)
        forged = diagnostic.compare(reference, swap.reference, swap.forged, search=False)
        assert [item.word for item in forged.substitutions] == [1], swap.lines[0]
        assert forged.substitutions[0].read == swap.word
        honest = diagnostic.compare(reference, swap.reference, jpeg(swap.reference, 30), search=False)
        assert honest.substitutions == ()
        assert forged.error.l1_inside is not None
        assert honest.error.l1_inside is not None
        assert forged.error.l1_inside < honest.error.l1_inside


def test_known_text_is_found_and_read(
    pictures: Sequence[RenderedPicture], diagnostic: TextDiagnostic, searched: TextReference
) -> None:
    pixels = pictures[0].pixels
    result = diagnostic.compare(searched, pixels, pixels)
    assert result.characters == result.own_characters
    assert result.characters.rate is not None
    assert result.characters.rate < 0.05
    assert result.substitutions == ()
    assert (result.lines, result.found_share) == (len(pictures[0].lines), 1.0)
    assert result.detected >= result.lines - 1


def test_without_truth_the_same_lines_are_found(
    pictures: Sequence[RenderedPicture], diagnostic: TextDiagnostic
) -> None:
    written = {line.text for line in pictures[0].lines}
    regions = diagnostic.reference(pictures[0].pixels).regions
    assert len(written & {region.written for region in regions}) >= len(written) - 2


def test_heavier_compression_reads_no_better(
    pictures: Sequence[RenderedPicture], diagnostic: TextDiagnostic
) -> None:
    references = [diagnostic.reference(picture.pixels, picture.lines, search=False) for picture in pictures]
    before: list[TextResult] | None = None
    for quality in (90, 20, 5):
        results = [
            diagnostic.compare(reference, picture.pixels, jpeg(picture.pixels, quality), search=False)
            for picture, reference in zip(pictures, references, strict=True)
        ]
        if before is not None:
            step = rate_difference(results, before)
            assert step is not None
            assert step.low > 0, quality
        before = results


def test_a_picture_without_text(diagnostic: TextDiagnostic) -> None:
    plain = np.full((100, 120, 3), 90, np.uint8)
    reference = diagnostic.reference(plain)
    assert (reference.regions, reference.rejected) == ((), 0)
    assert diagnostic.compare(reference, plain, plain).lines == 0


def test_the_same_picture_reads_the_same(
    pictures: Sequence[RenderedPicture], searched: TextReference
) -> None:
    assert TextDiagnostic().reference(pictures[0].pixels, pictures[0].lines) == searched
    assert searched.ocr.startswith("rapidocr 3.")


def test_other_models_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ocr._MODELS, "Det", ("PP-OCRv6_det_small.onnx", "0" * 64))
    with pytest.raises(
        MetricError, match=r"PP-OCRv6_det_small\.onnx: missing in rapidocr .* or another model"
    ):
        RapidOcr().detect(np.zeros((40, 40, 3), np.uint8))


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(ocr, "import_module", missing)
    with pytest.raises(
        MetricError, match=r"needs the packages rapidocr and onnxruntime: install them .*rapidocr"
    ):
        RapidOcr()
