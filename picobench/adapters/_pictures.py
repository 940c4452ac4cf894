# SPDX-License-Identifier: BSD-3-Clause
"""Pictures for command line codecs: PNG and PPM by Pillow, Y4M and planar YUV by picobench's colour module.

Planar YUV is Y, Cb, Cr one after the other without padding; samples of more than 8 bits take two bytes,
least significant first. Y4M is the same behind two lines of text.
"""

import io
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from picobench.colour import ColourPath, Plane, Planes, chroma_shape, to_planes, to_rgb8
from picobench.errors import CodecError
from picobench.pixels import RGB8

Format = Literal["png", "ppm", "y4m", "yuv"]

_MAXIMUM_SIDE = 65535
_MAXIMUM_HEADER_BYTES = 512
# Y4M names of the sampling; 8-bit 4:2:0 has one name for each siting of chroma.
_Y4M_NAMES = {("444", 8): {"444"}, ("420", 8): {"420jpeg", "420", "420mpeg2", "420paldv"}}


def picture_bytes(pixels: RGB8, picture_format: Format, path: ColourPath) -> bytes:
    """Write an image of shape (height, width, 3), dtype uint8, in the format that an encoder reads."""
    if picture_format in {"png", "ppm"}:
        stream = io.BytesIO()
        options = {"compress_level": 1} if picture_format == "png" else {}
        Image.fromarray(pixels, "RGB").save(stream, format=picture_format.upper(), **options)
        return stream.getvalue()
    body = b"".join(_sample_bytes(plane) for plane in to_planes(pixels, path))
    if picture_format == "yuv":
        return body
    height, width = pixels.shape[:2]
    sampling = f"{path.chroma}p{path.depth}"
    if path.depth == 8:
        sampling = {"444": "444", "420": "420jpeg"}[path.chroma]
    colour = f"XCOLORRANGE={path.range.upper()}"
    return f"YUV4MPEG2 W{width} H{height} F1:1 Ip A1:1 C{sampling} {colour}\nFRAME\n".encode() + body


def read_picture(data: bytes, picture_format: Format, path: ColourPath, size: tuple[int, int] | None) -> RGB8:
    """Read what a decoder wrote as an image of shape (height, width, 3), dtype uint8.

    Args:
        data: The decoder's output file.
        picture_format: What it is.
        path: The colour path that the encoder's input went through.
        size: Height and width in pixels; needed for "yuv", and for the others what they must have if given.

    Raises:
        CodecError: It is not such a picture, or not of that size.
    """
    if picture_format in {"png", "ppm"}:
        pixels = _read_with_pillow(data, picture_format)
    elif picture_format == "y4m":
        pixels = to_rgb8(_read_y4m(data, path), path)
    else:
        if size is None:
            raise CodecError("planar YUV tells no size; the definition needs the size header")
        pixels = to_rgb8(_split(data, *size, path), path)
    if size is not None and pixels.shape[:2] != size:
        height, width = pixels.shape[:2]
        raise CodecError(f"the decoder's picture is {width}x{height} and not {size[1]}x{size[0]} pixels")
    return pixels


def _read_with_pillow(data: bytes, picture_format: Format) -> RGB8:
    try:
        with Image.open(io.BytesIO(data), formats=[picture_format.upper()]) as picture:
            if picture.mode == "L":  # grey pictures may come back as such; the values are the same
                return np.asarray(picture.convert("RGB"))
            if picture.mode != "RGB":
                raise CodecError(
                    f"the decoder's {picture_format.upper()} has mode {picture.mode}, not 8-bit RGB"
                )
            return np.asarray(picture)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        message = " ".join(str(error).split())
        raise CodecError(f"the decoder's {picture_format.upper()} is unreadable ({message})") from None


def _read_y4m(data: bytes, path: ColourPath) -> Planes:
    end = data.find(b"\n", 0, _MAXIMUM_HEADER_BYTES)
    words = data[: max(end, 0)].decode("ascii", errors="replace").split(" ")
    if words[0] != "YUV4MPEG2":
        raise CodecError("the decoder's output is no Y4M file")
    fields = {word[0]: word[1:] for word in words[1:] if word and word[0] != "X"}
    try:
        width, height = int(fields["W"]), int(fields["H"])
    except (KeyError, ValueError):
        raise CodecError("the decoder's Y4M file tells no size") from None
    names = _Y4M_NAMES.get((path.chroma, path.depth), {f"{path.chroma}p{path.depth}"})
    if (sampling := fields.get("C", "420")) not in names:
        expected = f"4:{path.chroma[1]}:{path.chroma[2]}, {path.depth} bit"
        raise CodecError(f"the decoder's Y4M file is C{sampling} where {expected} went into the encoder")
    frame_end = data.find(b"\n", end + 1, end + 1 + _MAXIMUM_HEADER_BYTES)
    if data[end + 1 : end + 6] != b"FRAME" or frame_end < 0:
        raise CodecError("the decoder's Y4M file holds no frame")
    return _split(data[frame_end + 1 :], height, width, path)


def _split(data: bytes, height: int, width: int, path: ColourPath) -> Planes:
    if not (0 < height <= _MAXIMUM_SIDE and 0 < width <= _MAXIMUM_SIDE):
        raise CodecError(f"a picture of {width}x{height} pixels is not possible")
    sample: npt.DTypeLike = np.uint8 if path.depth == 8 else np.dtype("<u2")
    shapes = [(height, width), *[chroma_shape(height, width, path)] * 2]
    counts = [rows * columns for rows, columns in shapes]
    expected = sum(counts) * np.dtype(sample).itemsize
    if len(data) != expected:
        raise CodecError(f"the decoder wrote {len(data)} bytes of samples where one picture has {expected}")
    values = np.frombuffer(data, dtype=sample)
    if values.size and int(values.max()) >> path.depth:
        raise CodecError(f"the decoder wrote samples of more than {path.depth} bits: wrong output depth")
    planes: list[Plane] = []
    start = 0
    for shape, count in zip(shapes, counts, strict=True):
        planes.append(values[start : start + count].reshape(shape))
        start += count
    return planes[0], planes[1], planes[2]


def _sample_bytes(plane: Plane) -> bytes:
    return plane.tobytes() if plane.dtype == np.uint8 else plane.astype("<u2").tobytes()
