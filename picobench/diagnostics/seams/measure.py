# SPDX-License-Identifier: BSD-3-Clause
"""Tile seams: does the error of a reconstruction step at the borders of a tile grid more than elsewhere?

The score of a line (`strips.py`), freed of its trend across the picture, is summed over the grid's borders
and ranked among the same sum over lines that transform grids treat like the borders (`grids.py`,
`exchange.py`). Two bands (broad, narrow) by luma, chroma and both are looked at; the largest of the six
standardised scores decides, ranked among the largest of the six of every arrangement, which pays for having
looked six times (Westfall and Young, Resampling-Based Multiple Testing, Wiley 1993).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from picobench.diagnostics.seams.exchange import (
    ARRANGEMENTS,
    IntArray,
    count_arrangements,
    draw_arrangements,
    standardise,
    tail_share,
)
from picobench.diagnostics.seams.grids import LATTICE, TileGrid, exchangeable_lines
from picobench.diagnostics.seams.strips import (
    F32,
    F64,
    Band,
    Lines,
    bands_within,
    error_planes,
    steps_to_rgb,
    without_trend,
)
from picobench.errors import MetricError
from picobench.pixels import RGB8

PLANES = ("luma", "chroma", "both")
"""Luma; the two colour differences together; all three."""

_NOT_TESTED = (
    "no border lies far enough inside the picture, or every position that transform grids treat alike is one"
)
_PLAIN_WIDTH = 8
# Two-sided 95 % of the normal distribution.
_NORMAL_95 = 1.96


@dataclass(frozen=True)
class SeamPart:
    """What one band shows in one of `PLANES`.

    Attributes:
        band: `broad` or `narrow`; see `strips.BANDS`.
        plane: One of `PLANES`.
        p_value: Of this part alone, not corrected for looking at six.
        step_levels: Root mean square step at the borders in excess of other lines (a vector's length for
            `chroma` and `both`), in grey levels; 0 where the borders have less.
        low_levels: Lower end of its 95 % interval.
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
        p_floor: Smallest p-value that the picture's size allows; above 0.05 a seam cannot be found here.
        parts: Six parts; empty where no test is possible.
        step_unit: Mean absolute step across the borders, on [0, 1]; see `measure_seams`.
        elsewhere_unit: The same at the lines that the borders are compared with.
        reason: Why no test is possible; empty otherwise.
    """

    grid: TileGrid
    borders: int
    p_value: float | None
    p_floor: float
    parts: tuple[SeamPart, ...]
    step_unit: float
    elsewhere_unit: float
    reason: str = ""


@dataclass(frozen=True, eq=False)
class _Family:
    """Lines of one class, the borders first, with what was measured on each.

    `scores` and `squares` are (lines, bands, planes), `plain` is (lines,); `pieces` counts the independent
    steps that one border's mean square is made of, for each band.
    """

    borders: int
    scores: F64
    squares: F64
    plain: F64
    pieces: tuple[int, ...]


def measure_seams(
    reference: RGB8, reconstruction: RGB8, grid: TileGrid, lattice: int = LATTICE
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
        lattice: Period up to which transform grids are told apart. With less than the default, borders that
            a codec's own blocks explain are blamed on tiles.

    Raises:
        MetricError: The shapes differ.
    """
    planes = error_planes(reference, reconstruction)
    bands = bands_within(min(grid.stride_x, grid.stride_y))
    families = [
        *_families(planes, grid, bands, lattice),
        *_families(planes.swapaxes(0, 1), grid.transposed(), bands, lattice),
    ]
    borders = sum(family.borders for family in families)
    sizes = [(family.borders, len(family.plain)) for family in families]
    if not borders:
        return SeamResult(grid, 0, None, 1.0, (), math.nan, math.nan, _NOT_TESTED)
    picks = draw_arrangements(sizes)
    parts = _six_scores(_sums([family.scores for family in families], picks))
    effects = _effects(families)
    return SeamResult(
        grid=grid,
        borders=borders,
        p_value=tail_share(parts.max(axis=(1, 2))),
        p_floor=1 / min(count_arrangements(sizes), ARRANGEMENTS),
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
    )


