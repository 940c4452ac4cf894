# SPDX-License-Identifier: BSD-3-Clause
"""Studies with known strengths: do 95 % intervals cover the truth in 95 % of them, and what order does to Elo.

A study has raters, images and methods. Rater r on image k sees method i with strength
s_i + a_ri + b_ki, where a and b are normal with the standard deviations `rater_sd` and `image_sd`, new in every
study. With both at zero, votes are independent and the posterior's own assumption holds. Otherwise the target
is the strength that infinitely many raters and images would give under the same design: per pair, the outcome
probability averaged over a and b (Gauss-Hermite quadrature), and the strengths that fit those averages best.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from picobench.ratings.bradley_terry import (
    ELO_PER_NAT,
    Floats,
    PairCounts,
    Prior,
    fit_counts,
    fit_votes,
    outcome_probabilities,
)
from picobench.ratings.posterior import elo_intervals, sample_posterior
from picobench.ratings.uncertainty import clustered, widen
from picobench.ratings.votes import FIRST, SECOND, TIE, Votes


@dataclass(frozen=True)
class Design:
    """A study to simulate.

    Attributes:
        name: For tables.
        strengths_elo: True Elo of each method, relative to any zero.
        votes: Number of votes; pairs, raters and images are drawn uniformly.
        raters: Number of raters.
        images: Number of images.
        log_tie: Davidson's log nu; None if the study allows no ties.
        rater_sd: How much raters differ in taste, nats per method.
        image_sd: How much a method's strength differs between images, nats.
    """

    name: str
    strengths_elo: tuple[float, ...]
    votes: int
    raters: int = 20
    images: int = 20
    log_tie: float | None = None
    rater_sd: float = 0.0
    image_sd: float = 0.0


@dataclass(frozen=True)
class Coverage:
    """How often 95 % intervals held the true Elo, over all methods of all studies.

    Attributes:
        design: What was simulated.
        studies: Number of studies.
        posterior: Share for the posterior's intervals, which take votes as independent.
        clustered: Share for the intervals that allow for raters and images.
        half_width_elo: Mean half width of the posterior's intervals.
        clustered_half_width_elo: The same of the clustered intervals.
    """

    design: Design
    studies: int
    posterior: float
    clustered: float
    half_width_elo: float
    clustered_half_width_elo: float


_NINE = (290.0, 190.0, 150.0, 50.0, 45.0, 40.0, -110.0, -200.0, -455.0)

DESIGNS = (
    Design("independent votes", _NINE, votes=5000),
    Design("small study", (120.0, 40.0, 0.0, -50.0, -110.0), votes=300),
    Design("ties", _NINE, votes=3000, log_tie=-0.7),
    Design("raters and images differ", _NINE, votes=5000, rater_sd=0.3, image_sd=0.7),
)


def simulate_study(design: Design, random: np.random.Generator) -> Votes:
    """Draw one study."""
    strengths = np.array(design.strengths_elo) / ELO_PER_NAT
    size = strengths.size
    first = random.integers(0, size, design.votes)
    second = (first + random.integers(1, size, design.votes)) % size
    rater = random.integers(0, design.raters, design.votes)
    image = random.integers(0, design.images, design.votes)
    taste = design.rater_sd * random.standard_normal((design.raters, size))
    content = design.image_sd * random.standard_normal((design.images, size))
    seen_first = strengths[first] + taste[rater, first] + content[image, first]
    seen_second = strengths[second] + taste[rater, second] + content[image, second]
    border = outcome_probabilities(seen_first - seen_second, design.log_tie).cumsum(axis=1)
    column = (random.random((design.votes, 1)) > border[:, :2]).sum(axis=1)
    none = np.zeros(design.votes, dtype=np.int64)
    return Votes(
        design.name,
        tuple(f"method {k:02d}" for k in range(size)),
        tuple(f"rater {k:03d}" for k in range(design.raters)),
        tuple(f"image {k:03d}" for k in range(design.images)),
        (),
        first,
        second,
        np.array([FIRST, TIE, SECOND], dtype=np.int8)[column],
        rater,
        image,
        none,
        none.astype(np.bool_),
        design.votes,
    )


def true_elo(design: Design) -> Floats:
    """Elo that infinitely many votes of infinitely many raters and images would give, shape (M,), mean zero."""
    strengths = np.array(design.strengths_elo) / ELO_PER_NAT
    deviation = math.sqrt(2 * (design.rater_sd**2 + design.image_sd**2))
    if deviation == 0:
        return np.asarray((strengths - strengths.mean()) * ELO_PER_NAT)
    first, second = np.triu_indices(strengths.size, 1)
    node, weight = np.polynomial.hermite_e.hermegauss(60)
    difference = (strengths[first] - strengths[second])[:, None] + deviation * node
    share = np.einsum("pnc,n->pc", outcome_probabilities(difference, design.log_tie), weight / weight.sum())
    # So many votes that the prior has no say.
    counts = PairCounts(strengths.size, first.astype(np.int64), second.astype(np.int64), share * 1e9)
    names = tuple(str(k) for k in range(strengths.size))
    return np.asarray(fit_counts(names, counts, Prior()).strengths * ELO_PER_NAT)


def coverage(design: Design, studies: int, seed: int, draws: int = 8_000) -> Coverage:
    """Simulate `studies` studies and count how often the intervals hold the truth.

    The intervals are those of `study.analyse_study`, from fewer draws: over hundreds of studies the error of
    single ends averages out.
    """
    random = np.random.default_rng(seed)
    truth = true_elo(design)
    held = np.zeros((2, studies))
    half = np.zeros((2, studies))
    for k in range(studies):
        votes = simulate_study(design, random)
        fit = fit_votes(votes)
        spread = clustered(fit, votes)
        if isinstance(spread, str):
            raise ValueError(f"design {design.name}: {spread}")
        posterior = sample_posterior(fit, (seed, k, 1), draws)
        wide = widen(posterior, fit, spread, (seed, k, 2))
        for row, interval in enumerate(map(elo_intervals, (posterior, wide))):
            held[row, k] = np.mean((interval[:, 0] <= truth) & (truth <= interval[:, 1]))
            half[row, k] = np.mean(interval[:, 1] - interval[:, 0]) / 2
    share, width = held.mean(axis=1), half.mean(axis=1)
    return Coverage(design, studies, float(share[0]), float(share[1]), float(width[0]), float(width[1]))


def online_elo(votes: Votes, shuffles: int, seed: int, k_factor: float = 32.0) -> Floats:
    """Elo by the online update, once per shuffle of the same votes, shape (shuffles, M), mean zero in each row.

    After each vote the winner gains k_factor x (1 - expected share) and the loser loses as much; ties count
    half (A. E. Elo, The Rating of Chessplayers, 1978). Here only to show how much the order matters.
    """
    random = np.random.default_rng(seed)
    row = np.arange(shuffles)
    order = np.stack([random.permutation(len(votes)) for _ in row], axis=1)
    share = (votes.outcome + 1) / 2
    rating = np.zeros((shuffles, len(votes.methods)))
    for now in order:
        first, second = votes.first[now], votes.second[now]
        expected = 1 / (1 + 10 ** ((rating[row, second] - rating[row, first]) / 400))
        change = k_factor * (share[now] - expected)
        rating[row, first] += change
        rating[row, second] -= change
    return rating


@dataclass(frozen=True)
class OrderEffect:
    """What shuffling the same votes does to a method's Elo, in Elo points, worst method.

    Attributes:
        online_sd: Standard deviation over shuffles of the online update.
        online_range: Largest minus smallest over shuffles of the online update.
        bradley_terry_range: The same for the Bradley-Terry estimate: rounding only.
        rank_changes: Share of shuffles in which the online update ranks the methods unlike Bradley-Terry.
    """

    online_sd: float
    online_range: float
    bradley_terry_range: float
    rank_changes: float


def order_effect(votes: Votes, shuffles: int, seed: int, k_factor: float = 32.0) -> OrderEffect:
    """Compare the online update and Bradley-Terry over shuffles of the same votes."""
    online = online_elo(votes, shuffles, seed, k_factor)
    random = np.random.default_rng(seed)
    fitted = np.stack(
        [fit_votes(_shuffled(votes, random)).strengths * ELO_PER_NAT for _ in range(min(shuffles, 20))]
    )
    ranks = np.argsort(online, axis=1)
    return OrderEffect(
        float(online.std(axis=0, ddof=1).max()),
        float(np.ptp(online, axis=0).max()),
        float(np.ptp(fitted, axis=0).max()),
        float(np.mean((ranks != np.argsort(fitted[0])).any(axis=1))),
    )


def _shuffled(votes: Votes, random: np.random.Generator) -> Votes:
    order: npt.NDArray[np.int64] = random.permutation(len(votes))
    return replace(votes, first=votes.first[order], second=votes.second[order], outcome=votes.outcome[order])
