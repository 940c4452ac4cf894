# SPDX-License-Identifier: BSD-3-Clause
"""Seams made on purpose: tiles with padding, and offsets of known size."""

import numpy as np
import pytest

from picobench.diagnostics.seams import TileGrid
from picobench.diagnostics.seams.tiling import offset_tiles, tiled
from picobench.errors import CodecError, DefinitionError
from picobench.pixels import RGB8
from picobench.tiles import Tile, cut_tile, put_tile, tiles


def test_tiles_cover_a_picture_once() -> None:
    covered = np.zeros((70, 45), dtype=int)
    for tile in tiles(70, 45, 32):
        covered[tile.top : tile.bottom, tile.left : tile.right] += 1
    assert (covered == 1).all()
    with pytest.raises(DefinitionError):
        next(tiles(10, 10, 0))


def test_padding_comes_from_the_neighbours_and_goes_again() -> None:
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (1100, 1050, 3), dtype=np.uint8)
    tile = Tile(504, 1008, 0, 504)
    cut = cut_tile(pixels, tile, 4)
    assert cut.shape == (512, 512, 3)
    assert (cut[:, 4:] == pixels[500:1012, :508]).all()
    assert (cut[:, :4] == cut[:, 4:5]).all()
    seen: list[tuple[int, ...]] = []

    def codec(part: RGB8) -> RGB8:
        seen.append(part.shape)
        return part

    assert (tiled(codec, 504, 4)(pixels) == pixels).all()
    assert seen[0] == (512, 512, 3)
    assert seen[-1] == (1100 - 1008 + 8, 1050 - 1008 + 8, 3)


def test_a_tile_that_changes_size_is_refused() -> None:
    pixels = np.zeros((32, 32, 3), dtype=np.uint8)
    with pytest.raises(CodecError, match="keep the size"):
        tiled(lambda part: part[:-1], 16)(pixels)
    with pytest.raises(CodecError, match="keep the size"):
        put_tile(pixels, Tile(0, 8, 0, 8), 0, pixels)
    with pytest.raises(DefinitionError):
        tiled(lambda part: part, 16, -1)


def test_offsets_survive_rounding_on_average() -> None:
    pixels = np.full((256, 512, 3), 100, dtype=np.uint8)
    grid = TileGrid.square(128, (-30, 50))
    shifted = offset_tiles(pixels, grid, 0.4, np.random.default_rng(4)) - 100.0
    means = [
        shifted[top:bottom, left:right].mean(axis=(0, 1))
        for top, bottom in ((0, 50), (50, 178), (178, 256))
        for left, right in ((0, 98), (98, 226), (226, 354), (354, 482), (482, 512))
    ]
    generator = np.random.default_rng(4)
    np.testing.assert_allclose(
        np.array(means).reshape(3, 5, 3), generator.normal(0, 0.4, (3, 5, 3)), atol=0.05
    )
    grey = offset_tiles(pixels, grid, 5, np.random.default_rng(4), "grey").astype(int)
    assert np.abs(grey[..., 0] - grey[..., 2]).max() <= 1
    assert (offset_tiles(pixels, grid, 0.0, np.random.default_rng(4)) == pixels).all()
