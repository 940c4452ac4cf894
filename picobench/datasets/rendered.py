# SPDX-License-Identifier: BSD-3-Clause
"""Pictures with known text: lines drawn with fonts of Matplotlib on photographs of scikit-image.

Everything is drawn from the definition by integer arithmetic and one seeded sequence, so the same versions of
Pillow and FreeType give the same pixels on every machine; a digest of the whole set in the definition says
whether they did. Each line takes the next size, contrast, script and font of the definition in turn.
"""

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import __version__ as pillow_version
from PIL import features

from picobench.datasets.normalise import normalise
from picobench.datasets.sources import Definition, rendered_names, skimage_file
from picobench.datasets.truth import TruthLine
from picobench.datasets.typeset import font_file, ink, stamp
from picobench.errors import DatasetError
from picobench.files import content_key
from picobench.pixels import RGB8, pixels_digest

Box = tuple[int, int, int, int]

# ITU-R BT.601 luma in thousandths.
_LUMA = np.array([299, 587, 114])
# A place for a line is looked for so often before its picture does without it.
_TRIES = 60
_EDGE = 8
# The photograph's own variation under a line, as a share of the line's contrast, up to which people read it
# without effort; where there is more, the line gets a plate.
_CALM = 0.5


@dataclass(frozen=True)
class RenderedPicture:
    """A picture and what is written in it.

    Attributes:
        name: Its image name.
        pixels: Shape (height, width, 3), uint8.
        lines: From the first drawn to the last.
    """

    name: str
    pixels: RGB8
    lines: tuple[TruthLine, ...]


def draw_pictures(definition: Definition) -> list[RenderedPicture]:
    """Draw the pictures of a dataset of kind `rendered`.

    Raises:
        DatasetError: A font or photograph is missing or another one, or the pixels differ from those that the
            definition's digest stands for.
    """
    source = definition["source"]
    drawing = _Drawing(source)
    pictures = [
        drawing.picture(name, number) for number, name in enumerate(rendered_names(definition), start=1)
    ]
    if (found := set_digest(pictures)) != source["sha256"]:
        raise DatasetError(
            f"dataset {definition['id']}: Pillow {pillow_version} with FreeType {features.version('freetype2')} "
            "draws other pixels than those that others measured; install the versions of requirements.lock, or if "
            f"you changed the definition, set its sha256 to {found}"
        )
    return pictures


def set_digest(pictures: Sequence[RenderedPicture]) -> str:
    """SHA-256 over names, pixels and lines of all pictures."""
    value = hashlib.sha256()
    for picture in pictures:
        lines = content_key([asdict(line) for line in picture.lines])
        value.update(f"{picture.name} {pixels_digest(picture.pixels)} {lines}\n".encode())
    return value.hexdigest()


def as_ppm(pixels: RGB8) -> bytes:
    """The bytes of an uncompressed picture file: unlike PNG, the same whatever compressor is installed."""
    height, width, _ = pixels.shape
    return b"P6\n%d %d\n255\n" % (width, height) + pixels.tobytes()


def check_parts(definition: Definition) -> None:
    """See that all fonts and photographs are there.

    Raises:
        DatasetError: One is missing or another one.
    """
    for entry in definition["source"]["backgrounds"]:
        skimage_file(entry["file"], entry["sha256"])
    for entry in definition["source"]["fonts"]:
        font_file(entry["file"], entry["sha256"])


