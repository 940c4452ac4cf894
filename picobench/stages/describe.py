# SPDX-License-Identifier: BSD-3-Clause
"""What a run consisted of, as `run.json`: everything that a report says besides numbers."""

import platform
from dataclasses import asdict
from typing import Any

import picobench
from picobench import layout
from picobench.files import read_json, sha256_file
from picobench.published_curves import PublishedCurve
from picobench.ratings.definition import StudyDefinition
from picobench.run import Run
from picobench.work import Work


def describe(run: Run, work: Work) -> dict[str, Any]:
    """The document that becomes `results/<run>/run.json`.

    Raises:
        StorageError: A record is missing or damaged.
    """
    return {
        "format": 1,
        "run": run.name,
        "created_with": {
            "picobench": picobench.__version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
        },
        "config": run.config,
        "anchor": run.anchor,
        "codecs": {name: _codec(run, work, name) for name in run.codecs}
        | {curve.id: _curve(curve) for curve in run.curves.values()},
        "datasets": {name: _dataset(run, work, name) for name in run.datasets},
        "metrics": {name: _metric(run, name) for name in run.metrics},
        "studies": {name: _study(study) for name, study in run.studies.items()},
    }


def _codec(run: Run, work: Work, name: str) -> dict[str, Any]:
    request = run.codecs[name]
    codec = request.codec
    calls: dict[str, dict[str, str]] = {}
    ceilings: list[float | None] = []
    details: dict[str, str] = {}
    for (codec_id, _), units in work.units.items():
        if codec_id == name:
            for unit in units:
                record = read_json(unit.record)
                details |= record["details"]
                ceilings += [row.get("ceiling_db") for row in record["images"]]
                call: list[str] = next((row["call"] for row in record["images"] if row["call"]), [])
                calls.setdefault(unit.point, {"encode": " ".join(call)})
    for (codec_id, _), sheets in work.sheets.items():
        if codec_id == name:
            for sheet in sheets:
                for unit_name, rows in read_json(sheet.file)["units"].items():
                    decode: list[str] = next((row["call"] for row in rows if row.get("call")), [])
                    calls.get(unit_name.rpartition("-")[0], {}).setdefault("decode", " ".join(decode))
    return {
        "label": codec.label,
        "trust": codec.trust,
        "implements": codec.implements,
        "adapter": codec.adapter,
        "versions": dict(request.environment.versions),
        "details": details | _colour_ceiling(ceilings),
        "options": dict(codec.options),
        "points": {point: dict(codec.points[point]) for point in request.points},
        "calls": calls,
        "deterministic": codec.deterministic,
        "definition_sha256": codec.sha256,
        **{key: codec.text.get(key, "") for key in ("homepage", "licence", "citation", "notes")},
    }


def _colour_ceiling(ceilings: list[float | None]) -> dict[str, str]:
    """The PSNR that the conversion before the codec allows, over pictures; nothing where none is bounded."""
    bounded = [ceiling for ceiling in ceilings if ceiling is not None]
    if not bounded:
        return {}
    exact = "" if len(bounded) == len(ceilings) else ", unbounded on some pictures"
    return {"colour_ceiling": f"PSNR of {min(bounded):.2f} to {max(bounded):.2f} dB over the pictures{exact}"}


def _curve(curve: PublishedCurve) -> dict[str, Any]:
    """A published curve, which pages show beside the codecs."""
    return {
        "label": curve.label,
        "trust": "published curve",
        "adapter": "none: numbers as published",
        "versions": {"file": curve.text["file"]},
        "details": {"sha256": curve.sha256, "dataset": curve.dataset, "images": str(curve.images)},
        "points": {row["point"]: {"bpp": row["bpp"]} for row in curve.rows()},
        "homepage": curve.text["source"],
        "licence": curve.text["licence"],
        "citation": curve.text.get("citation", ""),
        "notes": curve.text.get("note", ""),
    }


def _study(study: StudyDefinition) -> dict[str, Any]:
    """A study of people, as its page shows it."""
    texts = {key: study.text.get(key, "") for key in ("file", "source", "licence", "citation", "note")}
    return {
        "label": study.label,
        "anchor": study.anchor,
        "minimum_points": study.minimum_points,
        "sha256": study.sha256,
        "undecided": study.undecided,
        "repeats": study.repeats,
        "excluded_raters": list(study.exclude),
        "prior_sd": study.prior.strength_sd,
        "notes": list(study.votes().notes),
        **texts,
    }


def _dataset(run: Run, work: Work, name: str) -> dict[str, Any]:
    definition = run.definitions.read("datasets", run.datasets[name].id)
    inventory = work.inventories[name]
    # Pictures of a collection may each have a title and a licence of their own.
    texts = {
        entry["file"]: {key: entry[key] for key in ("title", "licence") if key in entry}
        for entry in definition["source"].get("files", [])
        if isinstance(entry, dict)
    }
    return {
        "label": definition.get("label", name),
        "images": len(inventory.pictures),
        "megapixels": round(sum(picture.megapixels for picture in inventory.pictures), 3),
        "inventory_sha256": sha256_file(layout.inventory_file(name)),
        "images_list": [
            asdict(picture.row) | texts.get(picture.row.source, {}) for picture in inventory.pictures
        ],
        "refused": [asdict(refusal) for refusal in inventory.prepared.refused],
        **{key: definition.get(key, "") for key in ("homepage", "licence", "citation")},
    }


def _metric(run: Run, name: str) -> dict[str, Any]:
    request = run.metrics[name]
    definition = request.definition
    raw = run.definitions.read("metrics", name)
    return {
        "label": definition.label,
        "direction": definition.direction,
        "unit": definition.unit,
        "available": request.available,
        "why": request.why,
        "definition": raw,
        "fingerprint": dict(request.fingerprint),
        "weights": raw.get("weights", []),
        **{key: definition.text.get(key, "") for key in ("homepage", "licence", "citation")},
    }
