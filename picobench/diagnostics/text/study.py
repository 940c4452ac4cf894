# SPDX-License-Identifier: BSD-3-Clause
"""How far can the text diagnostic be trusted? Measures it and writes the figures of docs/text.md.

    python -m picobench.diagnostics.text.study [--only BLOCK] [--processes N] [--published FOLDER]

The recogniser's own errors, words replaced on purpose, and compression that gets heavier, on the dataset
`text`; and the pictures that the authors of PICO published, if their folder is given.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from picobench import bindings
from picobench.cli import project_root
from picobench.datasets.rendered import RenderedPicture, draw_pictures
from picobench.definitions import Definitions
from picobench.diagnostics.studies import run_all, run_study
from picobench.diagnostics.text import TextDiagnostic, TextReference, TextResult
from picobench.diagnostics.text.published import published_table
from picobench.diagnostics.text.study_tables import compression_table, own_tables, swap_table
from picobench.diagnostics.text.swaps import Swap, make_swaps

BLOCKS = ("own", "swaps", "compression", "published")
# From light to heavy compression.
POINTS = {
    "jpeg-420": ("q90", "q50", "q20", "q05"),
    "webp": ("q85", "q30", "q05", "q00"),
    "avif": ("q75", "q45", "q25", "q08"),
}
# Searching takes longer than reading.
_SEARCH_EVERY = 5


@dataclass(frozen=True)
class Coded:
    """One picture of the dataset at one operating point."""

    bpp: float
    result: TextResult


@dataclass(frozen=True)
class Studied:
    """One picture of the dataset: its reference, and its results by (codec, point)."""

    picture: RenderedPicture
    reference: TextReference
    coded: dict[tuple[str, str], Coded]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and rewrite the blocks of the document."""
    return run_study(_blocks, BLOCKS, __doc__.splitlines()[0], argv, document="text.md", of_kodak=False)


def _blocks(args: argparse.Namespace) -> Iterator[tuple[str, str]]:
    wanted = {args.only} if args.only else set(BLOCKS)
    if "swaps" in wanted:
        definition = Definitions(project_root()).read("datasets", "text")
        yield "swaps", swap_table(try_swaps(TextDiagnostic(), make_swaps(definition["source"])))
    if "published" in wanted and args.published:
        yield "published", published_table(args.published, TextDiagnostic())
    if wanted & {"own", "compression"}:
        studied = list(run_all(study_picture, range(len(_pictures())), args.processes))
        references = [(item.picture.lines, item.reference) for item in studied]
        if "own" in wanted:
            yield "own", own_tables(references)
        if "compression" in wanted:
            columns = {
                codec: {point: _column(studied, codec, point) for point in points}
                for codec, points in POINTS.items()
            }
            yield "compression", compression_table(columns)


def _column(studied: Sequence[Studied], codec: str, point: str) -> tuple[float, list[TextResult]]:
    coded = [item.coded[codec, point] for item in studied]
    return sum(one.bpp for one in coded) / len(coded), [one.result for one in coded]


def study_picture(number: int) -> Studied:
    """Read one picture, as it is and coded at all `POINTS`."""
    picture, diagnostic = _pictures()[number], _diagnostic()
    height, width, _ = picture.pixels.shape
    reference = diagnostic.reference(picture.pixels, picture.lines)
    coded = {}
    for codec, points in POINTS.items():
        definition = Definitions(project_root()).read("codecs", codec)
        binding = bindings.get(definition["binding"])
        for point in points:
            options = {**definition["options"], **definition["points"][point]}
            bitstream = binding.encode(picture.pixels, options)
            result = diagnostic.compare(
                reference, picture.pixels, binding.decode(bitstream), search=number % _SEARCH_EVERY == 0
            )
            coded[codec, point] = Coded(8 * len(bitstream) / (width * height), result)
    return Studied(picture, reference, coded)


@cache
def _pictures() -> list[RenderedPicture]:
    return draw_pictures(Definitions(project_root()).read("datasets", "text"))


@cache
def _diagnostic() -> TextDiagnostic:
    return TextDiagnostic()


def try_swaps(diagnostic: TextDiagnostic, swaps: Sequence[Swap]) -> list[tuple[Swap, TextResult, TextResult]]:
    """For each swap the results of the forged picture and of the honest one, both as JPEG of quality 90."""
    jpeg = bindings.get("pillow.jpeg")
    options = {"quality": 90, "chroma": "4:4:4", "optimize": False, "progressive": False}

    def coded(pixels: Any) -> Any:
        return jpeg.decode(jpeg.encode(np.ascontiguousarray(pixels), options))

    compare: Callable[..., TextResult] = diagnostic.compare
    done = []
    for swap in swaps:
        reference = diagnostic.reference(swap.reference, swap.lines, search=False)
        forged = compare(reference, swap.reference, coded(swap.forged), search=False)
        honest = compare(reference, swap.reference, coded(swap.reference), search=False)
        done.append((swap, forged, honest))
    return done


if __name__ == "__main__":
    sys.exit(main())
