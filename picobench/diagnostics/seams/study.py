# SPDX-License-Identifier: BSD-3-Clause
"""How far can the seam test be trusted? Measures it on pictures and writes the figures of docs/diagnostics.md.

    python -m picobench.diagnostics.seams.study --kodak FOLDER [--published FOLDER] [--only BLOCK] [--processes N]

False alarms on untiled pictures, power against offsets of known size, whether intervals hold the true size of
steps, codecs run tile by tile, and the pictures that the authors of PICO published, if their folder is given.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal

import numpy as np

from picobench.diagnostics.seams import study_alarms as alarms
from picobench.diagnostics.seams import study_tables as tables
from picobench.diagnostics.seams.blind import find_tile_size, score_lines
from picobench.diagnostics.seams.combine import Evidence
from picobench.diagnostics.seams.effects import border_squares
from picobench.diagnostics.seams.families import find_families
from picobench.diagnostics.seams.grids import TileGrid
from picobench.diagnostics.seams.measure import measure_seams
from picobench.diagnostics.seams.strips import BANDS, F64, to_planes
from picobench.diagnostics.seams.tiling import offset_tiles, tile_offsets, tiled
from picobench.diagnostics.studies import (
    PUBLISHED,
    Coder,
    of_codec,
    picture_files,
    published_scenes,
    read_picture,
    run_all,
    run_study,
)
from picobench.files import write_bytes
from picobench.pixels import RGB8

BLOCKS = ("seam-false-alarms", "seam-grids", "seam-power", "seam-intervals", "seam-tiled", "seam-published")

BASES = (Coder("jpeg-420", "q50"), Coder("jpeg2000", "r40"))
DEVIATIONS = {256: (0.1, 0.25, 0.5, 1.0, 2.0), 504: (0.5, 1.0, 2.0)}
"""Standard deviations of offsets, in grey levels, by tile size."""
COLOURS: tuple[Literal["grey", "rgb"], ...] = ("grey", "rgb")
INTERVAL_SIZES = (200, 256, 504)
INTERVAL_DEVIATIONS = (0.0, 0.5, 1.0, 2.0)
# Tiles that meet the lattice of transforms, and PICO's way: tiles off the lattice with context around them.
TILINGS = ((256, 0), (248, 4))
TILED = (*BASES, Coder("avif", "q45"), Coder("heic", "q30"), Coder("webp", "q50"), Coder("jpegxl", "d3.5"))


@dataclass(frozen=True, eq=False)
class Found:
    """What test and blind mode say of one picture with tiles of a known size."""

    p_value: float
    blind_size: int | None
    blind_p_value: float
    evidence: Evidence | None


def try_seams(reference: RGB8, reconstruction: RGB8, size: int) -> Found:
    """Look for tiles of `size`, known and unknown."""
    known = measure_seams(reference, reconstruction, TileGrid.square(size))
    blind = find_tile_size([score_lines(reference, reconstruction)])
    p_value = 1.0 if known.p_value is None else known.p_value
    return Found(p_value, blind.size, blind.p_value, known.evidence)


Case = tuple[int, str, float]
"""Tile size, colour and standard deviation of offsets."""


def try_offsets(task: tuple[Coder, Path]) -> dict[Case, Found]:
    """Offset the tiles of one reconstruction by every deviation.

    One picture gets the same offsets in units of the deviation, whatever the codec.
    """
    coder, path = task
    reference = read_picture(path)
    reconstruction = coder(reference)
    found: dict[Case, Found] = {}
    for size, colour in product(DEVIATIONS, COLOURS):
        for deviation in DEVIATIONS[size]:
            generator = np.random.default_rng([_number(path), COLOURS.index(colour)])
            moved = offset_tiles(reconstruction, TileGrid.square(size), deviation, generator, colour)
            found[size, colour, deviation] = try_seams(reference, moved, size)
    return found


def _number(path: Path) -> int:
    """Of a picture, to seed with."""
    return int.from_bytes(path.stem.encode()[-4:])


def power_curves(
    files: Sequence[Path], bases: Sequence[Coder] = BASES, processes: int = 1
) -> dict[tuple[Coder, Case], list[Found]]:
    """Power against the size of offsets: results of every picture by base and case."""
    tasks = list(product(bases, files))
    curves: dict[tuple[Coder, Case], list[Found]] = {}
    for (coder, _), found in zip(tasks, run_all(try_offsets, tasks, processes), strict=True):
        for case, result in found.items():
            curves.setdefault((coder, case), []).append(result)
    return curves


@dataclass(frozen=True, eq=False)
class Sized:
    """The size of steps in one picture, with the true one: both ends and truth are (bands, planes), in levels."""

    low: F64
    high: F64
    truth: F64
    evidence: Evidence


def try_sizes(task: tuple[Coder, Path]) -> dict[Case, Sized]:
    """Offsets of every case, drawn anew for each: does the interval hold the true size of the steps?"""
    coder, path = task
    reference = read_picture(path)
    reconstruction = coder(reference)
    shape = reference.shape[:2]
    sized: dict[Case, Sized] = {}
    for index, case in enumerate(product(INTERVAL_SIZES, COLOURS, INTERVAL_DEVIATIONS)):
        size, colour, deviation = case
        grid, seed = TileGrid.square(size), [_number(path), BASES.index(coder), index]
        moved = offset_tiles(reconstruction, grid, deviation, np.random.default_rng(seed), colour)
        offsets = tile_offsets(shape, grid, deviation, np.random.default_rng(seed), colour)
        found = measure_seams(reference, moved, grid)
        if found.evidence is None:
            continue
        planes = to_planes(np.broadcast_to(offsets, reference.shape).astype(np.float32))
        squares, _ = border_squares(find_families(planes, grid, BANDS, found.lattice))
        low, high = (
            np.array([getattr(part, end) for part in found.parts]).reshape(squares.shape)
            for end in ("low_levels", "high_levels")
        )
        sized[case] = Sized(low, high, np.sqrt(squares), found.evidence)
    return sized


def try_tiled(task: tuple[Coder, Path]) -> list[Found]:
    """Code one picture tile by tile, in each of `TILINGS`."""
    coder, path = task
    reference = read_picture(path)
    return [try_seams(reference, tiled(coder, size, padding)(reference), size) for size, padding in TILINGS]


def examine_published(folder: Path) -> Iterable[tables.Published]:
    """Published scenes at PICO's tile size, and blind."""
    scenes = published_scenes(folder)
    for codec in PUBLISHED:
        results, lines, singles = [], [], []
        for name, reference, reconstruction in of_codec(scenes, codec):
            shown = reconstruction[: reference.shape[0], : reference.shape[1]]
            results.append((name, measure_seams(reference, shown, TileGrid.square(504))))
            lines.append(score_lines(reference, shown))
            singles.append((name, find_tile_size([lines[-1]])))
        if results:
            yield tables.Published(PUBLISHED[codec], results, find_tile_size(lines), singles)


