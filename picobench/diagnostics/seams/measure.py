# SPDX-License-Identifier: BSD-3-Clause
"""Tile seams: does the error of a reconstruction step at the borders of a tile grid more than elsewhere?

The score of a line (`strips.py`), freed of its trend across the picture, is summed over the grid's borders
and ranked among the same sum over lines that transform grids treat like the borders (`grids.py`,
`exchange.py`). Two bands (broad, narrow) by luma, chroma and both are looked at; the largest of the six
standardised scores decides, ranked among the largest of the six of every arrangement, which pays for having
looked six times (Westfall and Young, Resampling-Based Multiple Testing, Wiley 1993).
"""

import math
from dataclasses import dataclass

import numpy as np

from picobench.diagnostics.seams.combine import Evidence, keep_evidence
from picobench.diagnostics.seams.effects import border_squares, step_sizes
from picobench.diagnostics.seams.exchange import IntArray, draw_arrangements, tail_share
from picobench.diagnostics.seams.families import (
    PLANES,
    choose_lattice,
    find_families,
    six_scores,
    smallest_p_value,
    widest,
)
from picobench.diagnostics.seams.grids import TileGrid
from picobench.diagnostics.seams.strips import F64, bands_within, error_planes
from picobench.errors import MetricError
from picobench.pixels import RGB8

_NOT_TESTED = (
    "no border lies far enough inside the picture, or every position that transform grids treat alike is one"
)


@dataclass(frozen=True)
class SeamPart:
    """What one band shows in one of `PLANES`.

    Attributes:
        band: `broad` or `narrow`; see `strips.BANDS`.
        plane: One of `PLANES`.
        p_value: Of this part alone, not corrected for looking at six.
        step_levels: Root mean square step at the borders in excess of other lines (a vector's length for
            `chroma` and `both`), in grey levels; 0 where the borders have less.
        low_levels: Lower end of its 95 % interval; see `effects.step_sizes`.
        high_levels: Upper end.
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
    """Evidence for the seams of one grid in one picture.

    Attributes:
        grid: The grid.
        borders: Number of borders (lines across the picture) tested.
        p_value: Corrected for the six looks; None where no test is possible.
        p_floor: Smallest p-value that the picture's size allows; above 0.05 a seam cannot be found here. See
            `attainable_level`.
        lattice: Period in pixels of the transform grids that the borders were told apart from.
        parts: Six parts; empty where no test is possible.
        step_unit: Mean absolute step across the borders, on [0, 1]; see `measure_seams`.
        elsewhere_unit: The same at the lines that the borders are compared with.
        evidence: For `combine_pictures`; None where no test is possible.
        reason: Why no test is possible; empty otherwise.
    """

    grid: TileGrid
    borders: int
    p_value: float | None
    p_floor: float
    lattice: int
    parts: tuple[SeamPart, ...]
    step_unit: float
    elsewhere_unit: float
    evidence: Evidence | None
    reason: str = ""


def attainable_level(p_floor: float, level: float = 0.05) -> float:
    """How often a picture without seams has a p-value of `level` or less.

    The p-values of a picture are the multiples of its `p_floor`: with one border among 38 lines a test at 0.05 is in
    truth one at 0.026. (Equal scores, as in pictures without any error, lower it further.)
    """
    # The quotient of 0.05 and 1/40 must not fall short of 2.
    return math.floor(level / p_floor + 1e-9) * p_floor


def measure_seams(
    reference: RGB8, reconstruction: RGB8, grid: TileGrid, lattice: int | None = None
) -> SeamResult:
    """Test one grid on one picture.

    `step_unit` is our reading of "low-frequency error across tile boundaries" in table 2 of the PICO paper,
    whose formula we do not have: the absolute difference between the mean errors of the 8 pixels on either
    side of a border, for each segment of about 16 pixels along it, averaged over segments, borders and
    R, G, B, and divided by 255.

    Args:
        reference: (height, width, 3) uint8.
        reconstruction: Of the same shape.
        grid: The grid to test.
        lattice: Period in pixels up to which the codec's own grids may repeat, a multiple of 4; None: as many of
            `LATTICES` as the picture allows, see `choose_lattice`. With less than the largest block of the codec,
            borders that its own blocks explain are blamed on tiles.

    Raises:
        MetricError: The shapes differ, or `lattice` is no such number.
    """
    if lattice is not None and (lattice < 8 or lattice % 4):
        raise MetricError(
            f"a lattice of {lattice} pixels cannot be halved twice; give a multiple of 4 from 8 on"
        )
    planes = error_planes(reference, reconstruction)
    bands = bands_within(min(grid.stride_x, grid.stride_y))
    height, width, _ = planes.shape
    used = choose_lattice(grid, (height, width), widest(bands)) if lattice is None else lattice
    families = find_families(planes, grid, bands, used)
    borders = sum(family.borders for family in families)
    if not borders:
        return SeamResult(grid, 0, None, 1.0, used, (), math.nan, math.nan, None, _NOT_TESTED)
    sizes = [(family.borders, len(family.plain)) for family in families]
    parts = six_scores(_sums([family.scores for family in families], draw_arrangements(sizes)))
    effects = step_sizes(families)
    here, noise = border_squares(families)
    return SeamResult(
        grid=grid,
        borders=borders,
        p_value=tail_share(parts.max(axis=(1, 2))),
        p_floor=smallest_p_value(sizes),
        lattice=used,
        parts=tuple(
            SeamPart(band.name, plane, tail_share(parts[:, b, k]), *effects[:, b, k].tolist())
            for b, band in enumerate(bands)
            for k, plane in enumerate(PLANES)
        ),
        step_unit=sum(float(family.plain[: family.borders].sum()) for family in families) / borders,
        elsewhere_unit=sum(
            family.borders * float(family.plain[family.borders :].mean()) for family in families
        )
        / borders,
        evidence=keep_evidence(tuple(band.name for band in bands), families, here - noise),
    )


def _sums(measured: list[F64], picks: list[IntArray]) -> F64:
    """Sum over the lines of each arrangement: (arrangements, ...)."""
    return np.asarray(sum(values[pick].sum(axis=1) for values, pick in zip(measured, picks, strict=True)))
