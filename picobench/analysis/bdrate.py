# SPDX-License-Identifier: BSD-3-Clause
"""BD-rate: the average difference in rate between two curves at equal quality (Bjontegaard, VCEG-M33).

The logarithm of the rate is interpolated as a function of quality and averaged over the range of quality
that both curves reach; nothing is extrapolated. A number is given only where the data carry one:

1.  A rate that is not above zero is an error in the data: no number.
2.  Points with a missing value, and points without distortion (infinite quality), are left out.
3.  A point must cost more and give more than every cheaper one. One that costs more and gives no more is
    left out if its quality lies within `DIP_TOLERANCE` of the best cheaper point, as a share of the
    curve's range of quality; with a deeper dip there is no number, whatever the method.
4.  Each curve keeps at least `MIN_POINTS` points.
5.  The shared range of quality is at least `min_overlap` of the joint range of both curves.
6.  Inside the shared range an interpolated curve may not fall, nor its average leave the range of its
    points, by more than `FIT_TOLERANCE` of that range: a polynomial that swings describes no codec.

Every point left out is counted in the note of the result. The arithmetic runs on stacks of curves, so that
one pair, the images of a dataset and the resamples of a bootstrap all go the same way.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from picobench.analysis._front import Curves, Fronts, IntArray, find_fronts
from picobench.analysis._interpolation import METHODS, FloatArray, Method, interpolate
from picobench.errors import CurveError

__all__ = [
    "DIP_TOLERANCE",
    "FIT_TOLERANCE",
    "METHODS",
    "MIN_OVERLAP",
    "MIN_POINTS",
    "THIN_OVERLAP",
    "BDQuality",
    "BDRates",
    "BDResult",
    "Curve",
    "Curves",
    "FloatArray",
    "Method",
    "Reason",
    "bd_quality",
    "bd_rate",
    "bd_rates",
]

MIN_POINTS = 4
"""Points that each curve must keep: the cubic of the original method has four coefficients."""

MIN_OVERLAP = 0.25
"""Overlap below which there is no number, unless the caller chooses otherwise."""

THIN_OVERLAP = 0.5
"""Overlap below which a number comes with a warning."""

DIP_TOLERANCE = 0.01
"""Deepest dip, as a share of a curve's range of quality, that costs a point its place and not the curve."""

FIT_TOLERANCE = 0.01
"""How far an interpolated curve may swing, as a share of the range of its points."""


class Reason(StrEnum):
    """Why a pair of curves has no number, in the order in which it is checked."""

    BAD_RATE = "rate out of range"
    NOT_MONOTONE = "not monotone"
    TOO_FEW_POINTS = f"fewer than {MIN_POINTS} usable points"
    NO_OVERLAP = "no shared range"
    SMALL_OVERLAP = "shared range too small"
    BAD_FIT = "interpolated curve swings"


_REASONS = tuple(Reason)


@dataclass(frozen=True)
class Curve:
    """One rate-distortion curve for one metric; the order of the points does not matter.

    Attributes:
        rates: Bits per pixel (any unit that both curves share serves), one for each operating point.
        qualities: The metric at each operating point; NaN where missing, infinite where lossless.

    Raises:
        CurveError: The two differ in length.
    """

    rates: tuple[float, ...]
    qualities: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.rates) != len(self.qualities):
            raise CurveError(
                f"a curve has {len(self.rates)} rates but {len(self.qualities)} qualities; "
                "give one of each for every point"
            )

    def stacked(self) -> Curves:
        """The same curve as a stack of one."""
        return Curves(np.array([self.rates], np.float64), np.array([self.qualities], np.float64))


@dataclass(frozen=True)
class BDResult:
    """BD-rate of one pair of curves.

    Attributes:
        percent: Difference in rate at equal quality; negative saves bits. None where there is no number.
        overlap: Shared range of quality as a share of the joint range of both curves, 0 to 1.
        reason: Why there is no number, else None.
        note: The reason in words, points left out, warnings; "" if there is nothing to say.
        quality_range: Ends of the shared range in the metric's unit, the lower first; None without one.
        anchor_points: How many points of the anchor were used.
        test_points: How many points of the test were used.
    """

    percent: float | None
    overlap: float
    reason: Reason | None
    note: str
    quality_range: tuple[float, float] | None
    anchor_points: int
    test_points: int


