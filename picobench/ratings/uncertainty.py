# SPDX-License-Identifier: BSD-3-Clause
"""Intervals that allow for raters and images, draws for what is computed from strengths, and a check of Laplace.

Clustering. The posterior takes votes as independent given the strengths. Votes of one rater share that rater's
taste, votes on one image share what the codecs do to it, so the posterior of a real study is too narrow for the
question "what would other raters say of other images?". `clustered` answers that with the sandwich covariance
H^-1 B H^-1, H the negative Hessian of the log-posterior and B the sum of outer products of score sums over raters,
plus the same over images, minus the same over (rater, image) cells, which both count (two-way clustering:
A. C. Cameron, J. B. Gelbach and D. L. Miller, Robust inference with multiway clustering, J. Bus. Econ. Stat. 29,
2011; the sandwich: P. J. Huber, Proc. 5th Berkeley Symp., 1967). Each term is multiplied by G / (G - 1), G its
number of clusters, and intervals use Student's t with (smallest G) - 1 degrees of freedom. The difference of
three noisy matrices can be too small in some direction, even negative; since clusters are no reason to believe votes
more than independent ones, no contrast of strengths gets a smaller variance than in the posterior (eigenvalues
relative to the posterior that are below one are raised to one). No simulation, so no seed.

Check. `check_laplace` draws from the exact posterior by elliptical slice sampling around the Laplace approximation
(I. Murray, R. P. Adams and D. J. C. MacKay, AISTATS 2010; used with an approximation as the base: R. Nishihara,
I. Murray and R. P. Adams, J. Mach. Learn. Res. 15, 2014), which leaves the posterior invariant without tuning, and
compares the ends of the 95 % intervals.
"""

import sys
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from picobench.ratings.bradley_terry import (
    ELO_PER_NAT,
    NORMAL_95,
    Fit,
    Floats,
    centred,
    elo_interval,
    outcome_probabilities,
    vote_outcome_column,
)
from picobench.ratings.votes import Votes

# Below this many raters or images their spread cannot be estimated; t with 4 degrees of freedom is wide already.
MIN_CLUSTERS = 5

_CHAINS = 400
_BURN_IN = 20
_KEPT = 40
# Pairs times chains per step: a study of 100 methods takes seconds with it.
_WORK = 250_000


@dataclass(frozen=True, eq=False)
class Clustered:
    """Covariance that allows for clusters.

    Attributes:
        covariance: (M, M) nats squared, of strengths relative to their mean; not below the posterior's.
        quantile: Half width of a 95 % interval in standard deviations, from Student's t.
        degrees_of_freedom: Of that t.
        factors: What votes were clustered by: raters, images or both.
    """

    covariance: Floats
    quantile: float
    degrees_of_freedom: int
    factors: tuple[str, ...]


def clustered(fit: Fit, votes: Votes) -> Clustered | str:
    """Covariance of the strengths that allows for raters and images, or the reason why there is none.

    Args:
        fit: The fit of exactly these votes.
        votes: The votes.
    """
    from scipy.special import stdtrit

    known = {"raters": (votes.raters, votes.rater), "images": (votes.images, votes.image)}
    labels = {
        name: np.unique(label, return_inverse=True)[1]
        for name, (names, label) in known.items()
        if len(names) > 1
    }
    enough = {name: label for name, label in labels.items() if label.max() + 1 >= MIN_CLUSTERS}
    if not enough:
        return f"needs at least {MIN_CLUSTERS} raters or {MIN_CLUSTERS} images with votes"
    scores = _Scores(fit, votes)
    middle = np.zeros_like(fit.hessian)
    for label in enough.values():
        middle += scores.outer_sum(label)
    if len(enough) == 2:
        rater, image = enough["raters"], enough["images"]
        _, cell = np.unique(rater * (image.max() + 1) + image, return_inverse=True)
        middle -= scores.outer_sum(cell)
    # In coordinates where the posterior has unit covariance, the sandwich is root' B root.
    root = np.linalg.cholesky(np.linalg.inv(fit.hessian))
    eigenvalue, vector = np.linalg.eigh(root.T @ middle @ root)
    widened = root @ (vector * eigenvalue.clip(min=1)) @ vector.T @ root.T
    covariance = centred(widened, len(fit.methods))
    freedom = int(min(label.max() + 1 for label in enough.values())) - 1
    return Clustered(covariance, float(stdtrit(freedom, 0.975)), freedom, tuple(enough))


class _Scores:
    """Gradient of each vote's log-likelihood, kept as its three entries that are not zero."""

    def __init__(self, fit: Fit, votes: Votes) -> None:
        probability = outcome_probabilities(
            fit.strengths[votes.first] - fit.strengths[votes.second], fit.log_tie
        )
        happened = np.eye(3)[vote_outcome_column(votes)]
        residual = happened - probability
        self._votes = votes
        self._strength = (residual[:, 0] - residual[:, 2]) / 2
        self._tie = residual[:, 1] if fit.log_tie is not None else None
        self._methods = len(fit.methods)

    def outer_sum(self, label: npt.NDArray[np.int64]) -> Floats:
        """G / (G - 1) times the sum over clusters of the outer product of their summed scores."""
        from scipy.sparse import coo_array

        columns = [self._votes.first, self._votes.second]
        values = [self._strength, -self._strength]
        if self._tie is not None:
            columns.append(np.full(label.size, self._methods))
            values.append(self._tie)
        groups = int(label.max()) + 1
        width = self._methods + (self._tie is not None)
        # Sparse: there are nearly as many cells as votes, and each touches few methods.
        place = (np.tile(label, len(columns)), np.concatenate(columns))
        sums = coo_array((np.concatenate(values), place), shape=(groups, width)).tocsr()
        return np.asarray((sums.T @ sums).toarray() * (groups / (groups - 1)))


