# SPDX-License-Identifier: BSD-3-Clause
"""Bootstrap over images: which images a resample holds, and the interval that its statistics give."""

import math

import numpy as np

from picobench.analysis._interpolation import FloatArray

MIN_IMAGES = 5
"""Images below which no interval is given: fewer have too few distinct resamples to tell."""

_MIN_VALID = 0.95
"""Share of resamples that must have a value."""


def resample_weights(images: int, resamples: int, *seed: int) -> FloatArray:
    """How often each image is drawn in each resample: shape (resamples, images), rows of sum `images`."""
    generator = np.random.default_rng(seed)
    return generator.multinomial(images, np.full(images, 1 / images), size=resamples).astype(np.float64)


def bootstrap_interval(statistics: FloatArray, images: int, confidence: float) -> tuple[float, float] | None:
    """Expanded percentile interval (Hesterberg, The American Statistician 69, 2015, section 3.2).

    The plain percentile interval is too narrow for few images: by sqrt((n - 1) / n), and because it takes
    the normal quantile where Student's is right. Both are made good by taking percentiles further out; for
    many images the two intervals are the same.

    Args:
        statistics: The statistic of each resample, NaN where it has none.
        images: How many images were resampled.
        confidence: Coverage aimed at, such as 0.95.

    Returns:
        Both ends, or None where the images or the resamples with a value are too few.
    """
    from scipy.special import ndtr, stdtrit

    valid = statistics[np.isfinite(statistics)]
    if images < MIN_IMAGES or len(valid) < _MIN_VALID * len(statistics):
        return None
    tail = (1 - confidence) / 2
    tail = float(ndtr(math.sqrt(images / (images - 1)) * stdtrit(images - 1, tail)))
    low, high = np.quantile(valid, [tail, 1 - tail])
    return float(low), float(high)
