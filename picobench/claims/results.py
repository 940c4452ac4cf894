# SPDX-License-Identifier: BSD-3-Clause
"""The verdicts as files of a run: `claims/claims.csv`, Parquet beside it, and `claims.json` for the page."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from picobench.claims.evidence import Evidence
from picobench.claims.judge import VERDICTS, Verdict, judge, words
from picobench.claims.quantity import Quantity, Result
from picobench.claims.registry import CHECKS, Registry, read_registry
from picobench.definitions import Definitions
from picobench.files import write_json
from picobench.tablefile import write_table

FORMAT = 1
COLUMNS = (
    "id",
    "group",
    "source",
    "source_kind",
    "place",
    "statement",
    "claimed",
    "claimed_low",
    "claimed_high",
    "unit",
    "tolerance",
    "verdict",
    "reason",
    "found",
    "found_value",
    "found_low",
    "found_high",
    "check",
    "expression",
    "rows",
    "codecs",
    "trust",
    "reading",
)


def claims_folder(run_folder: Path) -> Path:
    """Where the verdicts of a run lie."""
    return run_folder / "claims"


def judge_run(definitions: Definitions, run_folder: Path | None) -> tuple[Registry, list[Verdict]]:
    """The verdicts on all claims by the tables of a run; without one, what the registry alone can decide.

    Raises:
        DefinitionError: The registry is wrong.
        StorageError: A table of the run is damaged, or there is no such run.
    """
    folders = [definitions.root, *definitions.extra]
    registry = read_registry(folders)
    defined = {
        kind: frozenset(path.stem for base in folders for path in (base / kind).glob("*.yaml"))
        for kind in ("codecs", "datasets", "metrics", "devices")
    }
    return registry, judge(registry, _open(run_folder, defined))


def _open(run_folder: Path | None, defined: Mapping[str, frozenset[str]]) -> Evidence:
    evidence = Evidence(run_folder, defined)
    # A run that is not there is an error at once, not a hundred claims that cannot be tested.
    _ = evidence.description
    return evidence


def write_claims(definitions: Definitions, run_folder: Path) -> None:
    """Judge all claims by a run and write its `claims` folder; equal tables give equal bytes.

    Raises:
        DefinitionError: The registry is wrong.
        StorageError: A table of the run is damaged, or nothing can be written.
    """
    import pandas as pd

    registry, verdicts = judge_run(definitions, run_folder)
    rows = [row(verdict) for verdict in verdicts]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    numbers = [c for c in COLUMNS if c.endswith(("_low", "_high", "_value"))]
    folder = claims_folder(run_folder)
    write_json(folder / "claims.json", document(run_folder.name, registry, rows))
    write_table(folder / "claims.csv", frame.astype(dict.fromkeys([*numbers, "tolerance"], "float64")))


def row(verdict: Verdict) -> dict[str, Any]:
    """One verdict with the columns `COLUMNS`; ends that are open or unknown are None."""
    claim, trace = verdict.claim, verdict.trace
    claimed, found = _ends(claim.value), _ends(verdict.found)
    return {
        "id": claim.id,
        "group": claim.group,
        "source": claim.source.id,
        "source_kind": claim.source.kind,
        "place": claim.place,
        "statement": claim.statement,
        "claimed": claim.claimed,
        "claimed_low": claimed[0],
        "claimed_high": claimed[1],
        "unit": claim.unit,
        "tolerance": claim.tolerance if isinstance(claim.value, Quantity) else None,
        "verdict": verdict.verdict,
        "reason": verdict.reason,
        "found": verdict.found_words,
        "found_value": verdict.found.value if isinstance(verdict.found, Quantity) else None,
        "found_low": found[0],
        "found_high": found[1],
        "check": claim.check,
        "expression": claim.expression.text,
        "rows": ", ".join(f"{name} {count}" for name, count in sorted(trace.rows.items())),
        "codecs": ", ".join(sorted(trace.codecs)),
        "trust": ", ".join(sorted(verdict.trust)),
        "reading": claim.reading,
    }


def document(run: str, registry: Registry, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What `claims.json` holds: the rows by group, sources, facts, and how often each verdict was given."""
    counts = Counter(row["verdict"] for row in rows)
    used = {claim.source for claim in registry.claims.values()}
    used |= {fact.source for fact in registry.facts.values()}
    return {
        "format": FORMAT,
        "run": run,
        "registry": registry.key,
        "verdicts": [
            {"verdict": name, "meaning": meaning, "claims": counts[name]}
            for name, meaning in VERDICTS.items()
        ],
        "checks": dict(CHECKS),
        "sources": {
            source.id: {
                "kind": source.kind,
                "title": source.title,
                "citation": source.citation,
                "address": source.address,
            }
            for source in sorted(used, key=lambda source: source.id)
        },
        "facts": [
            {"id": name, "source": fact.source.id, "place": fact.place, "value": words(fact.value)}
            for name, fact in registry.facts.items()
        ],
        "groups": [
            {"id": name, "title": title, "claims": [row for row in rows if row["group"] == name]}
            for name, title in registry.groups.items()
        ],
    }


def _ends(value: Result | None) -> tuple[float | None, float | None]:
    if not isinstance(value, Quantity) or value.interval is None:
        return None, None
    low, high = (end if abs(end) != float("inf") else None for end in value.interval)
    return low, high
