# SPDX-License-Identifier: BSD-3-Clause
import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import eigh
from scipy.optimize import minimize

from picobench.errors import RatingsError
from picobench.ratings.bradley_terry import (
    ELO_PER_NAT,
    Floats,
    PairCounts,
    Prior,
    count_pairs,
    elo,
    fit_counts,
    fit_votes,
    log_posterior,
    normalised_score,
    outcome_probabilities,
)
from picobench.ratings.read_votes import read_votes
from picobench.ratings.simulate import Design, simulate_study
from picobench.ratings.study import analyse_study
from picobench.ratings.uncertainty import Clustered, clustered
from picobench.ratings.votes import Votes

# Wins of the row's team over the column's, American League 1987, and the maximum likelihood estimates with standard
# errors against Baltimore, from A. Agresti, Categorical Data Analysis, section on the Bradley-Terry model.
TEAMS = ("Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore")
WINS = np.array(
    [
        [0, 7, 9, 7, 7, 9, 11],
        [6, 0, 7, 5, 11, 9, 9],
        [4, 6, 0, 7, 7, 8, 12],
        [6, 8, 6, 0, 6, 7, 10],
        [6, 2, 6, 7, 0, 7, 12],
        [4, 4, 5, 6, 6, 0, 6],
        [2, 4, 1, 3, 1, 7, 0],
    ]
)
AGRESTI = np.array([1.581, 1.436, 1.294, 1.248, 1.108, 0.684, 0.0])
AGRESTI_SE = np.array([0.343, 0.340, 0.337, 0.336, 0.334, 0.332])
FLAT = Prior(strength_sd=1e4, tie_sd=1e4)

MIXED = PairCounts(
    3,
    np.array([0, 0, 1]),
    np.array([1, 2, 2]),
    np.array([[30.0, 10, 12], [25, 4, 3], [14, 9, 9]]),
)


def baseball() -> PairCounts:
    first, second = np.triu_indices(len(TEAMS), 1)
    ties = np.zeros(first.size)
    return PairCounts(
        len(TEAMS), first, second, np.column_stack([WINS[first, second], ties, WINS[second, first]])
    )


def design(**changes: object) -> Design:
    base = Design("study", (150.0, 20.0, -40.0, -130.0), votes=600)
    return replace(base, **changes)  # type: ignore[arg-type]


def study(seed: int = 0, **changes: object) -> Votes:
    return simulate_study(design(**changes), np.random.default_rng(seed))


def test_published_maximum_likelihood_estimates_and_standard_errors() -> None:
    fit = fit_counts(TEAMS, baseball(), FLAT)
    assert fit.strengths - fit.strengths[-1] == pytest.approx(AGRESTI, abs=6e-4)
    for k, expected in enumerate(AGRESTI_SE):
        variance = fit.covariance[k, k] + fit.covariance[-1, -1] - 2 * fit.covariance[k, -1]
        assert np.sqrt(variance) == pytest.approx(expected, abs=6e-4)


def log_posterior_by_definition(mode: Floats, counts: PairCounts, prior: Prior) -> float:
    value = -float((mode[:-1] ** 2).sum() / prior.strength_sd**2 + mode[-1] ** 2 / prior.tie_sd**2) / 2
    for i, j, cast in zip(counts.first, counts.second, counts.counts, strict=True):
        a, b, nu = np.exp(mode[i]), np.exp(mode[j]), np.exp(mode[-1])
        shares = np.array([a, nu * np.sqrt(a * b), b])
        value += float(cast @ np.log(shares / shares.sum()))
    return value


def test_davidson_posterior_and_its_derivatives_against_the_definition() -> None:
    prior = Prior(strength_sd=1.5, tie_sd=0.8)
    point = np.array([0.4, -0.3, 0.2, -0.5])
    _, gradient, hessian = log_posterior(MIXED, prior, point)
    step = 1e-4

    def value(*moves: tuple[int, float]) -> float:
        moved = point.copy()
        for axis, distance in moves:
            moved[axis] += distance
        return log_posterior_by_definition(moved, MIXED, prior)

    for k in range(4):
        assert gradient[k] == pytest.approx((value((k, step)) - value((k, -step))) / (2 * step), rel=1e-6)
    for j, k in itertools.product(range(4), repeat=2):
        corners = [value((j, s * step), (k, t * step)) * s * t for s in (1, -1) for t in (1, -1)]
        assert -hessian[j, k] == pytest.approx(sum(corners) / (4 * step**2), rel=1e-4, abs=1e-4)
    fit = fit_counts(("a", "b", "c"), MIXED, prior)
    best = minimize(lambda mode: -log_posterior_by_definition(mode, MIXED, prior), np.zeros(4), tol=1e-12)
    assert fit.mode == pytest.approx(best.x, abs=1e-5)
    assert fit.log_tie == pytest.approx(best.x[-1], abs=1e-5)


