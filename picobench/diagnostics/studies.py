# SPDX-License-Identifier: BSD-3-Clause
"""What the studies of the diagnostics share: pictures coded here or published by others, processes, documents."""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from picobench import bindings
from picobench.arguments import whole_number
from picobench.cli import project_root
from picobench.datasets.normalise import normalise
from picobench.datasets.refused import RefusedPictureError
from picobench.definitions import Definitions, read_codec
from picobench.document import replace_block
from picobench.errors import DatasetError, PicobenchError
from picobench.pixels import RGB8

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

PUBLISHED = {"pico": "PICO", "hific": "HiFiC", "dcvc": "DCVC-RT", "vvc": "VVC", "bpg": "BPG"}
"""Codecs of published scenes: file name without extension to label."""

GOOD = {
    "jpeg-420": ("q20", "q50", "q85"),
    "jpeg2000": ("r100", "r40", "r20"),
    "avif": ("q16", "q45", "q75"),
    "heic": ("q12", "q30", "q51"),
    "webp": ("q05", "q50", "q85"),
    "jpegxl": ("d8", "d3.5", "d1.4"),
}
"""Codecs that are neither tiled nor broken, each at three operating points from poor to good."""


@dataclass(frozen=True)
class Scene:
    """A published scene: its name, reference, and the file of each codec's reconstruction."""

    name: str
    reference: Path
    reconstructions: dict[str, Path]


def picture_files(folder: Path) -> list[Path]:
    """The PNG files of a folder, sorted.

    Raises:
        DatasetError: There are none.
    """
    files = sorted(folder.glob("*.png"))
    if not files:
        raise DatasetError(f"{folder}: no PNG files; name the folder that holds the pictures")
    return files


def published_scenes(folder: Path) -> list[Scene]:
    """Scenes in `<scene>/reference.png` and `<scene>/<codec>.png`.

    Raises:
        DatasetError: There are none.
    """
    scenes = []
    for reference in sorted(folder.glob("*/reference.png")):
        files = {codec: reference.with_name(f"{codec}.png") for codec in PUBLISHED}
        present = {codec: path for codec, path in files.items() if path.is_file()}
        scenes.append(Scene(reference.parent.name, reference, present))
    if not scenes:
        raise DatasetError(f"{folder}: no <scene>/reference.png; name the folder that holds the scenes")
    return scenes


def of_codec(scenes: list[Scene], codec: str) -> Iterator[tuple[str, RGB8, RGB8]]:
    """Name, reference and reconstruction of every scene that `codec` has."""
    for scene in scenes:
        if codec in scene.reconstructions:
            yield scene.name, read_picture(scene.reference), read_picture(scene.reconstructions[codec])


def read_picture(path: Path) -> RGB8:
    """A picture that others made, as (height, width, 3) uint8, read like those of a run.

    Raises:
        DatasetError: It is unreadable.
    """
    try:
        return normalise(path.read_bytes()).pixels
    except OSError as error:
        raise DatasetError(f"{path}: unreadable picture ({error.strerror}); fetch it again") from None
    except RefusedPictureError as error:
        raise DatasetError(f"{path}: unreadable picture ({error})") from None


@cache
def _definitions() -> Definitions:
    return Definitions(project_root())


def poorest_point(codec: str) -> str:
    """The first operating point of a codec's definition."""
    return next(iter(read_codec(_definitions(), codec).points))


@dataclass(frozen=True)
class Coder:
    """A codec of this project at one operating point, run in this process: picture to reconstruction."""

    codec: str
    point: str

    def __call__(self, pixels: RGB8) -> RGB8:
        """Encode and decode."""
        codec = read_codec(_definitions(), self.codec)
        binding = bindings.get(codec.binding)
        return binding.decode(binding.encode(pixels, codec.point_options(self.point)))


def run_all(
    function: Callable[[_Item], _Result], tasks: Sequence[_Item], processes: int
) -> Iterator[_Result]:
    """Results of `function` in the order of `tasks`."""
    if processes == 1:
        yield from map(function, tasks)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(function, tasks)


def run_study(
    blocks: Callable[[argparse.Namespace], Iterable[tuple[str, str]]],
    names: Sequence[str],
    description: str,
    argv: Sequence[str] | None,
    *,
    document: str = "diagnostics.md",
    of_kodak: bool = True,
) -> int:
    """Command line of a study: measures what was asked for and rewrites its blocks of the document."""
    parser = argparse.ArgumentParser(description=description)
    if of_kodak:
        parser.add_argument("--kodak", type=Path, required=True, help="folder with the Kodak pictures")
    parser.add_argument(
        "--published", type=Path, help="folder with <scene>/reference.png and <scene>/<codec>.png"
    )
    parser.add_argument("--only", choices=names, help="one block only")
    parser.add_argument("--processes", type=whole_number(1), default=1)
    parser.add_argument("--document", type=Path, default=project_root() / "docs" / document)
    args = parser.parse_args(argv)
    try:
        for name, text in blocks(args):
            replace_block(args.document, name, text)
    except PicobenchError as error:
        print(f"picobench: error: {error}", file=sys.stderr)
        return 1
    print(f"figures written to {args.document}")
    return 0