class _Drawing:
    """The state that runs through the pictures of a set: the random sequence and the number of lines drawn."""

    def __init__(self, source: Mapping[str, Any]) -> None:
        self.source = source
        self.backgrounds = [
            normalise(skimage_file(entry["file"], entry["sha256"]).read_bytes()).pixels
            for entry in source["backgrounds"]
        ]
        self.fonts = [font_file(entry["file"], entry["sha256"]) for entry in source["fonts"]]
        # Of the methods of Random only random() is promised to give the same sequence in every Python.
        self.random = random.Random(source["seed"]).random  # noqa: S311  nothing secret
        self.drawn = 0

    def below(self, limit: int) -> int:
        return int(self.random() * limit)

    def picture(self, name: str, number: int) -> RenderedPicture:
        pixels = self._crop(self.backgrounds[number % len(self.backgrounds)])
        lines: list[TruthLine] = []
        for _ in range(self.source["lines"]):
            line = self._line(pixels, [line.box for line in lines])
            if line is not None:
                lines.append(line)
                self.drawn += 1
        return RenderedPicture(name, pixels.astype(np.uint8), tuple(lines))

    def _crop(self, photograph: RGB8) -> npt.NDArray[np.int64]:
        height, width = self.source["height"], self.source["width"]
        spare_rows, spare_columns = photograph.shape[0] - height, photograph.shape[1] - width
        if min(spare_rows, spare_columns) < 0:
            raise DatasetError(
                f"a photograph of {photograph.shape[1]}x{photograph.shape[0]} is smaller than the pictures to be "
                "drawn on it; leave it out or draw smaller pictures"
            )
        top, left = self.below(spare_rows + 1), self.below(spare_columns + 1)
        part = photograph[top : top + height, left : left + width]
        return (part[:, ::-1] if self.below(2) else part).astype(np.int64)

    def _line(self, pixels: npt.NDArray[np.int64], taken: Sequence[Box]) -> TruthLine | None:
        turn, source = self.drawn, self.source
        x_height = source["x_heights"][turn % len(source["x_heights"])]
        turn //= len(source["x_heights"])
        contrast = source["contrasts"][turn % len(source["contrasts"])]
        scripts = list(source["scripts"])
        script = scripts[self.drawn % len(scripts)]
        text = self._text(source["scripts"][script])
        cover = ink(self.fonts[self.below(len(self.fonts))], x_height, text)
        wants_plate = self.below(100) < source["plate_percent"]
        light = self.below(2) == 1
        tint = np.array(source["tints"][self.below(len(source["tints"]))])

        place = self._place(cover.shape, pixels.shape, taken)
        if place is None:
            return None
        left, top, right, bottom = place
        margin = max(3, cover.shape[0] // 3)
        around = (slice(top - margin, bottom + margin), slice(left - margin, right + margin))
        luma = pixels[around] @ _LUMA // 1000
        plate = wants_plate or float(luma.std()) > _CALM * contrast
        if plate:
            ground = 255 - 10 - self.below(60) if light else 10 + self.below(60)
            pixels[around] = ground
        else:
            ground = int(luma.sum()) // luma.size
        level = ground + contrast if ground < 128 else ground - contrast
        colour = np.clip(level + tint, 0, 255)
        stamp(pixels, cover, left, top, colour)
        return TruthLine(text, place, script, x_height, contrast, plate)

    def _text(self, script: Mapping[str, Any]) -> str:
        count = 1 + self.below(script["most"])
        words = []
        for _ in range(count):
            choices = script["words"].split()
            words.append("".join(map(self._character, choices[self.below(len(choices))])))
        text = " ".join(words)
        return text.upper() if script["capitals_percent"] > self.below(100) else text

    def _character(self, character: str) -> str:
        if character == "#":
            return "0123456789"[self.below(10)]
        # Without letters that look like digits in some of the fonts.
        return "ABCDEFGHKLMNPRSTUVWXYZ"[self.below(22)] if character == "@" else character

    def _place(self, size: tuple[int, ...], picture: tuple[int, ...], taken: Sequence[Box]) -> Box | None:
        height, width = size
        spare_rows, spare_columns = picture[0] - height - 2 * _EDGE, picture[1] - width - 2 * _EDGE
        if min(spare_rows, spare_columns) < 0:
            return None
        for _ in range(_TRIES):
            top, left = _EDGE + self.below(spare_rows + 1), _EDGE + self.below(spare_columns + 1)
            box = (left, top, left + width, top + height)
            if not any(_close(box, other) for other in taken):
                return box
        return None


def _close(one: Box, other: Box) -> bool:
    # Detectors join what stands on one line with less than a few letters between.
    tallest = max(one[3] - one[1], other[3] - other[1])
    across, down = 3 * tallest, tallest
    return (
        one[0] < other[2] + across
        and other[0] < one[2] + across
        and one[1] < other[3] + down
        and other[1] < one[3] + down
    )