def test_ties_pull_together_and_are_not_half_votes() -> None:
    one_pair = PairCounts(2, np.array([0]), np.array([1]), np.array([[30.0, 0, 10]]))
    tied = PairCounts(2, np.array([0]), np.array([1]), np.array([[30.0, 40, 10]]))
    halves = PairCounts(2, np.array([0]), np.array([1]), np.array([[50.0, 0, 30]]))
    without, with_ties, half = (fit_counts(("a", "b"), counts, FLAT) for counts in (one_pair, tied, halves))
    # For one pair the odds of winning are those of the decided votes, whatever the number of ties ...
    assert with_ties.strengths == pytest.approx(without.strengths, abs=1e-6)
    # ... which half votes would shrink, with too small a standard deviation.
    assert half.strengths[0] < with_ties.strengths[0]
    assert half.covariance[0, 0] < with_ties.covariance[0, 0]


def test_probabilities() -> None:
    difference = np.array([0.0, 400 / ELO_PER_NAT, -2.0])
    no_ties = outcome_probabilities(difference, None)
    assert no_ties[0] == pytest.approx([0.5, 0, 0.5])
    assert no_ties[1, 0] / no_ties[1, 2] == pytest.approx(10)  # 400 Elo: ten to one
    with_ties = outcome_probabilities(difference, np.log(0.5))
    assert with_ties.sum(axis=1) == pytest.approx(np.ones(3))
    assert with_ties[0, 1] == pytest.approx(0.5 / 2.5)
    assert with_ties[2, 0] / with_ties[2, 2] == pytest.approx(np.exp(-2))


def test_strengths_are_relative_to_their_mean() -> None:
    fit = fit_votes(study())
    assert elo(fit).sum() == pytest.approx(0, abs=1e-9)
    assert fit.covariance.sum(axis=0) == pytest.approx(np.zeros(4), abs=1e-12)
    scores = normalised_score(fit)
    assert (scores.min(), scores.max()) == (0, 1)
    assert scores[np.argmax(elo(fit))] == 0


def test_order_and_orientation_of_votes_do_not_matter() -> None:
    votes = study(log_tie=-1.0)
    order = np.random.default_rng(1).permutation(len(votes))
    turned = replace(
        votes,
        first=votes.second[order],
        second=votes.first[order],
        outcome=-votes.outcome[order],
    )
    assert np.array_equal(count_pairs(votes).counts, count_pairs(turned).counts)
    assert np.array_equal(fit_votes(votes).strengths, fit_votes(turned).strengths)


def test_the_prior_keeps_a_method_finite_that_never_lost() -> None:
    counts = PairCounts(2, np.array([0]), np.array([1]), np.array([[20.0, 0, 0]]))
    weak, strong = (fit_counts(("a", "b"), counts, Prior(strength_sd=sd)) for sd in (3.0, 1.0))
    assert np.isfinite(elo(weak)).all()
    assert elo(weak)[0] > elo(strong)[0] > 0


def test_the_prior_hardly_moves_a_real_study() -> None:
    votes = study(votes=2000)
    assert elo(fit_votes(votes)) == pytest.approx(elo(fit_votes(votes, FLAT)), abs=1.0)


@pytest.mark.parametrize("sd", [0.0, -1.0, float("nan"), float("inf")])
def test_a_prior_without_sense_is_refused(sd: float) -> None:
    with pytest.raises(RatingsError, match="must be positive"):
        fit_votes(study(), Prior(strength_sd=sd))