def _blocks(args: argparse.Namespace) -> Iterator[tuple[str, str]]:
    wanted = {args.only} if args.only else set(BLOCKS)
    files = picture_files(args.kodak)
    if wanted & {"seam-false-alarms", "seam-grids"}:
        kodak, others = alarms.try_all(files, args.published, args.processes)
        texts = (alarms.alarm_table(kodak, others), alarms.grid_table(kodak, others))
        yield from (block for block in zip(BLOCKS, texts, strict=False) if block[0] in wanted)
    if "seam-power" in wanted:
        curves = power_curves(files, BASES, args.processes)
        write_bytes(args.document.with_name("seam-power.svg"), tables.power_plot(curves, 256))
        yield "seam-power", tables.power_table(curves, len(files))
    if "seam-intervals" in wanted:
        tasks = list(product(BASES, files))
        sized = run_all(try_sizes, tasks, args.processes)
        yield (
            "seam-intervals",
            tables.interval_table([(coder, one) for (coder, _), one in zip(tasks, sized, strict=True)]),
        )
    if "seam-tiled" in wanted:
        tasks = list(product(TILED, files))
        found = list(run_all(try_tiled, tasks, args.processes))
        rows = {
            coder: [item for (one, _), item in zip(tasks, found, strict=True) if one == coder]
            for coder in TILED
        }
        yield "seam-tiled", tables.tiled_table(rows, TILINGS)
    if "seam-published" in wanted and args.published:
        yield "seam-published", tables.published_table(list(examine_published(args.published)))


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and rewrite the blocks of the document."""
    return run_study(_blocks, BLOCKS, __doc__.splitlines()[0], argv)


if __name__ == "__main__":
    sys.exit(main())
