# SPDX-License-Identifier: BSD-3-Clause
"""The verdicts: computed from a claim and the evidence, the same way for all.

A recomputed number is *reproduced* if its whole interval lies in the claimed range widened by the tolerance,
*contradicted* if its whole interval lies outside, and else *not reproduced*: the data do not decide. An
estimate without an interval decides nothing. An exact figure, such as a count, is its own interval.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from picobench.claims.evidence import Evidence, Trace
from picobench.claims.expression import Context, evaluate
from picobench.claims.needs import missing
from picobench.claims.quantity import Missing, NotStated, Quantity, Result, Truth, between
from picobench.claims.registry import Claim, Registry
from picobench.errors import DefinitionError

REPRODUCED = "reproduced"
CONTRADICTED = "contradicted"
NOT_REPRODUCED = "not reproduced"
NOT_TESTABLE = "not testable here"
AGAINST_PRIMARY = "contradicted by the primary source"
WITH_PRIMARY = "consistent with the primary source"
INCONSISTENT = "internally inconsistent"
CONSISTENT = "internally consistent"

VERDICTS: Mapping[str, str] = {
    REPRODUCED: "the whole interval lies in what was claimed, tolerance included",
    CONTRADICTED: "the whole interval lies outside what was claimed",
    NOT_REPRODUCED: "measured, but the data do not decide",
    NOT_TESTABLE: "this run lacks what is needed; the reason says what",
    AGAINST_PRIMARY: "a secondary source says what the primary source does not",
    WITH_PRIMARY: "a secondary source says what the primary source can mean",
    INCONSISTENT: "what the primary source says in two places does not go together",
    CONSISTENT: "what the primary source says goes together",
}
"""All verdicts and what they mean, in the order in which they are counted."""


@dataclass(frozen=True)
class Verdict:
    """The outcome for one claim.

    Attributes:
        verdict: One of `VERDICTS`.
        reason: Why; for what is not testable everything that is missing.
        found: What was recomputed, or what the claim was compared with; None if there is nothing.
        trace: The rows and codecs that it rests on.
        trust: The trust levels of those codecs, and of the studies.
    """

    claim: Claim
    verdict: str
    reason: str
    found: Result | None
    trace: Trace
    trust: frozenset[str] = frozenset()

    @property
    def found_words(self) -> str:
        """What was found, in words; empty for nothing."""
        return "" if self.found is None else words(self.found)


def judge(registry: Registry, evidence: Evidence) -> list[Verdict]:
    """Give every claim its verdict, in the order of the registry.

    Raises:
        DefinitionError: An expression combines things of different kinds.
        StorageError: A table is damaged.
    """
    context = Context(evidence, registry.claimed)
    return [_judge(claim, context, _said(claim, registry)) for claim in registry.claims.values()]


def _said(claim: Claim, registry: Registry) -> str:
    """The values that a claim is compared with, in words."""
    said = {name: other.claimed for name, other in registry.claims.items()}
    said |= {name: words(fact.value) for name, fact in registry.facts.items()}
    named = [f"{name} is {value}" for name, value in said.items() if name in claim.expression.claims]
    return ", ".join(named) or "it names no claim"


def _judge(claim: Claim, context: Context, said: str) -> Verdict:
    evidence = context.evidence
    evidence.trace = Trace()
    lacking = list(missing(claim.needs, evidence))
    found: Result | None = None
    try:
        found = evaluate(claim.expression, context)
    except Missing as lack:
        if not any(str(lack) in known for known in lacking):
            lacking.append(str(lack))
    except DefinitionError as error:
        raise DefinitionError(f"claim {claim.id}: {error}") from None
    trace = evidence.trace
    trust = frozenset(filter(None, map(evidence.trust, trace.codecs)))
    if trace.studies:
        trust |= {"published votes"}
    if lacking or found is None:
        return Verdict(claim, NOT_TESTABLE, "; ".join(dict.fromkeys(lacking)), None, trace, trust)
    match claim.check:
        case "recompute":
            verdict, reason = _recomputed(claim, found)
        case "consistent":
            verdict, reason = _consistent(claim, found, said)
        case "primary":
            verdict, reason = _compared(claim, found)
    notes = "; ".join(dict.fromkeys(trace.notes))
    return Verdict(claim, verdict, f"{reason} ({notes})" if notes else reason, found, trace, trust)


def _recomputed(claim: Claim, found: Result) -> tuple[str, str]:
    _same_kind(claim, found)
    if isinstance(found, Truth) and found.value is None:
        return NOT_REPRODUCED, "the intervals overlap, so the data do not decide"
    if not isinstance(found, Quantity):
        same = _equal(claim.value, found)
        return (REPRODUCED, "as claimed") if same else (CONTRADICTED, f"{found} instead of {claim.claimed}")
    low, high = claim.accepted
    allowed = f"accepted: {_range(claim)}"
    if found.interval is None:
        return NOT_REPRODUCED, f"the estimate has no interval, so it decides nothing; {allowed}"
    if low <= found.interval[0] and found.interval[1] <= high:
        return REPRODUCED, allowed
    if found.interval[1] < low or found.interval[0] > high:
        return CONTRADICTED, allowed
    return NOT_REPRODUCED, f"the interval reaches across the edge of what is accepted; {allowed}"


def _consistent(claim: Claim, found: Result, said: str) -> tuple[str, str]:
    if not isinstance(found, Truth):
        raise DefinitionError(f"claim {claim.id}: 'consistent' must be true or false; compare something")
    if found.value is None:
        return NOT_REPRODUCED, f"the claimed ranges overlap, so neither agree nor exclude each other: {said}"
    return (CONSISTENT, f"it holds: {said}") if found.value else (INCONSISTENT, f"it does not hold: {said}")


def _compared(claim: Claim, found: Result) -> tuple[str, str]:
    if isinstance(found, NotStated):
        return AGAINST_PRIMARY, f"said of the primary source, where it is {found}"
    _same_kind(claim, found)
    if isinstance(found, Quantity):
        low, high = claim.accepted
        same = low <= found.ends[1] and found.ends[0] <= high
        said = f"{found} {claim.unit}".rstrip()
    else:
        same, said = _equal(claim.value, found), words(found)
    return (WITH_PRIMARY if same else AGAINST_PRIMARY), f"the primary source: {said}"


def _same_kind(claim: Claim, found: Result) -> None:
    if type(found) is not type(claim.value):
        raise DefinitionError(
            f"claim {claim.id}: its value and its expression are of different kinds; correct one"
        )


def _equal(claimed: Result, found: Result) -> bool:
    if isinstance(claimed, str) and isinstance(found, str):
        return claimed.strip().casefold() == found.strip().casefold()
    return claimed == found


def words(found: Result) -> str:
    """A value for people."""
    return "; ".join(sorted(found)) if isinstance(found, frozenset) else str(found)


def _range(claim: Claim) -> str:
    low, high = claim.value.ends if isinstance(claim.value, Quantity) else (-math.inf, math.inf)
    return f"{between(low - claim.tolerance, high + claim.tolerance)} {claim.unit}".rstrip()
