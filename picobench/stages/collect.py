# SPDX-License-Identifier: BSD-3-Clause
"""Gather the records of all jobs of a run into its tables of scores, evidence and failures."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from picobench import layout, plan
from picobench.files import read_json
from picobench.run import Run
from picobench.work import Work

SCORE_COLUMNS = (
    "codec", "version", "dataset", "image", "point", "width", "height", "bytes", "bpp", "status",
)  # fmt: skip
EVIDENCE_COLUMNS = (
    "codec", "dataset", "image", "point", "bitstream", "bitstream_sha256", "reconstruction_sha256",
    "encode_seconds", "decode_seconds", "encode_peak_memory_bytes", "decode_peak_memory_bytes",
    "metric_seconds", "colour_ceiling_db", "encode_call", "published_file", "published_sha256", "reason",
)  # fmt: skip
FAILURE_COLUMNS = (
    "codec",
    "version",
    "dataset",
    "image",
    "point",
    "stage",
    "metric",
    "reason",
    "stderr_tail",
)
_DECIMALS = 6


@dataclass
class Collected:
    """Rows of the three tables, in the run's order: codecs, datasets, points, images."""

    scores: list[dict[str, Any]] = field(default_factory=list)
    evidence: list[dict[str, Any]] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)


def collect(run: Run, work: Work) -> Collected:
    """Read every record of the run.

    Raises:
        StorageError: A record is missing or damaged.
    """
    collected = Collected()
    for (codec_id, dataset), units in work.units.items():
        measured = _measured(work.sheets[codec_id, dataset], run.available_metrics)
        for unit in units:
            record = read_json(unit.record)
            order = {image: number for number, image in enumerate(work.inventories[dataset].by_name)}
            for encoded in sorted(record["images"], key=lambda row: order[row["image"]]):
                decoded, scores = measured.get((unit.name, encoded["image"]), ({}, {}))
                _add(collected, unit, _Seen(version_text(record["versions"]), encoded, decoded, scores), run)
    position = {name: number for number, name in enumerate(run.codecs)}
    for rows in (collected.scores, collected.evidence, collected.failures):
        rows.sort(key=lambda row: (row["dataset"], position[row["codec"]]))
    return collected


def version_text(versions: Mapping[str, str]) -> str:
    """Versions as one cell: "Pillow 12.0.0, libjpeg-turbo 3.1.2"."""
    return ", ".join(f"{name} {version}" for name, version in versions.items())


Decoded = dict[str, Any]
Scores = dict[str, dict[str, Any]]


def _measured(
    sheets: list[plan.Sheet], wanted: Mapping[str, str]
) -> dict[tuple[str, str], tuple[Decoded, Scores]]:
    """What the sheets say of each (unit, image). Sheets must agree on the pixels that were decoded."""
    result: dict[tuple[str, str], tuple[Decoded, Scores]] = {}
    for sheet in sheets:
        document = read_json(sheet.file)
        current = {name for name, key in document["metrics"].items() if wanted.get(name) == key}
        for unit, rows in document["units"].items():
            for row in rows:
                scores = {name: score for name, score in row["scores"].items() if name in current}
                earlier = result.get((unit, row["image"]))
                if earlier is None:
                    result[unit, row["image"]] = (row, scores)
                    continue
                before, all_scores = earlier
                all_scores.update(scores)
                if before.get("pixels_sha256") != row.get("pixels_sha256") and not before["reason"]:
                    before["reason"] = row["reason"] or "decoding twice gave different pixels"
    return result


@dataclass(frozen=True)
class _Seen:
    """What the records say of one operating point on one image."""

    version: str
    encoded: Mapping[str, Any]
    decoded: Decoded
    scores: Scores


def _add(collected: Collected, unit: plan.Unit, seen: _Seen, run: Run) -> None:
    encoded, decoded, scores = seen.encoded, seen.decoded, seen.scores
    where = {
        "codec": unit.codec,
        "version": seen.version,
        "dataset": unit.dataset,
        "image": encoded["image"],
        "point": unit.point,
    }
    stage, reason, stderr_tail = _failure(encoded, decoded)
    absent = encoded.get("absent", False)
    published = encoded.get("published", {})
    size_bytes, bpp = _rate(encoded)
    row = where | {
        "width": encoded["width"],
        "height": encoded["height"],
        "bytes": size_bytes,
        "bpp": bpp,
        "status": "absent" if absent else "failed" if reason else "ok",
    }
    if reason and not absent:
        collected.failures.append(
            where | {"stage": stage, "metric": "", "reason": reason, "stderr_tail": stderr_tail}
        )
    for metric in run.metrics:
        score = {} if reason else scores.get(metric, {})
        row[metric] = _number(score.get("value"))
        if score.get("reason"):
            failure = {"stage": "score", "metric": metric, "reason": score["reason"], "stderr_tail": ""}
            collected.failures.append(where | failure)
    collected.scores.append(row)
    folder = unit.record.parent.relative_to(layout.RESULTS)
    collected.evidence.append(
        {key: where[key] for key in ("codec", "dataset", "image", "point")}
        | {
            "bitstream": f"{folder}/{encoded['bitstream']}"
            if "bitstream" in encoded and not published
            else "",
            "bitstream_sha256": "" if published else encoded.get("sha256", ""),
            "reconstruction_sha256": decoded.get("pixels_sha256", ""),
            "encode_seconds": encoded["seconds"],
            "decode_seconds": decoded.get("seconds"),
            "encode_peak_memory_bytes": encoded["peak_memory_bytes"],
            "decode_peak_memory_bytes": decoded.get("peak_memory_bytes"),
            "colour_ceiling_db": encoded.get("ceiling_db"),
            "metric_seconds": sum(score.get("seconds") or 0.0 for score in scores.values()),
            "encode_call": " ".join(encoded["call"]),
            "published_file": published.get("file", ""),
            "published_sha256": published.get("sha256", ""),
            "reason": reason,
        }
    )


def _rate(encoded: Mapping[str, Any]) -> tuple[int | None, float | None]:
    """Bytes and bits per pixel: weighed here, or as published; a published size may be unknown."""
    if published := encoded.get("published"):
        return published["size_bytes"], round(published["bpp"], _DECIMALS)
    size_bytes = encoded.get("bytes")
    pixels = encoded["width"] * encoded["height"]
    return size_bytes, None if size_bytes is None else round(8 * size_bytes / pixels, _DECIMALS)


def _failure(encoded: Mapping[str, Any], decoded: Decoded) -> tuple[str, str, str]:
    if encoded["reason"]:
        stage = "import" if encoded["call"][:1] == ["published"] else "encode"
        return stage, encoded["reason"], encoded["stderr_tail"]
    if decoded.get("reason"):
        return "decode", decoded["reason"], decoded.get("stderr_tail", "")
    if decoded and decoded["bitstream_sha256"] != encoded["sha256"]:
        return "decode", "the bitstream changed after it was measured; delete its measurements", ""
    return "", "", ""


def _number(value: Any) -> float | None:
    if value is None:
        return None
    number = float(value)
    return round(number, _DECIMALS) if math.isfinite(number) else number
