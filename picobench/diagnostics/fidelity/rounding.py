# SPDX-License-Identifier: BSD-3-Clause
"""Wrong rounding and other small errors of level, told by mean errors of luma and colour differences.

Rounding to the nearest leaves no mean error, rounding down leaves -0.5 of whatever is rounded, at every level. Bit
depth that is changed by a shift, where it should be scaled by the ratio of the largest values (8 to 16 bits: 256
instead of 257), leaves nothing at black and -1 at white.

A hypothesis fits when all that was measured lies within the reach of what it predicts: what good codecs leave
themselves, and how uncertain the measurement is. One that predicts no error must not fit; those left give the name.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from picobench.diagnostics.fidelity.findings import (
    CONFIDENCE,
    EVENNESS,
    MOST_UNCERTAIN_LEVELS,
    OWN_LEVELS,
    OWN_RISE,
    PATTERN_EVENNESS,
    RISE_ERRORS,
    Finding,
)
from picobench.diagnostics.fidelity.moments import F64, LEAST_AREAS, Moments, rise_db
from picobench.diagnostics.fidelity.planes import BT601, BT709, inverse

# Place of the rise among what is measured; mean errors of Y, Cb and Cr stand before it.
_RISE = 3
_OWN: F64 = np.array([OWN_LEVELS, OWN_LEVELS, OWN_LEVELS, OWN_RISE])


@dataclass(frozen=True)
class MeanErrors:
    """Mean errors of a picture, in grey levels.

    Attributes:
        bias: Of R, G and B.
        means: Mean levels of the reconstruction's R, G and B.
        rise: By how much the mean error of luma rises from black to white.
        uncertain: How uncertain the most uncertain mean error of Y, Cb and Cr is, as a finding on one picture sees it.
    """

    bias: tuple[float, float, float]
    means: tuple[float, float, float]
    rise: float
    uncertain: float

    def measured(self) -> F64:
        """Mean errors of Y, Cb and Cr of BT.601, and the rise."""
        return np.append(BT601 @ np.array(self.bias), self.rise)


@dataclass(frozen=True, eq=False)
class Pattern:
    """What a wrong rounding leaves.

    Attributes:
        finding: Its name; empty for no fault.
        what: What it is, in words.
        errors: Mean errors of Y, Cb and Cr of BT.601; None for those of a shifted bit depth.
        any_rise: Whether the rise says nothing about it.
    """

    finding: str
    what: str
    errors: F64 | None
    any_rise: bool = False

    def expected(self, means: F64) -> F64:
        """What it leaves of pictures with such mean levels, (..., 3) to (..., 4), as `MeanErrors.measured`."""
        if self.errors is None:
            return np.concatenate([-means @ BT601.T / 256, np.full((*means.shape[:-1], 1), -1.0)], axis=-1)
        return np.broadcast_to(np.append(self.errors, 0.0), (*means.shape[:-1], 4))


def _patterns() -> list[Pattern]:
    luma, chroma = np.array([0.5, 0.0, 0.0]), np.array([0.0, 0.5, 0.5])
    found = [
        Pattern("", "", np.zeros(3), any_rise=True),
        Pattern("truncation", "R, G and B rounded down", -luma),
        Pattern("shifted_depth", "bit depth changed by a shift instead of scaled", None),
        Pattern("rounded_up", "R, G and B rounded up", luma),
    ]
    for name, matrix in (("BT.601", BT601), ("BT.709", BT709)):
        seen = BT601 @ inverse(matrix)
        found += [
            Pattern("chroma_truncation", f"Cb and Cr of {name} rounded down", -seen @ chroma, any_rise=True),
            Pattern("ycbcr_truncation", f"Y, Cb and Cr of {name} rounded down", -seen @ (luma + chroma)),
            Pattern(
                "double_truncation",
                f"Y, Cb and Cr of {name} rounded down, and R, G and B again",
                -seen @ (luma + chroma) - luma,
            ),
        ]
    return found


PATTERNS = tuple(_patterns())
"""The first predicts no error."""

LEVEL_FINDINGS = frozenset(pattern.finding for pattern in PATTERNS if pattern.finding) | {"rounding", "bias"}
"""Names of what is found here."""


@dataclass(frozen=True)
class _Fit:
    """A hypothesis that fits: how far what it predicts is from what was measured, over its reach.

    Attributes:
        distance: The farthest of what it must fit.
        rise: Of the rise, whether it must fit or not.
    """

    pattern: Pattern
    distance: float
    rise: float


def mean_errors(moments: Moments) -> MeanErrors:
    """Mean errors of a picture, as moments tell them."""
    red, green, blue = moments.bias().tolist()
    means = moments.products[:3, 6].tolist()
    measured, spread = _spread(moments)
    uncertain = (
        PATTERN_EVENNESS * float(spread[:_RISE].max()) if len(moments.areas) >= LEAST_AREAS else math.inf
    )
    return MeanErrors((red, green, blue), (means[0], means[1], means[2]), float(measured[_RISE]), uncertain)


def level_finding(moments: Moments) -> Finding | None:
    """Wrong rounding or a bias of one picture; None for pictures with fewer than four areas."""
    if len(moments.areas) < LEAST_AREAS:
        return None
    measured, spread = _spread(moments)
    reach = _OWN + np.array([*[PATTERN_EVENNESS] * 3, RISE_ERRORS]) * spread
    means = moments.products[:3, 6]
    fits = _fitting([(pattern, measured - pattern.expected(means), reach) for pattern in PATTERNS])
    bias, mse = moments.bias(), moments.mse()
    if fits and reach[:_RISE].max() <= MOST_UNCERTAIN_LEVELS:
        return _rounding(fits, bias, measured[_RISE], means, mse)
    if not fits and bias_nearness(moments) >= 1:
        return _bias(bias, mse, f"{_levels(bias)} grey levels")
    return None


def bias_nearness(moments: Moments) -> float:
    """How near a picture comes to a bias: 1 is where mean errors are as large as they must be."""
    measured, spread = _spread(moments)
    return float((np.abs(measured) / (OWN_LEVELS + EVENNESS * spread))[:_RISE].max())


def shared_level_finding(pictures: Sequence[MeanErrors], mse: float) -> Finding | None:
    """Wrong rounding or a bias of several pictures, judged by the means over them and their standard errors.

    Args:
        pictures: At least two.
        mse: Mean squared error over all of them, for the effect.
    """
    measured = np.array([picture.measured() for picture in pictures])
    means = np.array([picture.means for picture in pictures])
    error = stats.t.ppf((1 + CONFIDENCE) / 2, len(pictures) - 1) / np.sqrt(len(pictures))
    deviations = [(pattern, measured - pattern.expected(means)) for pattern in PATTERNS]
    tried = [(p, away.mean(axis=0), _OWN + error * away.std(axis=0, ddof=1)) for p, away in deviations]
    fits = _fitting(tried, by_rise=True)
    bias = np.mean([picture.bias for picture in pictures], axis=0)
    if fits:
        return _rounding(fits, bias, measured.mean(axis=0)[_RISE], means.mean(axis=0), mse)
    margins = error * measured.std(axis=0, ddof=1)
    if not np.any((np.abs(measured.mean(axis=0)) > OWN_LEVELS + margins)[:_RISE]):
        return None
    shown = ", ".join(
        f"{plane} {value:+.2f} ± {margin:.2f}"
        for plane, value, margin in zip(("Y", "Cb", "Cr"), measured.mean(axis=0), margins, strict=False)
    )
    return _bias(bias, mse, f"{_levels(bias)} grey levels; of {shown}")


def _spread(moments: Moments) -> tuple[F64, F64]:
    """Mean errors of Y, Cb and Cr and the rise of luma's; how far the first are spread, and the last's standard error.

    Both over areas and not over pixels: what quantisation does to details depends on the level, too.
    """
    measured = np.append(BT601 @ moments.bias(), 0.0)
    spread = np.zeros(4)
    if len(moments.areas) < LEAST_AREAS:
        return measured, spread
    errors = (moments.areas[:, :3] - moments.areas[:, 3:]) @ BT601.T
    levels = moments.areas[:, :3] @ BT601[0]
    levels -= levels.mean()
    squares = max(float(levels @ levels), 1e-9)
    slope = float(levels @ errors[:, 0]) / squares
    errors[:, 0] -= slope * levels
    spread[:_RISE] = errors.std(axis=0)
    measured[_RISE], spread[_RISE] = 256 * slope, 256 * spread[0] * np.sqrt(1 / squares)
    return measured, spread


def _fitting(tried: Sequence[tuple[Pattern, F64, F64]], *, by_rise: bool = False) -> list[_Fit]:
    """The hypotheses that deviate by no more than their reach, the nearest first; none if no error is one of them.

    With `by_rise`, a rise as of a shift that is out of reach without one says enough.
    """
    found = []
    for pattern, deviation, reach in tried:
        distances = np.abs(deviation) / reach
        farthest = distances[: _RISE if pattern.any_rise else None].max()
        if farthest <= 1:
            found.append(_Fit(pattern, float(farthest), float(distances[_RISE])))
    if found and not found[0].pattern.finding:
        return [fit for fit in found if by_rise and fit.pattern.errors is None and found[0].rise > 1]
    return sorted(found, key=lambda fit: fit.distance)


def _rounding(fits: Sequence[_Fit], bias: F64, rise: float, means: F64, mse: float) -> Finding:
    """The finding that hypotheses give, the nearest first."""
    names = {fit.pattern.finding for fit in fits}
    expected = inverse(BT601) @ fits[0].pattern.expected(means)[:_RISE]
    after = mse - float(np.mean(bias**2)) + float(np.mean((bias - expected) ** 2))
    evidence = (
        f"mean error of R, G, B is {_levels(bias)} grey levels, that of luma rises by {rise:+.2f} from black to white: "
        + "; or ".join(fit.pattern.what for fit in fits)
    )
    name = names.pop() if len(names) == 1 else "rounding"
    return Finding(name, evidence, rise_db(mse, after), (*_values(bias), ("rise", float(rise))))


def _bias(bias: F64, mse: float, shown: str) -> Finding:
    evidence = f"mean error of R, G, B is {shown}"
    return Finding("bias", evidence, rise_db(mse, mse - float(np.mean(bias**2))), _values(bias))


def _values(bias: F64) -> tuple[tuple[str, float], ...]:
    return tuple((f"bias_{name}", float(value)) for name, value in zip("RGB", bias, strict=True))


def _levels(values: F64) -> str:
    return " ".join(f"{value:+.2f}" for value in values)
