# SPDX-License-Identifier: BSD-3-Clause
"""Faults made on purpose: what a broken pipeline does to a good reconstruction."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from picobench.diagnostics.fidelity.moments import F64
from picobench.diagnostics.fidelity.planes import BT601, BT709
from picobench.pixels import RGB8

_Break = Callable[[RGB8], RGB8]


@dataclass(frozen=True)
class Fault:
    """A way to break a reconstruction.

    Attributes:
        finding: Name of the finding that it should raise.
        what: What is done, in words.
        apply: Does it to (height, width, 3) uint8.
    """

    finding: str
    what: str
    apply: _Break


def _rounded(values: F64) -> RGB8:
    return np.asarray(np.clip(np.round(values), 0, 255), dtype=np.uint8)


def _affine(matrix: F64, offset: float = 0.0) -> _Break:
    return lambda pixels: _rounded(pixels @ matrix.T + offset)


def _scaled(red: float, green: float, blue: float) -> _Break:
    def scale(pixels: RGB8) -> RGB8:
        mean = pixels.mean(axis=(0, 1))
        return _rounded(mean + (pixels - mean) * np.array([red, green, blue]))

    return scale


def _narrow(planes: F64) -> F64:
    """Full range to 219 levels of luma and 224 of colour differences, as a map of RGB around black."""
    return np.asarray(np.linalg.inv(planes) @ np.diag(np.array([219, 224, 224]) / 255) @ planes)


def _widened(pixels: RGB8) -> RGB8:
    return _rounded((pixels - 16.0) @ np.linalg.inv(_narrow(BT709)).T)


def _moved(down: float, right: float) -> _Break:
    def move(pixels: RGB8) -> RGB8:
        return _rounded(ndimage.shift(pixels.astype(np.float64), [down, right, 0.0], order=3, mode="nearest"))

    return move


def _before_rounding(pixels: RGB8) -> F64:
    """Real values that rounding to the nearest would make these pixels of."""
    return pixels + np.random.default_rng(0).uniform(-0.5, 0.5, pixels.shape)


def _in_rgb(finish: Callable[[F64], F64]) -> _Break:
    return lambda pixels: _rounded(finish(_before_rounding(pixels)))


def _in_planes(matrix: F64, luma: Callable[[F64], F64], then: Callable[[F64], F64] = np.round) -> _Break:
    """Y rounded by `luma`, Cb and Cr rounded down, and R, G and B by `then`."""

    def convert(pixels: RGB8) -> RGB8:
        planes = np.floor(exact := _before_rounding(pixels) @ matrix.T)
        planes[..., 0] = luma(exact[..., 0])
        return _rounded(then(planes @ np.linalg.inv(matrix).T))

    return convert


def _padded(top: int, bottom: int, left: int, right: int) -> _Break:
    return lambda pixels: np.pad(pixels, ((top, bottom), (left, right), (0, 0)), mode="edge")


FAULTS = (
    Fault("size", "8 rows lost", lambda pixels: pixels[:-8]),
    Fault("size", "turned by 90 degrees", lambda pixels: pixels.swapaxes(0, 1)),
    Fault("padding", "8 rows left below", _padded(0, 8, 0, 0)),
    Fault("padding", "8 columns left on the left", _padded(0, 0, 8, 0)),
    Fault("padding", "4 rows and columns left on every side", _padded(4, 4, 4, 4)),
    Fault("bias", "3 levels added to R, G, B", _affine(np.eye(3), 3.0)),
    Fault("bias", "4 levels added to blue", lambda pixels: _rounded(pixels + np.array([0.0, 0.0, 4.0]))),
    Fault("gain", "contrast of R, G, B times 1.06 around the mean", _scaled(1.06, 1.06, 1.06)),
    Fault("gain", "contrast of green times 1.05 around the mean", _scaled(1.0, 1.05, 1.0)),
    Fault("shift", "one pixel to the right", lambda pixels: np.roll(pixels, 1, axis=1)),
    Fault("shift", "8 pixels up", lambda pixels: np.roll(pixels, -8, axis=0)),
    Fault("shift", "half a pixel down", _moved(0.5, 0.0)),
    Fault("range_compressed", "RGB squeezed into 16 to 235", _affine(219 / 255 * np.eye(3), 16.0)),
    Fault("range_compressed", "YCbCr squeezed into 16 to 235 and 240", _affine(_narrow(BT601), 16.0)),
    Fault("range_expanded", "16 to 235 of YCbCr spread over 0 to 255", _widened),
    Fault("matrix_601_as_709", "coded with BT.601, shown with BT.709", _affine(np.linalg.inv(BT709) @ BT601)),
    Fault("matrix_709_as_601", "coded with BT.709, shown with BT.601", _affine(np.linalg.inv(BT601) @ BT709)),
    Fault("channel_order", "red and blue swapped", lambda pixels: pixels[..., ::-1]),
    Fault("bias", "0.9 levels taken from R, G, B", _in_rgb(lambda values: values - 0.9)),
    Fault("truncation", "R, G, B rounded down", _in_rgb(np.floor)),
    Fault("rounded_up", "R, G, B rounded up", _in_rgb(np.ceil)),
    Fault(
        "shifted_depth",
        "16 bits read by 257 that were shifted by 8",
        _in_rgb(lambda values: values * 256 / 257),
    ),
    Fault("chroma_truncation", "Cb, Cr of BT.601 rounded down", _in_planes(BT601, np.round)),
    Fault("ycbcr_truncation", "Y, Cb, Cr of BT.601 rounded down", _in_planes(BT601, np.floor)),
    Fault("ycbcr_truncation", "Y, Cb, Cr of BT.709 rounded down", _in_planes(BT709, np.floor)),
    Fault(
        "double_truncation",
        "the first of these two, and R, G, B rounded down",
        _in_planes(BT601, np.floor, np.floor),
    ),
)
"""Faults of single reconstructions."""
