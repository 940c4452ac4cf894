# SPDX-License-Identifier: BSD-3-Clause
"""Steps of the reconstruction error across lines of a picture, at every position at once.

The error is reconstruction minus reference, so the picture's own edges cancel. For a vertical line at column
x the step of one segment of rows is the mean error of the `width` columns to its right minus that of the
`width` columns to its left. Cumulative sums give the steps of all x for the price of one.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from picobench.errors import MetricError
from picobench.pixels import RGB8

F64 = npt.NDArray[np.float64]

SEGMENT = 16
"""Rows of the shortest segment that a step is averaged over, in pixels."""

# Variance of rounding to whole levels, which the error of any 8-bit reconstruction carries: it keeps the
# ratio of step to local error finite where the reconstruction is exact.
_ROUNDING_VARIANCE = 1 / 12

# ITU-R BT.601 luma and colour differences as linear maps of an RGB error, in grey levels.
_YCBCR = np.array(
    [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], dtype=np.float32
)


@dataclass(frozen=True)
class Band:
    """A spatial scale at which seams are looked for.

    Attributes:
        name: `broad` or `narrow`, as reports call it.
        widths: Strip widths in pixels.
        whole_edge: True: the step is averaged over the whole edge of a tile (offsets of colour or brightness
            between tiles); False: over segments of 16 pixels (discontinuities whose sign changes along it).
    """

    name: str
    widths: tuple[int, ...]
    whole_edge: bool


BANDS = (
    Band("broad", (8, 16, 32, 64), whole_edge=True),
    Band("narrow", (2, 4), whole_edge=False),
)


def error_planes(reference: RGB8, reconstruction: RGB8) -> npt.NDArray[np.float32]:
    """Error as luma and two colour differences: (height, width, 3) float32 in grey levels.

    Raises:
        MetricError: The pictures differ in size or are not (height, width, 3).
    """
    if reference.shape != reconstruction.shape or reference.ndim != 3 or reference.shape[2] != 3:
        raise MetricError(
            f"pictures of shape {reconstruction.shape} and {reference.shape} cannot be compared; "
            "give a reconstruction of its reference's size"
        )
    error = reconstruction.astype(np.float32) - reference.astype(np.float32)
    return np.asarray(error @ _YCBCR.T, dtype=np.float32)


def segment_rows(cuts: npt.NDArray[np.int64], height: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Split the rows at `cuts` into edges and those into segments of about 16 rows.

    Returns:
        First row of each segment, and for each edge the index of its first segment.
    """
    starts: list[npt.NDArray[np.int64]] = []
    edges: list[int] = []
    limits = [0, *cuts.tolist(), height]
    for top, bottom in zip(limits[:-1], limits[1:], strict=True):
        edges.append(sum(len(part) for part in starts))
        count = max(1, round((bottom - top) / SEGMENT))
        starts.append(np.linspace(top, bottom, count, endpoint=False).round().astype(np.int64))
    return np.concatenate(starts), np.array(edges, dtype=np.int64)


class Columns:
    """Row-averaged error with its cumulative sums, ready for steps at any width.

    Attributes:
        first, last: First and last column at which a step of every width exists.
        rows: Pixels in each segment.
        edges: Index of the first segment of each edge.
    """

    def __init__(self, error: npt.NDArray[np.float32], cuts: npt.NDArray[np.int64], gap: int, margin: int):
        """Average (height, width, planes) `error` over segments; see `segment_rows` for `cuts`."""
        height, width, _ = error.shape
        starts, self.edges = segment_rows(cuts, height)
        self.rows = np.diff(np.append(starts, height)).astype(np.float64)
        scale = self.rows[:, None, None]
        self._sum = _cumulative(np.add.reduceat(error, starts, axis=0) / scale)
        self._square = _cumulative(np.add.reduceat(error * error, starts, axis=0) / scale)
        self._gap = gap
        self.first, self.last = margin, width - gap - margin

    def steps(self, width: int) -> tuple[F64, F64]:
        """Steps and local mean squared error, both (segments, positions, planes), in grey levels."""
        left, right = slice(self.first, self.last + 1), slice(self.first + self._gap, None)
        total = self._sum, self._square
        # Windows [x - width, x) and [x + gap, x + gap + width) for every x from `first` to `last`.
        before = [_window(part, left.start - width, width, self.last - self.first + 1) for part in total]
        after = [_window(part, right.start, width, self.last - self.first + 1) for part in total]
        return after[0] - before[0], (after[1] + before[1]) / 2

    def scores(self, band: Band) -> F64:
        """Score of each line: (positions, planes); large where the error steps more than its surroundings.

        A step is compared with the local error (a white error of that variance gives a ratio of about one),
        which makes lines in rough and in smooth parts of a picture comparable; the logarithm keeps one
        edge from outweighing all others.
        """
        score = 0.0
        for width in band.widths:
            step, energy = self.steps(width)
            weight = self.rows[:, None, None] * (width / 2) / (energy + _ROUNDING_VARIANCE)
            if band.whole_edge:
                moment = np.add.reduceat(step * weight, self.edges, axis=0)
                ratio = moment * moment / np.add.reduceat(weight, self.edges, axis=0)
            else:
                ratio = step * step * weight
            score = score + np.log1p(ratio).sum(axis=0)
        return np.asarray(score)

    def edge_steps(self, width: int) -> F64:
        """Plain steps of whole edges: (edges, positions, planes), in grey levels."""
        step, _ = self.steps(width)
        rows = self.rows[:, None, None]
        return np.asarray(
            np.add.reduceat(step * rows, self.edges, axis=0) / np.add.reduceat(rows, self.edges, axis=0)
        )


def _cumulative(values: npt.NDArray[np.floating]) -> F64:
    sums = np.zeros((values.shape[0], values.shape[1] + 1, values.shape[2]))
    np.cumsum(values, axis=1, out=sums[:, 1:])
    return sums


def _window(sums: F64, start: int, width: int, count: int) -> F64:
    return np.asarray((sums[:, start + width : start + width + count] - sums[:, start : start + count]) / width)
