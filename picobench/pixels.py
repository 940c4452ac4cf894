# SPDX-License-Identifier: BSD-3-Clause
"""Pixels on disk: 8-bit RGB arrays to PNG files and back, and the digest that identifies them."""

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from picobench.errors import DatasetError
from picobench.files import atomic_path

RGB8 = npt.NDArray[np.uint8]
"""An image: shape (height, width, 3), dtype uint8, sRGB, values 0 to 255."""


def read_rgb8(path: Path) -> RGB8:
    """Read a PNG that picobench wrote (8-bit RGB, no alpha) as an array of shape (height, width, 3).

    Raises:
        DatasetError: The file is missing, unreadable, or not 8-bit RGB. The message has no advice: whoever knows
            where the picture comes from puts it behind.
    """
    try:
        with Image.open(path, formats=["PNG"]) as picture:
            if picture.mode != "RGB":
                raise DatasetError(f"{path}: mode {picture.mode} where 8-bit RGB is needed")
            return np.asarray(picture)
    except FileNotFoundError:
        raise DatasetError(f"{path}: no such picture") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise DatasetError(f"{path}: unreadable picture ({error})") from None


def write_rgb8(path: Path, pixels: RGB8, compress_level: int = 1) -> None:
    """Write an (height, width, 3) uint8 array as PNG, atomically.

    `compress_level` 1 is the fastest that still compresses: reconstructions are read once and dropped.
    """
    with atomic_path(path) as temporary:
        Image.fromarray(pixels, "RGB").save(temporary, format="PNG", compress_level=compress_level)


def pixels_digest(pixels: RGB8) -> str:
    """SHA-256 over shape and values: identifies an image whatever file holds it."""
    value = hashlib.sha256(f"{pixels.shape}".encode())
    value.update(np.ascontiguousarray(pixels).data)
    return value.hexdigest()
