# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from picobench.ratings.bradley_terry import fit_votes
from picobench.ratings.raters import RaterConsistency, _holm, rater_consistency, summary
from picobench.ratings.read_votes import read_votes
from picobench.ratings.simulate import DESIGNS, simulate_study
from picobench.ratings.votes import Votes, select

CLUSTERED = DESIGNS[-1]


def compare(votes: Votes) -> list[RaterConsistency]:
    return rater_consistency(fit_votes(votes), votes)


def with_rater(votes: Votes, index: int, random: np.random.Generator | None) -> Votes:
    """One rater clicks at random, or without a generator always prefers the wrong method."""
    own = votes.rater == index
    clicks = -votes.outcome if random is None else random.choice(np.array([-1, 1], np.int8), len(votes))
    return replace(votes, outcome=np.where(own, clicks, votes.outcome).astype(np.int8))


def test_honest_raters_are_seldom_flagged() -> None:
    random = np.random.default_rng(1)
    flagged = sum(
        any(rater.flagged for rater in compare(simulate_study(design, random)))
        for design in (DESIGNS[0], CLUSTERED)
        for _ in range(20)
    )
    assert flagged <= 6  # 2 expected at a familywise level of 5 %; 7 or more has a probability of 0.3 %


@pytest.mark.parametrize("inverted", [True, False])
def test_a_careless_rater_is_flagged_and_nobody_else(inverted: bool) -> None:
    random = np.random.default_rng(4)
    votes = simulate_study(CLUSTERED, random)
    raters = compare(with_rater(votes, 3, None if inverted else random))
    assert [rater.rater for rater in raters if rater.flagged] == ["rater 003"]
    careless = raters[3]
    assert careless.agreement < careless.expected_agreement - 0.15
    assert careless.log_likelihood < careless.expected_log_likelihood


def test_the_fit_without_the_rater_is_that_of_the_other_votes() -> None:
    votes = simulate_study(DESIGNS[2], np.random.default_rng(9))
    index = 5
    others = fit_votes(select(votes, votes.rater != index))
    own = select(votes, votes.rater == index)
    lead = others.strengths[own.first] - others.strengths[own.second]
    decided = own.outcome != 0
    agreement = np.mean((lead * own.outcome > 0)[decided])
    result = compare(votes)[index]
    assert (result.votes, result.images) == (len(own), np.unique(own.image).size)
    assert result.agreement == pytest.approx(agreement)


def test_too_few_votes_images_or_raters_are_not_tested() -> None:
    votes = simulate_study(DESIGNS[0], np.random.default_rng(0))
    one_image = (votes.rater != 0) | (votes.image < 4)
    few_votes = (votes.rater != 1) | (np.cumsum(votes.rater == 1) <= 29)
    raters = compare(select(votes, one_image & few_votes))
    assert raters[0].not_tested == "fewer than 5 images"
    assert raters[1].not_tested == "fewer than 30 votes"
    assert raters[0].p_value is None
    assert not raters[0].flagged
    assert raters[2].p_value is not None
    assert compare(select(votes, votes.rater < 2)) == []
    assert compare(replace(votes, raters=())) == []


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        (["no"] * 3, "3 of 3 raters tested, none flagged as inconsistent with the others."),
        (
            ["no", "yes", "fewer than 30 votes", "fewer than 5 images", "fewer than 30 votes"],
            "2 of 5 raters tested, 1 flagged as inconsistent with the others; 3 not tested: "
            "2 with fewer than 30 votes, 1 with fewer than 5 images.",
        ),
        (["fewer than 30 votes"] * 4, "None of 4 raters could be tested: 4 with fewer than 30 votes."),
        ([], "Raters: not compared, the votes name fewer than 3."),
    ],
)
def test_summary_says_who_was_not_tested(verdicts: list[str], words: str) -> None:
    assert summary(verdicts) == words


def test_holm_correction() -> None:
    # The smallest is multiplied by 4, the next by 3, and so on; none becomes smaller than the one before.
    assert _holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert _holm([0.6, 0.9]) == [1.0, 1.0]
    assert _holm([]) == []


def test_the_hific_raters(shared: Path) -> None:
    raters = compare(read_votes(shared / "published" / "hific-userstudy" / "votes.json"))
    assert len(raters) == 20
    assert sum(rater.votes for rater in raters) == 5218
    assert sum(rater.p_value is None for rater in raters) == 4
    assert not any(rater.flagged for rater in raters)
    assert summary([rater.verdict for rater in raters]).startswith("16 of 20 raters tested, none flagged")
