# SPDX-License-Identifier: BSD-3-Clause
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from picobench.colour import (
    ColourPath,
    above_ceiling,
    ceiling_db,
    chroma_shape,
    is_exact,
    to_planes,
    to_rgb8,
)
from picobench.errors import CodecError

FULL_10 = ColourPath("bt709", "full", 10, "444")
ALL_PATHS = [
    ColourPath(matrix, levels, depth, chroma)
    for matrix in ("bt709", "bt601")
    for levels in ("full", "limited")
    for depth in (8, 10, 12)
    for chroma in ("444", "420")
]


def noise(height: int, width: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


# Reference values: H.273 equations worked out by hand for 8 bits.
@pytest.mark.parametrize(
    ("path", "colour", "expected"),
    [
        (ColourPath("bt709", "full", 8, "444"), (255, 255, 255), (255, 128, 128)),
        (ColourPath("bt709", "full", 8, "444"), (0, 0, 0), (0, 128, 128)),
        (ColourPath("bt709", "full", 8, "444"), (255, 0, 0), (54, 99, 255)),
        (ColourPath("bt709", "full", 8, "444"), (0, 0, 255), (18, 255, 116)),
        (ColourPath("bt601", "full", 8, "444"), (255, 0, 0), (76, 85, 255)),
        (ColourPath("bt601", "limited", 8, "444"), (255, 255, 255), (235, 128, 128)),
        (ColourPath("bt601", "limited", 8, "444"), (0, 0, 0), (16, 128, 128)),
        (ColourPath("bt601", "limited", 8, "444"), (0, 255, 0), (145, 54, 34)),
        (ColourPath("bt709", "limited", 10, "444"), (255, 255, 255), (940, 512, 512)),
        (ColourPath("bt709", "full", 10, "444"), (255, 255, 255), (1023, 512, 512)),
    ],
)
def test_known_colours(
    path: ColourPath, colour: tuple[int, int, int], expected: tuple[int, int, int]
) -> None:
    planes = to_planes(np.array([[colour]], dtype=np.uint8), path)
    assert tuple(int(plane[0, 0]) for plane in planes) == expected


@pytest.mark.parametrize("path", [path for path in ALL_PATHS if path.chroma == "444"], ids=str)
def test_every_colour_survives_an_exact_path(path: ColourPath) -> None:
    levels = np.arange(256, dtype=np.uint8)
    green, blue = np.meshgrid(levels, levels, indexing="ij")
    # Twelve bits divide the same steps more finely than ten, so that every eighth plane is enough there.
    reds = levels[:: 8 if path.depth == 12 else 1]
    planes = (np.stack([np.full_like(green, red), green, blue], axis=-1) for red in reds)
    # A path that is not exact shows it in the first plane.
    survives = all(np.array_equal(to_rgb8(to_planes(plane, path), path), plane) for plane in planes)
    assert survives == is_exact(path)


def test_subsampling_is_never_exact() -> None:
    assert not any(is_exact(path) for path in ALL_PATHS if path.chroma == "420")
    assert ceiling_db(noise(16, 16), ColourPath("bt709", "full", 12, "420")) < 40


def test_kodak_survives_exactly(shared: Path) -> None:
    pictures = sorted((shared / "datasets" / "kodak").rglob("kodim*.png"))
    assert len(pictures) == 24
    for picture in pictures:
        pixels = np.asarray(Image.open(picture).convert("RGB"))
        assert np.array_equal(to_rgb8(to_planes(pixels, FULL_10), FULL_10), pixels), picture.name


# Measured with this module; truncating instead of rounding would cost about 10 dB at 8 bits.
@pytest.mark.parametrize(
    ("path", "bounds_db"),
    [
        (ColourPath("bt709", "full", 8, "444"), (52.5, 53.5)),
        (ColourPath("bt709", "limited", 8, "444"), (51.7, 52.7)),
        (ColourPath("bt709", "full", 10, "420"), (46.8, 47.6)),
    ],
)
def test_measured_ceilings(shared: Path, path: ColourPath, bounds_db: tuple[float, float]) -> None:
    picture = next((shared / "datasets" / "kodak").rglob("kodim01.png"))
    ceiling = ceiling_db(np.asarray(Image.open(picture).convert("RGB")), path)
    assert bounds_db[0] < ceiling < bounds_db[1]


@pytest.mark.parametrize("path", ALL_PATHS, ids=str)
@pytest.mark.parametrize("size", [(1, 1), (1, 17), (17, 1), (31, 17), (2, 3)])
def test_every_size_keeps_its_size(path: ColourPath, size: tuple[int, int]) -> None:
    planes = to_planes(noise(*size), path)
    assert planes[0].shape == size
    assert planes[1].shape == planes[2].shape == chroma_shape(*size, path)
    assert all(plane.dtype == (np.uint8 if path.depth == 8 else np.uint16) for plane in planes)
    assert max(int(plane.max()) for plane in planes) < 1 << path.depth
    assert to_rgb8(planes, path).shape == (*size, 3)


@pytest.mark.parametrize("path", ALL_PATHS, ids=str)
def test_grey_has_neutral_chroma_and_survives(path: ColourPath) -> None:
    grey = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=2)
    planes = to_planes(grey, path)
    assert (planes[1] == 1 << (path.depth - 1)).all()
    assert (planes[2] == 1 << (path.depth - 1)).all()
    if (path.range, path.depth) != ("limited", 8):
        assert np.array_equal(to_rgb8(planes, path), grey)


@given(colour=st.tuples(*[st.integers(0, 255)] * 3), path=st.sampled_from(ALL_PATHS))
@settings(max_examples=200, deadline=None)
def test_flat_colour_is_kept_closely(colour: tuple[int, int, int], path: ColourPath) -> None:
    flat = np.full((5, 3, 3), colour, dtype=np.uint8)
    back = to_rgb8(to_planes(flat, path), path)
    assert int(np.abs(back.astype(int) - flat).max()) <= (2 if path.depth == 8 else 0)


def test_limited_range_stays_inside_its_limits() -> None:
    luma, *chroma = to_planes(noise(64, 64), ColourPath("bt709", "limited", 8, "444"))
    assert (luma.min(), luma.max()) >= (16, 16)
    assert luma.max() <= 235
    assert all(plane.min() >= 16 and plane.max() <= 240 for plane in chroma)


def test_wrong_chroma_shape_is_refused() -> None:
    luma, blue, red = to_planes(noise(8, 8), FULL_10)
    with pytest.raises(CodecError, match="wrong format"):
        to_rgb8((luma, blue[:4, :4], red[:4, :4]), FULL_10)


def test_psnr_above_the_ceiling_is_impossible() -> None:
    assert above_ceiling(52.9, 53.0) == ""
    assert above_ceiling(90.0, math.inf) == ""
    assert above_ceiling(math.inf, math.inf) == ""
    assert "ceiling" in above_ceiling(53.5, 53.0)
    assert above_ceiling(math.inf, 53.0)
