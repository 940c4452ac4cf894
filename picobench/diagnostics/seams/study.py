# SPDX-License-Identifier: BSD-3-Clause
"""How far can the seam test be trusted? Measures it on pictures and writes the figures of docs/diagnostics.md.

    python -m picobench.diagnostics.seams.study --kodak FOLDER [--published FOLDER] [--only BLOCK] [--processes N]

False alarms on untiled pictures, power against offsets of known size, codecs run tile by tile, and the
pictures that the authors of PICO published, if their folder is given.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal

import numpy as np

from picobench.diagnostics.seams import study_tables as tables
from picobench.diagnostics.seams.blind import find_tile_size, score_lines
from picobench.diagnostics.seams.grids import TileGrid
from picobench.diagnostics.seams.measure import measure_seams
from picobench.diagnostics.seams.tiling import offset_tiles, tiled
from picobench.diagnostics.studies import (
    GOOD,
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

BLOCKS = ("seam-false-alarms", "seam-power", "seam-tiled", "seam-published")

BASES = (Coder("jpeg-420", "q50"), Coder("jpeg2000", "r40"))
TILE = 256
DEVIATIONS = (0.1, 0.25, 0.5, 1.0, 2.0)
COLOURS: tuple[Literal["grey", "rgb"], ...] = ("grey", "rgb")
# Tiles that meet the lattice of transforms, and PICO's way: tiles off the lattice with context around them.
TILINGS = ((256, 0), (248, 4))
TILED = (*BASES, Coder("avif", "q45"), Coder("heic", "q30"), Coder("webp", "q50"), Coder("jpegxl", "d3.5"))


def untiled_grids() -> list[TileGrid]:
    """Grids that no untiled picture has: sizes people use, and any size at any place."""
    generator = np.random.default_rng(1)
    grids = [TileGrid.square(size) for size in (128, 192, 200, 240, 250, 256, 300, 320, 360, 504)]
    for size in generator.integers(130, 420, size=10).tolist():
        left, top = generator.integers(0, size, size=2).tolist()
        grids.append(TileGrid.square(size, (left, top)))
    return grids


@dataclass(frozen=True)
class Untiled:
    """P-values of every grid on one untiled reconstruction (None: cannot reach 0.05), and blind mode's."""

    coder: Coder
    picture: str
    p_values: tuple[float | None, ...]
    blind: float


def try_untiled(task: tuple[Coder, Path]) -> Untiled:
    """Test every grid of `untiled_grids` on one picture coded as a whole."""
    coder, path = task
    reference = read_picture(path)
    reconstruction = coder(reference)
    results = [measure_seams(reference, reconstruction, grid) for grid in untiled_grids()]
    p_values = tuple(result.p_value if result.p_floor <= tables.LEVEL else None for result in results)
    return Untiled(
        coder, path.stem, p_values, find_tile_size([score_lines(reference, reconstruction)]).p_value
    )


@dataclass(frozen=True)
class Found:
    """What test and blind mode say of one picture with tiles of a known size."""

    p_value: float
    blind_size: int | None
    blind_p_value: float


def try_seams(reference: RGB8, reconstruction: RGB8, size: int) -> Found:
    """Look for tiles of `size`, known and unknown."""
    p_value = measure_seams(reference, reconstruction, TileGrid.square(size)).p_value
    blind = find_tile_size([score_lines(reference, reconstruction)])
    return Found(1.0 if p_value is None else p_value, blind.size, blind.p_value)


def try_offsets(task: tuple[Coder, Path]) -> dict[tuple[str, float], Found]:
    """Offset the tiles of one reconstruction by every deviation; results by colour and deviation.

    One picture gets the same offsets in units of the deviation, whatever the codec.
    """
    coder, path = task
    reference = read_picture(path)
    reconstruction = coder(reference)
    found: dict[tuple[str, float], Found] = {}
    for colour, deviation in product(COLOURS, DEVIATIONS):
        generator = np.random.default_rng([int.from_bytes(path.stem.encode()[-4:]), COLOURS.index(colour)])
        moved = offset_tiles(reconstruction, TileGrid.square(TILE), deviation, generator, colour)
        found[colour, deviation] = try_seams(reference, moved, TILE)
    return found


def power_curves(
    files: Sequence[Path], bases: Sequence[Coder] = BASES, processes: int = 1
) -> dict[tuple[Coder, str, float], list[Found]]:
    """Power against the size of offsets: results of every picture by base, colour and deviation."""
    tasks = list(product(bases, files))
    curves: dict[tuple[Coder, str, float], list[Found]] = {}
    for (coder, _), found in zip(tasks, run_all(try_offsets, tasks, processes), strict=True):
        for (colour, deviation), result in found.items():
            curves.setdefault((coder, colour, deviation), []).append(result)
    return curves


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
    if "seam-false-alarms" in wanted:
        coders = [Coder(codec, point) for codec, points in GOOD.items() for point in points]
        untiled = list(run_all(try_untiled, list(product(coders, files)), args.processes))
        yield "seam-false-alarms", tables.false_alarm_table(untiled)
    if "seam-power" in wanted:
        curves = power_curves(files, BASES, args.processes)
        write_bytes(args.document.with_name("seam-power.svg"), tables.power_plot(curves))
        yield "seam-power", tables.power_table(curves, len(files))
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
