# SPDX-License-Identifier: BSD-3-Clause
"""The borders of a grid in one picture with the lines that they are compared with, and what was measured on each."""

from dataclasses import dataclass

import numpy as np

from picobench.diagnostics.seams.exchange import ARRANGEMENTS, count_arrangements, standardise
from picobench.diagnostics.seams.grids import LATTICES, ExchangeableLines, TileGrid, exchangeable_lines
from picobench.diagnostics.seams.strips import F32, F64, Band, Lines, steps_to_rgb, without_trend

PLANES = ("luma", "chroma", "both")
"""Luma; the two colour differences together; all three."""

REACH = 0.01
"""The smallest p-value must be this or less for a lattice to be used that leaves fewer lines to compare with."""

_PLAIN_WIDTH = 8


@dataclass(frozen=True, eq=False)
class Family:
    """Lines of one direction and class, the borders first.

    Attributes:
        borders: How many of the lines are borders.
        scores: (lines, bands, 3 planes); see `Lines.scores`.
        squares: Mean squared steps, (lines, bands, `PLANES`), in grey levels squared.
        mixed: Variance of the mean product of a line's steps and directions drawn at random for each of its
            pieces, shaped like `squares`, in grey levels squared.
        plain: (lines,) mean absolute step of R, G, B on [0, 1]; see `measure_seams`.
    """

    borders: int
    scores: F64
    squares: F64
    mixed: F64
    plain: F64


def choose_lattice(grid: TileGrid, shape: tuple[int, int], margin: int) -> int:
    """The first of `LATTICES` with which a p-value can reach `REACH` without leaving a border out, else the last.

    Args:
        grid: The grid.
        shape: (height, width) of the picture.
        margin: Pixels that the widest strip needs.
    """
    last = sum(len(group.borders) for group in _groups(grid, shape, margin, LATTICES[-1]))
    for lattice in LATTICES[:-1]:
        groups = _groups(grid, shape, margin, lattice)
        sizes = [(len(group.borders), len(group.borders) + len(group.others)) for group in groups]
        if sum(borders for borders, _ in sizes) == last and smallest_p_value(sizes) <= REACH:
            return lattice
    return LATTICES[-1]


def smallest_p_value(sizes: list[tuple[int, int]]) -> float:
    """Of one picture with classes of (borders, lines in all)."""
    return 1 / min(count_arrangements(sizes), ARRANGEMENTS)


def _groups(grid: TileGrid, shape: tuple[int, int], margin: int, lattice: int) -> list[ExchangeableLines]:
    """Those of both directions that have something to be compared with."""
    height, width = shape
    every = [
        *exchangeable_lines(grid, width, margin, lattice),
        *exchangeable_lines(grid.transposed(), height, margin, lattice),
    ]
    return [group for group in every if len(group.others)]


def find_families(planes: F32, grid: TileGrid, bands: tuple[Band, ...], lattice: int) -> list[Family]:
    """Lines of every class that vertical and then horizontal borders fall into.

    Args:
        planes: (height, width, 3) from `error_planes`.
        grid: The grid.
        bands: Those that fit its tiles.
        lattice: See `LATTICES`.
    """
    return [
        *_vertical(planes, grid, bands, lattice),
        *_vertical(planes.swapaxes(0, 1), grid.transposed(), bands, lattice),
    ]


def _vertical(planes: F32, grid: TileGrid, bands: tuple[Band, ...], lattice: int) -> list[Family]:
    height, width, _ = planes.shape
    margin = widest(bands)
    groups = [group for group in exchangeable_lines(grid, width, margin, lattice) if len(group.others)]
    if not groups:
        return []
    cuts = grid.transposed().borders_x(height, margin)
    lines = Lines(np.ascontiguousarray(planes), cuts, grid.overlap, margin)
    scores = np.stack([without_trend(lines.scores(band)) for band in bands], axis=1)
    squares, mixed = (
        np.stack(both, axis=1) for both in zip(*(_steps(lines, band) for band in bands), strict=True)
    )
    step, share = lines.steps(min(_PLAIN_WIDTH, margin), whole_edge=False)
    plain = (np.abs(steps_to_rgb(step)) * share).sum(axis=0).mean(axis=1) / 255
    families = []
    for group in groups:
        index = np.concatenate([group.borders, group.others]) - lines.first
        families.append(Family(len(group.borders), scores[index], squares[index], mixed[index], plain[index]))
    return families


def widest(bands: tuple[Band, ...]) -> int:
    """The widest strip of any band, in pixels."""
    return max(band.widths[-1] for band in bands)


def _steps(lines: Lines, band: Band) -> tuple[F64, F64]:
    """`squares` and `mixed` of one band: (lines, `PLANES`)."""
    step, share = lines.steps(band.shown_width, band.whole_edge)
    square = step * step
    # The mean square of the product with a unit vector of any direction is that of the step over its dimensions.
    return _planes((square * share).sum(axis=0), 1, 1), _planes((square * share**2).sum(axis=0), 2, 3)


def _planes(squares: F64, of_chroma: int, of_both: int) -> F64:
    luma, blue, red = np.moveaxis(squares, 1, 0)
    return np.stack([luma, (blue + red) / of_chroma, (luma + blue + red) / of_both], axis=1)


def six_scores(sums: F64) -> F64:
    """Standardised scores of `PLANES` from sums over arrangements (arrangements, bands, 3): the same shape."""
    single = standardise(sums)
    luma, chroma = single[:, :, 0], standardise(single[:, :, 1] + single[:, :, 2])
    return np.stack([luma, chroma, standardise(luma + chroma)], axis=2)
