# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

from picobench.errors import RatingsError
from picobench.ratings.agreement import metric_agreement
from picobench.ratings.bradley_terry import Floats, elo, fit_votes
from picobench.ratings.simulate import DESIGNS, simulate_study
from picobench.ratings.votes import Votes, compacted, select

VOTES = simulate_study(DESIGNS[-1], np.random.default_rng(8))
ELO = elo(fit_votes(VOTES))


def per_image(noise: float) -> Floats:
    random = np.random.default_rng(1)
    return np.asarray(ELO + noise * random.standard_normal((len(VOTES.images), len(VOTES.methods))))


@pytest.mark.parametrize("higher", [True, False])
def test_a_metric_that_is_elo_agrees_fully(higher: bool) -> None:
    scores = ELO if higher else -ELO
    result = metric_agreement("m", VOTES, scores, higher, resamples=50)
    assert result.spearman.value == pytest.approx(1)
    assert result.kendall.value == pytest.approx(1)
    assert result.pairs.value == 1
    assert result.votes.value == result.ceiling.value
    assert result.images == 0
    assert result.resampled == "images"


def test_the_wrong_direction_disagrees_as_much() -> None:
    result = metric_agreement("m", VOTES, ELO, False, resamples=20)
    assert result.spearman.value == pytest.approx(-1)
    assert result.pairs.value == 0
    assert result.votes.value is not None
    assert result.ceiling.value is not None
    assert result.votes.value == pytest.approx(1 - result.ceiling.value)


def test_figures_of_a_noisy_metric_written_out() -> None:
    scores = per_image(300.0)
    result = metric_agreement("m", VOTES, scores, True, resamples=200)
    mean = scores.mean(axis=0)
    assert result.spearman.value == pytest.approx(spearmanr(mean, ELO).statistic)
    assert result.kendall.value == pytest.approx(kendalltau(mean, ELO).statistic)
    first, second = np.triu_indices(9, 1)
    alike = (mean[first] > mean[second]) == (ELO[first] > ELO[second])
    assert result.pairs.value == pytest.approx(alike.mean())
    lead = scores[VOTES.image, VOTES.first] - scores[VOTES.image, VOTES.second]
    assert result.votes.value == pytest.approx(np.mean(np.sign(lead) == VOTES.outcome))
    for estimate in (result.spearman, result.kendall, result.pairs, result.votes, result.ceiling):
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low < estimate.high
    assert result.images == 20


def test_the_bootstrap_of_the_vote_share_has_the_spread_of_the_images() -> None:
    scores = per_image(300.0)
    result = metric_agreement("m", VOTES, scores, True, resamples=400)
    hit = np.sign(scores[VOTES.image, VOTES.first] - scores[VOTES.image, VOTES.second]) == VOTES.outcome
    counts = np.bincount(VOTES.image)
    residual = np.bincount(VOTES.image, hit - hit.mean())
    deviation = np.sqrt((residual**2).sum()) / counts.sum()
    assert result.votes.low is not None
    assert result.votes.high is not None
    assert result.votes.high - result.votes.low == pytest.approx(2 * 1.96 * deviation, rel=0.2)


def test_ties_of_the_metric_count_half() -> None:
    scores = np.zeros_like(ELO)
    scores[0] = 1
    result = metric_agreement("m", VOTES, scores, True, resamples=10)
    first, second = np.triu_indices(9, 1)
    expected = np.where(first == 0, ELO[0] > ELO[second], 0.5).mean()
    assert result.pairs.value == pytest.approx(expected)
    constant = metric_agreement("m", VOTES, np.zeros_like(ELO), True, resamples=10)
    assert constant.spearman.value is None
    assert constant.kendall.value is None
    assert constant.votes.value == 0.5


def test_images_that_miss_a_value_do_not_enter_the_mean() -> None:
    scores = per_image(300.0)
    scores[3, 2] = np.nan
    result = metric_agreement("m", VOTES, scores, True, resamples=20)
    mean = np.delete(scores, 3, axis=0).mean(axis=0)
    assert result.images == 19
    assert result.kendall.value == pytest.approx(kendalltau(mean, ELO).statistic)
    with pytest.raises(RatingsError, match="no image has a value of every method"):
        metric_agreement("m", VOTES, np.full_like(scores, np.nan), True)


def test_what_is_resampled_without_images() -> None:
    by_rater = replace(VOTES, images=(), image=np.zeros_like(VOTES.image))
    assert metric_agreement("m", by_rater, ELO, True, resamples=5).resampled == "raters"
    alone = replace(by_rater, raters=(), rater=np.zeros_like(VOTES.rater))
    assert metric_agreement("m", alone, ELO, True, resamples=5).resampled == "votes"


def test_two_methods_are_too_few_and_shapes_are_checked() -> None:
    pair: Votes = compacted(select(VOTES, (VOTES.first < 2) & (VOTES.second < 2)))
    with pytest.raises(RatingsError, match="at least 3 methods"):
        metric_agreement("m", pair, np.zeros(2), True)
    with pytest.raises(ValueError, match="expected"):
        metric_agreement("m", VOTES, np.zeros(4), True)


def test_the_seed_decides() -> None:
    one, same, other = (
        metric_agreement("m", VOTES, per_image(300.0), True, resamples=50, seed=seed) for seed in (1, 1, 2)
    )
    assert one == same
    assert one != other
