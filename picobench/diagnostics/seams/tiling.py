# SPDX-License-Identifier: BSD-3-Clause
"""Seams on purpose: run a codec tile by tile, or offset the tiles of a picture by known amounts."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt

from picobench.diagnostics.seams.grids import TileGrid
from picobench.errors import DefinitionError
from picobench.pixels import RGB8
from picobench.tiles import cut_tile, put_tile, tiles

Codec = Callable[[RGB8], RGB8]
"""Encodes and decodes: (height, width, 3) uint8 to the same shape."""


def tiled(codec: Codec, size: int, padding: int = 0) -> Codec:
    """The codec run on tiles of `size` pixels, each padded by `padding` pixels that are dropped afterwards.

    Raises:
        DefinitionError: `padding` is negative.
    """
    if padding < 0:
        raise DefinitionError(f"a padding of {padding} pixels does not exist; give 0 or more")

    def run(pixels: RGB8) -> RGB8:
        height, width, _ = pixels.shape
        result = np.empty_like(pixels)
        for tile in tiles(height, width, size):
            put_tile(result, tile, padding, codec(cut_tile(pixels, tile, padding)))
        return result

    return run


def offset_tiles(
    pixels: RGB8,
    grid: TileGrid,
    deviation_levels: float,
    generator: np.random.Generator,
    colour: Literal["grey", "rgb"] = "rgb",
) -> RGB8:
    """Add to each tile a normal offset of standard deviation `deviation_levels` grey levels.

    An offset below one level survives rounding on average only: the sum is rounded up with a probability
    equal to its fractional part, so that the mean over a tile moves by the offset exactly, and the noise of
    that rounding is at most half a level. Values are clipped to 0..255, which weakens offsets in black and
    white areas. Steps between neighbouring tiles have a standard deviation of 1.41 times the offsets'.

    Args:
        pixels: (height, width, 3) uint8.
        grid: Tiles; an overlap is ignored.
        deviation_levels: Of the offsets, in grey levels.
        generator: Source of the offsets and of the rounding.
        colour: `grey`: R, G and B of a tile get one offset; `rgb`: one each.
    """
    offsets = tile_offsets(pixels.shape[:2], grid, deviation_levels, generator, colour)
    moved = np.floor(pixels + offsets + generator.random(pixels.shape))
    return np.asarray(moved.clip(0, 255), dtype=np.uint8)


def tile_offsets(
    shape: tuple[int, ...],
    grid: TileGrid,
    deviation_levels: float,
    generator: np.random.Generator,
    colour: Literal["grey", "rgb"] = "rgb",
) -> npt.NDArray[np.float64]:
    """The offsets that `offset_tiles` adds, for every pixel: (height, width, 1 or 3), in grey levels."""
    height, width = shape
    rows = (np.arange(height) - grid.origin_y) // grid.stride_y
    columns = (np.arange(width) - grid.origin_x) // grid.stride_x
    rows, columns = rows - rows[0], columns - columns[0]
    tiles = (rows[-1] + 1, columns[-1] + 1, 1 if colour == "grey" else 3)
    return np.asarray(generator.normal(0.0, deviation_levels, tiles)[rows[:, None], columns])
