# SPDX-License-Identifier: BSD-3-Clause
import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from picobench.errors import RatingsError
from picobench.ratings import posterior
from picobench.ratings.bradley_terry import (
    ELO_PER_NAT,
    Fit,
    Floats,
    PairCounts,
    Prior,
    elo,
    fit_counts,
    fit_votes,
)
from picobench.ratings.per_image import analyse_images, votes_of_methods
from picobench.ratings.posterior import (
    Draws,
    difference_interval,
    elo_intervals,
    interval_errors,
    sample_posterior,
    thinned,
)
from picobench.ratings.read_votes import read_votes
from picobench.ratings.simulate import Design, simulate_study
from picobench.ratings.study import analyse_study, method_differences
from picobench.ratings.uncertainty import Clustered, clustered, widen
from picobench.ratings.votes import Votes, select

# The ends of the 95 % interval of the method minnen_mse_low on one image of the HiFiC study, from 600,000 draws.
TAIL_IMAGE = "6e8e3df4edba76eb404df781a3da8cbb.png"
TAIL = (-1545.0, -690.0)


def study(seed: int = 0, **changes: object) -> Votes:
    design = replace(Design("study", (150.0, 20.0, -40.0, -130.0), votes=600), **changes)  # type: ignore[arg-type]
    return simulate_study(design, np.random.default_rng(seed))


def one_pair(first: float, tied: float, second: float, prior: Prior | None = None) -> Fit:
    counts = PairCounts(2, np.array([0]), np.array([1]), np.array([[first, tied, second]]))
    return fit_counts(("a", "b"), counts, prior or Prior())


def normal_intervals(fit: Fit) -> Floats:
    """What the normal approximation at the mode would give."""
    half = 1.959964 * np.sqrt(np.diag(fit.covariance)) * ELO_PER_NAT
    return np.column_stack([elo(fit) - half, elo(fit) + half])


def exact_interval(fit: Fit) -> Floats:
    """Interval of the first of two methods, by summing the posterior on a grid."""
    sd = fit.prior.strength_sd
    grid = np.linspace(-8 * sd, 8 * sd, 400_001)  # d = s_1 - s_2, a priori normal with variance 2 sd^2
    first, _, second = fit.counts.counts[0]
    log_density = -first * np.logaddexp(0, -grid) - second * np.logaddexp(0, grid) - grid**2 / (4 * sd**2)
    mass = np.exp(log_density - log_density.max()).cumsum()
    return np.asarray(np.interp([0.025, 0.975], mass / mass[-1], grid) / 2 * ELO_PER_NAT)


@pytest.mark.parametrize("sd", [1.0, 3.0, 30.0])
@pytest.mark.parametrize("cast", [(60, 0, 30), (5000, 0, 10), (9, 0, 0)])
def test_two_methods_against_the_posterior_on_a_grid(cast: tuple[float, float, float], sd: float) -> None:
    fit = one_pair(*cast, Prior(sd))
    draws = sample_posterior(fit, 3)
    error = interval_errors(draws)[0]
    exact = exact_interval(fit)
    # The error is twice the standard error, itself estimated: three of it is far out.
    assert elo_intervals(draws)[0] == pytest.approx(exact, abs=3 * error)
    assert error < 0.04 * np.ptp(exact)


def test_three_methods_one_of_them_ahead_of_all_against_a_grid() -> None:
    cast = np.array([[12.0, 0, 0], [9.0, 0, 0], [6.0, 0, 5.0]])
    prior = Prior(2.0)
    fit = fit_counts(("a", "b", "c"), PairCounts(3, np.array([0, 0, 1]), np.array([1, 2, 2]), cast), prior)
    axis = np.linspace(-14, 20, 681)
    one, two = np.meshgrid(axis, axis, indexing="ij")  # a - c and b - c
    strengths = np.stack([one, two, np.zeros_like(one)]) - (one + two) / 3
    log_density = -(strengths**2).sum(axis=0) / (2 * prior.strength_sd**2)
    for lead, (first, _, second) in zip((one - two, one, two), cast, strict=True):
        log_density += -first * np.logaddexp(0, -lead) - second * np.logaddexp(0, lead)
    mass = np.exp(log_density - log_density.max()).ravel()
    draws = sample_posterior(fit, 0)
    errors = interval_errors(draws)
    for k in range(3):
        values = strengths[k].ravel() * ELO_PER_NAT
        order = np.argsort(values)
        share = mass[order].cumsum() / mass.sum()
        exact = np.interp([0.025, 0.975], share, values[order])
        assert elo_intervals(draws)[k] == pytest.approx(exact, abs=3 * errors[k] + 2)
    assert np.abs(normal_intervals(fit) - elo_intervals(draws)).max() > 100


def test_both_ways_of_drawing_agree_and_the_uneven_weights_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    fit = fit_votes(study(votes=3000, log_tie=-1.0))
    weighted = sample_posterior(fit, 1)
    monkeypatch.setattr(posterior, "_resample", lambda *_: None)
    chained = sample_posterior(fit, 1)
    assert not np.array_equal(weighted.parameters, chained.parameters)
    error = interval_errors(weighted) + interval_errors(chained)
    assert (np.abs(elo_intervals(weighted) - elo_intervals(chained)) < 2 * error[:, None]).all()
    monkeypatch.undo()
    monkeypatch.setattr(posterior, "_sample_chains", lambda *_: "chains")
    assert isinstance(sample_posterior(fit, 1), Draws)
    assert sample_posterior(one_pair(9, 0, 0), 1) == "chains"


