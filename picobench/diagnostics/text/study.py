# SPDX-License-Identifier: BSD-3-Clause
"""How far can the text diagnostic be trusted? Measures it and writes the figures of docs/text.md.

    python -m picobench.diagnostics.text.study [--only BLOCK] [--processes N] [--published FOLDER]

The recogniser's own errors, words replaced on purpose, and compression that gets heavier, on the dataset
`text`; and the pictures that the authors of PICO published, if their folder is given.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from picobench import bindings
from picobench.cli import project_root
from picobench.datasets.rendered import RenderedPicture, draw_pictures
from picobench.definitions import Definitions
from picobench.diagnostics.text import TextDiagnostic, TextReference, TextResult
from picobench.diagnostics.text.published import published_table
from picobench.diagnostics.text.study_tables import compression_table, own_tables, swap_table
from picobench.diagnostics.text.swaps import Swap, make_swaps
from picobench.document import replace_block
from picobench.errors import PicobenchError

# From light to heavy compression.
POINTS = {
    "jpeg-420": ("q90", "q50", "q20", "q05"),
    "webp": ("q85", "q30", "q05", "q00"),
    "avif": ("q75", "q45", "q25", "q08"),
}
# Coding and reading one picture at all points takes ten times as long as reading its reference.
CODED_PICTURES = 40
# Searching takes longer than reading.
_SEARCH_EVERY = 5


@dataclass(frozen=True)
class Coded:
    """One picture of the dataset at one operating point."""

    bpp: float
    result: TextResult


@dataclass(frozen=True)
class Studied:
    """One picture of the dataset: its reference, and its results by (codec, point), if it was coded."""

    picture: RenderedPicture
    reference: TextReference
    coded: dict[tuple[str, str], Coded]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and rewrite the blocks of the document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=["own", "swaps", "compression", "published"], help="one block only")
    parser.add_argument("--pictures", type=int, help="only so many pictures of the dataset, for a trial")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument(
        "--published", type=Path, help="folder with <scene>/reference.png and the others' pictures"
    )
    parser.add_argument("--document", type=Path, default=project_root() / "docs" / "text.md")
    args = parser.parse_args(argv)
    try:
        for name, text in _blocks(args):
            replace_block(args.document, name, text)
    except PicobenchError as error:
        print(f"picobench: error: {error}", file=sys.stderr)
        return 1
    print(f"figures written to {args.document}")
    return 0


def _blocks(args: argparse.Namespace) -> Iterator[tuple[str, str]]:
    root = project_root()
    wanted = {args.only} if args.only else {"own", "swaps", "compression", "published"}
    if "swaps" in wanted:
        definition = Definitions(root).read("datasets", "text")
        yield "swaps", swap_table(try_swaps(TextDiagnostic(), make_swaps(definition["source"])))
    if "published" in wanted and args.published:
        yield "published", published_table(args.published, TextDiagnostic())
    if wanted & {"own", "compression"}:
        needed = args.pictures or (None if "own" in wanted else CODED_PICTURES)
        studied = study_pictures(root, needed, args.processes)
        references = [(item.picture.lines, item.reference) for item in studied]
        if "own" in wanted:
            yield "own", own_tables(references)
        if "compression" in wanted:
            coded = [item for item in studied if item.coded]
            columns = {
                codec: {point: _column(coded, codec, point) for point in points}
                for codec, points in POINTS.items()
            }
            yield "compression", compression_table(columns)


def _column(studied: Sequence[Studied], codec: str, point: str) -> tuple[float, list[TextResult]]:
    coded = [item.coded[codec, point] for item in studied]
    return sum(one.bpp for one in coded) / len(coded), [one.result for one in coded]


def study_pictures(root: Path, count: int | None, processes: int) -> list[Studied]:
    """Read the pictures of the dataset, and the first of them coded at all `POINTS` too."""
    numbers = range(len(_pictures(root)))[:count]
    if processes == 1:
        return [study_picture(root, number) for number in numbers]
    # Not forked: the runtime of the models has threads.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        return list(pool.map(study_picture, [root] * len(numbers), numbers))


def study_picture(root: Path, number: int) -> Studied:
    """Read one picture, and if it is among the first, coded at all `POINTS` too."""
    picture, diagnostic = _pictures(root)[number], _diagnostic()
    height, width, _ = picture.pixels.shape
    reference = diagnostic.reference(picture.pixels, picture.lines)
    coded = {}
    for codec, points in POINTS.items() if number < CODED_PICTURES else ():
        definition = Definitions(root).read("codecs", codec)
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
def _pictures(root: Path) -> list[RenderedPicture]:
    return draw_pictures(Definitions(root).read("datasets", "text"))


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
