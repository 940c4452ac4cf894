# SPDX-License-Identifier: BSD-3-Clause
"""What a claim needs beside the rows that it reads, checked against what the run has."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from picobench.claims.evidence import Evidence, filter_words
from picobench.claims.quantity import Missing


def missing(needs: Sequence[Mapping[str, Any]], evidence: Evidence) -> Iterator[str]:
    """For each need that the run does not meet: what it is and what is there instead."""
    for need in needs:
        reason = _reason(need, evidence)
        if reason:
            yield f"{need['what']}: {reason}" if "what" in need else reason


def _reason(need: Mapping[str, Any], evidence: Evidence) -> str:
    match need:
        case {"table": table}:
            return _table(table, need.get("columns", ()), need.get("rows", {}), evidence)
        case {"codec": codec}:
            return _codec(codec, need.get("trust"), evidence)
        case {"dataset": dataset}:
            return _dataset(dataset, need.get("images", 1), evidence)
        case {"metric": metric}:
            return _metric(metric, evidence)
        case {"device": device}:
            return _device(device, evidence)
    raise AssertionError(f"the schema lets no such need pass: {need}")


def _table(name: str, columns: Sequence[str], filters: Mapping[str, Any], evidence: Evidence) -> str:
    try:
        rows = evidence.table(name)
        if not rows:
            return f"table {name} has no rows"
        absent = [column for column in columns if column not in rows[0]]
        if absent:
            return f"table {name} has no column {', '.join(absent)}"
        found = any(evidence.fits(row, filters) for row in rows)
    except Missing as reason:
        return str(reason)
    return "" if found else f"table {name} has no row with {filter_words(filters)}"


def _codec(name: str, trust: str | None, evidence: Evidence) -> str:
    found = evidence.codecs(name)
    if not found:
        return _absent("codec", name, evidence)
    levels = sorted({evidence.trust(codec) for codec in found})
    if trust is None or trust in levels:
        return ""
    return f"codec {name} is here as {', '.join(levels)} only, not as {trust}"


def _dataset(name: str, images: int, evidence: Evidence) -> str:
    entry = evidence.description.get("datasets", {}).get(name)
    if entry is None:
        return _absent("dataset", name, evidence)
    count = entry.get("images", 0)
    if isinstance(count, int) and count >= images:
        return ""
    return f"dataset {name} has {count} of {images} pictures here"


def _metric(name: str, evidence: Evidence) -> str:
    entry = evidence.description.get("metrics", {}).get(name)
    if entry is None:
        return _absent("metric", name, evidence)
    return "" if entry.get("available", True) else f"metric {name} is unavailable: {entry.get('why', '')}"


def _device(name: str, evidence: Evidence) -> str:
    try:
        timed = {row.cells.get("device", "") for row in evidence.table("timing")}
    except Missing:
        timed = set()
    if name in timed:
        return ""
    if name not in evidence.defined.get("devices", ()):
        return f"device {name} is not defined, and nothing was timed on it"
    return f"nothing was timed on device {name} in this run"


def _absent(noun: str, name: str, evidence: Evidence) -> str:
    """That a run lacks something; and whether it could have it, which nothing undefined can be in any run."""
    undefined = name.partition("@")[0] not in evidence.defined.get(f"{noun}s", ())
    return f"{noun} {name} is not in this run" + (", nor is any of that name defined" if undefined else "")
