# SPDX-License-Identifier: BSD-3-Clause
"""Pictures that the diagnostics are tried on: a folder of references coded here, or what others published."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from picobench import bindings
from picobench.cli import project_root
from picobench.definitions import Definitions, read_codec
from picobench.errors import DatasetError
from picobench.pixels import RGB8

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
    """A picture that others made, as (height, width, 3) uint8.

    Raises:
        DatasetError: It is unreadable.
    """
    try:
        with Image.open(path, formats=["PNG"]) as picture:
            return np.asarray(picture.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise DatasetError(f"{path}: unreadable picture ({error}); fetch it again") from None


@cache
def _definitions() -> Definitions:
    return Definitions(project_root())


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
