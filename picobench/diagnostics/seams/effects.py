# SPDX-License-Identifier: BSD-3-Clause
"""How large are the steps at the borders, beyond what the error steps at other lines, and how sure is that?"""

import numpy as np
import numpy.typing as npt

from picobench.diagnostics.seams.exchange import sample_arrangements
from picobench.diagnostics.seams.families import Family
from picobench.diagnostics.seams.strips import F64

_DRAWS = 1000
# Of each end: both together leave 5 %.
_TAIL = 0.025
# Halvings of the range of steps: the last one is a thousandth of it.
_HALVINGS = 10
# A fixed seed: the interval of a picture is a property of the picture, the same on every machine.
_SEED = 2025


def border_squares(families: list[Family]) -> tuple[F64, F64]:
    """Mean squared step at the borders, and at the lines that they are compared with: (bands, 3) each."""
    borders = sum(family.borders for family in families)
    here = sum((family.squares[: family.borders].sum(axis=0) for family in families), np.zeros(1)) / borders
    noise = np.zeros_like(here)
    for family in families:
        noise += family.squares[family.borders :].mean(axis=0) * family.borders / borders
    return here, noise


def step_sizes(families: list[Family]) -> F64:
    """Excess, both ends of its 95 % interval, and background: (4, bands, 3), in grey levels.

    The interval holds every size of seam that a permutation test does not refuse: the test of the p-value, turned
    round. A border steps by seam + noise, its mean square is seam² + 2 seam·noise + noise². If the seam were s, the
    borders less s² would be lines like the others; arrangements of all of them give noise², and the others the mixed
    term, in directions drawn at random. s is refused where the mean square found is among the highest or lowest
    2.5 % of what it would be. Equal ones count half (the mid-p of Lancaster, JASA 56, 1961): with few
    lines none could be refused otherwise.
    """
    here, noise = border_squares(families)
    step = np.sqrt(np.maximum(here - noise, 0))
    null = _Null(families, here)
    # Noise can hide a seam as large as itself on top of everything found.
    top = 2 * np.sqrt(here) + 4 * np.sqrt(null.mixed_variance) + 1e-6
    low, high = (_solve(null, top, share) for share in (_TAIL, 1 - _TAIL))
    low = np.where(null.share_above(np.zeros_like(here)) >= _TAIL, 0.0, low)
    return np.stack([step, np.minimum(low, step), np.maximum(high, step), np.sqrt(noise)])


class _Null:
    """Mean squares at the borders, of every arrangement, if the seam had a given size."""

    def __init__(self, families: list[Family], here: F64):
        generator = np.random.default_rng(_SEED)
        sizes = [(family.borders, len(family.squares)) for family in families]
        count = sum(borders for borders, _ in sizes)
        self._here, self._count = here, count
        self._others = np.zeros((_DRAWS, *here.shape))
        self._own: list[tuple[npt.NDArray[np.float64], F64]] = []
        variance = np.zeros((_DRAWS, *here.shape))
        for family, pick in zip(families, sample_arrangements(sizes, _DRAWS, generator), strict=True):
            mixed = family.mixed.copy()
            mixed[: family.borders] = family.mixed[family.borders :].mean(axis=0)
            squares = family.squares.copy()
            squares[: family.borders] = 0
            for column in pick.T:
                self._others += squares[column]
                variance += mixed[column]
            taken = np.stack([(pick == border).any(axis=1) for border in range(family.borders)], axis=1)
            self._own.append((taken.astype(np.float64), family.squares[: family.borders]))
        self._product = np.sqrt(variance) / count * generator.standard_normal(variance.shape)
        self.mixed_variance = variance.mean(axis=0) / count**2

    def share_above(self, seam: F64) -> F64:
        """Share of arrangements with a mean square above the one found, equal ones by half: (bands, 3)."""
        squares = self._others.copy()
        for taken, own in self._own:
            squares += np.tensordot(taken, np.maximum(own - seam**2, 0), axes=1)
        squares = squares / self._count + 2 * seam * self._product + seam**2
        slack = 1e-9 * (1 + self._here)
        above = squares > self._here + slack
        return np.asarray((above + 0.5 * (np.abs(squares - self._here) <= slack)).mean(axis=0))


def _solve(null: _Null, top: F64, share: float) -> F64:
    """The seam at which `share` of the arrangements lie above, by halving; what is above grows with the seam."""
    low, high = np.zeros_like(top), top
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        below = null.share_above(middle) < share
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.asarray((low + high) / 2)
