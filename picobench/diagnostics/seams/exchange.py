# SPDX-License-Identifier: BSD-3-Clause
"""Permutation tests by exchange of lines: arrangements under the null hypothesis, and ranks among them.

Under the null hypothesis the borders of a grid are a random draw from the lines of their classes. An
*arrangement* takes that many lines from every class; the borders themselves are the first one.
"""

import math
from itertools import combinations

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

ARRANGEMENTS = 4000
"""Arrangements of one picture that are ranked. A p-value near 0.05 then has a standard error of 0.0035 where they
are sampled."""

# A fixed seed: the p-value of a picture is a property of the picture, the same on every machine.
_SEED = 2025
# Sums of the same lines in another order differ in the last bits.
_TIE = 1e-9


def count_arrangements(sizes: list[tuple[int, int]]) -> int:
    """Number of distinct arrangements of classes of (borders, lines in all)."""
    return math.prod(math.comb(total, borders) for borders, total in sizes)


def draw_arrangements(sizes: list[tuple[int, int]], limit: int = ARRANGEMENTS) -> list[IntArray]:
    """Arrangements as indices of lines, (arrangements, borders) for every class.

    All of them where there are no more than `limit`, else the borders themselves and a random sample. Row 0
    is always the borders: lines 0 to borders - 1.
    """
    counts = [math.comb(total, borders) for borders, total in sizes]
    if math.prod(counts) <= limit:
        every = [
            np.array(list(combinations(range(total), borders)), dtype=np.int64) for borders, total in sizes
        ]
        chosen = np.indices(counts).reshape(len(counts), -1)
        return [choices[index] for choices, index in zip(every, chosen, strict=True)]
    return sample_arrangements(sizes, limit, np.random.default_rng(_SEED))


def sample_arrangements(
    sizes: list[tuple[int, int]], count: int, generator: np.random.Generator
) -> list[IntArray]:
    """A random sample of `count` arrangements, repeats included; row 0 is always the borders themselves."""
    return [_sample(generator, borders, total, count) for borders, total in sizes]


def _sample(generator: np.random.Generator, borders: int, total: int, limit: int) -> IntArray:
    """Uniform subsets by Floyd's method (Bentley and Floyd, CACM 30(9), 1987), one column at a time."""
    chosen = np.full((limit, borders), -1, dtype=np.int64)
    for column, top in enumerate(range(total - borders, total)):
        pick = generator.integers(0, top + 1, size=limit)
        taken = (chosen[:, :column] == pick[:, None]).any(axis=1)
        chosen[:, column] = np.where(taken, top, pick)
    chosen[0] = np.arange(borders)
    return chosen


def standardise(values: F64) -> F64:
    """Shift and scale every column to mean 0 and standard deviation 1 over arrangements (axis 0)."""
    spread = values.std(axis=0)
    return np.asarray((values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0))


def tail_share(values: F64) -> float:
    """Share of arrangements at least as extreme as the first, which counts among them: the p-value."""
    return float(np.mean(values >= values[0] - _TIE))
