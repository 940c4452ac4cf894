# SPDX-License-Identifier: BSD-3-Clause
"""Draws from the exact posterior of the strengths, and what is read from them: intervals and probabilities.

A method that hardly ever lost has a posterior with a long tail to one side. An interval that is symmetric around the
mode, as a normal approximation gives it, is then off by tens or hundreds of Elo; votes on one image are such a study as
a rule. So no interval rests on that approximation: all are from the 2.5 % to the 97.5 % quantile of these draws,
for many votes and for few.

With many votes the normal approximation at the mode is a good proposal: its draws are weighted with posterior over
proposal and resampled (sampling importance resampling: D. B. Rubin, Bayesian Statistics 3, 1988), if the weights are
so even that they are worth 90 % of as many equal ones. Otherwise elliptical slice sampling (I. Murray, R. P. Adams
and D. J. C. MacKay, AISTATS 2010) with a normal base (R. Nishihara, I. Murray and R. P. Adams, J. Mach. Learn. Res. 15,
2014) leaves the posterior invariant whatever the base. Many chains start from the approximation at the mode. After
each of five rounds of steps their mean and covariance, made wider, are the new base; only steps after the last round
and a burn-in are kept.

Error. The same quantile of twenty groups of independent draws, or chains, gives the standard error of the quantile
of all; twice that is what `interval_errors` returns. It is reported with every study.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from picobench.ratings.bradley_terry import ELO_PER_NAT, Fit, Floats

DRAWS = 40_000
GROUPS = 20

# A study of 200 methods takes seconds with it: pairs times draws at a time, and in all.
_BLOCK = 250_000
_WORK = 100_000_000
_FEWEST_DRAWS = 4_000
_EVEN_WEIGHTS = 0.9
_TRIAL = 1_000

_CHAINS = 400
_FEWEST_CHAINS = 40
# Several rounds, because a prior of 30 nats and more lets a tail reach far beyond the first base.
_ROUNDS = 5
_PILOT = 10
_BURN_IN = 10
# A base wider than the posterior: where it is narrower, chains stay in the tails for long.
_WIDER = 1.5
# The pilot's covariance counts as much as the mode's when it has this many states a parameter.
_STATES_A_PARAMETER = 10
_ENDS = (0.025, 0.975)


@dataclass(frozen=True, eq=False)
class Draws:
    """Draws of all parameters of a study.

    Attributes:
        parameters: (draws, M) or (draws, M + 1) nats, as `Fit.mode`.
        methods: M.
        group: (draws,) int64 below `GROUPS`: draws of different groups are independent.
    """

    parameters: Floats
    methods: int
    group: npt.NDArray[np.int64]

    @cached_property
    def strengths(self) -> Floats:
        """(draws, M) nats, each row summing to zero."""
        part = self.parameters[:, : self.methods]
        return np.asarray(part - part.mean(axis=1, keepdims=True))


def sample_posterior(fit: Fit, seed: int | Sequence[int], count: int = DRAWS) -> Draws:
    """Draw from the exact posterior.

    Args:
        fit: The posterior.
        seed: Not negative; the same seed gives the same draws.
        count: Number of draws; fewer, down to 4,000, are made with very many pairs.
    """
    random = np.random.default_rng(seed)
    count = min(count, max(_WORK // fit.counts.first.size, _FEWEST_DRAWS))
    root = np.linalg.cholesky(np.linalg.inv(fit.hessian))
    draws = _resample(fit, root, count, random)
    return _sample_chains(fit, root, count, random) if draws is None else draws


def thinned(draws: Draws, count: int) -> Floats:
    """Strengths of at most `count` draws spread evenly over all, shape (count, M)."""
    total = len(draws.strengths)
    return draws.strengths[np.linspace(0, total - 1, min(count, total)).astype(np.int64)]


def elo_intervals(draws: Draws) -> Floats:
    """95 % interval of the Elo of each method, shape (M, 2): lower and upper end."""
    return np.asarray(np.quantile(draws.strengths, _ENDS, axis=0).T * ELO_PER_NAT)


def interval_errors(draws: Draws) -> Floats:
    """Twice the standard error of the ends of `elo_intervals`, the larger of both ends, shape (M,), in Elo."""
    present = np.unique(draws.group)
    ends = [np.quantile(draws.strengths[draws.group == group], _ENDS, axis=0) for group in present]
    error = np.std(ends, axis=0, ddof=1) / np.sqrt(present.size)
    return np.asarray(2 * error.max(axis=0) * ELO_PER_NAT)


def difference_interval(draws: Draws, first: int, second: int) -> tuple[float, float, float]:
    """95 % interval of the Elo of one method minus another's, and the probability that it is positive."""
    lead = draws.strengths[:, first] - draws.strengths[:, second]
    low, high = np.quantile(lead, _ENDS) * ELO_PER_NAT
    return float(low), float(high), float(np.mean(lead > 0))


