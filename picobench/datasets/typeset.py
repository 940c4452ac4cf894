# SPDX-License-Identifier: BSD-3-Clause
"""Lines of text as coverage of pixels, in fonts that come with Matplotlib."""

import importlib.util
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from picobench.errors import DatasetError
from picobench.files import sha256_file

_MARGIN = 4


def font_file(name: str, sha256: str) -> Path:
    """A font inside the installed Matplotlib, verified.

    Raises:
        DatasetError: Matplotlib or the font is missing, or the font is another one.
    """
    # Found without importing it: that takes seconds and is not needed.
    package = importlib.util.find_spec("matplotlib")
    if package is None or not package.submodule_search_locations:
        raise DatasetError(f"{name}: Matplotlib is not installed; install it, at least version 3.9")
    path = Path(package.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf" / name
    if not path.is_file():
        raise DatasetError(f"{path}: not in this Matplotlib; install the version of requirements.lock")
    if (found := sha256_file(path)) != sha256:
        raise DatasetError(
            f"{path}: SHA-256 is {found}, expected {sha256}; install the Matplotlib of requirements.lock"
        )
    return path


def ink(path: Path, x_height: int, text: str) -> npt.NDArray[np.int64]:
    """Coverage of one line, cut to its ink.

    Args:
        path: A TrueType font.
        x_height: Height of a small x in pixels.
        text: The line; at least one character must leave ink.

    Returns:
        Shape (height, width), 0 to 255.
    """
    font = _font(path, x_height)
    left, top, right, bottom = (int(edge) for edge in font.getbbox(text))
    # A glyph may reach beyond the box that its metrics promise.
    canvas = Image.new("L", (right - left + 2 * _MARGIN, bottom - top + 2 * _MARGIN))
    ImageDraw.Draw(canvas).text((_MARGIN - left, _MARGIN - top), text, fill=255, font=font)
    box = canvas.getbbox()
    if box is None:
        raise DatasetError(
            f"{text!r}: {path.name} leaves no ink for it; take it out of the definition's scripts"
        )
    return np.asarray(canvas.crop(box)).astype(np.int64)


def stamp(
    pixels: npt.NDArray[np.int64], cover: npt.NDArray[np.int64], left: int, top: int, colour: npt.ArrayLike
) -> None:
    """Put ink on a picture.

    Args:
        pixels: Shape (height, width, 3), 0 to 255; changed in place.
        cover: Of the ink, as `ink` gives it; must lie inside the picture.
        left, top: Where its first pixel comes.
        colour: R, G, B of the ink.
    """
    height, width = cover.shape
    part = pixels[top : top + height, left : left + width]
    share = cover[..., None]
    part[...] = (part * (255 - share) + np.asarray(colour) * share + 127) // 255


@cache
def _font(path: Path, x_height: int) -> ImageFont.FreeTypeFont:
    _, top, _, bottom = _sized(path, 1000).getbbox("x")
    return _sized(path, round(1000 * x_height / (bottom - top), 1))


def _sized(path: Path, size: float) -> ImageFont.FreeTypeFont:
    # Raqm, the other layout engine, is not in every Pillow.
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)
