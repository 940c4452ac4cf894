# SPDX-License-Identifier: BSD-3-Clause
"""Tile grids, and the positions at which their borders may fairly be compared.

A block codec leaves steps in its own error: at every multiple of 8 (JPEG), 16 (chroma at half resolution,
WebP), 32 and 64 (HEIC, AVIF, the wavelet lattice of JPEG 2000). A tile border that is a multiple of 64 shows
such a step although nothing was tiled, and one that is odd shows none. So a border is compared only with
positions of its own *class*, those that lie alike on these lattices. Whatever a transform does at one
position of a class it does at all of them, up to mirroring; what is left is what the tile grid alone explains.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from picobench.errors import DefinitionError

IntArray = npt.NDArray[np.int64]

LATTICES = (128, 64)
"""Periods, in pixels, above which transform grids are taken to repeat, best first: the largest block of AV1 and VVC;
the largest transform, and the largest block of HEVC."""


# Below this a tile is smaller than the block of any codec, and no strip fits between two borders.
_LEAST_STRIDE = 16

# Positions closer to a border than this, in pixels, are not compared with it: they share its strips and would hide
# a real step. A broad strip reaches further than this (64). Leaving out as many would compare a border with other
# parts of the picture only and raises false alarms; leaving out none makes the test too careful, as neighbours
# then score as high as the border itself. The value was chosen between the two on Kodak, so that the false
# alarms on Kodak are no independent check of it; those on other pictures are (docs/diagnostics.md).
_NEIGHBOURHOOD = 24


@dataclass(frozen=True)
class TileGrid:
    """A regular grid of tiles.

    Attributes:
        tile_width, tile_height: Pixels of a tile, overlap included.
        origin_x, origin_y: Where one tile starts; any integer, the grid extends both ways.
        overlap: Pixels that neighbouring tiles share (blended or cut somewhere inside). The step is then
            taken across the whole shared zone. Context that the codec pads and discards is no overlap.
    """

    tile_width: int
    tile_height: int
    origin_x: int = 0
    origin_y: int = 0
    overlap: int = 0

    def __post_init__(self) -> None:
        if self.overlap < 0 or min(self.stride_x, self.stride_y) < _LEAST_STRIDE:
            raise DefinitionError(
                f"{self}: a tile must have at least {_LEAST_STRIDE} pixels that it does not share; correct the grid"
            )

    @classmethod
    def square(cls, size: int, origin: tuple[int, int] = (0, 0), overlap: int = 0) -> "TileGrid":
        """Square tiles of `size` pixels, the first at `origin` (x, y)."""
        return cls(size, size, origin[0], origin[1], overlap)

    @property
    def stride_x(self) -> int:
        """Distance between vertical borders."""
        return self.tile_width - self.overlap

    @property
    def stride_y(self) -> int:
        """Distance between horizontal borders."""
        return self.tile_height - self.overlap

    def transposed(self) -> "TileGrid":
        """The grid of the transposed picture."""
        return TileGrid(self.tile_height, self.tile_width, self.origin_y, self.origin_x, self.overlap)

    def borders_x(self, width: int, margin: int) -> IntArray:
        """Columns of vertical borders with at least `margin` pixels of picture, `width` wide, on both sides.

        A border is the first column of the next tile, or of the zone that two tiles share.
        """
        every = np.arange(self.origin_x % self.stride_x, width, self.stride_x, dtype=np.int64)
        return every[(every >= margin) & (every + self.overlap + margin <= width)]


def lattice_class(positions: IntArray, lattice: int, overlap: int = 0) -> IntArray:
    """Class of each position: equal for positions that transform grids of period up to `lattice` treat alike.

    Positions off the lattice of half the period are told apart by their distance to it, those on it by
    whether they are multiples of `lattice` itself. With an overlap the step has two sides, and the class
    joins those of both.
    """
    return _side(positions, lattice) * (2 * lattice) + _side(positions + overlap, lattice)


def _side(positions: IntArray, lattice: int) -> IntArray:
    half = lattice // 2
    residue = positions % half
    distance = np.minimum(residue, half - residue)
    return np.where(residue > 0, distance, np.where(positions % lattice > 0, half, lattice))


@dataclass(frozen=True, eq=False)
class ExchangeableLines:
    """Borders of one direction and class, and the positions that stand for them when nothing was tiled.

    Attributes:
        borders: Positions of the tile borders.
        others: Positions of the same class that are no borders and not close to one.
    """

    borders: IntArray
    others: IntArray


def exchangeable_lines(grid: TileGrid, width: int, margin: int, lattice: int) -> list[ExchangeableLines]:
    """Split the vertical borders of `grid` by class and list the columns that each class is compared with.

    Args:
        grid: The grid; transpose it for horizontal borders.
        width: Columns of the picture.
        margin: Columns that the widest strip needs, at least 1.
        lattice: See `LATTICES`.
    """
    borders = grid.borders_x(width, margin)
    if not len(borders):
        return []
    positions = np.arange(margin, width - grid.overlap - margin + 1, dtype=np.int64)
    classes = lattice_class(positions, lattice, grid.overlap)
    reach = min(_NEIGHBOURHOOD, grid.stride_x // 4)
    near = np.abs(positions[:, None] - borders[None, :]).min(axis=1) < reach
    own = lattice_class(borders, lattice, grid.overlap)
    return [
        ExchangeableLines(borders[own == kind], positions[(classes == kind) & ~near])
        for kind in np.unique(own)
    ]
