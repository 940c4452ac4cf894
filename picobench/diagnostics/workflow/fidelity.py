# SPDX-License-Identifier: BSD-3-Clause
"""Fidelity in a run: findings of every reconstruction, and those that take all pictures of a point."""

import base64
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from picobench.diagnostics.fidelity import (
    FidelityReport,
    Finding,
    Signature,
    check_fidelity,
    find_duplicates,
    shared_rounding,
    signature,
)
from picobench.diagnostics.workflow.record import Examine, PointResults, Row, Tables, back, plain
from picobench.pixels import RGB8

COLUMNS = {
    "fidelity": (
        *("scope", "codec", "dataset", "point", "image", "images", "reason"),
        *("finding", "effect_db", "evidence", "threshold", "psnr_db", "bias_r", "bias_g", "bias_b"),
    )
}
"""A row for every finding, and one without a finding for every picture and dataset that has none. `scope` says
which: `image` or `dataset`."""


def examine(*, lossless: bool) -> Examine:
    """The check; see `check_fidelity` for `lossless`."""

    def check(image: str, reference: RGB8, reconstruction: RGB8) -> dict[str, Any]:
        report = check_fidelity(reference, reconstruction, lossless=lossless)
        return {
            "findings": [
                asdict(finding)
                | {
                    "effect_db": plain(finding.effect_db),
                    "values": [[name, plain(value)] for name, value in finding.values],
                }
                for finding in report.findings
            ],
            "psnr_db": plain(report.psnr_db),
            "bias_levels": [plain(level) for level in report.bias_levels],
            "signature": _packed(signature(reconstruction)),
        }

    return check


def tables(results: PointResults) -> Tables:
    """Rows of the table for one operating point.

    Raises:
        DatasetError: A reference is missing or damaged.
    """
    rows = []
    for image in results.images:
        where = {"scope": "image", "images": 1, **results.image_row(image)}
        if image.reason:
            rows.append(where | {"images": 0})
            continue
        report = _report(image.result)
        names = ("bias_r", "bias_g", "bias_b")
        where |= {"psnr_db": report.psnr_db, **dict(zip(names, report.bias_levels, strict=True))}
        rows += [where | _finding(found) for found in report.findings] or [where]
    examined = results.examined
    signatures = {image.image: _unpacked(image.result["signature"]) for image in examined}
    findings = find_duplicates(signatures)
    if findings:
        # Only now are the references worth reading: pictures that are alike themselves are no fault.
        references = {name: signature(results.pictures[name].read()) for name in signatures}
        findings = find_duplicates(signatures, references)
    rounding = shared_rounding([_report(image.result) for image in examined])
    findings += [rounding] if rounding else []
    about = results.dataset_row(len(examined), "" if examined else "no picture could be examined")
    where = {"scope": "dataset", "image": "", **about}
    return {"fidelity": rows + ([where | _finding(found) for found in findings] or [where])}


def _finding(finding: Finding) -> Row:
    return {
        "finding": finding.name,
        "effect_db": finding.effect_db,
        "evidence": finding.evidence,
        "threshold": finding.threshold,
    }


def _report(result: Mapping[str, Any]) -> FidelityReport:
    findings = tuple(
        Finding(
            found["name"],
            found["evidence"],
            back(found["effect_db"]),
            tuple((name, _number(value)) for name, value in found["values"]),
        )
        for found in result["findings"]
    )
    red, green, blue = (_number(level) for level in result["bias_levels"])
    return FidelityReport(findings, _number(result["psnr_db"]), (red, green, blue))


def _number(value: float | str | None) -> float:
    number = back(value)
    return math.nan if number is None else number


def _packed(found: Signature) -> dict[str, Any]:
    areas = found.areas.astype("<f4")
    return {
        "digest": found.digest,
        "shape": list(found.shape),
        "areas_shape": list(areas.shape),
        "areas": base64.b64encode(areas.tobytes()).decode(),
    }


def _unpacked(value: Mapping[str, Any]) -> Signature:
    areas = np.frombuffer(base64.b64decode(value["areas"]), dtype="<f4").reshape(value["areas_shape"])
    return Signature(value["digest"], tuple(value["shape"]), areas.astype(np.float64))
