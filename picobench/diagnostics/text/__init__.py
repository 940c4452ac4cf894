# SPDX-License-Identifier: BSD-3-Clause
"""Text in pictures: what a codec does to it, in pixels and as a machine reads it."""

from picobench.diagnostics.text.diagnostic import Region, TextDiagnostic, TextReference, TextResult
from picobench.diagnostics.text.errors import Errors, Reading, Substitution
from picobench.diagnostics.text.ocr import Ocr, RapidOcr
from picobench.diagnostics.text.regions import MaskedError
from picobench.diagnostics.text.summary import TextSummary, summarise

__all__ = [
    "Errors",
    "MaskedError",
    "Ocr",
    "RapidOcr",
    "Reading",
    "Region",
    "Substitution",
    "TextDiagnostic",
    "TextReference",
    "TextResult",
    "TextSummary",
    "summarise",
]