def test_the_error_is_that_of_other_seeds() -> None:
    fit = one_pair(9, 0, 0)
    many = [sample_posterior(fit, seed, 4_000) for seed in range(30)]
    spread = 2 * np.std([elo_intervals(draws)[0] for draws in many], axis=0, ddof=1).max()
    stated = np.mean([interval_errors(draws)[0] for draws in many])
    assert stated == pytest.approx(spread, rel=0.4)


def test_same_seed_same_draws() -> None:
    for fit in (fit_votes(study()), one_pair(9, 0, 0)):
        one, same, other = (sample_posterior(fit, seed, 4_000).parameters for seed in (5, 5, 6))
        assert np.array_equal(one, same)
        assert not np.array_equal(one, other)


def test_draws_have_the_covariance_of_the_clusters_and_differences_follow() -> None:
    votes = study(rater_sd=0.5, votes=3000)
    fit = fit_votes(votes)
    spread = clustered(fit, votes)
    assert isinstance(spread, Clustered)
    wide = widen(sample_posterior(fit, 0), fit, spread, (0, 1))
    assert wide.strengths.sum(axis=1) == pytest.approx(np.zeros(len(wide.parameters)), abs=1e-6)
    freedom = spread.degrees_of_freedom
    expected = np.diag(spread.covariance) * freedom / (freedom - 2)  # variance of Student's t
    assert np.var(wide.strengths, axis=0) == pytest.approx(expected, rel=0.1)
    lead = (wide.strengths[:, 0] - wide.strengths[:, 1]) * ELO_PER_NAT
    low, high, better = difference_interval(wide, 0, 1)
    assert np.quantile(lead, [0.025, 0.975]) == pytest.approx([low, high])
    assert better == np.mean(lead > 0)
    assert thinned(wide, 100).shape == (100, 4)
    assert thinned(wide, 10**9).shape == wide.strengths.shape


def test_differences_of_every_two_methods() -> None:
    votes = study(votes=2000, image_sd=0.5)
    result = analyse_study(votes)
    found = {(one.method, one.other): one for one in method_differences(result)}
    names = [method.method for method in result.methods]
    assert list(found) == [(one, two) for one in names for two in names if one != two]
    scores = {method.method: method for method in result.methods}
    for (one, two), difference in found.items():
        mirrored = found[two, one]
        assert difference.elo_difference == -mirrored.elo_difference
        assert (difference.low, difference.clustered_low) == (-mirrored.high, -(mirrored.clustered_high or 0))
        assert difference.better == pytest.approx(1 - mirrored.better)
        assert difference.elo_difference == pytest.approx(scores[one].elo - scores[two].elo)
        assert difference.clustered_low is not None
        assert difference.clustered_low < difference.low < difference.elo_difference
    for above, below in itertools.pairwise(names):
        assert found[above, below].better == scores[above].above_next


def test_a_small_study_in_which_a_method_always_won() -> None:
    votes = study(strengths_elo=(900.0, 0.0, -20.0), votes=60, raters=4, images=3)
    result = analyse_study(votes)
    best = result.methods[0]
    assert [one.methods for one in result.separations] == [(best.method,)]
    # The tail is to the upper side; an interval symmetric around the mode is not the posterior's.
    assert best.high - best.elo > 1.5 * (best.elo - best.low)
    assert np.abs(normal_intervals(result.fit) - elo_intervals(result.posterior)).max() > 50
    assert (result.wide, best.clustered_low) == (None, None)


def test_clustered_intervals_of_a_small_study_keep_the_tail() -> None:
    votes = study(strengths_elo=(900.0, 0.0, -20.0), votes=60, raters=6, images=6)
    best = analyse_study(votes).methods[0]
    assert best.clustered_low is not None
    assert best.clustered_high is not None
    assert best.clustered_low < best.low < best.elo < best.high < best.clustered_high
    assert best.clustered_high - best.elo > 1.5 * (best.elo - best.clustered_low)


def test_each_image_by_itself() -> None:
    votes = study(votes=3000, images=3)
    images = analyse_images(votes)
    assert [scores.image for scores in images] == list(votes.images)
    assert sum(len(scores.votes) for scores in images) == len(votes)
    own = fit_votes(select(votes, votes.image == 1))
    assert elo(images[1].fit) == pytest.approx(elo(own))
    interval = elo_intervals(sample_posterior(own, 7))
    assert images[1].intervals == pytest.approx(interval, abs=3 * images[1].errors.max())
    assert sum(votes_of_methods(images[1])) == 2 * len(images[1].votes)


def test_images_without_a_common_scale_have_no_scores(tmp_path: Path) -> None:
    path = tmp_path / "votes.csv"
    path.write_text("image,winner,loser\none,a,b\none,c,d\ntwo,b,c\ntwo,c,b\n")
    (two,) = analyse_images(read_votes(path))
    assert (two.image, two.fit.methods) == ("two", ("b", "c"))
    assert two.separations == ()
    path.write_text("winner,loser\na,b\n")
    with pytest.raises(RatingsError, match="no column image"):
        analyse_images(read_votes(path))


def test_images_of_the_hific_study_have_posterior_intervals(shared: Path) -> None:
    votes = read_votes(shared / "published" / "hific-userstudy" / "votes.json")
    index = votes.images.index(TAIL_IMAGE)
    (scores,) = analyse_images(select(votes, votes.image == index))
    k = scores.fit.methods.index("minnen_mse_low")
    assert scores.intervals[k] == pytest.approx(TAIL, abs=2 * scores.errors[k])
    assert scores.errors[k] < 30
    assert np.abs(normal_intervals(scores.fit) - scores.intervals).max() > 200
    assert [one.methods for one in scores.separations if not one.ahead] == [("minnen_mse_low",)]