def combine_p_values(p_values: Sequence[float]) -> float:
    """Evidence of a whole dataset: p-value of "no picture has seams" from those of its pictures.

    Fisher, Statistical Methods for Research Workers, 1932. Leave out pictures that could not be tested.

    Raises:
        MetricError: There are none, or one is not in (0, 1].
    """
    from scipy.stats import chi2

    if not p_values or not all(0 < p <= 1 for p in p_values):
        raise MetricError(
            "p-values to combine must be at least one and lie in (0, 1]; leave out untested pictures"
        )
    return float(chi2.sf(-2 * sum(math.log(p) for p in p_values), 2 * len(p_values)))


def _families(planes: F32, grid: TileGrid, bands: tuple[Band, ...], lattice: int) -> list[_Family]:
    """Lines of every class that vertical borders fall into."""
    height, width, _ = planes.shape
    margin = max(band.widths[-1] for band in bands)
    groups = exchangeable_lines(grid, width, margin, lattice)
    if not groups:
        return []
    cuts = grid.transposed().borders_x(height, margin)
    lines = Lines(np.ascontiguousarray(planes), cuts, grid.overlap, margin)
    scores = np.stack([without_trend(lines.scores(band)) for band in bands], axis=1)
    squares = np.stack([_mean_squares(lines, band) for band in bands], axis=1)
    step, share = lines.steps(min(_PLAIN_WIDTH, margin), whole_edge=False)
    plain = (np.abs(steps_to_rgb(step)) * share).sum(axis=0).mean(axis=1) / 255
    pieces = tuple(lines.edges if band.whole_edge else len(step) for band in bands)
    families = []
    for group in groups:
        if not len(group.others):
            continue
        index = np.concatenate([group.borders, group.others]) - lines.first
        families.append(_Family(len(group.borders), scores[index], squares[index], plain[index], pieces))
    return families


def _mean_squares(lines: Lines, band: Band) -> F64:
    step, share = lines.steps(band.shown_width, band.whole_edge)
    luma, blue, red = np.moveaxis((step * step * share).sum(axis=0), 1, 0)
    return np.stack([luma, blue + red, luma + blue + red], axis=1)


def _sums(measured: list[F64], picks: list[IntArray]) -> F64:
    """Sum over the lines of each arrangement: (arrangements, ...)."""
    return np.asarray(sum(values[pick].sum(axis=1) for values, pick in zip(measured, picks, strict=True)))


def _six_scores(sums: F64) -> F64:
    """Standardised scores of luma, chroma and both: (arrangements, bands, 3)."""
    single = standardise(sums)
    luma, chroma = single[:, :, 0], standardise(single[:, :, 1] + single[:, :, 2])
    return np.stack([luma, chroma, standardise(luma + chroma)], axis=2)


def _effects(families: list[_Family]) -> F64:
    """Excess, both ends of its interval and background, (4, bands, 3), in grey levels.

    The mean square at the borders is seam² + 2 seam·noise + noise². The spread of noise² is that between the
    other lines; the mixed term adds 4 seam² noise² / pieces to the variance.
    """
    borders = sum(family.borders for family in families)
    pieces = sum((np.array(family.pieces) * family.borders for family in families), np.zeros(1))
    here = sum((family.squares[: family.borders].sum(axis=0) for family in families), np.zeros(1)) / borders
    noise, variance = np.zeros_like(here), np.zeros_like(here)
    for family in families:
        others = family.squares[family.borders :]
        noise += others.mean(axis=0) * family.borders / borders
        variance += others.var(axis=0) * family.borders / borders**2
    excess = here - noise
    spread = np.sqrt(variance + 4 * np.maximum(excess, 0) * noise / pieces[:, None])
    squares = [excess, excess - _NORMAL_95 * spread, excess + _NORMAL_95 * spread, noise]
    return np.asarray(np.sqrt(np.maximum(squares, 0)))
