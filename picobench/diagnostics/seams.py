# SPDX-License-Identifier: BSD-3-Clause
"""Tile seams: does the error of a reconstruction step at the borders of a tile grid more than elsewhere?

The score of a line (`strips.py`) is summed over the grid's borders and ranked among the same sum over lines
drawn at random from positions that transform grids treat like the borders (`grids.py`). Few arrangements
are all enumerated, many are sampled with a fixed seed, so a p-value is the same on every machine. Two bands
(broad, narrow) by luma, chroma and both are looked at; the largest of the six standardised scores decides,
ranked among the largest of the six of every arrangement, which pays for having looked six times.
Combination by the maximum over a common set of permutations: Westfall and Young, Resampling-Based Multiple
Testing, Wiley 1993. Combination of pictures: Fisher, Statistical Methods for Research Workers, 1932.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from picobench.diagnostics.grids import LATTICE, ExchangeableLines, IntArray, TileGrid, exchangeable_lines
from picobench.diagnostics.strips import BANDS, F64, Band, Columns, error_planes
from picobench.errors import MetricError
from picobench.pixels import RGB8

PLANES = ("luma", "chroma", "both")

# Enough that a p-value near 0.05 has a standard error of 0.0035 when arrangements are sampled.
_ARRANGEMENTS = 4000
_SEED = 20_25
_TIE = 1e-9


@dataclass(frozen=True)
class SeamPart:
    """What one band shows in luma, in chroma or in both.

    Attributes:
        band: `broad` or `narrow`; see `strips.BANDS`.
        plane: `luma`, `chroma` (the vector of both differences) or `both` (the vector of all three).
        p_value: Of this part alone, not corrected for the others.
        step_levels: Root mean square step that the borders have on top of other lines, in grey levels; 0
            where they have less. Strips as wide as the band's reference width.
        low_levels, high_levels: 95 % interval of it.
        elsewhere_levels: Root mean square step at the lines that the borders are compared with.
    """

    band: str
    plane: str
    p_value: float
    step_levels: float
    low_levels: float
    high_levels: float
    elsewhere_levels: float


@dataclass(frozen=True)
class SeamResult:
    """Evidence for seams of one grid in one picture.

    Attributes:
        grid: The grid.
        borders: Number of borders (lines) tested.
        p_value: Corrected for the six looks; None where no test is possible.
        p_floor: Smallest p-value that the picture's size allows.
        parts: Six parts; empty where no test is possible.
        step_unit: Mean absolute step across the borders on [0, 1]: see `measure_seams`.
        step_unit_elsewhere: The same at the lines that the borders are compared with.
        reason: Why no test is possible; empty otherwise.
    """

    grid: TileGrid
    borders: int
    p_value: float | None
    p_floor: float
    parts: tuple[SeamPart, ...]
    step_unit: float
    step_unit_elsewhere: float
    reason: str = ""


@dataclass(frozen=True)
class _Family:
    """Borders of one direction and class with the measurements of every line they may be exchanged for."""

    lines: ExchangeableLines
    scores: F64  # (borders + others, bands, 3): score of each plane
    squares: F64  # (borders + others, bands, 3): mean squared step of each plane
    unit: F64  # (borders + others,): mean absolute RGB step on [0, 1]
    edges: int


def measure_seams(
    reference: RGB8, reconstruction: RGB8, grid: TileGrid, lattice: int = LATTICE
) -> SeamResult:
    """Test one grid on one picture.

    `step_unit` is our reading of the "low-frequency error across tile boundaries" of table 2 of the PICO
    paper, which does not give its formula: the absolute difference between the mean errors of the 8 pixels
    on either side, per segment of about 16 pixels along the border, averaged over segments, borders and R, G, B,
    divided by 255.

    Args:
        reference: (height, width, 3) uint8.
        reconstruction: The same shape.
        grid: The grid to test.
        lattice: Period from which transform grids repeat; smaller values allow small tiles to be tested, and
            then blame the codec's own blocks on the tiles.

    Raises:
        MetricError: The shapes differ.
    """
    planes = error_planes(reference, reconstruction)
    bands = _bands_within(min(grid.stride_x, grid.stride_y))
    families = _families(planes, reference, reconstruction, grid, bands, lattice)
    if isinstance(families, str):
        return SeamResult(grid, 0, None, 1.0, (), math.nan, math.nan, families)
    picks, total = _arrangements([family.lines for family in families])
    scores = _sums(families, picks, [family.scores for family in families])
    parts = _components(scores)
    largest = parts.max(axis=(1, 2))
    effects = _effects(families, picks)
    names = [(band, plane) for band in range(len(bands)) for plane in range(3)]
    return SeamResult(
        grid,
        sum(len(family.lines.borders) for family in families),
        _rank(largest),
        1 / min(total, _ARRANGEMENTS),
        tuple(
            SeamPart(bands[b].name, PLANES[k], _rank(parts[:, b, k]), *effects[b][k].tolist())
            for b, k in names
        ),
        *_unit_steps(families),
    )


def combine_p_values(p_values: Sequence[float]) -> float:
    """Evidence of several pictures against "none of them has seams": Fisher's combination of their p-values.

    Raises:
        MetricError: There are none, or one is not in (0, 1].
    """
    if not p_values or not all(0 < p <= 1 for p in p_values):
        raise MetricError("p-values to combine must lie in (0, 1] and be at least one; leave out untested pictures")
    from scipy.stats import chi2

    return float(chi2.sf(-2 * sum(math.log(p) for p in p_values), 2 * len(p_values)))
