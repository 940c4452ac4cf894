# SPDX-License-Identifier: BSD-3-Clause
"""Steps of the reconstruction error across lines of a picture, at every position at once.

The error is reconstruction minus reference, so the picture's own edges cancel. For a vertical line at column
x the step of one segment of rows is the mean error of the `width` columns to its right minus that of the
`width` columns to its left. Cumulative sums give the steps of all x for the price of one.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from picobench.diagnostics.seams.grids import IntArray
from picobench.errors import MetricError
from picobench.pixels import RGB8

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

SEGMENT = 16
"""Rows of the shortest segment that a step is averaged over."""

# Variance of rounding to whole levels, which the error of any 8-bit reconstruction carries: it keeps the
# ratio of step to local error finite where the reconstruction is exact.
_ROUNDING_VARIANCE = 1 / 12

# ITU-R BT.601 luma and colour differences as linear maps of an RGB error, in grey levels.
_YCBCR = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
_RGB = np.linalg.inv(_YCBCR)


@dataclass(frozen=True)
class Band:
    """A spatial scale at which seams are looked for.

    Attributes:
        name: What reports call it.
        widths: Strip widths in pixels.
        whole_edge: Whether a step is averaged over the whole edge of a tile or over segments of 16 pixels.
        shown_width: Strip width of the steps that are reported in grey levels.
    """

    name: str
    widths: tuple[int, ...]
    whole_edge: bool
    shown_width: int


BANDS = (
    # Offsets of brightness or colour between tiles: constant along an edge, visible far into the tile.
    Band("broad", (8, 16, 32, 64), whole_edge=True, shown_width=16),
    # Filters and transforms that stop at a border: a few pixels wide, their sign changes along the edge.
    Band("narrow", (2, 4), whole_edge=False, shown_width=2),
)


def error_planes(reference: RGB8, reconstruction: RGB8) -> F32:
    """Error as luma and two colour differences: (height, width, 3) float32, in grey levels.

    Raises:
        MetricError: The pictures differ in shape or are not (height, width, 3).
    """
    if reference.shape != reconstruction.shape or reference.ndim != 3 or reference.shape[2] != 3:
        raise MetricError(
            f"a reconstruction of shape {reconstruction.shape} and a reference of shape {reference.shape} "
            "cannot be compared; give two (height, width, 3) pictures of one size"
        )
    return to_planes(reconstruction.astype(np.float32) - reference.astype(np.float32))


def to_planes(error: F32) -> F32:
    """Turn an error of R, G and B (last axis) into luma and two colour differences."""
    return np.asarray(error @ _YCBCR.T.astype(np.float32))


def steps_to_rgb(steps: F64) -> F64:
    """Turn steps of the planes of `error_planes` (last axis) into steps of R, G and B."""
    return np.asarray(steps @ _RGB.T)


def without_trend(scores: F64) -> F64:
    """Take a parabola over position out, column by column.

    Skies sit at the top, subjects in the middle, and the errors of both are of their own kind. A straight line is
    not enough: over Kodak, broad scores of horizontal lines are 0.3 standard deviations lower in the middle, where
    the borders of large tiles lie, than at the top and the bottom.
    """
    place = np.linspace(-1.0, 1.0, len(scores))
    basis = np.stack([np.ones_like(place), place, place**2], axis=1)
    return np.asarray(scores - basis @ np.linalg.lstsq(basis, scores, rcond=None)[0])


def bands_within(stride: int, bands: tuple[Band, ...] = BANDS) -> tuple[Band, ...]:
    """Bands without the strips that would reach past a tile of `stride` pixels."""
    fitting = [
        Band(band.name, widths, band.whole_edge, min(band.shown_width, widths[-1]))
        for band in bands
        if (widths := tuple(width for width in band.widths if width <= stride))
    ]
    return tuple(fitting)


class Lines:
    """Every vertical line of an error picture that leaves `margin` columns on both sides.

    Attributes:
        first: Column of the first line; index 0 of all results stands for it.
    """

    def __init__(self, error: F32, cuts: IntArray, gap: int, margin: int):
        """Prepare `error` (height, width, planes).

        Args:
            error: In grey levels; transpose it to measure horizontal lines.
            cuts: Rows at which borders of the other direction cut a line into edges.
            gap: Columns left out between the strips (an overlap of tiles).
            margin: Widest strip that will be asked for.
        """
        height, width, _ = error.shape
        starts, self._edges = _segments(cuts, height)
        self._rows = np.diff(np.append(starts, height)).astype(np.float64)[:, None, None]
        self._mean = _cumulative(np.add.reduceat(error, starts, axis=0) / self._rows)
        self._square = _cumulative(np.add.reduceat(error * error, starts, axis=0) / self._rows)
        self._gap, self._count = gap, width - gap - 2 * margin + 1
        self.first = margin

    def scores(self, band: Band) -> F64:
        """Score of each line, (lines, planes): large where the error steps more than its surroundings.

        A step is divided by what white noise of the local mean squared error would give, which makes lines
        in rough and in smooth parts comparable; the logarithm keeps one edge from outweighing the others.
        """
        score = np.zeros(())
        for width in band.widths:
            step, energy = self._steps(self._mean, width, -1), self._steps(self._square, width, 1) / 2
            weight = self._rows * (width / 2) / (energy + _ROUNDING_VARIANCE)
            if band.whole_edge:
                moment = np.add.reduceat(step * weight, self._edges, axis=0)
                ratio = moment * moment / np.add.reduceat(weight, self._edges, axis=0)
            else:
                ratio = step * step * weight
            score = score + np.log1p(ratio).sum(axis=0)
        return score

    def steps(self, width: int, whole_edge: bool) -> tuple[F64, F64]:
        """Plain steps (pieces, lines, planes) in grey levels, and each piece's share of the line's length."""
        step = self._steps(self._mean, width, -1)
        share = self._rows
        if whole_edge:
            share = np.add.reduceat(self._rows, self._edges, axis=0)
            step = np.add.reduceat(step * self._rows, self._edges, axis=0) / share
        return step, share / share.sum()

    def _steps(self, sums: F64, width: int, sign: int) -> F64:
        """Mean of the right strip plus `sign` times the mean of the left one."""
        left, right = self.first - width, self.first + self._gap
        return np.asarray((self._span(sums, right, width) + sign * self._span(sums, left, width)) / width)

    def _span(self, sums: F64, start: int, width: int) -> F64:
        count = self._count
        return np.asarray(sums[:, start + width : start + width + count] - sums[:, start : start + count])


def _segments(cuts: IntArray, height: int) -> tuple[IntArray, IntArray]:
    """First row of every segment of about `SEGMENT` rows, and index of the first segment of every edge."""
    limits = [0, *cuts.tolist(), height]
    starts: list[int] = []
    edges: list[int] = []
    for top, bottom in pairwise(limits):
        edges.append(len(starts))
        pieces = max(1, round((bottom - top) / SEGMENT))
        starts += [top + (bottom - top) * piece // pieces for piece in range(pieces)]
    return np.array(starts, dtype=np.int64), np.array(edges, dtype=np.int64)


def _cumulative(values: npt.NDArray[np.floating]) -> F64:
    sums = np.zeros((values.shape[0], values.shape[1] + 1, values.shape[2]))
    np.cumsum(values, axis=1, out=sums[:, 1:])
    return sums