def test_copies_of_votes_make_the_posterior_narrower_but_not_the_clustered_intervals() -> None:
    votes = replace(study(votes=1000, rater_sd=2.0), images=())
    names = ("first", "second", "outcome", "rater", "image", "crop", "undecided")
    many = replace(votes, **{name: np.tile(getattr(votes, name), 4) for name in names})
    once, often = fit_votes(votes, FLAT), fit_votes(many, FLAT)
    assert np.diag(often.covariance) == pytest.approx(np.diag(once.covariance) / 4, rel=1e-3)
    # The same raters, each saying the same four times: there is no more to know about raters.
    one, four = clustered(once, votes), clustered(often, many)
    assert isinstance(one, Clustered)
    assert isinstance(four, Clustered)
    assert one.factors == ("raters",)
    assert np.diag(four.covariance) == pytest.approx(np.diag(one.covariance), rel=1e-3)


def test_clustered_covariance_against_sums_written_out() -> None:
    votes = study(votes=400, log_tie=-0.5, rater_sd=0.5)
    fit = fit_votes(votes)
    spread = clustered(fit, votes)
    assert isinstance(spread, Clustered)
    scores = np.zeros((len(votes), 5))
    probability = outcome_probabilities(fit.strengths[votes.first] - fit.strengths[votes.second], fit.log_tie)
    for v, (first, second, outcome) in enumerate(zip(votes.first, votes.second, votes.outcome, strict=True)):
        pull = (outcome - (probability[v, 0] - probability[v, 2])) / 2
        scores[v, first], scores[v, second] = pull, -pull
        scores[v, 4] = (outcome == 0) - probability[v, 1]
    middle = np.zeros((5, 5))
    cell = votes.rater * 1000 + votes.image
    for label, sign in ((votes.rater, 1), (votes.image, 1), (cell, -1)):
        groups = np.unique(label)
        sums = np.array([scores[label == group].sum(axis=0) for group in groups])
        middle += sign * sums.T @ sums * len(groups) / (len(groups) - 1)
    bread = np.linalg.inv(fit.hessian)
    centre = np.eye(4) - 0.25
    # Directions w with variance below the posterior's, in the sense of sandwich w = value posterior w, are raised.
    value, direction = eigh(bread @ middle @ bread, bread)
    assert value.min() < 1 < value.max()
    raised = bread @ direction @ np.diag(value.clip(min=1)) @ direction.T @ bread
    expected = centre @ raised[:4, :4] @ centre
    assert spread.covariance == pytest.approx(expected, abs=1e-12)
    assert spread.stretch @ bread @ spread.stretch.T == pytest.approx(raised, abs=1e-12)
    assert spread.stretch @ bread == pytest.approx((spread.stretch @ bread).T, abs=1e-12)
    assert np.linalg.eigvalsh(spread.covariance - fit.covariance).min() > -1e-12
    assert (spread.degrees_of_freedom, spread.factors) == (19, ("raters", "images"))


def test_clusters_need_raters_or_images() -> None:
    few = study(raters=4, images=3)
    assert clustered(fit_votes(few), few) == "needs at least 5 raters or 5 images with votes"
    images_only = study(raters=4, images=9)
    spread = clustered(fit_votes(images_only), images_only)
    assert isinstance(spread, Clustered)
    assert spread.factors == ("images",)


def test_the_hific_study_has_the_order_that_was_published(shared: Path) -> None:
    study = analyse_study(read_votes(shared / "published" / "hific-userstudy" / "votes.json"))
    place = {score.method: k for k, score in enumerate(study.methods)}
    score = {method.method: method.score for method in study.methods}
    # Said on the project page: HiFiC at .237 bpp is preferred to BPG at .504 and to M&S at .405.
    assert place["ours_gan_med"] < place["bpg_med_3_v2"]
    assert place["ours_gan_med"] < place["minnen_mse_high"]
    # More rate is better within a codec; the GAN is better than none at the same rate.
    for better, worse in (
        ("ours_gan_high", "ours_gan_med"),
        ("ours_gan_med", "ours_gan_low"),
        ("bpg_med_3_v2", "bpg_med_2_v2"),
        ("minnen_mse_high", "minnen_mse_med"),
        ("minnen_mse_med", "minnen_mse_low"),
        ("ours_gan_low", "ours_lpips_low"),
    ):
        assert place[better] < place[worse]
    assert (score["ours_gan_high"], score["minnen_mse_low"]) == (0, 1)
    assert study.wide is not None
    assert study.interval_error_elo < 4
    assert study.separations == ()
