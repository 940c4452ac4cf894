# SPDX-License-Identifier: BSD-3-Clause
"""RGB to YCbCr and back: the one conversion that every codec with planar input goes through.

Formulas: Rec. ITU-T H.273, clause 8.3 (equations for E'Y, E'PB, E'PR from KR and KB, and their full and
limited range integer forms), with KR, KB of ITU-R BT.709 and BT.601. Values are rounded to the nearest
integer, never truncated: truncation to 8 bits alone costs about 10 dB of the best PSNR that a codec can
reach. Input and output are sRGB-encoded R'G'B'; no transfer function is applied.

With 4:4:4 and 10 bits or more, every one of the 2^24 colours survives, in either range and with either matrix
(tests/test_colour.py goes through all of them). 8 bits and 4:2:0 lose something, and what they lose bounds the PSNR
of any codec behind them: `ceiling_db` measures that bound.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from picobench.errors import CodecError
from picobench.pixels import RGB8

Plane = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
"""One component: shape (rows, columns); uint8 for depth 8, otherwise uint16 with values below 2^depth."""

Planes = tuple[Plane, Plane, Plane]
"""Y, Cb, Cr. With 4:2:0 the chroma planes have half the rows and columns, rounded up."""

_Real = npt.NDArray[np.float64]
_KR_KB = {"bt709": (0.2126, 0.0722), "bt601": (0.299, 0.114)}

# A lossy codec does not beat the lossless one behind the same conversion, except by clipping and by filters
# that are not least-squares optimal; both are far below this.
_CEILING_TOLERANCE_DB = 0.1


@dataclass(frozen=True)
class ColourPath:
    """How RGB becomes YCbCr.

    Attributes:
        matrix: "bt709" or "bt601".
        range: "full" (0 to 2^depth - 1) or "limited" (16 to 235 and 16 to 240, times 2^(depth - 8)).
        depth: Bits a sample: 8, 10 or 12.
        chroma: "444", or "420" with chroma sited in the middle of its four pixels: mean of four down,
            bilinear up.
    """

    matrix: Literal["bt709", "bt601"] = "bt709"
    range: Literal["full", "limited"] = "full"
    depth: Literal[8, 10, 12] = 10
    chroma: Literal["444", "420"] = "444"

    def __str__(self) -> str:
        subsampling = {"444": "4:4:4", "420": "4:2:0 (centre siting, mean of four down, bilinear up)"}
        matrix = {"bt709": "BT.709", "bt601": "BT.601"}
        return (
            f"YCbCr {matrix[self.matrix]}, {self.range} range, {self.depth} bit, {subsampling[self.chroma]}"
        )


def to_planes(pixels: RGB8, path: ColourPath) -> Planes:
    """Convert an image of shape (height, width, 3), dtype uint8, to Y, Cb and Cr."""
    kr, kb = _KR_KB[path.matrix]
    red, green, blue = (pixels[..., channel].astype(np.float64) / 255.0 for channel in range(3))
    luma = kr * red + (1.0 - kr - kb) * green + kb * blue
    chroma_blue = (blue - luma) / (2.0 * (1.0 - kb))
    chroma_red = (red - luma) / (2.0 * (1.0 - kr))
    if path.chroma == "420":
        chroma_blue, chroma_red = _halve(chroma_blue), _halve(chroma_red)
    luma_scale, luma_offset, chroma_scale, chroma_offset = _quantisation(path)
    return (
        _to_integers(luma * luma_scale + luma_offset, path.depth),
        _to_integers(chroma_blue * chroma_scale + chroma_offset, path.depth),
        _to_integers(chroma_red * chroma_scale + chroma_offset, path.depth),
    )


def to_rgb8(planes: Planes, path: ColourPath) -> RGB8:
    """Convert Y, Cb and Cr to an image of shape (height, width, 3), dtype uint8.

    Raises:
        CodecError: The shapes of the planes do not belong together.
    """
    height, width = planes[0].shape
    expected = chroma_shape(height, width, path)
    if any(plane.shape != expected for plane in planes[1:]):
        raise CodecError(f"chroma planes of shape {planes[1].shape} where {expected} is needed: wrong format")
    kr, kb = _KR_KB[path.matrix]
    luma_scale, luma_offset, chroma_scale, chroma_offset = _quantisation(path)
    luma: _Real = (planes[0].astype(np.float64) - luma_offset) / luma_scale
    chroma_blue, chroma_red = (
        (plane.astype(np.float64) - chroma_offset) / chroma_scale for plane in planes[1:]
    )
    if path.chroma == "420":
        chroma_blue, chroma_red = _double(chroma_blue, height, width), _double(chroma_red, height, width)
    red = luma + 2.0 * (1.0 - kr) * chroma_red
    blue = luma + 2.0 * (1.0 - kb) * chroma_blue
    green = (luma - kr * red - kb * blue) / (1.0 - kr - kb)
    result = np.empty((height, width, 3), dtype=np.uint8)
    for channel, value in enumerate((red, green, blue)):
        result[..., channel] = _to_integers(value * 255.0, 8)
    return result


def chroma_shape(height: int, width: int, path: ColourPath) -> tuple[int, int]:
    """Rows and columns of the chroma planes of an image of `height` x `width` pixels."""
    return (height, width) if path.chroma == "444" else ((height + 1) // 2, (width + 1) // 2)


def is_exact(path: ColourPath) -> bool:
    """Whether every 8-bit colour survives `path`, wherever it stands in a picture."""
    return path.chroma == "444" and path.depth >= 10


def ceiling_db(pixels: RGB8, path: ColourPath) -> float:
    """PSNR in dB, over all RGB samples, of the conversion alone: no codec behind it can do better.

    Infinite where the image survives exactly.
    """
    difference = pixels.astype(np.int32) - to_rgb8(to_planes(pixels, path), path)
    mean_square = float(np.mean(np.square(difference)))
    return math.inf if mean_square == 0 else 10.0 * math.log10(255.0**2 / mean_square)


def above_ceiling(psnr_db: float, ceiling: float) -> str:
    """Why a measured PSNR is impossible behind a colour path of this ceiling; empty where it is possible."""
    if psnr_db <= ceiling + _CEILING_TOLERANCE_DB:
        return ""
    return (
        f"PSNR of {psnr_db:.2f} dB is above {ceiling:.2f} dB, the ceiling of the colour path: "
        "the reconstruction cannot come from this bitstream"
    )


def _quantisation(path: ColourPath) -> tuple[float, float, float, float]:
    """Scale and offset of luma, then of chroma."""
    middle = float(1 << (path.depth - 1))
    if path.range == "full":
        largest = float((1 << path.depth) - 1)
        return largest, 0.0, largest, middle
    step = float(1 << (path.depth - 8))
    return 219.0 * step, 16.0 * step, 224.0 * step, middle


def _to_integers(values: _Real, depth: int) -> Any:
    rounded = np.clip(np.floor(values + 0.5), 0, (1 << depth) - 1)
    return rounded.astype(np.uint8 if depth == 8 else np.uint16)


def _halve(values: _Real) -> _Real:
    """Mean of each 2 x 2 block; an odd last row or column is repeated."""
    rows, columns = values.shape
    even = np.pad(values, ((0, rows % 2), (0, columns % 2)), mode="edge")
    top, bottom = even[0::2], even[1::2]
    return (top[:, 0::2] + top[:, 1::2] + bottom[:, 0::2] + bottom[:, 1::2]) / 4.0


def _double(values: _Real, height: int, width: int) -> _Real:
    """Bilinear: each output lies a quarter of a sample away from the nearest input."""
    return _double_rows(_double_rows(values, height).T, width).T


def _double_rows(values: _Real, rows: int) -> _Real:
    before = np.concatenate([values[:1], values[:-1]])
    after = np.concatenate([values[1:], values[-1:]])
    result = np.empty((2 * len(values), values.shape[1]))
    result[0::2] = 0.75 * values + 0.25 * before
    result[1::2] = 0.75 * values + 0.25 * after
    return result[:rows]
