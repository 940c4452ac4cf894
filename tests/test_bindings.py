# SPDX-License-Identifier: BSD-3-Clause
"""Every codec bound in process, as its definition uses it, and the bindings behind them."""

import contextlib
import math
import subprocess
import sys
from functools import cache
from importlib import metadata
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from picobench import bindings
from picobench.bindings import Binding
from picobench.colour import ColourPath, ceiling_db
from picobench.definitions import Codec, Definitions, codec_versions, read_codec
from picobench.errors import CodecError, DefinitionError
from picobench.pixels import RGB8, pixels_digest

ROOT = Path(__file__).resolve().parent.parent
DEFINITIONS = Definitions(ROOT)


def _codecs() -> dict[str, Codec]:
    ids = [version for name in DEFINITIONS.ids("codecs") for version in codec_versions(DEFINITIONS, name)]
    codecs = [read_codec(DEFINITIONS, name) for name in ids]
    return {codec.id: codec for codec in codecs if codec.adapter == "python"}


CODECS = _codecs()
OF_EACH = pytest.mark.parametrize("codec", CODECS.values(), ids=list(CODECS))
OF_EACH_BINDING = pytest.mark.parametrize("name", bindings.names())


def natural(width: int = 200, height: int = 133) -> RGB8:
    """Smooth colours, an edge and some texture; every channel covers most of its range."""
    y, x = np.mgrid[0:height, 0:width] / 100.0
    noise = np.random.default_rng(7).normal(0, 0.02, (height, width))
    red = 0.5 + 0.45 * np.sin(2.1 * x + y) + noise
    green = 0.5 + 0.4 * np.cos(1.3 * y - 2.0 * x) + noise
    blue = np.where(x + 0.7 * y > 1.2, 0.8 - 0.3 * y, 0.2 + 0.3 * x) + noise
    pixels: RGB8 = np.rint(255 * np.clip(np.stack([red, green, blue], axis=-1), 0, 1)).astype(np.uint8)
    return pixels


def pictures() -> dict[str, RGB8]:
    random = np.random.default_rng(3)
    grey = random.integers(0, 256, (50, 41, 1), dtype=np.uint8)
    return {
        "1x1": natural(1, 1),
        "1x17": natural(1, 17),
        "17x31": natural(17, 31),
        "200x133": natural(),
        "flat": np.full((64, 64, 3), (200, 30, 90), np.uint8),
        "noise": random.integers(0, 256, (65, 67, 3), dtype=np.uint8),
        "grey": np.repeat(grey, 3, axis=2),
    }


PICTURES = pictures()


def psnr_db(first: RGB8, second: RGB8) -> float:
    error = float(np.mean((first.astype(float) - second) ** 2))
    return 10 * math.log10(255**2 / error) if error else math.inf


@cache
def binding_of(codec_id: str) -> Binding:
    return bindings.get(CODECS[codec_id].binding)