@dataclass(frozen=True)
class BDQuality:
    """Average difference in quality at equal rate ("BD-PSNR") of one pair of curves.

    Attributes:
        difference: Test minus anchor in the metric's unit; None where there is no number.
        overlap: Shared range of log rate as a share of the joint range of both curves, 0 to 1.
        reason: Why there is no number, else None.
        note: As in `BDResult`.
    """

    difference: float | None
    overlap: float
    reason: Reason | None
    note: str


def bd_rate(
    anchor: Curve, test: Curve, *, method: Method, higher_is_better: bool, min_overlap: float = MIN_OVERLAP
) -> BDResult:
    """BD-rate of `test` against `anchor`.

    Args:
        anchor: The reference.
        test: What is compared with it.
        method: How to interpolate. It changes the number, so there is no default.
        higher_is_better: Direction of the metric.
        min_overlap: Overlap, 0 to 1, below which there is no number.
    """
    pair = bd_rates(
        anchor.stacked(),
        test.stacked(),
        method=method,
        higher_is_better=higher_is_better,
        min_overlap=min_overlap,
    )
    return pair.result(0)


def bd_rates(
    anchor: Curves, test: Curves, *, method: Method, higher_is_better: bool, min_overlap: float = MIN_OVERLAP
) -> "BDRates":
    """BD-rate of each curve of `test` against the curve of `anchor` in the same place; see `bd_rate`."""
    anchor_fronts, test_fronts = (find_fronts(curves, higher_is_better) for curves in (anchor, test))
    return BDRates(_find_gaps(anchor_fronts, test_fronts, method, min_overlap), higher_is_better)


def bd_quality(
    anchor: Curve, test: Curve, *, method: Method, higher_is_better: bool, min_overlap: float = MIN_OVERLAP
) -> BDQuality:
    """Average difference in quality over the shared range of log rate; arguments as in `bd_rate`."""
    anchor_fronts, test_fronts = (
        find_fronts(curve.stacked(), higher_is_better).transposed() for curve in (anchor, test)
    )
    gaps = _find_gaps(anchor_fronts, test_fronts, method, min_overlap)
    reason = gaps.reason(0)
    difference = gaps.mean[0] if higher_is_better else -gaps.mean[0]
    return BDQuality(None if reason else float(difference), float(gaps.overlap[0]), reason, gaps.note(0))


class BDRates:
    """BD-rates of a stack of pairs of curves.

    Attributes:
        percent: As in `BDResult`, but NaN where there is no number; shape (pairs,).
        overlap: As in `BDResult`, shape (pairs,).
    """

    def __init__(self, gaps: "_Gaps", higher_is_better: bool) -> None:
        self.percent: FloatArray = 100 * np.expm1(gaps.mean)
        self.overlap = gaps.overlap
        self._gaps = gaps
        self._higher_is_better = higher_is_better

    def result(self, pair: int) -> BDResult:
        """All there is to say about one pair."""
        gaps = self._gaps
        reason = gaps.reason(pair)
        low, high = float(gaps.low[pair]), float(gaps.high[pair])
        quality_range = (low, high) if self._higher_is_better else (-high, -low)
        return BDResult(
            percent=None if reason else float(self.percent[pair]),
            overlap=float(self.overlap[pair]),
            reason=reason,
            note=gaps.note(pair),
            quality_range=quality_range if low < high else None,
            anchor_points=int(gaps.anchor.size[pair]),
            test_points=int(gaps.test.size[pair]),
        )


