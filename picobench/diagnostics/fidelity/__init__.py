# SPDX-License-Identifier: BSD-3-Clause
"""Fidelity: is a reconstruction what it says it is, or did a pipeline break it?"""

from picobench.diagnostics.fidelity.check import FidelityReport, check_fidelity
from picobench.diagnostics.fidelity.datasets import Signature, find_duplicates, shared_rounding, signature
from picobench.diagnostics.fidelity.findings import THRESHOLDS, Finding
from picobench.diagnostics.fidelity.rounding import MeanErrors

__all__ = [
    "THRESHOLDS",
    "FidelityReport",
    "Finding",
    "MeanErrors",
    "Signature",
    "check_fidelity",
    "find_duplicates",
    "shared_rounding",
    "signature",
]
