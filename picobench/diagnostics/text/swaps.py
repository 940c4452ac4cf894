# SPDX-License-Identifier: BSD-3-Clause
"""Forged text: a word of a line replaced by another of equal length, everything else untouched."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from picobench.datasets.normalise import normalise
from picobench.datasets.sources import skimage_file
from picobench.datasets.truth import TruthLine
from picobench.datasets.typeset import font_file, ink, stamp
from picobench.pixels import RGB8

_FONT = "DejaVuSansMono.ttf"
_SIDE = (120, 448)
_SEED = 20260102


@dataclass(frozen=True)
class Swap:
    """A picture of three words, and the same with the middle one replaced.

    Attributes:
        reference, forged: Shape (height, width, 3), uint8.
        lines: What is written in `reference`.
        word: The word that was put in the place of the second.
    """

    reference: RGB8
    forged: RGB8
    lines: tuple[TruthLine, ...]
    word: str


def make_swaps(source: Mapping[str, Any], each: int = 10) -> list[Swap]:
    """Swaps of the English words of a dataset of kind `rendered`, `each` for all its sizes and contrasts.

    In a font of fixed width, so that the neighbours stay where they are.
    """
    draw = random.Random(_SEED).random  # noqa: S311  nothing secret
    font = next(
        font_file(entry["file"], entry["sha256"]) for entry in source["fonts"] if entry["file"] == _FONT
    )
    words = sorted({word for word in source["scripts"]["english"]["words"].split() if word.isascii()})
    backgrounds = [
        normalise(skimage_file(entry["file"], entry["sha256"]).read_bytes()).pixels.astype(np.int64)
        for entry in source["backgrounds"]
    ]

    def choose(values: Sequence[str]) -> str:
        return values[int(draw() * len(values))]

    swaps = []
    for x_height in source["x_heights"]:
        for contrast in source["contrasts"]:
            for number in range(each):
                first, third = choose(words), choose(words)
                second, other = _choose_pair(words, choose)
                photograph = backgrounds[number % len(backgrounds)]
                top = int(draw() * (photograph.shape[0] - _SIDE[0] + 1))
                ground = photograph[top : top + _SIDE[0], : _SIDE[1]]
                texts = [f"{first} {word} {third}" for word in (second, other)]
                pictures = [_write(ground, text, font, x_height, contrast) for text in texts]
                line = TruthLine(texts[0], pictures[0][1], "english", x_height, contrast, plate=True)
                swaps.append(Swap(pictures[0][0], pictures[1][0], (line,), other))
    return swaps


def _choose_pair(words: Sequence[str], choose: Callable[[Sequence[str]], str]) -> tuple[str, str]:
    while True:
        one = choose(words)
        others = [word for word in words if len(word) == len(one) and word != one]
        if others:
            return one, choose(others)


def _write(
    ground: npt.NDArray[np.int64], text: str, font: Path, x_height: int, contrast: int
) -> tuple[RGB8, tuple[int, int, int, int]]:
    # Between two bars, so that ascenders and first letters do not move the line.
    frame = ink(font, x_height, f"|{text}|")
    bar = int(np.flatnonzero(frame.max(axis=0) == 0)[0])
    cover = frame[:, bar:-bar]
    pixels = ground.copy()
    height, width = cover.shape
    left, top = 16, (ground.shape[0] - height) // 2
    pixels[top - 4 : top + height + 4, left - 4 : left + width + 4] = 40
    stamp(pixels, cover, left, top, (40 + contrast,) * 3)
    return pixels.astype(np.uint8), (left, top, left + width, top + height)
