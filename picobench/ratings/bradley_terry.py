# SPDX-License-Identifier: BSD-3-Clause
"""Strengths of methods from pairwise votes: Bayesian Bradley-Terry, with Davidson's ties.

Model. Method i has a log-strength s_i; P(i preferred to j) = 1 / (1 + exp(-(s_i - s_j)))
(R. A. Bradley and M. E. Terry, Rank analysis of incomplete block designs I, Biometrika 39, 1952; also
E. Zermelo, Math. Zeitschrift 29, 1929). If the study allowed ties and some were given, the three outcomes have
probabilities proportional to exp(s_i), exp(s_j) and nu exp((s_i + s_j) / 2) (R. R. Davidson, On extending the
Bradley-Terry model to accommodate ties in paired comparison experiments, J. Am. Stat. Assoc. 65, 1970). Ties are
not counted as half a vote for each: that is no likelihood, and the intervals from it are not posterior
intervals. With both, a tie pulls two methods together; Davidson's nu is estimated with the strengths.

Prior. s_i independent Normal(0, 3 nats), that is 521 Elo: two methods are a priori within 1,444 Elo of each
other with probability 95 %, which leaves every difference that a study can resolve nearly as it is, and keeps the
strength finite of a method that never lost, for which the likelihood alone has no maximum (L. R. Ford, Am. Math.
Monthly 64, 1957). log nu Normal(0, 2): the share of ties between equals is a priori 1 % to 96 % with probability
95 %. Both are arguments.

Posterior. The log-posterior is strictly concave (a multinomial logit plus a Gaussian), so Newton's method finds
its only maximum, which is the estimate. The inverse of the negative Hessian there (the normal approximation, see
A. Gelman and others, Bayesian Data Analysis, 3rd ed., 2013, section 4.1) is where draws from the exact posterior
start, and intervals are read from the draws: see `posterior.py`. Only differences of strengths are identified:
strengths are given relative to the mean of all methods (they sum to zero), and so are their covariance and intervals.

Scale. Elo = 400 / ln(10) x s: 400 points are odds of ten to one (A. E. Elo, The Rating of Chessplayers, 1978). The
estimate depends on counts alone, and so not on the order of the votes, unlike the online Elo update.

Votes are taken as independent here. Votes of one rater, or on one image, are not: see `uncertainty.py`.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from picobench.errors import RatingsError
from picobench.ratings.votes import FIRST, SECOND, TIE, Votes

Floats = npt.NDArray[np.float64]

ELO_PER_NAT = 400 / math.log(10)

# Newton's method doubles the digits with each step: after one of 1e-9 nats (2e-7 Elo) the error is rounding.
_STEP_NATS = 1e-9
_MAX_STEPS = 200
_MAX_HALVINGS = 40


@dataclass(frozen=True)
class Prior:
    """Standard deviations of the independent normal priors, both in nats, centred on zero.

    Attributes:
        strength_sd: Of each method's log-strength.
        tie_sd: Of Davidson's log nu; unused when there are no ties.
    """

    strength_sd: float = 3.0
    tie_sd: float = 2.0


@dataclass(frozen=True, eq=False)
class PairCounts:
    """Votes counted per pair, all that the likelihood depends on.

    Attributes:
        size: Number of methods.
        first: (P,) int64, lower index of each pair that was compared.
        second: (P,) int64, higher index.
        counts: (P, 3) float64, votes for the first, ties, votes for the second; not negative.
    """

    size: int
    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    counts: Floats

    @property
    def has_ties(self) -> bool:
        """Whether any vote is a tie."""
        return bool(self.counts[:, 1].any())


@dataclass(frozen=True, eq=False)
class Fit:
    """Posterior of the strengths of M methods.

    Attributes:
        methods: Their names.
        strengths: (M,) posterior mode in nats, sums to zero.
        covariance: (M, M) nats squared, of strengths relative to their mean, in the normal approximation; rank M - 1.
        log_tie: Posterior mode of log nu, None without ties.
        mode: (M,) or (M + 1,) the same mode, with log nu last if there are ties.
        hessian: Negative Hessian of the log-posterior at `mode`, with the prior's own precision.
        counts: The data.
        prior: The prior.
        votes: Number of votes.
    """

    methods: tuple[str, ...]
    strengths: Floats
    covariance: Floats
    log_tie: float | None
    mode: Floats
    hessian: Floats
    counts: PairCounts
    prior: Prior
    votes: float


def count_pairs(votes: Votes, weights: Floats | None = None) -> PairCounts:
    """Count the votes of each pair, each with a weight of one or as given in `weights` (shape (votes,))."""
    size = len(votes.methods)
    swap = votes.first > votes.second
    outcome = np.where(swap, -votes.outcome, votes.outcome)
    pair = np.minimum(votes.first, votes.second) * size + np.maximum(votes.first, votes.second)
    column = np.select([outcome == FIRST, outcome == TIE], [0, 1], 2)
    keys, place = np.unique(pair, return_inverse=True)
    counts = np.bincount(place * 3 + column, weights, 3 * keys.size).reshape(-1, 3).astype(np.float64)
    return PairCounts(size, keys // size, keys % size, counts)


def fit_votes(votes: Votes, prior: Prior | None = None) -> Fit:
    """Fit all votes together. Linking of the methods is the caller's: see `linking.require_common_scale`."""
    return fit_counts(votes.methods, count_pairs(votes), prior or Prior())


