# SPDX-License-Identifier: BSD-3-Clause
"""The whole analysis of one study, as the command line and the report show it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from picobench.errors import RatingsError
from picobench.ratings.bradley_terry import (
    Fit,
    PairCounts,
    Prior,
    count_pairs,
    elo,
    elo_interval,
    fit_counts,
    fit_votes,
    normalised_score,
)
from picobench.ratings.linking import require_common_scale, separated, unlinked_groups
from picobench.ratings.perceptual import RatedCurve
from picobench.ratings.raters import RaterConsistency, rater_consistency
from picobench.ratings.read_votes import read_small_table
from picobench.ratings.uncertainty import (
    Clustered,
    check_laplace,
    clustered,
    clustered_interval,
    elo_difference,
)
from picobench.ratings.votes import Votes, checked_name, compacted, select


@dataclass(frozen=True)
class MethodScore:
    """One method of a study.

    Attributes:
        method: Name.
        votes: Votes that it took part in.
        elo: Elo relative to the mean of the methods.
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
        fit: The posterior.
        spread: Covariance that allows for raters and images, or why there is none.
        methods: The methods, best first.
        raters: Consistency of each rater; empty without raters, or with fewer than three.
        laplace_error_elo: Largest difference of an interval's end from exact posterior draws, Elo.
        separated: Whether some methods never lost to the others, so that their distance rests on the prior.
    """

    votes: Votes
    fit: Fit
    spread: Clustered | str
    methods: tuple[MethodScore, ...]
    raters: tuple[RaterConsistency, ...]
    laplace_error_elo: float
    separated: bool

    @property
    def clustered(self) -> Clustered | None:
        """The clustered covariance where there is one."""
        return self.spread if isinstance(self.spread, Clustered) else None


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
        seed: Seed of the check of the Laplace approximation; nothing else is random.

    Raises:
        RatingsError: The methods have no common scale.
    """
    votes = compacted(votes)
    require_common_scale(votes)
    fit = fit_votes(votes, prior)
    spread = clustered(fit, votes)
    usable = spread if isinstance(spread, Clustered) else None
    points, interval, score = elo(fit), elo_interval(fit), normalised_score(fit)
    wide = clustered_interval(fit, usable) if usable else None
    given = np.bincount(np.concatenate([votes.first, votes.second]))
    order = [int(k) for k in np.argsort(-points, kind="stable")]
    methods = []
    for place, k in enumerate(order):
        after = order[place + 1] if place + 1 < len(order) else None
        above = None
        if after is not None:
            above = elo_difference(fit, fit.methods[k], fit.methods[after], usable)[3]
        methods.append(
            MethodScore(
                fit.methods[k],
                int(given[k]),
                float(points[k]),
                float(interval[k, 0]),
                float(interval[k, 1]),
                None if wide is None else float(wide[k, 0]),
                None if wide is None else float(wide[k, 1]),
                float(score[k]),
                above,
            )
        )
    raters = tuple(rater_consistency(fit, votes))
    return Study(votes, fit, spread, tuple(methods), raters, check_laplace(fit, seed), separated(votes))


def fit_per_image(votes: Votes, prior: Prior | None = None) -> dict[str, Fit]:
    """Fit the votes of each image by itself, over the methods that were compared on it.

    The Elo of each image is relative to the mean of the methods seen there. Images whose comparisons fall into
    groups without a vote between them have no common scale and are missing from the result.

    Raises:
        RatingsError: The votes do not say which image was shown.
    """
    if not votes.images:
        raise RatingsError(f"{votes.source}: no column image; per-image scores need it")
    fits = {}
    for index, name in enumerate(votes.images):
        part = select(votes, votes.image == index)
        if len(part) == 0 or len(unlinked_groups(part)) > 1:
            continue
        used = np.union1d(part.first, part.second)
        counts = count_pairs(part)
        packed = PairCounts(
            used.size,
            np.searchsorted(used, counts.first),
            np.searchsorted(used, counts.second),
            counts.counts,
        )
        fits[name] = fit_counts(tuple(votes.methods[k] for k in used), packed, prior or Prior())
    return fits


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
