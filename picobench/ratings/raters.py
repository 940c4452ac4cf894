# SPDX-License-Identifier: BSD-3-Clause
"""Consistency of each rater with the others, and flags on raters who are less consistent than chance allows.

For each rater, the strengths are fitted without that rater's votes. If the rater votes like the others, the
log-likelihood of the rater's votes under that fit differs from its expectation, sum over votes and outcomes
of p log p, by noise only. Votes of a rater on one image are not independent (the image suits a codec more than
images do on average), so the difference is summed per image, and Student's t over these sums tests whether it
is below zero: one-sided, because a rater who sees more clearly than the others is no fault. Without images, each
vote is its own cluster. The p-values of all raters tested are corrected by Holm's method (S. Holm, Scand. J.
Stat. 6, 1979), which keeps the probability of a single wrong flag in a study at 5 %.

The fit without the rater is taken as known. That is harmless with many raters; with three or four its own error
adds to the difference, and flags come too easily.

A flag is a reason to look at a rater, not to remove one: nothing here removes votes.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from picobench.ratings.bradley_terry import (
    Fit,
    Floats,
    PairCounts,
    count_pairs,
    fit_counts,
    outcome_probabilities,
    vote_outcome_column,
)
from picobench.ratings.votes import TIE, Votes, select

MIN_VOTES = 30
MIN_IMAGES = 5
MIN_RATERS = 3
FLAG_LEVEL = 0.05


@dataclass(frozen=True)
class RaterConsistency:
    """One rater compared with all others.

    Attributes:
        rater: Name.
        votes: Number of votes.
        images: Number of images voted on; 0 if not recorded.
        agreement: Share of the rater's votes, ties aside, for the method that the others rate higher; NaN if none.
        expected_agreement: The same for a rater who votes like the others; NaN if none.
        log_likelihood: Mean log-likelihood of a vote, nats, under the others' strengths.
        expected_log_likelihood: Its expectation for a rater who votes like the others.
        p_value: Probability of so low a log-likelihood by chance, corrected for the number of raters; None if
            not tested.
        not_tested: Why not; empty if tested.
    """

    rater: str
    votes: int
    images: int
    agreement: float
    expected_agreement: float
    log_likelihood: float
    expected_log_likelihood: float
    p_value: float | None
    not_tested: str = ""

    @property
    def verdict(self) -> str:
        """Yes (flagged), no, or why the rater was not tested."""
        return self.not_tested or ("yes" if self.flagged else "no")

    @property
    def flagged(self) -> bool:
        """Less consistent with the others than chance allows, at a familywise level of 5 %."""
        return self.p_value is not None and self.p_value < FLAG_LEVEL


def rater_consistency(fit: Fit, votes: Votes) -> list[RaterConsistency]:
    """Compare each rater who voted with all others, in the order of their names.

    Args:
        fit: The fit of exactly these votes.
        votes: The votes. Without a column of raters the result is empty.
    """
    present = [index for index in range(len(votes.raters)) if (votes.rater == index).any()]
    if len(present) < MIN_RATERS:
        return []
    results, raw = [], []
    for index in present:
        result, p_value = _compare(fit, votes, index)
        results.append(result)
        raw.append(p_value)
    corrected = _holm([p for p in raw if p is not None])
    return [
        result if p is None else replace(result, p_value=corrected.pop(0))
        for result, p in zip(results, raw, strict=True)
    ]


def summary(verdicts: Sequence[str]) -> str:
    """In words, how many raters were tested and flagged, and why others were not.

    Args:
        verdicts: For each rater yes (flagged), no, or why the rater was not tested; as in the table of raters.
    """
    if not verdicts:
        return f"Raters: not compared, the votes name fewer than {MIN_RATERS}."
    tested = [verdict for verdict in verdicts if verdict in ("yes", "no")]
    reasons = Counter(verdict for verdict in verdicts if verdict not in ("yes", "no"))
    because = ", ".join(f"{count} with {reason}" for reason, count in sorted(reasons.items()))
    if not tested:
        return f"None of {len(verdicts)} raters could be tested: {because}."
    flagged = f"{tested.count('yes')} flagged" if "yes" in tested else "none flagged"
    text = f"{len(tested)} of {len(verdicts)} raters tested, {flagged} as inconsistent with the others"
    return f"{text}; {len(verdicts) - len(tested)} not tested: {because}." if reasons else f"{text}."


def _compare(fit: Fit, votes: Votes, index: int) -> tuple[RaterConsistency, float | None]:
    own = select(votes, votes.rater == index)
    others = _subtract(fit.counts, count_pairs(own))
    rest = fit_counts(fit.methods, others, fit.prior, start=fit.mode if others.has_ties else None)
    log_tie = fit.log_tie if rest.log_tie is None else rest.log_tie
    lead = rest.strengths[own.first] - rest.strengths[own.second]
    probability = outcome_probabilities(lead, log_tie)
    log_probability = np.log(probability, out=np.zeros_like(probability), where=probability > 0)
    happened = log_probability[np.arange(len(own)), vote_outcome_column(own)]
    expected = (probability * log_probability).sum(axis=1)
    images = np.unique(own.image).size if own.images else 0
    clusters = np.unique(own.image, return_inverse=True)[1] if own.images else np.arange(len(own))
    excess = np.bincount(clusters, happened - expected).astype(np.float64)
    reason = ""
    if len(own) < MIN_VOTES:
        reason = f"fewer than {MIN_VOTES} votes"
    elif excess.size < MIN_IMAGES:
        reason = f"fewer than {MIN_IMAGES} images"
    decided = own.outcome != TIE
    for_stronger, expected_share = _agreement(lead[decided], own.outcome[decided].astype(np.float64))
    result = RaterConsistency(
        votes.raters[index],
        len(own),
        images,
        for_stronger,
        expected_share,
        float(happened.mean()),
        float(expected.mean()),
        None,
        reason,
    )
    return result, None if reason else _lower_tail(excess)


def _subtract(counts: PairCounts, part: PairCounts) -> PairCounts:
    place = np.searchsorted(counts.first * counts.size + counts.second, part.first * part.size + part.second)
    rest = counts.counts.copy()
    rest[place] -= part.counts
    return PairCounts(counts.size, counts.first, counts.second, rest)


def _agreement(lead: Floats, outcome: Floats) -> tuple[float, float]:
    if lead.size == 0:
        return float("nan"), float("nan")
    return float(np.mean(lead * outcome > 0)), float(np.mean(1 / (1 + np.exp(-np.abs(lead)))))


def _lower_tail(excess: Floats) -> float:
    from scipy.special import stdtr

    deviation = excess.std(ddof=1)
    if deviation == 0:
        return float(excess.mean() >= 0)  # the same excess on every image
    return float(stdtr(excess.size - 1, excess.mean() / deviation * np.sqrt(excess.size)))


def _holm(p_values: list[float]) -> list[float]:
    order = np.argsort(p_values)
    stepped = np.array(p_values)[order] * np.arange(len(p_values), 0, -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(np.maximum.accumulate(stepped), 1)
    return [float(value) for value in corrected]