@cache
def middle_options(codec_id: str) -> dict[str, Any]:
    codec = CODECS[codec_id]
    return codec.point_options(list(codec.points)[len(codec.points) // 2])


@cache
def bitstream_of(codec_id: str, picture: str) -> bytes:
    return binding_of(codec_id).encode(PICTURES[picture], middle_options(codec_id))


# ------------------------------------------------------------------------------------------ every codec


@OF_EACH
def test_definition_fits_its_binding(codec: Codec) -> None:
    assert 6 <= len(codec.points) <= 19
    for point in codec.points:
        binding_of(codec.id).check(codec.point_options(point))
    assert str(codec.options["chroma"]) in codec.label
    assert f"{codec.options.get('threads', 1)} thread" in codec.label
    for key, prefix in (("speed", "speed "), ("preset", "preset "), ("effort", "effort "), ("tune", "tune ")):
        if key in codec.options:
            assert f"{prefix}{codec.options[key]}" in codec.label
    if "bit_depth" in codec.options:
        assert f"{codec.options['bit_depth']} bit" in codec.label


@OF_EACH
@pytest.mark.parametrize("picture", PICTURES)
def test_round_trip_keeps_the_size_and_repeats(codec: Codec, picture: str) -> None:
    binding, pixels = binding_of(codec.id), PICTURES[picture]
    bitstream = bitstream_of(codec.id, picture)
    assert binding.encode(pixels, middle_options(codec.id)) == bitstream
    decoded = binding.decode(bitstream)
    assert decoded.shape == pixels.shape
    assert decoded.dtype == np.uint8
    assert pixels_digest(binding.decode(bitstream)) == pixels_digest(decoded)


@OF_EACH
def test_rate_and_quality_rise_from_point_to_point(codec: Codec) -> None:
    sizes, qualities = [], []
    for point in codec.points:
        bitstream = binding_of(codec.id).encode(PICTURES["200x133"], codec.point_options(point))
        sizes.append(len(bitstream))
        qualities.append(psnr_db(PICTURES["200x133"], binding_of(codec.id).decode(bitstream)))
    assert sizes == sorted(set(sizes))
    assert qualities[-1] > qualities[0] + 3
    assert all(after > before - 0.5 for before, after in pairwise(qualities))


def test_another_process_decodes_to_the_same_pixels(tmp_path: Path) -> None:
    expected: list[str] = []
    for codec in CODECS.values():
        for picture in ("1x1", "17x31", "200x133"):
            bitstream = bitstream_of(codec.id, picture)
            name = f"{len(expected)}"
            (tmp_path / name).write_bytes(bitstream)
            expected.append(f"{codec.binding} {name} {pixels_digest(binding_of(codec.id).decode(bitstream))}")
    program = (
        "import sys; from pathlib import Path; from picobench import bindings\n"
        "from picobench.pixels import pixels_digest\n"
        "for line in sys.stdin:\n"
        "    binding, name = line.split()\n"
        "    pixels = bindings.get(binding).decode(Path(name).read_bytes())\n"
        "    print(binding, name, pixels_digest(pixels))\n"
    )
    lines = "\n".join(" ".join(line.split()[:2]) for line in expected)
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=lines, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == expected


@OF_EACH
def test_damaged_bitstreams_raise_codec_errors(codec: Codec) -> None:
    binding, bitstream = binding_of(codec.id), bitstream_of(codec.id, "200x133")
    random = np.random.default_rng(1)
    size = len(bitstream)
    truncated = [bitstream[:length] for length in (0, 1, 2, 3, 11, 40, size // 2, size - 30, size - 1)]
    foreign = [bytes(300), random.bytes(500), b"\x89PNG\r\n\x1a\n" + bytes(50), bitstream[1:]]
    for damaged in truncated + foreign:
        with pytest.raises(CodecError, match=codec.binding) as caught:
            binding.decode(damaged)
        assert "\n" not in str(caught.value)
        assert " at 0x" not in str(caught.value)
    for _ in range(30):
        flipped = bytearray(bitstream)
        for place in random.integers(0, size, 3):
            flipped[place] ^= 1 << int(random.integers(0, 8))
        # No format here carries a checksum of its pixels: a picture is a fair answer, a crash is not.
        with contextlib.suppress(CodecError):
            assert binding.decode(bytes(flipped)).ndim == 3


@OF_EACH
def test_bitstream_carries_no_metadata(codec: Codec) -> None:
    bitstream = bitstream_of(codec.id, "200x133")
    for marker in (b"Exif", b"ICC_PROFILE", b"ICCP", b"rICC", b"prof", b"xpacket", b"Created by", b"x265 ("):
        assert marker not in bitstream


@OF_EACH
def test_call_names_the_options_of_the_point(codec: Codec) -> None:
    for point in codec.points:
        text = binding_of(codec.id).call(codec.point_options(point))
        assert "\n" not in text
        for value in codec.points[point].values():
            assert str(value) in text


# Name under which a binding reports its Python package, and the package's own name.
PACKAGES = {
    "imagecodecs": {"imagecodecs": "imagecodecs"},
    "pillow": {"Pillow": "pillow"},
    "pillow_heif": {"pillow-heif": "pillow-heif"},
    "pyav": {"PyAV": "av"},
}

# The options that give each the best quality that it has, and a PSNR in dB that it must then exceed.
BEST: dict[str, tuple[dict[str, Any], float]] = {
    "pillow.jpeg": ({"quality": 100, "chroma": "4:4:4", "optimize": True, "progressive": False}, 48.0),
    "pillow.webp": ({"quality": 100, "chroma": "4:2:0", "method": 4}, 38.0),
    "pillow.jpeg2000": ({"compression_ratio": 1, "chroma": "4:4:4", "irreversible": True}, 49.0),
    "imagecodecs.avif": (
        {"quality": 99, "chroma": "4:4:4", "bit_depth": 10, "speed": 6, "threads": 1},
        52.0,
    ),
    "imagecodecs.jpegxl": ({"distance": 0.01, "chroma": "4:4:4", "effort": 7, "threads": 1}, 52.0),
    "pillow_heif.x265": (
        {"quality": 100, "chroma": "4:4:4", "bit_depth": 10, "preset": "slow", "tune": "psnr", "threads": 1},
        50.0,
    ),
    "pyav.svtav1": (
        {"crf": 1, "chroma": "4:2:0", "bit_depth": 10, "preset": 6, "tune": "psnr", "threads": 1},
        38.0,
    ),
}


@OF_EACH_BINDING
def test_best_quality_shows_no_fault_of_colour(name: str) -> None:
    """A wrong matrix, range or siting shows as a low ceiling; a truncating conversion as a bias."""
    binding, (options, least_db) = bindings.get(name), BEST[name]
    pixels = PICTURES["200x133"]
    decoded = binding.decode(binding.encode(pixels, options))
    bias = (decoded.astype(float) - pixels).mean(axis=(0, 1))
    assert psnr_db(pixels, decoded) > least_db
    # libwebp decodes by integers of few bits from limited range, which shifts saturated colours.
    assert np.abs(bias).max() < (0.5 if name == "pillow.webp" else 0.25)


def test_svt_av1_reaches_the_ceiling_of_its_colour_path() -> None:
    pixels = PICTURES["200x133"]
    binding, (options, _) = bindings.get("pyav.svtav1"), BEST["pyav.svtav1"]
    reached = psnr_db(pixels, binding.decode(binding.encode(pixels, options)))
    ceiling = ceiling_db(pixels, ColourPath("bt709", "full", 10, "420"))
    assert ceiling - 1 < reached <= ceiling + 0.1


@pytest.mark.parametrize(("width", "height"), [(1, 1), (3, 40), (40, 2), (4, 4), (5, 7)])
def test_svt_av1_pads_only_sides_below_four_pixels(width: int, height: int) -> None:
    binding = bindings.get("pyav.svtav1")
    bitstream = binding.encode(natural(width, height), BEST["pyav.svtav1"][0])
    metadata_obu, sequence_header_obu = 0x2A, 0x0A
    assert bitstream[0] == (metadata_obu if min(width, height) < 4 else sequence_header_obu)
    assert binding.decode(bitstream).shape == (height, width, 3)


@pytest.mark.parametrize("name", ["imagecodecs.avif", "pillow_heif.x265", "pyav.svtav1"])
@pytest.mark.parametrize("chroma", ["4:4:4", "4:2:0"])
@pytest.mark.parametrize("bit_depth", [8, 10])
def test_every_sampling_and_depth_decodes(name: str, chroma: str, bit_depth: int) -> None:
    binding, (options, _) = bindings.get(name), BEST[name]
    if chroma not in binding.parameters["chroma"].choices:
        pytest.skip(f"{name} has no {chroma}")
    chosen = {**options, "chroma": chroma, "bit_depth": bit_depth}
    for picture in ("17x31", "200x133"):
        decoded = binding.decode(binding.encode(PICTURES[picture], chosen))
        assert psnr_db(PICTURES[picture], decoded) > 30


# ---------------------------------------------------------------------------------------- every binding


@OF_EACH_BINDING
def test_binding_is_used_by_a_codec_and_reports_versions(name: str) -> None:
    assert name in {codec.binding for codec in CODECS.values()}
    binding = bindings.get(name)
    versions = binding.versions()
    assert len(versions) >= 2
    assert all(version and version != "None" for version in versions.values())
    for shown, distribution in PACKAGES[name.partition(".")[0]].items():
        assert versions[shown] == metadata.version(distribution)


def test_encoders_linked_by_wheels_tell_their_versions() -> None:
    for name, library in (
        ("imagecodecs.avif", "libaom"),
        ("pyav.svtav1", "SVT-AV1"),
        ("pyav.svtav1", "dav1d"),
    ):
        if _from_wheel(name):
            assert bindings.get(name).versions()[library][0].isdigit()


def _from_wheel(name: str) -> bool:
    (distribution,) = PACKAGES[name.partition(".")[0]].values()
    return any(".libs" in str(file) for file in metadata.files(distribution) or [])


@OF_EACH_BINDING
def test_wrong_options_are_refused_by_name(name: str) -> None:
    binding, (options, _) = bindings.get(name), BEST[name]
    binding.check(options)
    for key in options:
        misspelt = {**{other: options[other] for other in options if other != key}, f"{key}x": options[key]}
        with pytest.raises(DefinitionError, match=f"unknown option '{key}x'; did you mean '{key}'"):
            binding.check(misspelt)
        incomplete = {other: options[other] for other in options if other != key}
        with pytest.raises(DefinitionError, match=f"the option '{key}' is missing"):
            binding.check(incomplete)
        wrong: object
        for wrong in (None, [], "nonsense", -1, 10**9, math.nan, 7.5 if key != "quality" else "7"):
            if key in {"distance", "compression_ratio"} and wrong == 7.5:
                continue
            with pytest.raises(DefinitionError, match=f"option '{key}' is"):
                binding.check({**options, key: wrong})
        if not isinstance(options[key], bool):
            with pytest.raises(DefinitionError, match=f"option '{key}' is True"):
                binding.check({**options, key: True})
    with pytest.raises(DefinitionError, match="unknown option"):
        binding.encode(PICTURES["17x31"], {**options, "lossless": True})
    with pytest.raises(DefinitionError, match="unknown option"):
        binding.call({**options, "lossless": True})


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((0, 8, 3), np.uint8),
        np.zeros((8, 8, 3), np.float64),
    ],
)
def test_other_arrays_are_refused(pixels: Any) -> None:
    with pytest.raises(CodecError, match="cannot encode an array"):
        bindings.get("pillow.jpeg").encode(pixels, BEST["pillow.jpeg"][0])


def test_encoder_failure_names_the_size() -> None:
    too_wide = np.zeros((1, 20000, 3), np.uint8)
    with pytest.raises(CodecError, match=r"pillow\.webp: cannot encode a picture of 20000x1"):
        bindings.get("pillow.webp").encode(too_wide, BEST["pillow.webp"][0])


def test_unknown_binding_gets_a_hint() -> None:
    with pytest.raises(DefinitionError, match=r"did you mean 'pillow\.jpeg'"):
        bindings.get("pillow.jpg")


def test_missing_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    monkeypatch.delitem(sys.modules, "picobench.bindings._imagecodecs", raising=False)
    with pytest.raises(CodecError, match="needs the Python package imagecodecs: install it"):
        bindings.get("imagecodecs.avif")


def test_import_loads_no_codec_library() -> None:
    program = (
        "import sys, picobench.bindings as b; assert len(b.names()) >= 7; b.get('pillow.jpeg')\n"
        "print(sorted({'av', 'imagecodecs', 'pillow_heif', 'torch', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
