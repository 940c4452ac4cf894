# SPDX-License-Identifier: BSD-3-Clause
"""Faults that only several reconstructions of one operating point show: duplicates, and rounding on average."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from picobench.diagnostics.fidelity.check import FidelityReport
from picobench.diagnostics.fidelity.findings import NEAR_LEVELS, Finding
from picobench.diagnostics.fidelity.moments import F64
from picobench.diagnostics.fidelity.rounding import LEVEL_FINDINGS, shared_level_finding
from picobench.pixels import RGB8, pixels_digest

_AREAS = 16
# Pictures without contents are alike without being one picture.
_LEAST_CONTRAST = 8.0
# Fewer have no spread that could be relied on.
_LEAST_PICTURES = 3
_NO_OTHER_FAULT = LEVEL_FINDINGS | {"padding"}


@dataclass(frozen=True, eq=False)
class Signature:
    """What is kept of a picture to recognise it: digest, shape, and mean colours of 16 x 16 areas."""

    digest: str
    shape: tuple[int, ...]
    areas: F64


def signature(pixels: RGB8) -> Signature:
    """Signature of a (height, width, 3) uint8 picture of at least 16 x 16 pixels; smaller ones have no areas."""
    height, width, _ = pixels.shape
    if min(height, width) < _AREAS:
        return Signature(pixels_digest(pixels), pixels.shape, np.zeros((0, 0, 3)))
    rows, columns = (np.arange(_AREAS) * side // _AREAS for side in (height, width))
    sums = np.add.reduceat(np.add.reduceat(pixels, rows, axis=0, dtype=np.float64), columns, axis=1)
    sizes = np.outer(np.diff(np.append(rows, height)), np.diff(np.append(columns, width)))
    return Signature(pixels_digest(pixels), pixels.shape, sums / sizes[..., None])


def find_duplicates(
    reconstructions: Mapping[str, Signature], references: Mapping[str, Signature] | None = None
) -> list[Finding]:
    """Pairs of names that hold one picture, equal or coded twice.

    Args:
        reconstructions: Signatures by name, of one codec at one operating point.
        references: Of the same names; pairs whose references are one picture already are left out.
    """
    findings = []
    for first, second in combinations(sorted(reconstructions), 2):
        distance = _distance(reconstructions[first], reconstructions[second])
        if distance is None:
            continue
        if references and _distance(references[first], references[second]) is not None:
            continue
        how = "pixel for pixel" if distance == 0 else f"but for {distance:.1f} grey levels on average"
        evidence = f"{first} and {second} hold one picture, {how}"
        findings.append(Finding("duplicate", evidence, None, (("distance_levels", distance),)))
    return findings


def shared_rounding(reports: Sequence[FidelityReport]) -> Finding | None:
    """Wrong rounding or a bias of a codec at an operating point, judged by the mean errors of its pictures.

    At low rates the contents of a picture move its mean errors by as much as rounding does; over several
    pictures that averages out. Pictures without a finite PSNR are left out, and those with a fault that moves mean
    errors itself; at least three must remain.
    """
    usable = [
        report
        for report in reports
        if np.isfinite(report.psnr_db) and {finding.name for finding in report.findings} <= _NO_OTHER_FAULT
    ]
    if len(usable) < _LEAST_PICTURES:
        return None
    mse = float(np.mean([255**2 / 10 ** (report.psnr_db / 10) for report in usable]))
    finding = shared_level_finding([report.mean_errors for report in usable], mse)
    if finding is None:
        return None
    evidence = f"over {len(usable)} pictures {finding.evidence}"
    return Finding(finding.name, evidence, finding.effect_db, finding.values)


def _distance(one: Signature, other: Signature) -> float | None:
    """Root mean square difference of areas in grey levels, 0 for equal pixels; None for different pictures."""
    if one.digest == other.digest:
        return 0.0
    if one.shape != other.shape or not one.areas.size:
        return None
    distance = float(np.sqrt(np.mean((one.areas - other.areas) ** 2)))
    contrast = min(float(one.areas.std()), float(other.areas.std()))
    return distance if distance < NEAR_LEVELS and contrast >= _LEAST_CONTRAST else None