@dataclass(frozen=True, eq=False)
class _Gaps:
    """Average gaps in y between pairs of curves over the range of x that they share.

    Attributes:
        anchor, test: The points.
        low, high: Ends of the shared range of x, shape (pairs,); crossed or NaN where there is none.
        overlap: Shared range as a share of the joint range, shape (pairs,).
        min_overlap: The least overlap that was asked for.
        mean: Average of test minus anchor, NaN where there is a reason; shape (pairs,).
        failed: Index of the reason in `_REASONS`, or -1; shape (pairs,).
        swings: How far the two interpolated curves swing as a share of their range; shape (2, pairs).
    """

    anchor: Fronts
    test: Fronts
    low: FloatArray
    high: FloatArray
    overlap: FloatArray
    min_overlap: float
    mean: FloatArray
    failed: IntArray
    swings: FloatArray

    def reason(self, pair: int) -> Reason | None:
        failed = int(self.failed[pair])
        return None if failed < 0 else _REASONS[failed]

    def note(self, pair: int) -> str:
        reason = self.reason(pair)
        remarks = []
        if reason is not None:
            remarks.append(f"{reason}{self._details(reason, pair)}")
        for name, fronts in (("anchor", self.anchor), ("test", self.test)):
            remarks += [f"{name}: {remark}" for remark in fronts.left_out(pair)]
        if reason is None and self.overlap[pair] < THIN_OVERLAP:
            remarks.append(f"thin overlap of {self.overlap[pair]:.2f}")
        return "; ".join(remarks)

    def _details(self, reason: Reason, pair: int) -> str:
        both = (("anchor", self.anchor), ("test", self.test))
        match reason:
            case Reason.BAD_RATE:
                which = [name for name, fronts in both if fronts.bad_rate[pair]]
                return f" ({' and '.join(which)}: a rate must be above zero)"
            case Reason.NOT_MONOTONE:
                name, dip = max(((name, fronts.dip[pair]) for name, fronts in both), key=lambda item: item[1])
                return (
                    f" ({name}: a point falls short of a cheaper one by {dip:.1%} of the range of quality, "
                    f"more than {DIP_TOLERANCE:.0%})"
                )
            case Reason.TOO_FEW_POINTS:
                counts = [f"{name} has {fronts.size[pair]}" for name, fronts in both]
                return f" ({', '.join(counts)})"
            case Reason.NO_OVERLAP:
                return ""
            case Reason.SMALL_OVERLAP:
                return (
                    f" ({self.overlap[pair]:.2f} of the joint range, at least {self.min_overlap:.2f} needed)"
                )
            case Reason.BAD_FIT:
                anchor, test = self.swings[:, pair]
                return f" (anchor by {anchor:.1%} of its range, test by {test:.1%}; choose pchip)"


def _find_gaps(anchor: Fronts, test: Fronts, method: Method, min_overlap: float) -> _Gaps:
    """Interpolate y over x and average the gap of each pair that gives no reason against it."""
    (anchor_low, anchor_high), (test_low, test_high) = anchor.x_ends, test.x_ends
    low, high = np.maximum(anchor_low, test_low), np.minimum(anchor_high, test_high)
    joint = np.maximum(anchor_high, test_high) - np.minimum(anchor_low, test_low)
    overlap = np.divide(high - low, joint, out=np.zeros_like(joint), where=high > low)
    checks = {
        Reason.BAD_RATE: anchor.bad_rate | test.bad_rate,
        Reason.NOT_MONOTONE: np.maximum(anchor.dip, test.dip) > DIP_TOLERANCE,
        Reason.TOO_FEW_POINTS: np.minimum(anchor.size, test.size) < MIN_POINTS,
        Reason.NO_OVERLAP: overlap <= 0,
        Reason.SMALL_OVERLAP: overlap < min_overlap,
    }
    failed = np.select(list(checks.values()), [_REASONS.index(reason) for reason in checks], default=-1)

    means, swings = np.full((2, len(overlap)), np.nan), np.zeros((2, len(overlap)))
    sizes = np.column_stack([anchor.size, test.size])
    usable = np.flatnonzero(failed < 0)
    for size in np.unique(sizes[usable], axis=0):
        pairs = usable[(sizes[usable] == size).all(axis=1)]
        for row, fronts in enumerate((anchor, test)):
            means[row, pairs], swings[row, pairs] = _average(fronts, pairs, low[pairs], high[pairs], method)
    failed[swings.max(axis=0) > FIT_TOLERANCE] = _REASONS.index(Reason.BAD_FIT)
    mean = np.where(failed < 0, means[1] - means[0], np.nan)
    return _Gaps(anchor, test, low, high, overlap, min_overlap, mean, failed, swings)


def _average(
    fronts: Fronts, curves: IntArray, low: FloatArray, high: FloatArray, method: Method
) -> tuple[FloatArray, FloatArray]:
    """Average of some interpolated curves from `low` to `high`, and how far each swings; both (curves,)."""
    bottom, top = (end[curves] for end in fronts.y_ends)
    # Points that all but coincide may overflow: such a curve swings without bound.
    with np.errstate(all="ignore"):
        curve = interpolate(*fronts.points(curves), method)
        average = curve.integral(low, high) / (high - low)
        excess = np.max([curve.largest_fall(low, high), bottom - average, average - top], axis=0)
    return average, np.nan_to_num(excess / (top - bottom), nan=np.inf, posinf=np.inf)
