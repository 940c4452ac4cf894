# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from picobench.analysis.bdrate import Curve, bd_rate
from picobench.errors import RatingsError
from picobench.ratings.bradley_terry import ELO_PER_NAT, Fit, Floats, PairCounts, Prior, elo, fit_counts
from picobench.ratings.perceptual import RatedCurve, perceptual_bd_rate
from picobench.ratings.posterior import sample_posterior, thinned
from picobench.ratings.read_votes import read_votes
from picobench.ratings.study import analyse_study

RATES = (0.1, 0.2, 0.4, 0.8)


def fitted(strengths_elo: dict[str, float], votes: float = 1e6) -> Fit:
    """A posterior at these strengths, as sharp as `votes` votes a pair make it."""
    names = tuple(strengths_elo)
    first, second = np.triu_indices(len(names), 1)
    truth = np.array(list(strengths_elo.values())) / ELO_PER_NAT
    share = 1 / (1 + np.exp(truth[second] - truth[first]))
    counts = np.column_stack([share * votes, np.zeros(share.size), (1 - share) * votes])
    return fit_counts(names, PairCounts(len(names), first, second, counts), Prior(1e4))


def drawn(fit: Fit, count: int) -> Floats:
    return sample_posterior(fit, 0, count).strengths


def curves(
    anchor: list[float], test: list[float], factor: float = 1.0
) -> tuple[dict[str, float], RatedCurve, RatedCurve]:
    strengths = {f"a{k}": value for k, value in enumerate(anchor)} | {
        f"t{k}": value for k, value in enumerate(test)
    }
    return (
        strengths,
        RatedCurve("anchor", {f"a{k}": RATES[k] for k in range(len(anchor))}),
        RatedCurve("test", {f"t{k}": RATES[k] * factor for k in range(len(test))}),
    )


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.5])
def test_equal_scores_at_scaled_rates_give_the_scale(factor: float) -> None:
    strengths, anchor, test = curves([-200, -50, 40, 90], [-200, -50, 40, 90], factor)
    fit = fitted(strengths)
    result = perceptual_bd_rate(fit, drawn(fit, 200), anchor, test)
    assert result.percent == pytest.approx((factor - 1) * 100, abs=0.01)
    assert result.low is not None
    assert result.high is not None
    assert result.low < result.percent < result.high
    assert (result.reason, result.note, result.valid_share) == ("", "", 1.0)
    assert result.overlap == pytest.approx(1, abs=1e-6)


def test_four_points_give_the_bd_rate_of_the_analysis() -> None:
    strengths, anchor, test = curves([-180, -60, 30, 80], [-120, 10, 70, 170])
    fit = fitted(strengths)
    result = perceptual_bd_rate(fit, drawn(fit, 50), anchor, test)
    points = elo(fit)
    expected = bd_rate(
        Curve(RATES, tuple(points[:4])),
        Curve(RATES, tuple(points[4:])),
        method="pchip",
        higher_is_better=True,
    )
    assert result.percent == pytest.approx(expected.percent, abs=1e-6)
    assert result.overlap == pytest.approx(expected.overlap)


def test_fewer_votes_give_wider_intervals() -> None:
    strengths, anchor, test = curves([-200, -50, 40, 150], [-150, 0, 90, 200])
    widths = []
    for votes in (500, 5000):
        fit = fitted(strengths, votes)
        result = perceptual_bd_rate(fit, drawn(fit, 400), anchor, test)
        assert result.low is not None
        assert result.high is not None
        widths.append(result.high - result.low)
    assert widths[0] == pytest.approx(widths[1] * np.sqrt(10), rel=0.2)


def test_two_points_are_a_straight_line_and_an_exception_that_is_noted() -> None:
    strengths, anchor, test = curves([-100, 100], [-100, 100], 0.8)
    fit = fitted(strengths)
    draws = drawn(fit, 100)
    with pytest.raises(RatingsError, match="2 operating points, a BD-rate asks for 4"):
        perceptual_bd_rate(fit, draws, anchor, test)
    result = perceptual_bd_rate(fit, draws, anchor, test, minimum_points=2)
    assert result.percent == pytest.approx(-20, abs=0.05)
    assert "only 2 operating points" in result.note


