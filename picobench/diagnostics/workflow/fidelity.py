# SPDX-License-Identifier: BSD-3-Clause
"""Fidelity in a run: findings of every reconstruction, and those that take all pictures of a point."""

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from picobench.diagnostics.fidelity import (
    FidelityReport,
    Finding,
    MeanErrors,
    Signature,
    check_fidelity,
    find_duplicates,
    shared_rounding,
    signature,
)
from picobench.diagnostics.workflow.record import (
    IMAGE_COLUMNS,
    Examine,
    PointResults,
    Row,
    Tables,
    back,
    plain,
)
from picobench.pixels import RGB8

COLUMNS = {
    "fidelity": (*IMAGE_COLUMNS, "psnr_db", "bias_r", "bias_g", "bias_b", "rise", "uncertain", "findings"),
    "fidelity_findings": (
        *("codec", "dataset", "point", "image", "images"),
        *("finding", "effect_db", "evidence", "threshold"),
    ),
}
"""A finding that takes all pictures of an operating point names no image; `images` is how many it rests on.
Mean errors of R, G and B are in grey levels, reconstruction minus reference; see `MeanErrors` for `rise` and
`uncertain`."""


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
            "mean_errors": {
                "bias": [plain(level) for level in report.mean_errors.bias],
                "means": [plain(level) for level in report.mean_errors.means],
                "rise": plain(report.mean_errors.rise),
                "uncertain": plain(report.mean_errors.uncertain),
            },
            "signature": _packed(signature(reconstruction)),
        }

    return check


def tables(results: PointResults) -> Tables:
    """Rows of the tables for one operating point.

    Raises:
        DatasetError: A reference is missing or damaged.
    """
    rows, findings, reports = [], [], []
    for image in results.images:
        row = results.image_row(image)
        if image.result:
            report = _report(image.result)
            reports.append(report)
            red, green, blue = report.mean_errors.bias
            found = "; ".join(finding.name for finding in report.findings)
            row |= {"psnr_db": report.psnr_db, "bias_r": red, "bias_g": green, "bias_b": blue}
            row |= {
                "rise": report.mean_errors.rise,
                "uncertain": report.mean_errors.uncertain,
                "findings": found,
            }
            findings += [row | {"images": 1} | _finding(finding) for finding in report.findings]
        rows.append(row)
    where = results.dataset_row(len(reports)) | {"image": ""}
    findings += [where | _finding(finding) for finding in _of_all(results, reports)]
    return {"fidelity": rows, "fidelity_findings": findings}


def _of_all(results: PointResults, reports: Sequence[FidelityReport]) -> list[Finding]:
    """Findings that take all pictures of the operating point."""
    signatures = {image.image: _unpacked(image.result["signature"]) for image in results.examined}
    findings = find_duplicates(signatures)
    if findings:
        # Only now are the references worth reading: pictures that are alike themselves are no fault.
        references = {name: signature(results.pictures[name].read()) for name in signatures}
        findings = find_duplicates(signatures, references)
    level = shared_rounding(reports)
    return findings + ([level] if level else [])


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
    found = result["mean_errors"]
    errors = MeanErrors(
        _three(found["bias"]), _three(found["means"]), _number(found["rise"]), _number(found["uncertain"])
    )
    return FidelityReport(findings, _number(result["psnr_db"]), errors)


def _three(values: Sequence[float | str | None]) -> tuple[float, float, float]:
    red, green, blue = map(_number, values)
    return red, green, blue


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
