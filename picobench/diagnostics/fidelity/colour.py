# SPDX-License-Identifier: BSD-3-Clause
"""Faults of colour: range, matrix, order of channels, rounding, bias and gain."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from picobench.diagnostics.fidelity.findings import (
    BIAS_DB,
    BIAS_LEVELS,
    CHROMA_TRUNCATION_LEVELS,
    EVENNESS,
    GAIN_DB,
    GAIN_SHARE,
    LUMA_LEVELS,
    MATRIX_DB,
    RANGE_DB,
    TRUNCATION_LEVELS,
    Finding,
)
from picobench.diagnostics.fidelity.moments import F64, Correction, Moments, rise_db, rises_db

_CHANNELS = ("R", "G", "B")
# Faults come one on top of another; more than this many are not told apart reliably.
_MOST_FAULTS = 3


def _luma_chroma(red: float, blue: float) -> F64:
    """RGB to Y'CbCr of full range with luma coefficients `red` and `blue`."""
    green = 1 - red - blue
    rows = [
        [red, green, blue],
        [-red / (2 * (1 - blue)), -green / (2 * (1 - blue)), 0.5],
        [0.5, -green / (2 * (1 - red)), -blue / (2 * (1 - red))],
    ]
    return np.array(rows)


def _inverse(matrix: F64) -> F64:
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


BT601, BT709 = _luma_chroma(0.299, 0.114), _luma_chroma(0.2126, 0.0722)
"""ITU-R BT.601 and BT.709."""


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


def _faults() -> Iterator[Fault]:
    zero, black = np.zeros(3), np.full(3, 16.0)
    mixed = _inverse(BT709) @ BT601
    for coded, shown, matrix in (("601", "709", _inverse(mixed)), ("709", "601", mixed)):
        evidence = f"coded with the matrix of BT.{coded}, shown with that of BT.{shown}"
        yield Fault(f"matrix_{coded}_as_{shown}", evidence, Correction(matrix, zero), MATRIX_DB)
    # Luma has 219 steps from 16 on and colour differences have 224; of RGB all three have 219.
    for where, planes, steps in (
        ("RGB", np.eye(3), (219, 219, 219)),
        ("BT.601 YCbCr", BT601, (219, 224, 224)),
        ("BT.709 YCbCr", BT709, (219, 224, 224)),
    ):
        narrow = _inverse(planes) @ np.diag(np.array(steps) / 255) @ planes
        widen = Correction(_inverse(narrow), _inverse(narrow) @ -black)
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
        before, after = moments.mse(), moments.mse(fault.undo)
        # A mere offset is the simpler explanation where it explains as much.
        if rise_db(before, after) < fault.least_db or after > moments.mse(moments.without_bias()):
            break
        findings.append(Finding(fault.finding, fault.evidence, rise_db(before, after)))
        moments = moments.after(fault.undo)
    if any(finding.name == "range_expanded" for finding in findings):
        # Black and white were clipped, which looks like a gain and a bias once the range is undone.
        return findings
    level = rounding_finding(moments.bias(), moments.mse()) or _bias(moments)
    return findings + [finding for finding in (level, _gain(moments)) if finding]


def rises(moments: Moments) -> dict[str, float]:
    """By how much undoing each fault would raise PSNR, in dB, whatever the threshold; bias and gain by channel."""
    level = moments.without_bias()
    found = {
        "bias": rises_db(moments.errors(), moments.errors(level)),
        "gain": rises_db(moments.errors(level), moments.errors(moments.without_gain())),
    }
    largest = {
        f"{name}, {where}": float(channels[index].max())
        for name, channels in found.items()
        for where, index in (("red or blue", [0, 2]), ("green", [1]))
    }
    for fault in _FAULTS:
        rise = rise_db(moments.mse(), moments.mse(fault.undo))
        largest[fault.finding] = max(rise, largest.get(fault.finding, -np.inf))
    return largest


def rounding_finding(bias: F64, mse: float) -> Finding | None:
    """Truncation, seen in the mean errors of R, G and B.

    Args:
        bias: Mean errors in grey levels.
        mse: Mean squared error, for the effect.
    """
    luma, blue, red = (BT601 @ bias).tolist()
    after = mse - float(np.mean(bias**2))
    if np.all(np.abs(bias + 0.5) <= TRUNCATION_LEVELS):
        after += float(np.mean((bias + 0.5) ** 2))
        evidence = f"mean error of R, G, B is {_levels(bias)} grey levels: rounded down, not to the nearest"
        return Finding("truncation", evidence, rise_db(mse, after), _named("bias", bias))
    if abs(luma) <= LUMA_LEVELS and max(abs(blue + 0.45), abs(red + 0.45)) <= CHROMA_TRUNCATION_LEVELS:
        evidence = (
            f"mean error of Cb, Cr is {blue:+.2f} {red:+.2f} grey levels and of luma {luma:+.2f}: colour "
            "differences are rounded down"
        )
        return Finding("chroma_truncation", evidence, rise_db(mse, after), _named("bias", bias))
    return None


def _bias(moments: Moments) -> Finding | None:
    bias, undo = moments.bias(), moments.without_bias()
    channels = rises_db(moments.errors(), moments.errors(undo))
    even = np.abs(bias) >= EVENNESS * moments.unevenness(undo)
    if not np.any((np.abs(bias) >= BIAS_LEVELS) & (channels >= BIAS_DB) & even):
        return None
    evidence = f"mean error of R, G, B is {_levels(bias)} grey levels"
    return Finding("bias", evidence, rise_db(moments.mse(), moments.mse(undo)), _named("bias", bias))


def _gain(moments: Moments) -> Finding | None:
    undo, level = moments.without_gain(), moments.without_bias()
    # Pictures that have nothing to do with each other have a slope of about 0, of either sign.
    contrast = 1 / np.maximum(np.diag(undo.matrix), 0.001)
    channels = rises_db(moments.errors(level), moments.errors(undo))
    variance = np.diag(moments.products)[3:6] - moments.products[3:6, 6] ** 2
    moves = np.abs(contrast - 1) * np.sqrt(np.maximum(variance, 0.0))
    even = moves >= EVENNESS * moments.unevenness(undo)
    if not np.any((np.abs(contrast - 1) >= GAIN_SHARE) & (channels >= GAIN_DB) & even):
        return None
    shown = " ".join(f"{value:.3f}" for value in contrast)
    evidence = f"contrast of R, G, B is {shown} times the reference's"
    return Finding("gain", evidence, rise_db(moments.mse(level), moments.mse(undo)), _named("gain", contrast))


def _named(what: str, values: F64) -> tuple[tuple[str, float], ...]:
    return tuple((f"{what}_{name}", float(value)) for name, value in zip(_CHANNELS, values, strict=True))


def _levels(values: F64) -> str:
    return " ".join(f"{value:+.2f}" for value in values)
