# SPDX-License-Identifier: BSD-3-Clause
"""How large a file may be that a program wrote: picobench reads it into its own memory, which no container bounds."""

import contextlib
import io
from collections.abc import Mapping

from PIL import Image

from picobench.adapters._pictures import Format
from picobench.errors import CodecError

LARGEST_PIXELS = 178_956_970
"""Pillow reads no larger picture, so no reference has more pixels."""

# Twice the 24 bit of a picture that is not compressed at all.
_BITSTREAM_BYTES_PER_PIXEL = 6
# Three samples of one byte, or of two where the depth may be above 8 bit. A PNG has one byte more in front of each
# row, and a row may be of one pixel.
_OUTPUT_BYTES_PER_PIXEL: Mapping[Format, int] = {"png": 4, "ppm": 3, "y4m": 6, "yuv": 6}
# Headers, profiles, tables.
_CONSTANT_BYTES = 1 << 20


def bitstream_limit_bytes(pixels: int) -> int:
    """What the bitstream of a picture of so many pixels may have, generously."""
    return _BITSTREAM_BYTES_PER_PIXEL * pixels + _CONSTANT_BYTES


def output_limit_bytes(picture_format: Format, pixels: int) -> int:
    """What the file of a decoded picture of so many pixels may have, generously."""
    return _OUTPUT_BYTES_PER_PIXEL[picture_format] * pixels + _CONSTANT_BYTES


def refuse_more_pixels(data: bytes, picture_format: Format, pixels: int) -> None:
    """Refuse a PNG or PPM that unpacks to more pixels, by what its header says; what is no such file is left alone.

    Raises:
        CodecError: It has more.
    """
    if picture_format not in {"png", "ppm"}:  # these are not compressed: their size in bytes bounds them
        return
    with (
        contextlib.suppress(OSError, SyntaxError, ValueError, Image.DecompressionBombError),
        Image.open(io.BytesIO(data), formats=[picture_format.upper()]) as picture,
    ):
        width, height = picture.size
        if width * height > pixels:
            raise CodecError(f"the decoder's picture has {width}x{height} pixels: {pixels} are the most here")
