# SPDX-License-Identifier: BSD-3-Clause
"""Reads the registry of claims, `paper/*.yaml`, and checks all of it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from picobench.claims.expression import Expression, parse
from picobench.claims.quantity import NotStated, Quantity, Result, Truth, between, exact, shown
from picobench.errors import DefinitionError
from picobench.files import content_key
from picobench.yamlfile import did_you_mean, read_yaml, validate

Check = Literal["recompute", "consistent", "primary"]
CHECKS: Mapping[Check, str] = {
    "recompute": "recomputed from the tables of the run",
    "consistent": "checked against other claims of the same source",
    "primary": "compared with what the primary source says",
}
_INHERITED = ("source", "place", "unit", "tolerance", "reading")


@dataclass(frozen=True)
class Source:
    """Where claims come from. `kind` is primary, secondary (says what a primary one says), or measurement."""

    id: str
    kind: str
    title: str
    citation: str = ""
    address: str = ""


@dataclass(frozen=True)
class Claim:
    """Something that was claimed.

    Attributes:
        place: Where in the source.
        value: What was claimed, in `unit`.
        reading: How a wording without a plain number is read, and why.
        tolerance: How far from the value still counts as the same, in `unit`.
        check: How it is tested, one of `CHECKS`, with the expression that does it.
        needs: What must be there, beside the tables that the expression reads.
    """

    id: str
    group: str
    source: Source
    place: str
    statement: str
    value: Result
    unit: str
    reading: str
    tolerance: float
    check: Check
    expression: Expression
    needs: tuple[Mapping[str, Any], ...]

    @property
    def claimed(self) -> str:
        """The value in words."""
        match self.value:
            case Quantity(value=None, interval=(low, high)):
                words = between(low, high)
            case Quantity(value=float() as number):
                words = shown(number)
            case frozenset() as items:
                return "; ".join(sorted(items))
            case other:
                return str(other)
        return f"{words} {self.unit}".rstrip()

    @property
    def accepted(self) -> tuple[float, float]:
        """The claimed range widened by the tolerance; for claims with a number only."""
        low, high = self.value.ends if isinstance(self.value, Quantity) else (-math.inf, math.inf)
        # The slack keeps a figure on the very edge inside, whatever the rounding of the sum.
        slack = 1e-9 * max(abs(end) for end in (low, high, 1e-9) if math.isfinite(end))
        return low - self.tolerance - slack, high + self.tolerance + slack


@dataclass(frozen=True)
class Fact:
    """What a primary source says or leaves out. It has no verdict; secondary sources are compared with it."""

    source: Source
    place: str
    value: Result


@dataclass(frozen=True)
class Registry:
    """All claims in the order of the files; `groups` maps an id to its title."""

    groups: Mapping[str, str]
    claims: Mapping[str, Claim]
    facts: Mapping[str, Fact]
    key: str

    @property
    def claimed(self) -> dict[str, Result]:
        """Values of claims and facts by id."""
        facts = {name: fact.value for name, fact in self.facts.items()}
        return facts | {name: claim.value for name, claim in self.claims.items()}


def read_registry(folders: Sequence[Path]) -> Registry:
    """Read `paper/*.yaml` of each folder.

    Args:
        folders: The project's folder, then a user's own.

    Raises:
        DefinitionError: A file is missing or wrong; names the claim.
    """
    groups: dict[str, str] = {}
    claims: dict[str, Claim] = {}
    facts: dict[str, Fact] = {}
    documents = []
    files = [path for folder in folders for path in sorted((folder / "paper").glob("*.yaml"))]
    if not files:
        raise DefinitionError(f"{folders[0] / 'paper'}: no registry of claims there; restore claims.yaml")
    for path in files:
        document = read_yaml(path)
        validate(document, "claims", str(path))
        documents.append(document)
        sources = {name: Source(id=name, **fields) for name, fields in document["sources"].items()}
        for name, fact in document.get("facts", {}).items():
            if name in facts:
                raise DefinitionError(f"{path}: fact {name!r} is there already; choose another id")
            facts[name] = _fact(fact, sources, f"{path}: fact {name}")
        for name, group in document["groups"].items():
            if name in groups:
                raise DefinitionError(f"{path}: group {name!r} is there already; choose another id")
            groups[name] = group["title"]
            for claim in _claims(name, group, sources, str(path)):
                if claim.id in claims or claim.id in facts:
                    raise DefinitionError(f"{path}: claim {claim.id!r} is there already; choose another id")
                claims[claim.id] = claim
    for claim in claims.values():
        _check_references(claim, claims, facts)
    return Registry(groups, claims, facts, content_key(documents))


def _fact(raw: Mapping[str, Any], sources: Mapping[str, Source], where: str) -> Fact:
    source = _source(raw["source"], sources, where)
    if source.kind == "secondary":
        raise DefinitionError(f"{where}: a fact is what a primary source says; name one")
    return Fact(source, raw["place"], _value(raw["value"], where))


def _source(name: str, sources: Mapping[str, Source], where: str) -> Source:
    if name not in sources:
        raise DefinitionError(f"{where}: unknown source {name!r}{did_you_mean(name, list(sources))}")
    return sources[name]


def _claims(name: str, group: Mapping[str, Any], sources: Mapping[str, Source], path: str) -> Iterator[Claim]:
    for claim_id, own in group["claims"].items():
        where = f"{path}: claim {claim_id}"
        fields = {**{key: group[key] for key in _INHERITED if key in group}, **own}
        for key in ("source", "place"):
            if key not in fields:
                raise DefinitionError(f"{where}: {key!r} is missing; add it to the claim or to its group")
        source = _source(fields["source"], sources, where)
        check = next(key for key in CHECKS if key in own)
        if (check == "primary") != (source.kind == "secondary"):
            raise DefinitionError(
                f"{where}: 'primary' is for claims of secondary sources, which need it, and for no other"
            )
        value = _value(own["value"], where)
        numeric = check == "recompute" and isinstance(value, Quantity)
        if numeric and "tolerance" not in fields:
            raise DefinitionError(f"{where}: a recomputed number needs a tolerance; add it")
        yield Claim(
            id=claim_id,
            group=name,
            source=source,
            place=fields["place"],
            statement=own["statement"],
            value=value,
            unit=fields.get("unit", "") if isinstance(value, Quantity) else "",
            reading=fields.get("reading", ""),
            tolerance=_tolerance(fields.get("tolerance", {}), value),
            check=check,
            expression=parse(own[check], where),
            needs=(*(group.get("needs", ()) if check == "recompute" else ()), *own.get("needs", ())),
        )


def _value(raw: Mapping[str, Any], where: str) -> Result:
    match raw:
        case {"number": number}:
            return exact(float(number))
        case {"truth": bool() as truth}:
            return Truth(truth)
        case {"text": str() as text}:
            return text
        case {"items": list() as items}:
            return frozenset(items)
        case {"not_stated": str() as place}:
            return NotStated(place)
    low, high = float(raw.get("at_least", -math.inf)), float(raw.get("at_most", math.inf))
    if low > high:
        raise DefinitionError(f"{where}: at_least is above at_most; swap them")
    return Quantity(None, (low, high))


def _tolerance(raw: Mapping[str, float], value: Result) -> float:
    if "relative" in raw and isinstance(value, Quantity) and value.interval is not None:
        return raw["relative"] * max(abs(end) for end in value.interval if math.isfinite(end))
    return float(raw.get("absolute", 0.0))


def _check_references(claim: Claim, claims: Mapping[str, Claim], facts: Mapping[str, Fact]) -> None:
    where, known = f"claim {claim.id}", [*claims, *facts]
    for name in sorted(claim.expression.claims):
        if name not in known:
            raise DefinitionError(
                f"{where}: its expression names an unknown claim {name!r}{did_you_mean(name, known)}"
            )
        if name in claims and claims[name].source.kind == "secondary":
            raise DefinitionError(f"{where}: rests on {name!r} of a secondary source; name a primary one")
    if claim.check == "recompute" and claim.expression.claims:
        raise DefinitionError(f"{where}: is recomputed from a claim; use tables only")
    if claim.check != "recompute" and claim.expression.tables:
        raise DefinitionError(f"{where}: compares claims, so it reads no tables; correct it")
