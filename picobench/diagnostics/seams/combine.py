# SPDX-License-Identifier: BSD-3-Clause
"""Evidence of a whole dataset: the lines of all pictures exchanged at once.

A picture with one border has few arrangements, so its p-value takes few values and is rarely small; what
combines p-values (Fisher 1932) inherits that, and finds less than there is. Here nothing is rounded to a p-value
first. The six standardised scores of the borders are added up over pictures; every draw exchanges the lines of every
picture within their classes and is added up in the same way. The highest of the six sums is ranked among those
of the draws: a permutation test with pictures and classes as strata, exact for any number of lines.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from picobench.analysis._bootstrap import bootstrap_interval, resample_weights
from picobench.diagnostics.seams.exchange import sample_arrangements, standardise, tail_share
from picobench.diagnostics.seams.families import PLANES, Family, six_scores
from picobench.diagnostics.seams.strips import F64
from picobench.errors import MetricError

DRAWS = 9999
"""Draws besides the borders themselves: the smallest p-value of a dataset is one in ten thousand."""

_RESAMPLES = 2000
_SEED = 2025


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is kept of one picture for the evidence of its dataset.

    Attributes:
        bands: Names of the bands.
        borders: Number of borders in each family of lines.
        scores: Of the lines of each family, borders first: (lines, bands, 3 planes).
        excess: Mean squared step at the borders less that elsewhere, (bands, `PLANES`), in grey levels
            squared; negative where the borders have less.
    """

    bands: tuple[str, ...]
    borders: tuple[int, ...]
    scores: tuple[F64, ...]
    excess: F64


@dataclass(frozen=True)
class DatasetPart:
    """What one band shows in one of `PLANES` over a dataset.

    Attributes:
        band: See `strips.BANDS`.
        plane: One of `PLANES`.
        p_value: Of this part alone, not corrected for looking at six.
        step_levels: Root mean square step at all borders in excess of other lines, in grey levels; 0 where the
            borders have less.
        low_levels: Lower end of its 95 % interval by bootstrap over pictures; None for fewer than five.
        high_levels: Upper end.
    """

    band: str
    plane: str
    p_value: float
    step_levels: float
    low_levels: float | None
    high_levels: float | None


@dataclass(frozen=True)
class DatasetSeams:
    """Evidence for the seams of one grid in the pictures of a dataset.

    Attributes:
        pictures: Number of pictures.
        borders: Number of their borders.
        p_value: Of "no picture has seams", corrected for the six looks.
        parts: Six parts.
    """

    pictures: int
    borders: int
    p_value: float
    parts: tuple[DatasetPart, ...]


def keep_evidence(bands: tuple[str, ...], families: Sequence[Family], excess: F64) -> Evidence:
    """What the dataset needs of a picture."""
    borders = tuple(family.borders for family in families)
    return Evidence(bands, borders, tuple(family.scores for family in families), excess)


def combine_pictures(pictures: Sequence[Evidence], draws: int = DRAWS) -> DatasetSeams:
    """Test one grid on all pictures together.

    Args:
        pictures: Of those that could be tested.
        draws: Random exchanges.

    Raises:
        MetricError: There are none, or they were tested with other bands (grids of other sizes).
    """
    if not pictures:
        raise MetricError("no picture to combine; leave out datasets in which none could be tested")
    bands = pictures[0].bands
    if any(picture.bands != bands for picture in pictures):
        raise MetricError("evidence of different grids cannot be combined; test all pictures with one grid")
    generator = np.random.default_rng(_SEED)
    total = np.zeros((draws + 1, len(bands), len(PLANES)))
    for picture in pictures:
        sizes = [
            (borders, len(scores)) for borders, scores in zip(picture.borders, picture.scores, strict=True)
        ]
        sums = np.zeros_like(total)
        for scores, pick in zip(
            picture.scores, sample_arrangements(sizes, draws + 1, generator), strict=True
        ):
            for column in pick.T:
                sums += scores[column]
        total += six_scores(sums)
    total = standardise(total)
    steps = _pooled_steps(pictures)
    return DatasetSeams(
        pictures=len(pictures),
        borders=sum(sum(picture.borders) for picture in pictures),
        p_value=tail_share(total.max(axis=(1, 2))),
        parts=tuple(
            DatasetPart(band, plane, tail_share(total[:, b, k]), *steps[b][k])
            for b, band in enumerate(bands)
            for k, plane in enumerate(PLANES)
        ),
    )


def _pooled_steps(pictures: Sequence[Evidence]) -> list[list[tuple[float, float | None, float | None]]]:
    """Root mean square over all borders, and both ends of its interval, by band and plane."""
    borders = np.array([sum(picture.borders) for picture in pictures], dtype=np.float64)
    excess = np.stack([picture.excess for picture in pictures])
    whole = np.tensordot(borders, excess, axes=1) / borders.sum()
    weights = resample_weights(len(pictures), _RESAMPLES, _SEED) * borders
    drawn = np.tensordot(weights, excess, axes=1) / weights.sum(axis=1)[:, None, None]

    def step(b: int, k: int) -> tuple[float, float | None, float | None]:
        interval = bootstrap_interval(drawn[:, b, k], len(pictures), 0.95) or (None, None)
        low, high = (None if end is None else math.sqrt(max(end, 0.0)) for end in interval)
        return math.sqrt(max(whole[b, k], 0.0)), low, high

    return [[step(b, k) for k in range(excess.shape[2])] for b in range(excess.shape[1])]