def fit_counts(
    methods: tuple[str, ...], counts: PairCounts, prior: Prior, start: Floats | None = None
) -> Fit:
    """Maximise the log-posterior by Newton's method with step halving.

    Args:
        methods: Names, as many as `counts.size`.
        counts: The data.
        prior: The prior.
        start: A guess of the mode to begin from, of the mode's own length, such as the mode of similar data.

    Raises:
        RatingsError: A prior that is not positive and finite, or no convergence.
    """
    if not all(math.isfinite(sd) and sd > 0 for sd in (prior.strength_sd, prior.tie_sd)):
        raise RatingsError(
            "the standard deviations of the prior must be positive; the defaults are 3 and 2 nats"
        )
    size = counts.size + counts.has_ties
    mode = np.zeros(size) if start is None or start.size != size else start.copy()
    value, gradient, hessian = log_posterior(counts, prior, mode)
    for _ in range(_MAX_STEPS):
        step = np.linalg.solve(hessian, gradient)
        if np.abs(step).max() <= _STEP_NATS:
            break
        slack = 1e-12 * (1 + abs(value))  # the sum over votes is rounded
        for halving in range(_MAX_HALVINGS):
            trial = mode + step / 2**halving
            trial_value, gradient, hessian = log_posterior(counts, prior, trial)
            if trial_value >= value - slack:
                break
        mode, value = trial, trial_value
    else:
        raise RatingsError("the estimate of the strengths did not converge; report this with the votes")
    strengths = mode[: counts.size] - mode[: counts.size].mean()
    covariance = centred(np.asarray(np.linalg.inv(hessian), np.float64), counts.size)
    log_tie = float(mode[-1]) if counts.has_ties else None
    votes = float(counts.counts.sum())
    return Fit(methods, strengths, covariance, log_tie, mode, hessian, counts, prior, votes)


def outcome_probabilities(difference: Floats, log_tie: float | None) -> Floats:
    """Probabilities of first, tie, second, shape (..., 3), at `difference` = s_first - s_second in nats."""
    tie = -np.inf if log_tie is None else log_tie
    logits = np.stack([difference / 2, np.full_like(difference, tie), -difference / 2], axis=-1)
    weight = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(weight / weight.sum(axis=-1, keepdims=True))


def log_posterior(counts: PairCounts, prior: Prior, mode: Floats) -> tuple[float, Floats, Floats]:
    """Log-posterior up to a constant, its gradient and its negative Hessian at `mode` (see `Fit.mode`)."""
    size, ties = counts.size, counts.has_ties
    difference = mode[counts.first] - mode[counts.second]
    tie = mode[-1] if ties else -np.inf
    first, tied, second = counts.counts.T
    total = first + tied + second
    half = np.abs(difference) / 2
    peak = np.maximum(half, tie)
    log_sum = peak + np.log(np.exp(half - peak) + np.exp(-half - peak) + np.exp(tie - peak))
    p_first, p_second = np.exp(difference / 2 - log_sum), np.exp(-difference / 2 - log_sum)
    lead = p_first - p_second
    precision = np.full(mode.size, 1 / prior.strength_sd**2)
    value = float((first - second) @ difference / 2 - total @ log_sum)
    slope = ((first - second) - total * lead) / 2
    gradient = np.zeros(mode.size)
    gradient[:size] = np.bincount(counts.first, slope, size) - np.bincount(counts.second, slope, size)
    curve = total * (p_first + p_second - lead**2) / 4
    hessian = np.zeros((mode.size, mode.size))
    np.add.at(hessian, (counts.first, counts.first), curve)
    np.add.at(hessian, (counts.second, counts.second), curve)
    np.add.at(hessian, (counts.first, counts.second), -curve)
    np.add.at(hessian, (counts.second, counts.first), -curve)
    if ties:
        p_tie = np.exp(tie - log_sum)
        precision[-1] = 1 / prior.tie_sd**2
        value += float(tied.sum() * tie)
        gradient[-1] = tied.sum() - total @ p_tie
        cross = -total * lead * p_tie / 2
        mixed = np.bincount(counts.first, cross, size) - np.bincount(counts.second, cross, size)
        hessian[:size, -1] = hessian[-1, :size] = mixed
        hessian[-1, -1] = total @ (p_tie * (1 - p_tie))
    value -= float(precision @ mode**2) / 2
    return value, gradient - precision * mode, hessian + np.diag(precision)


def elo(fit: Fit) -> Floats:
    """Elo of each method, shape (M,), relative to the mean of the study's methods."""
    return fit.strengths * ELO_PER_NAT


def normalised_score(fit: Fit) -> Floats:
    """Elo mapped linearly so that the best method has 0 and the worst 1, shape (M,), as HiFiC reports it."""
    best, worst = fit.strengths.max(), fit.strengths.min()
    if best == worst:
        return np.zeros(fit.strengths.size)
    return np.asarray((best - fit.strengths) / (best - worst))


def centred(covariance: Floats, size: int) -> Floats:
    """Covariance of the first `size` parameters relative to their own mean, shape (size, size)."""
    part = covariance[:size, :size]
    part = part - part.mean(axis=0, keepdims=True)
    return np.asarray(part - part.mean(axis=1, keepdims=True))


def vote_outcome_column(votes: Votes) -> npt.NDArray[np.int64]:
    """Column of `outcome_probabilities` that holds what happened: 0 first, 1 tie, 2 second; shape (votes,)."""
    return np.select([votes.outcome == FIRST, votes.outcome == SECOND], [0, 2], 1).astype(np.int64)
