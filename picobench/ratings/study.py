# SPDX-License-Identifier: BSD-3-Clause
"""The whole analysis of one study, as the command line and the report show it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from picobench.errors import RatingsError
from picobench.ratings.bradley_terry import (
    Fit,
    Prior,
    elo,
    fit_votes,
    normalised_score,
)
from picobench.ratings.linking import Separation, require_common_scale, separations
from picobench.ratings.perceptual import RatedCurve
from picobench.ratings.posterior import (
    Draws,
    difference_interval,
    elo_intervals,
    interval_errors,
    sample_posterior,
)
from picobench.ratings.raters import RaterConsistency, rater_consistency
from picobench.ratings.read_votes import read_small_table
from picobench.ratings.uncertainty import Clustered, clustered, widen
from picobench.ratings.votes import Votes, checked_name, compacted


@dataclass(frozen=True)
class MethodScore:
    """One method of a study.

    Attributes:
        method: Name.
        votes: Votes that it took part in.
        elo: Elo relative to the mean of the methods, at the mode of the posterior.
        low: Lower end of the 95 % interval if votes are independent.
        high: Upper end.
        clustered_low: Lower end of the 95 % interval that allows for raters and images; None if there is none.
        clustered_high: Upper end.
        score: Elo mapped to 0 for the best and 1 for the worst method.
        above_next: Probability that it is better than the next in order, allowing for raters and images
            where that is possible; None for the last.
    """

    method: str
    votes: int
    elo: float
    low: float
    high: float
    clustered_low: float | None
    clustered_high: float | None
    score: float
    above_next: float | None


@dataclass(frozen=True, eq=False)
class Study:
    """Everything computed from the votes of one study.

    Attributes:
        votes: The votes used.
        fit: The mode of the posterior.
        spread: Covariance that allows for raters and images, or why there is none.
        posterior: Draws from the exact posterior, which takes votes as independent.
        wide: Draws that allow for raters and images; None where `spread` says why not.
        methods: The methods, best first.
        raters: Consistency of each rater; empty without raters, or with fewer than three.
        interval_error_elo: Twice the standard error of the ends of the intervals that comes from drawing, the
            largest over methods and both intervals, Elo.
        separations: Methods that never lost, or never won: how far away they are rests on the prior.
    """

    votes: Votes
    fit: Fit
    spread: Clustered | str
    posterior: Draws
    wide: Draws | None
    methods: tuple[MethodScore, ...]
    raters: tuple[RaterConsistency, ...]
    interval_error_elo: float
    separations: tuple[Separation, ...]

    @property
    def draws(self) -> Draws:
        """The draws to quote from: those that allow for raters and images where there are any."""
        return self.posterior if self.wide is None else self.wide


@dataclass(frozen=True)
class MethodDifference:
    """One method compared with another of the same study.

    Attributes:
        method: Name.
        other: Name of the method that is subtracted.
        elo_difference: Elo of `method` minus Elo of `other`.
        low: Lower end of its 95 % interval if votes are independent.
        high: Upper end.
        clustered_low: Lower end of the 95 % interval that allows for raters and images; None if there is none.
        clustered_high: Upper end.
        better: Probability that the difference is positive, allowing for raters and images where possible.
    """

    method: str
    other: str
    elo_difference: float
    low: float
    high: float
    clustered_low: float | None
    clustered_high: float | None
    better: float


@dataclass(frozen=True)
class MethodInfo:
    """What a table of methods says about one of them; None where it says nothing."""

    label: str | None
    curve: str | None
    bpp: float | None


def analyse_study(votes: Votes, prior: Prior | None = None, seed: int = 0) -> Study:
    """Estimate the strengths of the methods, their intervals and the consistency of the raters.

    Args:
        votes: The votes; what undecided ones count as is settled before (`votes.resolve_undecided`).
        prior: Prior of the strengths.
        seed: Seed of the draws, not negative.

    Raises:
        RatingsError: The methods have no common scale.
    """
    votes = compacted(votes)
    require_common_scale(votes)
    fit = fit_votes(votes, prior)
    spread = clustered(fit, votes)
    posterior = sample_posterior(fit, seed)
    wide = widen(posterior, fit, spread, (seed, 1)) if isinstance(spread, Clustered) else None
    quoted = posterior if wide is None else wide
    points, interval, score = elo(fit), elo_intervals(posterior), normalised_score(fit)
    wide_interval = None if wide is None else elo_intervals(wide)
    given = np.bincount(np.concatenate([votes.first, votes.second]))
    order = [int(k) for k in np.argsort(-points, kind="stable")]
    methods = []
    for place, k in enumerate(order):
        after = order[place + 1] if place + 1 < len(order) else None
        methods.append(
            MethodScore(
                fit.methods[k],
                int(given[k]),
                float(points[k]),
                float(interval[k, 0]),
                float(interval[k, 1]),
                None if wide_interval is None else float(wide_interval[k, 0]),
                None if wide_interval is None else float(wide_interval[k, 1]),
                float(score[k]),
                None if after is None else difference_interval(quoted, k, after)[2],
            )
        )
    error = max(float(interval_errors(draws).max()) for draws in (posterior, quoted))
    raters = tuple(rater_consistency(fit, votes))
    return Study(
        votes, fit, spread, posterior, wide, tuple(methods), raters, error, tuple(separations(votes))
    )


def method_differences(study: Study) -> list[MethodDifference]:
    """Every method against every other, in the order of the scores; both directions of each pair."""
    names = [method.method for method in study.methods]
    place = {name: study.fit.methods.index(name) for name in names}
    points = elo(study.fit)
    found = {}
    for row, method in enumerate(names):
        for other in names[row + 1 :]:
            one, two = place[method], place[other]
            low, high, better = difference_interval(study.posterior, one, two)
            wide_low = wide_high = None
            if study.wide is not None:
                wide_low, wide_high, better = difference_interval(study.wide, one, two)
            difference = float(points[one] - points[two])
            found[method, other] = MethodDifference(
                method, other, difference, low, high, wide_low, wide_high, better
            )
            found[other, method] = MethodDifference(
                other, method, -difference, -high, -low, _minus(wide_high), _minus(wide_low), 1 - better
            )
    return [found[method, other] for method in names for other in names if method != other]


def read_methods(path: Path) -> dict[str, MethodInfo]:
    """Read a CSV table of methods: `method`, and optionally `label`, `curve` and `bpp`.

    `label` is the name to print, `curve` the codec that the method is an operating point of, `bpp` its rate.

    Raises:
        RatingsError: The file or a row of it is wrong; the message names the row.
    """
    methods: dict[str, MethodInfo] = {}
    for place, row in read_small_table(path, ("method",), ("label", "curve", "bpp")):
        name = checked_name(row["method"], "method", place)
        if name in methods:
            raise RatingsError(f"{place}: {name!a} is there twice; remove one")
        label, curve = (
            checked_name(row[key], key, place) if row.get(key) else None for key in ("label", "curve")
        )
        methods[name] = MethodInfo(label, curve, _rate(row.get("bpp", ""), place))
    return methods


def rated_curves(methods: dict[str, MethodInfo]) -> dict[str, RatedCurve]:
    """Group the methods that have a curve and a rate into curves, by the curve's name."""
    grouped: dict[str, dict[str, float]] = {}
    for name, info in methods.items():
        if info.curve is not None and info.bpp is not None:
            grouped.setdefault(info.curve, {})[name] = info.bpp
    return {curve: RatedCurve(curve, bpp) for curve, bpp in grouped.items()}


def _minus(value: float | None) -> float | None:
    return None if value is None else -value


def _rate(text: str, place: str) -> float | None:
    if not text:
        return None
    try:
        bpp = float(text)
    except ValueError:
        bpp = float("nan")
    if not (np.isfinite(bpp) and bpp > 0):
        raise RatingsError(f"{place}: bpp is {text[:40]!a}; write a positive number such as 0.25")
    return bpp