def test_no_shared_range_gives_a_bound_and_no_bd_rate() -> None:
    strengths, anchor, test = curves([-300, -200, -100], [100, 200, 300])
    fit = fitted(strengths)
    draws = drawn(fit, 200)
    better = perceptual_bd_rate(fit, draws, anchor, test, minimum_points=3)
    assert (better.percent, better.low, better.high) == (None, None, None)
    assert better.reason == "the curves share no range of Elo"
    assert better.bound_is_upper
    assert better.bound_percent == pytest.approx((0.1 / 0.4 - 1) * 100)
    worse = perceptual_bd_rate(fit, draws, test, anchor, minimum_points=3)
    assert not worse.bound_is_upper
    assert worse.bound_percent == pytest.approx((0.4 / 0.1 - 1) * 100)


def test_a_bound_carries_the_uncertainty_of_the_scores() -> None:
    strengths, anchor, test = curves([-300, -200, -5], [5, 200, 300])
    sharp, blurred = fitted(strengths, 1e6), fitted(strengths, 60)
    bounds = []
    for fit in (sharp, blurred):
        result = perceptual_bd_rate(fit, drawn(fit, 400), anchor, test, minimum_points=3)
        assert result.bound_percent is not None
        bounds.append(result.bound_percent)
    assert bounds[0] == pytest.approx(-75)
    assert bounds[1] > -74.5


def test_curves_that_do_not_rise_or_hardly_overlap_have_no_bd_rate() -> None:
    strengths, anchor, test = curves([-200, 50, 40, 90], [-200, -50, 40, 90])
    fit = fitted(strengths)
    result = perceptual_bd_rate(fit, drawn(fit, 50), anchor, test)
    assert result.percent is None
    assert result.reason == "the Elo of anchor does not rise with its rate"
    strengths, anchor, test = curves([-300, -200, -100, 10], [0, 100, 200, 300])
    fit = fitted(strengths)
    result = perceptual_bd_rate(fit, drawn(fit, 50), anchor, test)
    assert result.percent is None
    assert "shared Elo range 0.02 of the joint range" in result.reason


def test_no_interval_where_many_draws_have_no_bd_rate() -> None:
    strengths, anchor, test = curves([-200, 39, 41, 90], [-200, -50, 40, 90])
    fit = fitted(strengths, 200)
    result = perceptual_bd_rate(fit, drawn(fit, 400), anchor, test)
    assert result.percent is not None
    assert (result.low, result.high) == (None, None)
    assert "no interval: only" in result.reason
    assert 0.4 < result.valid_share < 0.7


def test_wrong_curves_are_refused() -> None:
    strengths, anchor, test = curves([-100, 0, 50, 100], [-100, 0, 50, 100])
    fit = fitted(strengths)
    draws = drawn(fit, 10)
    bpp = dict(test.bpp)
    for wrong, message in (
        ({**bpp, "t0": 0.0}, "must be positive"),
        ({**bpp, "t0": float("nan")}, "must be positive"),
        ({**bpp, "t0": 0.2}, "same rate"),
        ({**bpp, "t9": 1.6}, "no votes on 't9'"),
    ):
        with pytest.raises(RatingsError, match=message):
            perceptual_bd_rate(fit, draws, anchor, replace(test, bpp=wrong))
    with pytest.raises(RatingsError, match="at least two points"):
        perceptual_bd_rate(fit, draws, anchor, test, minimum_points=1)


def test_hific_against_mean_scale_hyperprior_and_bpg(shared: Path) -> None:
    study = analyse_study(read_votes(shared / "published" / "hific-userstudy" / "votes.json"))
    draws = thinned(study.draws, 1000)
    hific = RatedCurve("HiFiC", {"ours_gan_high": 0.359, "ours_gan_med": 0.237, "ours_gan_low": 0.120})
    hyperprior = RatedCurve(
        "M&S", {"minnen_mse_high": 0.405, "minnen_mse_med": 0.272, "minnen_mse_low": 0.133}
    )
    bpg = RatedCurve("BPG", {"bpg_med_3_v2": 0.504, "bpg_med_2_v2": 0.390})
    # HiFiC at its lowest rate is rated about as M&S at its highest: nothing to average over, only a bound.
    against_hyperprior = perceptual_bd_rate(study.fit, draws, hyperprior, hific, minimum_points=3)
    assert against_hyperprior.percent is None
    assert against_hyperprior.bound_percent is not None
    assert (0.120 / 0.405 - 1) * 100 < against_hyperprior.bound_percent < -50
    against_bpg = perceptual_bd_rate(study.fit, draws, bpg, hific, minimum_points=2)
    assert against_bpg.percent == pytest.approx(-65.7, abs=0.1)
    assert against_bpg.high is not None
    assert against_bpg.high < -35
    assert "only 2 operating points" in against_bpg.note
