# SPDX-License-Identifier: BSD-3-Clause
"""`tiled:<codec>:<size>`: a codec run tile by tile, from its id to its bitstream."""

import math
import struct
from pathlib import Path

import numpy as np
import pytest

from picobench import bindings, plan
from picobench.adapters import adapter_for
from picobench.definitions import Codec, Definitions, codec_versions, read_codec
from picobench.errors import DefinitionError
from picobench.pixels import RGB8, read_rgb8, write_rgb8


@pytest.fixture(scope="module")
def definitions(root: Path) -> Definitions:
    return Definitions(root)


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    y, x = np.mgrid[0:61, 0:83]
    smooth = 128 + 60 * np.sin(x / 9) + 40 * np.cos(y / 7)
    noise = np.random.default_rng(1).normal(0, 8, (61, 83, 3))
    path = tmp_path_factory.mktemp("picture") / "picture.png"
    write_rgb8(path, np.clip(smooth[..., None] + noise, 0, 255).astype(np.uint8))
    return path


def code(codec: Codec, picture: Path, folder: Path, point: str) -> tuple[bytes, RGB8]:
    options = codec.point_options(point)
    adapter = adapter_for(codec)
    with adapter.session(60) as session:
        assert session.encode(picture, folder / "x.tiles", options).ok
    with adapter.session(60) as session:
        assert session.decode(folder / "x.tiles", folder / "x.png", options).ok
    return (folder / "x.tiles").read_bytes(), read_rgb8(folder / "x.png")


@pytest.mark.parametrize("padding", [0, 4])
def test_each_tile_is_what_the_codec_makes_of_it(
    definitions: Definitions, picture: Path, tmp_path: Path, padding: int
) -> None:
    codec = read_codec(definitions, f"tiled:jpeg:32+{padding}" if padding else "tiled:jpeg:32")
    point = next(iter(codec.points))
    _, shown = code(codec, picture, tmp_path, point)
    pixels = read_rgb8(picture)
    jpeg = bindings.get("pillow.jpeg")
    context = np.pad(pixels, ((padding, padding), (padding, padding), (0, 0)), mode="edge")
    for top in range(0, 61, 32):
        for left in range(0, 83, 32):
            bottom, right = min(top + 32, 61), min(left + 32, 83)
            cut = np.ascontiguousarray(context[top : bottom + 2 * padding, left : right + 2 * padding])
            alone = jpeg.decode(jpeg.encode(cut, codec.point_options(point)))
            inner = alone[padding : padding + bottom - top, padding : padding + right - left]
            assert np.array_equal(shown[top:bottom, left:right], inner)


def test_one_tile_is_the_picture(definitions: Definitions, picture: Path, tmp_path: Path) -> None:
    codec = read_codec(definitions, "tiled:webp:504")
    point = next(iter(codec.points))
    data, shown = code(codec, picture, tmp_path, point)
    webp = bindings.get(codec.binding)
    whole = webp.encode(read_rgb8(picture), codec.point_options(point))
    assert data[:4] == b"PBT1"
    assert data[24:] == whole
    assert np.array_equal(shown, webp.decode(whole))


def test_identity(definitions: Definitions) -> None:
    keys = set()
    for name in ("jpeg", "tiled:jpeg:256", "tiled:jpeg:504", "tiled:jpeg:504+4"):
        codec = read_codec(definitions, name)
        point = next(iter(codec.points))
        keys.add(plan.unit_key(codec, adapter_for(codec).environment().versions, point))
        assert codec.id == name
    assert len(keys) == 4
    assert read_codec(definitions, "tiled:jpeg:504+4").label.endswith("tiles of 504 px, 4 px of context")
    assert codec_versions(definitions, "tiled:av1:256") == [
        f"tiled:{version}:256" for version in codec_versions(definitions, "av1")
    ]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("tiled:jpeg", "write tiled:<codec>:<size>"),
        ("tiled:jpeg:0", "write tiled:<codec>:<size>"),
        ("tiled:jpeg:8x8", "write tiled:<codec>:<size>"),
        ("tiled:tiled:jpeg:64:32", "write tiled:<codec>:<size>"),
        ("tiled:jpegg:64", "did you mean 'jpeg'?"),
        ("tiled:pico@project-page:504", "cannot be coded again"),
    ],
)
def test_wrong_names_are_explained(definitions: Definitions, name: str, words: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        read_codec(definitions, name)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_damaged_bitstreams_are_failures(definitions: Definitions, picture: Path, tmp_path: Path) -> None:
    codec = read_codec(definitions, "tiled:jpeg:32")
    options = codec.point_options(next(iter(codec.points)))
    good, _ = code(codec, picture, tmp_path, next(iter(codec.points)))
    huge = struct.pack("<4s4I", b"PBT1", 60000, 60000, 1, 0) + good[20:]
    with adapter_for(codec).session(60) as session:
        for bad in (
            b"",
            b"PBT1",
            good[:-1],
            good + b"x",
            b"XXXX" + good[4:],
            huge,
            good[:60] + bytes(len(good) - 60),
        ):
            (tmp_path / "bad.tiles").write_bytes(bad)
            outcome = session.decode(tmp_path / "bad.tiles", tmp_path / "bad.png", options)
            assert outcome.reason
            assert not (tmp_path / "bad.png").exists()


def test_ceiling(definitions: Definitions, picture: Path) -> None:
    pixels = read_rgb8(picture)
    assert adapter_for(read_codec(definitions, "tiled:jpeg:32")).ceiling_db(pixels, {}) == math.inf
    whole, cut = (read_codec(definitions, name) for name in ("svt-av1", "tiled:svt-av1:32"))
    options = whole.point_options(next(iter(whole.points)))
    ceilings = [adapter_for(codec).ceiling_db(pixels, options) for codec in (whole, cut)]
    # Nearly the same: the filter that doubles chroma stops at the borders of tiles.
    assert ceilings[0] == pytest.approx(ceilings[1], abs=0.1)
    assert ceilings[0] != ceilings[1]
    assert 20 < ceilings[0] < 60