def clustered_interval(fit: Fit, spread: Clustered) -> Floats:
    """95 % intervals of Elo that allow for clusters, shape (M, 2): lower and upper end."""
    return elo_interval(fit, spread.covariance, spread.quantile)


def elo_difference(
    fit: Fit, better: str, worse: str, spread: Clustered | None = None
) -> tuple[float, float, float, float]:
    """Compare two methods: Elo of `better` minus Elo of `worse`, its 95 % interval, P(difference > 0).

    Args:
        fit: The posterior.
        better: Name of a method of the fit.
        worse: Name of another.
        spread: The clustered covariance; without it the posterior of independent votes.
    """
    from scipy.special import ndtr, stdtr

    contrast = np.zeros(len(fit.methods))
    contrast[fit.methods.index(better)] += 1
    contrast[fit.methods.index(worse)] -= 1
    covariance = fit.covariance if spread is None else spread.covariance
    difference = float(contrast @ fit.strengths) * ELO_PER_NAT
    deviation = max(float(contrast @ covariance @ contrast), 0.0) ** 0.5 * ELO_PER_NAT
    half = deviation * (NORMAL_95 if spread is None else spread.quantile)
    # Without spread the sign is certain; the smallest positive number keeps 0 / 0 from appearing.
    ratio: float = difference / max(deviation, sys.float_info.min)
    above = float(ndtr(ratio)) if spread is None else float(stdtr(spread.degrees_of_freedom, ratio))
    return difference, difference - half, difference + half, above


def draw_strengths(fit: Fit, count: int, seed: int, spread: Clustered | None = None) -> Floats:
    """Draws of all strengths for quantities computed from them, shape (count, M), nats, each summing to zero.

    Normal with the posterior's covariance, or multivariate t with the clustered covariance.
    """
    random = np.random.default_rng(seed)
    covariance = fit.covariance if spread is None else spread.covariance
    eigenvalue, vector = np.linalg.eigh(covariance)
    noise = random.standard_normal((count, eigenvalue.size)) * np.sqrt(eigenvalue.clip(min=0))
    if spread is not None:
        freedom = spread.degrees_of_freedom
        noise *= np.sqrt(freedom / random.chisquare(freedom, (count, 1)))
    return np.asarray(fit.strengths + noise @ vector.T)


def sample_posterior(fit: Fit, seed: int) -> Floats:
    """Draws from the exact posterior, shape (draws, M), nats, each summing to zero.

    Chains start from the Laplace approximation, run 20 steps and keep 40: 400 chains and 16,000 draws, or
    down to 50 chains and 2,000 draws with very many pairs. Consecutive draws of a chain are correlated
    where the approximation is poor.
    """
    random = np.random.default_rng(seed)
    root = np.linalg.cholesky(np.linalg.inv(fit.hessian))
    # Deviations from the mode in units of the approximation: standard normal if it were exact.
    chains = int(np.clip(_WORK // fit.counts.first.size, 50, _CHAINS))
    state = random.standard_normal((chains, fit.mode.size))
    kept = []
    for step in range(_BURN_IN + _KEPT):
        state = _slice_step(fit, root, state, random)
        if step >= _BURN_IN:
            kept.append(state)
    size = len(fit.methods)
    strengths = (fit.mode + np.concatenate(kept) @ root.T)[:, :size]
    return np.asarray(strengths - strengths.mean(axis=1, keepdims=True))


def check_laplace(fit: Fit, seed: int = 0) -> float:
    """Largest difference, in Elo, between an end of a 95 % interval by Laplace and by exact draws."""
    exact = np.quantile(sample_posterior(fit, seed), [0.025, 0.975], axis=0).T * ELO_PER_NAT
    return float(np.abs(exact - elo_interval(fit, quantile=NORMAL_95)).max())


def _slice_step(fit: Fit, root: Floats, state: Floats, random: np.random.Generator) -> Floats:
    other = random.standard_normal(state.shape)
    height = _residual(fit, root, state) + np.log(random.random(len(state)))
    angle = random.uniform(0, 2 * np.pi, len(state))
    low, high = angle - 2 * np.pi, angle.copy()
    result = state.copy()
    open_chains = np.arange(len(state))
    while open_chains.size:
        turn = angle[open_chains, None]
        trial = state[open_chains] * np.cos(turn) + other[open_chains] * np.sin(turn)
        accepted = _residual(fit, root, trial) > height[open_chains]
        result[open_chains[accepted]] = trial[accepted]
        open_chains = open_chains[~accepted]
        current = angle[open_chains]
        low[open_chains] = np.where(current < 0, current, low[open_chains])
        high[open_chains] = np.where(current < 0, high[open_chains], current)
        angle[open_chains] = random.uniform(low[open_chains], high[open_chains])
    return result


def _residual(fit: Fit, root: Floats, state: Floats) -> Floats:
    """Log of posterior over approximation, up to a constant, per row of `state`."""
    mode = fit.mode + state @ root.T
    counts, prior = fit.counts, fit.prior
    difference = mode[:, counts.first] - mode[:, counts.second]
    first, tied, second = counts.counts.T
    tie = mode[:, -1:] if counts.has_ties else np.full((len(mode), 1), -np.inf)
    log_sum = np.logaddexp(np.logaddexp(difference / 2, -difference / 2), tie)
    value = difference @ (first - second) / 2 - log_sum @ (first + tied + second)
    precision = np.full(mode.shape[1], 1 / prior.strength_sd**2)
    if counts.has_ties:
        precision[-1] = 1 / prior.tie_sd**2
        value = value + tied.sum() * mode[:, -1]
    return np.asarray(value - mode**2 @ precision / 2 + (state**2).sum(axis=1) / 2)
