# SPDX-License-Identifier: BSD-3-Clause
"""Cutting pictures into tiles and putting them together again."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from picobench.errors import CodecError, DefinitionError
from picobench.pixels import RGB8


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
