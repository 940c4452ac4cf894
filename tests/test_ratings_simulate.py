# SPDX-License-Identifier: BSD-3-Clause
import numpy as np
import pytest

from picobench.ratings.bradley_terry import elo, fit_votes
from picobench.ratings.simulate import DESIGNS, Design, coverage, order_effect, simulate_study, true_elo

INDEPENDENT = [design for design in DESIGNS if design.image_sd == 0]
CLUSTERED = [design for design in DESIGNS if design.image_sd > 0]


@pytest.mark.parametrize("design", INDEPENDENT, ids=lambda design: design.name)
def test_posterior_intervals_cover_the_truth_in_95_percent_of_studies(design: Design) -> None:
    result = coverage(design, studies=200, seed=20, draws=4_000)
    assert 0.93 <= result.posterior <= 0.97
    assert result.clustered >= result.posterior  # allowing for clusters that are not there only widens


@pytest.mark.parametrize("design", CLUSTERED, ids=lambda design: design.name)
def test_only_clustered_intervals_cover_it_when_raters_and_images_differ(design: Design) -> None:
    result = coverage(design, studies=200, seed=20, draws=4_000)
    assert result.posterior < 0.8
    assert 0.93 <= result.clustered <= 0.97


def test_coverage_fails_for_a_wrong_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    shifted = true_elo(DESIGNS[0]) + np.linspace(-60, 60, 9)
    monkeypatch.setattr("picobench.ratings.simulate.true_elo", lambda _: shifted)
    assert coverage(DESIGNS[0], studies=20, seed=1, draws=4_000).posterior < 0.6


def test_truth_of_a_clustered_design_is_what_a_huge_study_finds() -> None:
    design = Design(
        "huge", (200.0, 0.0, -200.0), votes=600_000, raters=3000, images=3000, image_sd=1.0, rater_sd=0.5
    )
    found = elo(fit_votes(simulate_study(design, np.random.default_rng(5))))
    truth = true_elo(design)
    assert truth == pytest.approx(found, abs=8)
    # Differences between images blur the mean preference, so the pooled scale is narrower.
    assert np.ptp(truth) < 380


def test_ties_and_shares_of_simulated_votes() -> None:
    design = Design("ties", (0.0, 0.0), votes=50_000, log_tie=0.0)
    votes = simulate_study(design, np.random.default_rng(2))
    assert np.mean(votes.outcome == 0) == pytest.approx(1 / 3, abs=0.01)
    assert fit_votes(votes).log_tie == pytest.approx(0.0, abs=0.05)


def test_studies_are_reproducible() -> None:
    one, two = (simulate_study(DESIGNS[1], np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(one.outcome, two.outcome)


def test_online_elo_depends_on_the_order_and_bradley_terry_does_not() -> None:
    votes = simulate_study(DESIGNS[0], np.random.default_rng(3))
    effect = order_effect(votes, shuffles=50, seed=1)
    assert effect.online_range > 100
    assert effect.online_sd > 20
    assert effect.rank_changes > 0.5
    assert effect.bradley_terry_range < 1e-9