def _resample(fit: Fit, root: Floats, count: int, random: np.random.Generator) -> Draws | None:
    """Draws of the normal approximation, weighted and resampled; None where the weights are uneven."""
    for size in (_TRIAL, count):
        state = random.standard_normal((size, fit.mode.size))
        step = max(_BLOCK // fit.counts.first.size, 1)
        parts = [_residual(fit, fit.mode, root, state[at : at + step]) for at in range(0, size, step)]
        log_weight = np.concatenate(parts)
        weight = np.exp(log_weight - log_weight.max())
        weight /= weight.sum()
        if 1 / (weight**2).sum() < _EVEN_WEIGHTS * size:
            return None
    # Systematic: a draw of weight w comes w times count times, rounded up or down, and the order stays.
    chosen = np.searchsorted(weight.cumsum(), (np.arange(count) + random.random()) / count)
    parameters = fit.mode + state[chosen.clip(max=count - 1)] @ root.T
    return Draws(parameters, len(fit.methods), np.arange(count) * GROUPS // count)


def _sample_chains(fit: Fit, root: Floats, count: int, random: np.random.Generator) -> Draws:
    """Draws of chains; consecutive draws of a chain are correlated."""
    chains = min(_CHAINS, max(_BLOCK // fit.counts.first.size, _FEWEST_CHAINS))
    kept = -(-count // chains)
    centre = fit.mode
    state = random.standard_normal((chains, fit.mode.size))
    for _ in range(_ROUNDS):
        pilot = []
        for step in range(_PILOT):
            state = _slice_step(fit, centre, root, state, random)
            if step >= _PILOT // 2:
                pilot.append(state)
        centre, root, state = _wider_base(centre, root, np.concatenate(pilot), state)
    found = []
    for step in range(_BURN_IN + kept):
        state = _slice_step(fit, centre, root, state, random)
        if step >= _BURN_IN:
            found.append(centre + state @ root.T)
    group = np.tile(np.arange(chains) % GROUPS, kept)
    return Draws(np.concatenate(found), len(fit.methods), group)


def _wider_base(centre: Floats, root: Floats, pilot: Floats, state: Floats) -> tuple[Floats, Floats, Floats]:
    """Centre and root of a base fitted to the pilot's states, and the chains' states in its units."""
    size = pilot.shape[1]
    share = len(pilot) / (len(pilot) + _STATES_A_PARAMETER * size)
    mean = pilot.mean(axis=0)
    covariance = share * np.cov(pilot, rowvar=False) + (1 - share) * np.eye(size)
    scale = np.linalg.cholesky(_WIDER * covariance)
    return centre + root @ mean, root @ scale, np.linalg.solve(scale, (state - mean).T).T


def _slice_step(fit: Fit, centre: Floats, root: Floats, state: Floats, random: np.random.Generator) -> Floats:
    """One step of every chain. Rows of `state` are deviations from `centre` in units of `root`."""
    other = random.standard_normal(state.shape)
    height = _residual(fit, centre, root, state) + np.log(random.random(len(state)))
    angle = random.uniform(0, 2 * np.pi, len(state))
    low, high = angle - 2 * np.pi, angle.copy()
    result = state.copy()
    open_chains = np.arange(len(state))
    while open_chains.size:
        turn = angle[open_chains, None]
        trial = state[open_chains] * np.cos(turn) + other[open_chains] * np.sin(turn)
        accepted = _residual(fit, centre, root, trial) > height[open_chains]
        result[open_chains[accepted]] = trial[accepted]
        open_chains = open_chains[~accepted]
        current = angle[open_chains]
        low[open_chains] = np.where(current < 0, current, low[open_chains])
        high[open_chains] = np.where(current < 0, high[open_chains], current)
        angle[open_chains] = random.uniform(low[open_chains], high[open_chains])
    return result


def _residual(fit: Fit, centre: Floats, root: Floats, state: Floats) -> Floats:
    """Log of posterior over base, up to a constant, per row of `state`."""
    mode = centre + state @ root.T
    counts, prior = fit.counts, fit.prior
    difference = mode[:, counts.first] - mode[:, counts.second]
    first, tied, second = counts.counts.T
    half = np.abs(difference) / 2
    others = np.exp(-2 * half)
    precision = np.full(mode.shape[1], 1 / prior.strength_sd**2)
    value = difference @ ((first - second) / 2)
    if counts.has_ties:
        others += np.exp(np.minimum(mode[:, -1:] - half, 700))  # no overflow, however far out a trial lies
        precision[-1] = 1 / prior.tie_sd**2
        value = value + tied.sum() * mode[:, -1]
    value = value - (half + np.log1p(others)) @ (first + tied + second)
    return np.asarray(value - mode**2 @ precision / 2 + (state**2).sum(axis=1) / 2)
