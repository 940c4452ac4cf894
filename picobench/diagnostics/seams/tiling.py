# SPDX-License-Identifier: BSD-3-Clause
"""Seams on purpose: run a codec tile by tile, or offset the tiles of a picture by known amounts."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from picobench.diagnostics.seams.grids import TileGrid
from picobench.errors import CodecError, DefinitionError
from picobench.pixels import RGB8

Codec = Callable[[RGB8], RGB8]
"""Encodes and decodes: (height, width, 3) uint8 to the same shape."""


@dataclass(frozen=True)
class Tile:
    """One tile of a picture: pixels [top, bottom) by [left, right)."""

    top: int
    bottom: int
    left: int
    right: int


def tiles(height: int, width: int, size: int) -> Iterator[Tile]:
    """Tiles of `size` x `size` from the top left corner, row by row; the last ones may be smaller.

    Raises:
        DefinitionError: `size` is below 1.
    """
    if size < 1:
        raise DefinitionError(f"tiles of {size} pixels do not exist; give a size of at least 1")
    for top in range(0, height, size):
        for left in range(0, width, size):
            yield Tile(top, min(top + size, height), left, min(left + size, width))


def cut_tile(pixels: RGB8, tile: Tile, padding: int) -> RGB8:
    """The tile with `padding` pixels of context on each side, taken from its neighbours.

    Beyond the picture the nearest pixel is repeated, so every tile of one size is cut to one size. PICO cuts
    504 x 504 with a padding of 4 to 512 x 512.
    """
    height, width, _ = pixels.shape
    rows = np.arange(tile.top - padding, tile.bottom + padding).clip(0, height - 1)
    columns = np.arange(tile.left - padding, tile.right + padding).clip(0, width - 1)
    return np.ascontiguousarray(pixels[rows[:, None], columns])


def put_tile(pixels: RGB8, tile: Tile, padding: int, decoded: RGB8) -> None:
    """Write a decoded tile into `pixels` without its padding.

    Raises:
        CodecError: It has not the size of the tile that was cut.
    """
    inner = pixels[tile.top : tile.bottom, tile.left : tile.right]
    expected = (inner.shape[0] + 2 * padding, inner.shape[1] + 2 * padding, 3)
    if decoded.shape != expected:
        raise CodecError(
            f"a tile of shape {expected} was decoded to {decoded.shape}; the codec must keep the size"
        )
    inner[...] = decoded[padding : expected[0] - padding, padding : expected[1] - padding]


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
    height, width, _ = pixels.shape
    rows = (np.arange(height) - grid.origin_y) // grid.stride_y
    columns = (np.arange(width) - grid.origin_x) // grid.stride_x
    rows, columns = rows - rows[0], columns - columns[0]
    shape = (rows[-1] + 1, columns[-1] + 1, 1 if colour == "grey" else 3)
    offsets = generator.normal(0.0, deviation_levels, shape)[rows[:, None], columns]
    moved = np.floor(pixels + offsets + generator.random(pixels.shape))
    return np.asarray(moved.clip(0, 255), dtype=np.uint8)
