# SPDX-License-Identifier: BSD-3-Clause
"""Which points of a rate-distortion curve may be interpolated.

A curve that can be read both ways, rate as a function of quality and the reverse, has points that cost
more and give more than every cheaper one: its Pareto front. The rest is left out, and counted by cause.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from picobench.analysis._interpolation import FloatArray

# Larger numbers are no measurements, and their squares overflow.
_LARGEST = 1e100

IntArray = npt.NDArray[np.int_]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Curves:
    """A stack of rate-distortion curves for one metric; the order of the points does not matter.

    Attributes:
        rates: Bits per pixel, shape (curves, points).
        qualities: The metric, same shape; NaN where missing, infinite where lossless.
    """

    rates: FloatArray
    qualities: FloatArray


@dataclass(frozen=True, eq=False)
class Fronts:
    """The points of a stack of curves in order of rate, and which of them may be used.

    Attributes:
        x: Quality, turned so that higher is better; shape (curves, points).
        y: Natural logarithm of the rate, same shape.
        keep: The points to use: those of a curve rise strictly in x and in y. Same shape.
        missing: How many points of a curve were left out because a value is missing; shape (curves,).
        lossless: How many because their quality is infinite.
        dominated: How many because a point that costs no more gives at least as much.
        bad_rate: Whether a curve has a rate that cannot be one: zero, negative, or absurdly small or large.
        dip: Deepest drop in quality below a cheaper point, as a share of the curve's range of quality.
    """

    x: FloatArray
    y: FloatArray
    keep: BoolArray
    missing: IntArray
    lossless: IntArray
    dominated: IntArray
    bad_rate: BoolArray
    dip: FloatArray

    @property
    def size(self) -> IntArray:
        """How many points of each curve are used, shape (curves,)."""
        size: IntArray = self.keep.sum(axis=1)
        return size

    @property
    def x_ends(self) -> tuple[FloatArray, FloatArray]:
        """Least and greatest x of the points used, each of shape (curves,)."""
        return _ends(self.x, self.keep)

    @property
    def y_ends(self) -> tuple[FloatArray, FloatArray]:
        """Least and greatest y of the points used, each of shape (curves,)."""
        return _ends(self.y, self.keep)

    def points(self, curves: IntArray) -> tuple[FloatArray, FloatArray]:
        """x and y of the points used of `curves`, all of the same size; each (len(curves), size)."""
        keep = self.keep[curves]
        shape = (len(curves), -1)
        return self.x[curves][keep].reshape(shape), self.y[curves][keep].reshape(shape)

    def left_out(self, curve: int) -> list[str]:
        """What was left out of a curve and why, in words."""
        causes = {
            "without a value": self.missing[curve],
            "lossless": self.lossless[curve],
            "no better than a cheaper one": self.dominated[curve],
        }
        return [
            f"{count} point{'s' if count > 1 else ''} left out ({cause})"
            for cause, count in causes.items()
            if count
        ]

    def transposed(self) -> "Fronts":
        """The same points with quality as a function of log rate."""
        return replace(self, x=self.y, y=self.x)


def find_fronts(curves: Curves, higher_is_better: bool) -> Fronts:
    """Put the points of each curve in order of rate and choose those to use."""
    quality = curves.qualities if higher_is_better else -curves.qualities
    bad = (curves.rates < 1 / _LARGEST) | (np.isfinite(curves.rates) & (curves.rates > _LARGEST))
    lossless = np.isposinf(quality) & ~bad
    given = np.isfinite(curves.rates) & (np.abs(quality) < _LARGEST) & ~bad
    missing = ~(given | lossless | bad)
    # Points not given go last; of points at the same rate the best goes first and dominates the others.
    rate = np.where(given, curves.rates, np.inf)
    quality = np.where(given, quality, -np.inf)
    order = np.lexsort((-quality, rate), axis=1)
    rate, quality, given = (np.take_along_axis(values, order, axis=1) for values in (rate, quality, given))
    best = np.maximum.accumulate(quality, axis=1)
    best_cheaper = np.column_stack([np.full(len(best), -np.inf), best])[:, :-1]
    keep = given & (quality > best_cheaper)
    dominated = given & ~keep
    with np.errstate(invalid="ignore"):
        depth = np.where(dominated, best_cheaper - quality, 0.0).max(axis=1, initial=0.0)
    low, high = _ends(quality, given)
    return Fronts(
        x=quality,
        y=np.log(np.where(given, rate, 1.0)),
        keep=keep,
        missing=missing.sum(axis=1),
        lossless=lossless.sum(axis=1),
        dominated=dominated.sum(axis=1),
        bad_rate=bad.sum(axis=1) > 0,
        dip=np.divide(depth, high - low, out=np.zeros_like(depth), where=depth > 0),
    )


def _ends(values: FloatArray, keep: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Least and greatest kept value of each row; NaN for a row without any."""
    some = keep.any(axis=1)
    low = np.where(keep, values, np.inf).min(axis=1, initial=np.inf)
    high = np.where(keep, values, -np.inf).max(axis=1, initial=-np.inf)
    return np.where(some, low, np.nan), np.where(some, high, np.nan)
