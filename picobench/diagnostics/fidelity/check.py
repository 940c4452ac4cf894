# SPDX-License-Identifier: BSD-3-Clause
"""Is a reconstruction what it says it is? All checks of one reconstruction against its reference."""

import math
from dataclasses import dataclass

import numpy as np

from picobench.diagnostics.fidelity.colour import colour_findings
from picobench.diagnostics.fidelity.findings import Finding
from picobench.diagnostics.fidelity.geometry import align_position, align_size
from picobench.diagnostics.fidelity.moments import measure_moments
from picobench.diagnostics.fidelity.rounding import MeanErrors, mean_errors
from picobench.errors import MetricError
from picobench.pixels import RGB8


@dataclass(frozen=True)
class FidelityReport:
    """Findings of one reconstruction.

    Attributes:
        findings: What is wrong; empty for a good reconstruction.
        psnr_db: As the reconstruction stands, cropped to the reference where padding was left in; infinite
            for an exact copy, NaN where the sizes cannot be brought together.
        mean_errors: In grey levels; NaN likewise.
    """

    findings: tuple[Finding, ...]
    psnr_db: float
    mean_errors: MeanErrors


def check_fidelity(reference: RGB8, reconstruction: RGB8, *, lossless: bool = False) -> FidelityReport:
    """Look for every fault that `findings.THRESHOLDS` names, but for those that take several pictures.

    Args:
        reference: (height, width, 3) uint8.
        reconstruction: (height, width, 3) uint8, of any size.
        lossless: The operating point claims to be lossless, so that an exact copy is what it should return.

    Raises:
        MetricError: An array is not a picture.
    """
    for pixels in (reference, reconstruction):
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
            raise MetricError(
                f"an array of shape {pixels.shape} and type {pixels.dtype} is no picture; "
                "give (height, width, 3) of uint8"
            )
    aligned, wrong_size = align_size(reference, reconstruction)
    findings = [wrong_size] if wrong_size else []
    if aligned is None:
        return FidelityReport(
            tuple(findings), math.nan, MeanErrors((math.nan,) * 3, (math.nan,) * 3, math.nan, math.nan)
        )
    moments = measure_moments(reference, aligned)
    if np.array_equal(reference, aligned):
        # Coarse quantisation returns a picture of one colour exactly, so that says nothing.
        if not lossless and (reference != reference[0, 0]).any():
            findings.append(
                Finding("exact_copy", f"all {aligned.size // 3} pixels equal the reference", None)
            )
        return FidelityReport(tuple(findings), math.inf, mean_errors(moments))
    target, moved, shift = align_position(reference, aligned)
    if shift:
        findings.append(shift)
    findings += colour_findings(measure_moments(target, moved) if shift else moments)
    psnr_db = 10 * math.log10(255**2 / moments.mse())
    return FidelityReport(tuple(findings), psnr_db, mean_errors(moments))
