# SPDX-License-Identifier: BSD-3-Clause
"""Perceptual BD-rate: the mean change of rate at equal human score, with the uncertainty of that score.

As for any quality measure (G. Bjontegaard, VCEG-M33, 2001), log-rate is a function of quality on each curve, and
the BD-rate is exp(mean difference of the two functions over the shared range of quality) - 1; the quality
here is Elo. The functions are monotone piecewise cubic (PCHIP: F. N. Fritsch and J. Butland, SIAM J. Sci. Stat.
Comput. 5, 1984); of two points PCHIP makes the straight line. Negative: the test curve saves rate.

Number of points. BD-rates ask for four points a curve. Human studies rarely have four operating points a codec,
so `minimum_points` may be lowered to two, and the result then carries a note that says so. With three points a
curve is two cubic pieces whose slopes come from the points alone, so the shape between points is an assumption.
The least overlap for a number, and the overlap below which it carries a warning, are those of `analysis.bdrate`.
With four points and more the number is that of `analysis.bdrate` with PCHIP.

Uncertainty. Every draw of the strengths gives two curves and a BD-rate; the interval is from the 2.5 % to the
97.5 % quantile of the draws. Rates are taken as exact, and the same for all images. A draw in which the Elo of a
curve does not rise with its rate has no BD-rate; if more than 5 % of the draws are like that, there is no interval.

No shared range. Where the curves share no range of Elo, there is no BD-rate, and none is extrapolated. If even the
lowest rate of the test curve is rated above the highest rate of the anchor, then at the anchor's best
quality the test curve needs no more than its own lowest rate: the change of rate is at most
min(test rate) / max(anchor rate) - 1 (mirrored, at least max / min - 1, if the test curve is always worse). In draws
that do share a range the BD-rate stands for that figure. `bound_percent` is the 97.5 % quantile over the draws
(2.5 % when the test curve is worse), so that it carries the uncertainty too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from picobench.analysis.bdrate import MIN_OVERLAP, MIN_POINTS, THIN_OVERLAP
from picobench.errors import RatingsError
from picobench.ratings.bradley_terry import ELO_PER_NAT, Fit, Floats, elo

DRAWS = 10000
"""Draws of the strengths behind an interval."""

_LEAST_VALID_SHARE = 0.95


@dataclass(frozen=True)
class PerceptualBdRate:
    """BD-rate of a test curve against an anchor at equal Elo, in percent.

    Attributes:
        anchor: Name of the anchor curve.
        test: Name of the test curve.
        percent: BD-rate at the estimated Elo; None where there is none, see `reason`.
        low: Lower end of the 95 % interval; None where there is none.
        high: Upper end.
        overlap: Shared Elo range divided by the range that both curves span together, 0 to 1.
        valid_share: Share of draws that have a BD-rate.
        bound_percent: If the curves share no range: the change of rate is at most (test better) or at least
            (test worse) this, with a probability of 97.5 %; None otherwise.
        bound_is_upper: Whether the bound is an upper one; meaningless without a bound.
        reason: Why there is no BD-rate, or no interval; empty if both are there.
        note: What else must be said with the number.
    """

    anchor: str
    test: str
    percent: float | None
    low: float | None
    high: float | None
    overlap: float
    valid_share: float
    bound_percent: float | None
    bound_is_upper: bool
    reason: str
    note: str

    @property
    def bound_words(self) -> str:
        """`at most` or `at least`; empty without a bound."""
        if self.bound_percent is None:
            return ""
        return "at most" if self.bound_is_upper else "at least"


@dataclass(frozen=True)
class RatedCurve:
    """Methods of one codec at different rates.

    Attributes:
        name: Name of the codec.
        bpp: Rate of each method by the method's name, bits per pixel, positive, no two equal.
    """

    name: str
    bpp: Mapping[str, float]


def perceptual_bd_rate(
    fit: Fit,
    draws: Floats,
    anchor: RatedCurve,
    test: RatedCurve,
    *,
    minimum_points: int = MIN_POINTS,
) -> PerceptualBdRate:
    """Compute the BD-rate of `test` against `anchor` at equal Elo.

    Args:
        fit: The strengths.
        draws: (draws, M) nats, as `posterior.Draws.strengths`.
        anchor: The curve compared against.
        test: The curve whose rate change is computed.
        minimum_points: Points a curve needs, at least 2; below four is an exception that the result notes.

    Raises:
        RatingsError: A method is not in the study, a rate is not positive or appears twice, or a curve has
            too few points.
    """
    if minimum_points < 2:
        raise RatingsError("a curve needs at least two points; raise the minimum number of points")
    a_index, a_rate = _sorted_points(fit, anchor, minimum_points)
    t_index, t_rate = _sorted_points(fit, test, minimum_points)
    estimate = elo(fit)
    a_elo, t_elo = estimate[a_index], estimate[t_index]
    a_draws, t_draws = draws[:, a_index] * ELO_PER_NAT, draws[:, t_index] * ELO_PER_NAT
    values = np.array([_log_change(a_rate, a, t_rate, t) for a, t in zip(a_draws, t_draws, strict=True)])
    valid_share = float(np.isfinite(values).mean())
    point = _log_change(a_rate, a_elo, t_rate, t_elo)
    overlap = _overlap(a_elo, t_elo)
    low = high = bound = None
    upper = bool(t_elo.min() > a_elo.max())
    if np.isfinite(point) and overlap < MIN_OVERLAP:
        reason = f"shared Elo range {overlap:.2f} of the joint range, at least {MIN_OVERLAP:.2f} needed"
        point = float("nan")
    elif np.isfinite(point) and valid_share >= _LEAST_VALID_SHARE:
        reason = ""
        ends = np.quantile(values[np.isfinite(values)], [0.025, 0.975])
        low, high = _percent(ends[0]), _percent(ends[1])
    elif np.isfinite(point):
        reason = f"no interval: only {valid_share:.0%} of the draws of the Elo have a BD-rate"
    elif not (_rises(a_elo) and _rises(t_elo)):
        worse = anchor.name if not _rises(a_elo) else test.name
        reason = f"the Elo of {worse} does not rise with its rate"
    else:
        reason = "the curves share no range of Elo"
        edge = np.log(t_rate[0] / a_rate[-1]) if upper else np.log(t_rate[-1] / a_rate[0])
        apart = (
            t_draws.min(axis=1) > a_draws.max(axis=1) if upper else t_draws.max(axis=1) < a_draws.min(axis=1)
        )
        bound = _bound(np.where(apart, edge, values), upper)
    note = _note(min(len(a_rate), len(t_rate)), overlap if np.isfinite(point) else 1.0)
    percent = _percent(point) if np.isfinite(point) else None
    return PerceptualBdRate(
        anchor.name, test.name, percent, low, high, overlap, valid_share, bound, upper, reason, note
    )


def perceptual_bd_rates(
    fit: Fit,
    draws: Floats,
    curves: Mapping[str, RatedCurve],
    anchor: str,
    *,
    minimum_points: int = MIN_POINTS,
) -> Iterator[PerceptualBdRate]:
    """The BD-rate of every other curve against `anchor`; one with too few points has none, and the reason says so.

    Raises:
        RatingsError: As `perceptual_bd_rate`, or `anchor` is not among the curves.
    """
    if anchor not in curves:
        raise RatingsError(
            f"no curve {anchor!a} in the table of methods; it has: {', '.join(curves) or 'none'}"
        )
    for name, curve in curves.items():
        short = min((curves[anchor], curve), key=lambda one: len(one.bpp))
        if name == anchor:
            continue
        if len(short.bpp) < minimum_points:
            reason = f"a curve needs {minimum_points} operating points and {short.name} has {len(short.bpp)}"
            yield PerceptualBdRate(
                anchor, name, None, None, None, float("nan"), float("nan"), None, False, reason, ""
            )
        else:
            yield perceptual_bd_rate(fit, draws, curves[anchor], curve, minimum_points=minimum_points)


def _sorted_points(fit: Fit, curve: RatedCurve, minimum_points: int) -> tuple[list[int], Floats]:
    if len(curve.bpp) < minimum_points:
        raise RatingsError(
            f"{curve.name}: {len(curve.bpp)} operating points, a BD-rate asks for {minimum_points}; "
            "give more points, or lower --minimum-points, which the result then says"
        )
    for method, bpp in curve.bpp.items():
        if method not in fit.methods:
            raise RatingsError(f"{curve.name}: no votes on {method!a}; check the name of the method")
        if not (np.isfinite(bpp) and bpp > 0):
            raise RatingsError(f"{curve.name}: the rate of {method!a} is {bpp} bpp; it must be positive")
    rates = sorted(curve.bpp.items(), key=lambda item: item[1])
    if len({bpp for _, bpp in rates}) < len(rates):
        raise RatingsError(f"{curve.name}: two operating points have the same rate; keep one")
    return [fit.methods.index(method) for method, _ in rates], np.array([bpp for _, bpp in rates])


def _note(fewest: int, overlap: float) -> str:
    remarks = []
    if fewest < MIN_POINTS:
        remarks.append(f"only {fewest} operating points on a curve, where a BD-rate asks for {MIN_POINTS}")
    if overlap < THIN_OVERLAP:
        remarks.append(f"thin overlap of {overlap:.2f}")
    return "; ".join(remarks)


def _rises(quality: Floats) -> bool:
    return bool((np.diff(quality) > 0).all())


def _log_change(a_rate: Floats, a_elo: Floats, t_rate: Floats, t_elo: Floats) -> float:
    """Mean difference of log-rate at equal Elo, test minus anchor; NaN where it is not defined."""
    from scipy.interpolate import PchipInterpolator

    low, high = max(a_elo[0], t_elo[0]), min(a_elo[-1], t_elo[-1])
    if not (_rises(a_elo) and _rises(t_elo)) or high <= low:
        return float("nan")
    area = [
        float(PchipInterpolator(quality, np.log(rate)).integrate(low, high))
        for quality, rate in ((a_elo, a_rate), (t_elo, t_rate))
    ]
    return (area[1] - area[0]) / float(high - low)


def _bound(values: Floats, upper: bool) -> float | None:
    usable = values[np.isfinite(values)]
    if usable.size < _LEAST_VALID_SHARE * values.size:
        return None
    return _percent(float(np.quantile(usable, 0.975 if upper else 0.025)))


def _overlap(a_elo: Floats, t_elo: Floats) -> float:
    shared = min(a_elo.max(), t_elo.max()) - max(a_elo.min(), t_elo.min())
    union = max(a_elo.max(), t_elo.max()) - min(a_elo.min(), t_elo.min())
    return float(max(shared, 0) / union) if union > 0 else 0.0


def _percent(log_change: float) -> float:
    return float(np.expm1(log_change) * 100)
