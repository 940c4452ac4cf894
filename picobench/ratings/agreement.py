# SPDX-License-Identifier: BSD-3-Clause
"""How well an objective metric agrees with the human score.

    Spearman   rank correlation of the metric and Elo over methods (C. Spearman, Am. J. Psychol. 15, 1904)
    Kendall    tau-b, the same with ties allowed for (M. G. Kendall, Biometrika 33, 1945)
    pairs      share of pairs of methods that the metric orders as Elo does; a tie of the metric counts half
    votes      share of single votes, ties aside, whose winner the metric predicts from the two pictures shown
    ceiling    the same share for Elo itself, which knows the votes but not the image: what a perfect score
               per method would reach

A metric is oriented so that agreement is positive. A metric with values per image enters the first three as its mean
over the images for which every method has a value. The interval is from the 2.5 % to the 97.5 % quantile of a
bootstrap over images (B. Efron, Ann. Stat. 7, 1979): each resample draws images with replacement, fits the Elo again to
the votes on them and averages the metric over them. Studies without images resample raters, or else votes.
With about ten methods these intervals are wide, and so they should be.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from picobench.errors import RatingsError
from picobench.ratings.bradley_terry import Floats, Prior, count_pairs, fit_counts
from picobench.ratings.votes import FIRST, TIE, Votes

MIN_METHODS = 3

_LEAST_VALID_SHARE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % bootstrap interval; None where it does not exist."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Agreement:
    """Agreement of one metric with the votes.

    Attributes:
        metric: Name of the metric.
        methods: Number of methods compared.
        images: Images over which the metric was averaged; 0 if it has one value per method.
        spearman: Rank correlation, -1 to 1.
        kendall: tau-b, -1 to 1.
        pairs: Share of pairs of methods ordered alike, 0 to 1.
        votes: Share of votes predicted, 0 to 1.
        ceiling: Share of votes predicted by Elo itself, 0 to 1.
        resampled: What the bootstrap resampled: images, raters or votes.
    """

    metric: str
    methods: int
    images: int
    spearman: Estimate
    kendall: Estimate
    pairs: Estimate
    votes: Estimate
    ceiling: Estimate
    resampled: str


def metric_agreement(
    metric: str,
    votes: Votes,
    scores: Floats,
    higher_is_better: bool,
    *,
    prior: Prior | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Agreement:
    """Compare a metric with the votes.

    Args:
        metric: Name of the metric.
        votes: The study.
        scores: (images, methods) in the order of `votes.images` and `votes.methods`, NaN where missing; or
            (methods,) for a metric with one value per method, such as FID.
        higher_is_better: Direction of the metric.
        prior: Prior of the strengths.
        resamples: Resamples of the bootstrap.
        seed: Seed of the bootstrap.

    Raises:
        RatingsError: Fewer than three methods, or no image for which every method has a value.
    """
    if len(votes.methods) < MIN_METHODS:
        raise RatingsError(
            f"{metric}: agreement needs at least {MIN_METHODS} methods; there are {len(votes.methods)}"
        )
    per_image = scores.ndim == 2
    expected = (len(votes.images), len(votes.methods)) if per_image else (len(votes.methods),)
    if scores.shape != expected:
        raise ValueError(f"scores have shape {scores.shape}, expected {expected}")
    table = (scores if higher_is_better else -scores).astype(np.float64)
    complete: npt.NDArray[np.bool_] = np.asarray(np.isfinite(np.atleast_2d(table)).all(axis=1))
    if not complete.any():
        raise RatingsError(f"{metric}: no image has a value of every method; compute the missing ones")
    what, label, clusters = _clusters(votes)
    study = _Study(votes, table, complete, label, prior or Prior())
    estimate = study.figures(np.ones(clusters))
    random = np.random.default_rng(seed)
    resampled = np.stack(
        [
            study.figures(
                np.bincount(random.integers(0, clusters, clusters), minlength=clusters).astype(np.float64)
            )
            for _ in range(resamples)
        ]
    )
    spearman, kendall, pairs, hits, ceiling = (
        _estimate(value, draws) for value, draws in zip(estimate, resampled.T, strict=True)
    )
    images = int(complete.sum()) if per_image else 0
    return Agreement(metric, len(votes.methods), images, spearman, kendall, pairs, hits, ceiling, what)


class _Study:
    """Votes and metric of one study, for figures under any weighting of its clusters."""

    def __init__(
        self,
        votes: Votes,
        table: Floats,
        complete: npt.NDArray[np.bool_],
        label: npt.NDArray[np.int64],
        prior: Prior,
    ) -> None:
        self._votes, self._table, self._complete = votes, table, complete
        self._label, self._prior = label, prior
        if table.ndim == 2:
            seen_first, seen_second = table[votes.image, votes.first], table[votes.image, votes.second]
        else:
            seen_first, seen_second = table[votes.first], table[votes.second]
        sign = np.where(votes.outcome == FIRST, 1.0, -1.0)
        self._hits = _half_ties(sign * (seen_first - seen_second))
        self._sign = sign
        self._decided = (votes.outcome != TIE) & np.isfinite(seen_first) & np.isfinite(seen_second)

    def figures(self, weight: Floats) -> Floats:
        """Spearman, Kendall, pairs, votes, ceiling; NaN where undefined. `weight`: (clusters,)."""
        from scipy.stats import kendalltau, rankdata

        votes = self._votes
        vote_weight = weight[self._label]
        fit = fit_counts(votes.methods, count_pairs(votes, vote_weight), self._prior)
        metric = self._table
        if metric.ndim == 2:
            image_weight = weight * self._complete  # a metric per image means that images are resampled
            if image_weight.sum() == 0:
                return np.full(5, np.nan)
            metric = image_weight[self._complete] @ metric[self._complete] / image_weight.sum()
        human = fit.strengths
        first, second = np.triu_indices(human.size, 1)
        if np.ptp(metric) == 0:
            spearman = kendall = float("nan")
        else:
            spearman = float(np.corrcoef(rankdata(metric), rankdata(human))[0, 1])
            kendall = float(kendalltau(metric, human).statistic)
        pairs = _half_ties((metric[first] - metric[second]) * np.sign(human[first] - human[second])).mean()
        decided_weight = vote_weight * self._decided
        total = decided_weight.sum()
        if total == 0:
            return np.array([spearman, kendall, pairs, np.nan, np.nan])
        ceiling = _half_ties(self._sign * (human[votes.first] - human[votes.second]))
        hits = np.where(self._decided, self._hits, 0.0)
        return np.array(
            [spearman, kendall, pairs, decided_weight @ hits / total, decided_weight @ ceiling / total]
        )


def _clusters(votes: Votes) -> tuple[str, npt.NDArray[np.int64], int]:
    """What to resample, each vote's cluster, and how many there are; images keep their own index."""
    if votes.images:
        return "images", votes.image, len(votes.images)
    if votes.raters:
        return "raters", votes.rater, len(votes.raters)
    return "votes", np.arange(len(votes)), len(votes)


def _half_ties(difference: Floats) -> Floats:
    return np.asarray((np.sign(difference) + 1) / 2)


def _estimate(value: float, draws: Floats) -> Estimate:
    if not np.isfinite(value):
        return Estimate(None, None, None)
    finite = draws[np.isfinite(draws)]
    if finite.size < _LEAST_VALID_SHARE * draws.size:
        return Estimate(float(value), None, None)
    low, high = np.quantile(finite, [0.025, 0.975])
    return Estimate(float(value), float(low), float(high))
