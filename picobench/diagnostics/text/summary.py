# SPDX-License-Identifier: BSD-3-Clause
"""Text of a whole dataset: sums, rates and intervals over its pictures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from picobench.diagnostics.text.diagnostic import TextResult
from picobench.diagnostics.text.errors import Errors, pool

_DRAWS = 2000


@dataclass(frozen=True)
class Estimate:
    """A value over a dataset with its 95 % interval, by bootstrap over pictures."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class TextSummary:
    """Text of one operating point over a dataset.

    Rates are pooled: errors of all pictures by length of all text. None where no picture has what they need.

    Attributes:
        pictures: Pictures in all.
        with_text: Those with text; only they enter what follows.
        lines: Their lines of text.
        l1_inside, l1_outside: Mean over pictures of the mean absolute error, on [0, 1].
        l1_ratio: Of these two means.
        psnr_inside: Mean over pictures, in dB.
        found_share: Share of the detector's lines that are still found.
        characters, words: Errors, pooled.
        cer, wer: Their rates.
        own_cer, own_wer: The recogniser's own on the references; None without truth.
        excess_cer: What the codec adds: `cer` less `own_cer`.
        substitutions: Words that read as others, with certainty.
    """

    pictures: int
    with_text: int
    lines: int
    l1_inside: Estimate | None
    l1_outside: Estimate | None
    l1_ratio: float | None
    psnr_inside: float | None
    found_share: Estimate | None
    characters: Errors
    words: Errors
    cer: Estimate | None
    wer: Estimate | None
    own_cer: float | None
    own_wer: float | None
    excess_cer: Estimate | None
    substitutions: int


def summarise(results: Sequence[TextResult], seed: int = 0) -> TextSummary:
    """Summarise the pictures of a dataset at one operating point."""
    texts = [result for result in results if result.lines]
    inside = _means([result.error.l1_inside for result in texts], seed)
    outside = _means([result.error.l1_outside for result in texts], seed)
    searched = [result for result in texts if result.found is not None]
    psnr = [result.error.psnr_inside for result in texts if result.error.psnr_inside is not None]
    characters, words = pool(result.characters for result in texts), pool(result.words for result in texts)
    own = [(result.own_characters, result.own_words) for result in texts]
    has_truth = bool(own) and all(pair[0] is not None for pair in own)
    return TextSummary(
        pictures=len(results),
        with_text=len(texts),
        lines=sum(result.lines for result in texts),
        l1_inside=inside,
        l1_outside=outside,
        l1_ratio=inside.value / outside.value if inside and outside and outside.value else None,
        psnr_inside=float(np.mean(psnr)) if psnr else None,
        found_share=ratio_estimate(
            [result.found or 0 for result in searched], [result.detected for result in searched], seed
        ),
        characters=characters,
        words=words,
        cer=_rate(texts, lambda result: result.characters.total, seed),
        wer=_rate(texts, lambda result: result.words.total, seed, lambda result: result.words.length),
        own_cer=pool(pair[0] for pair in own if pair[0]).rate if has_truth else None,
        own_wer=pool(pair[1] for pair in own if pair[1]).rate if has_truth else None,
        excess_cer=_rate(texts, excess_errors, seed) if has_truth else None,
        substitutions=sum(len(result.substitutions) for result in texts),
    )


def excess_errors(result: TextResult) -> int:
    """Character errors beyond the recogniser's own."""
    return result.characters.total - (result.own_characters.total if result.own_characters else 0)


def rate_difference(
    worse: Sequence[TextResult], better: Sequence[TextResult], seed: int = 0
) -> Estimate | None:
    """Pooled CER of `worse` less that of `better`, over the same pictures in the same order."""
    return ratio_estimate(
        [a.characters.total - b.characters.total for a, b in zip(worse, better, strict=True)],
        [result.characters.length for result in better],
        seed,
    )


def ratio_estimate(parts: Sequence[float], lengths: Sequence[float], seed: int = 0) -> Estimate | None:
    """Sum of `parts` by sum of `lengths`, drawing pictures with replacement; None if no length."""
    above, below = np.asarray(parts, dtype=np.float64), np.asarray(lengths, dtype=np.float64)
    if not below.sum():
        return None
    picks = _picks(len(above), seed)
    sums = below[picks].sum(axis=1)
    draws = above[picks].sum(axis=1)[sums > 0] / sums[sums > 0]
    low, high = np.quantile(draws, [0.025, 0.975])
    return Estimate(float(above.sum() / below.sum()), float(low), float(high))


def _rate(
    results: Sequence[TextResult],
    errors: Callable[[TextResult], int],
    seed: int,
    length: Callable[[TextResult], int] = lambda result: result.characters.length,
) -> Estimate | None:
    return ratio_estimate(
        [errors(result) for result in results], [length(result) for result in results], seed
    )


def _means(values: Sequence[float | None], seed: int) -> Estimate | None:
    known = [value for value in values if value is not None]
    return ratio_estimate(known, [1.0] * len(known), seed)


def _picks(count: int, seed: int) -> npt.NDArray[np.int64]:
    return np.random.default_rng(seed).integers(0, count, (_DRAWS, count))
