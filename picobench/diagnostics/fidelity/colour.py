# SPDX-License-Identifier: BSD-3-Clause
"""Faults of colour: range, matrix, order of channels, gain, and what `rounding` finds."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from picobench.diagnostics.fidelity.findings import (
    EVENNESS,
    EXPLAINED_SHARE,
    GAIN_DB,
    GAIN_SHARE,
    MATRIX_DB,
    RANGE_DB,
    Finding,
)
from picobench.diagnostics.fidelity.moments import F64, Correction, Moments, rise_db, rises_db
from picobench.diagnostics.fidelity.planes import BT601, BT709, inverse
from picobench.diagnostics.fidelity.rounding import bias_nearness, level_finding

_CHANNELS = ("R", "G", "B")
# Faults come one on top of another; more than this many are not told apart reliably.
_MOST_FAULTS = 3


@dataclass(frozen=True, eq=False)
class Fault:
    """A fault with fixed parameters.

    Attributes:
        finding: Its name.
        evidence: What it is, in words.
        undo: What undoes it.
        least_db: Rise of PSNR from which on it is believed.
    """

    finding: str
    evidence: str
    undo: Correction
    least_db: float

    def nearness(self, moments: Moments) -> float:
        """How near a picture comes to it: 1 is where it meets both thresholds."""
        rise = rise_db(moments.mse(), moments.mse(self.undo))
        return min(rise / self.least_db, moments.explained(self.undo) / EXPLAINED_SHARE)


def _faults() -> Iterator[Fault]:
    zero, black = np.zeros(3), np.full(3, 16.0)
    mixed = inverse(BT709) @ BT601
    for coded, shown, matrix in (("601", "709", inverse(mixed)), ("709", "601", mixed)):
        evidence = f"coded with the matrix of BT.{coded}, shown with that of BT.{shown}"
        yield Fault(f"matrix_{coded}_as_{shown}", evidence, Correction(matrix, zero), MATRIX_DB)
    # Luma has 219 steps from 16 on and colour differences have 224; of RGB all three have 219.
    for where, planes, steps in (
        ("RGB", np.eye(3), (219, 219, 219)),
        ("BT.601 YCbCr", BT601, (219, 224, 224)),
        ("BT.709 YCbCr", BT709, (219, 224, 224)),
    ):
        narrow = inverse(planes) @ np.diag(np.array(steps) / 255) @ planes
        widen = Correction(inverse(narrow), inverse(narrow) @ -black)
        yield Fault("range_compressed", f"16 to 235 of {where} shown as if it were 0 to 255", widen, RANGE_DB)
        evidence = f"0 to 255 of {where} read as if it were 16 to 235"
        yield Fault("range_expanded", evidence, Correction(narrow, black), RANGE_DB)
    for order in permutations(range(3)):
        if order != (0, 1, 2):
            names = "".join(_CHANNELS[channel] for channel in np.argsort(order))
            undo = Correction(np.eye(3)[list(order)], zero)
            yield Fault("channel_order", f"channels stand in the order {names}", undo, RANGE_DB)


_FAULTS = tuple(_faults())


def colour_findings(moments: Moments) -> list[Finding]:
    """Faults of colour, the largest first; each is judged with those before it undone."""
    findings: list[Finding] = []
    for _ in range(_MOST_FAULTS):
        fault = min(_FAULTS, key=lambda fault: moments.mse(fault.undo))
        if fault.nearness(moments) < 1:
            break
        # A mere offset is the simpler explanation where it explains as much.
        if moments.mse(fault.undo) > moments.mse(moments.without_bias()):
            break
        effect = rise_db(moments.mse(), moments.mse(fault.undo))
        findings.append(Finding(fault.finding, fault.evidence, effect))
        moments = moments.after(fault.undo)
    if any(finding.name == "range_expanded" for finding in findings):
        # Black and white were clipped, which looks like a gain and a bias once the range is undone.
        return findings
    return findings + [finding for finding in (level_finding(moments), _gain(moments)) if finding]


def nearness(moments: Moments) -> dict[str, float]:
    """How near a picture comes to each finding that has fixed thresholds: 1 is where it meets all of them."""
    found = {"bias": bias_nearness(moments), "gain": float(_gain_nearness(moments).max())}
    for fault in _FAULTS:
        found[fault.finding] = max(fault.nearness(moments), found.get(fault.finding, -np.inf))
    return found


def _contrast(moments: Moments) -> F64:
    # Pictures that have nothing to do with each other have a slope of about 0, of either sign.
    return np.asarray(1 / np.maximum(np.diag(moments.without_gain().matrix), 0.001))


def _gain_nearness(moments: Moments) -> F64:
    undo, level = moments.without_gain(), moments.without_bias()
    off = np.abs(_contrast(moments) - 1)
    variance = np.diag(moments.products)[3:6] - moments.products[3:6, 6] ** 2
    moves = off * np.sqrt(np.maximum(variance, 0.0))
    thresholds = [
        off / GAIN_SHARE,
        rises_db(moments.errors(level), moments.errors(undo)) / GAIN_DB,
        moves / np.maximum(EVENNESS * moments.unevenness(undo), 1e-9),
    ]
    return np.asarray(np.min(thresholds, axis=0))


def _gain(moments: Moments) -> Finding | None:
    if not np.any(_gain_nearness(moments) >= 1):
        return None
    contrast = _contrast(moments)
    shown = " ".join(f"{value:.3f}" for value in contrast)
    evidence = f"contrast of R, G, B is {shown} times the reference's"
    values = tuple((f"gain_{name}", float(value)) for name, value in zip(_CHANNELS, contrast, strict=True))
    effect = rise_db(moments.mse(moments.without_bias()), moments.mse(moments.without_gain()))
    return Finding("gain", evidence, effect, values)
