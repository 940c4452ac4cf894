# SPDX-License-Identifier: BSD-3-Clause
"""Metrics that need neither torch nor pyiqa: PSNR and MS-SSIM on 8-bit RGB pictures.

They exist here, and not as calls of pyiqa, for reasons of numbers and time: pyiqa's PSNR adds 1e-8 to the
mean squared error, which caps it at 80 dB; its MS-SSIM multiplies the scales after averaging over the
channels, where the curves of the literature average after multiplying, and takes 70 times as long.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from picobench.errors import MetricError
from picobench.pixels import RGB8

Plane = npt.NDArray[np.float64]

# Rec. ITU-R BT.709-6, item 3.2: E'Y = 0.2126 E'R + 0.7152 E'G + 0.0722 E'B. In ten thousandths, so that
# sums stay integers and the result does not depend on the machine.
_BT709_LUMA = (2126, 7152, 722)
_BT709_UNITS = 10_000

# Wang, Simoncelli, Bovik: "Multiscale structural similarity for image quality assessment", 2003.
_SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_WINDOW_SIDE = 11
_WINDOW_SIGMA = 1.5
_C1 = (0.01 * 255) ** 2
_C2 = (0.03 * 255) ** 2


def psnr(reference: RGB8, reconstruction: RGB8, *, channels: str) -> float:
    """Peak signal-to-noise ratio in dB: 10 log10(255^2 / MSE), infinite where the pictures are equal.

    The sum of squared differences is an exact integer: nothing wraps around, and the result is the same
    on every machine.

    Args:
        reference: Shape (height, width, 3), uint8.
        reconstruction: Of the same shape.
        channels: "rgb": the mean runs over the three channels. "y_bt709": over
            Y' = 0.2126 R' + 0.7152 G' + 0.0722 B', full range, not rounded; not the limited-range BT.601
            luma of MATLAB, on which the same pictures score more than 1 dB higher.

    Raises:
        MetricError: `channels` is neither.
    """
    if channels not in {"rgb", "y_bt709"}:
        raise MetricError(f"psnr: channels {channels!r} is not known; known: rgb, y_bt709")
    squared_error = 0
    for row, other in zip(reference, reconstruction, strict=True):
        difference = row.astype(np.int64) - other
        if channels == "y_bt709":
            difference = difference @ np.array(_BT709_LUMA)
        squared_error += int(np.sum(difference * difference))
    if squared_error == 0:
        return math.inf
    height, width, _ = reference.shape
    peak, count = (255, 3 * height * width) if channels == "rgb" else (255 * _BT709_UNITS, height * width)
    return 10.0 * math.log10(peak * peak * count / squared_error)


def ms_ssim(reference: RGB8, reconstruction: RGB8) -> float:
    """Multi-scale structural similarity, from 0 to 1, as the literature on learned codecs computes it.

    On each of R, G and B, at five scales, in float64: Gaussian window of 11 x 11 and sigma 1.5 where it
    fits; K1 0.01, K2 0.03, range 255. The mean contrast-structure term of each scale but the last and the
    mean SSIM of the last, negative ones set to 0, are raised to the weights of Wang et al. (2003) and
    multiplied; the three products are averaged. Between scales 2 x 2 means; an odd side gets a row or
    column of zeros first. This is the definition of the package pytorch-msssim, which CompressAI and most
    published curves use; it computes in float32 and agrees to about 1e-6.

    Args:
        reference: Shape (height, width, 3), uint8, both sides at least 161.
        reconstruction: Of the same shape.
    """
    products = []
    for channel in range(3):
        x = reference[..., channel].astype(np.float64)
        y = reconstruction[..., channel].astype(np.float64)
        product = 1.0
        for scale, weight in enumerate(_SCALE_WEIGHTS):
            if scale:
                x, y = _halve(x), _halve(y)
            ssim, contrast_structure = _ssim(x, y)
            last = scale == len(_SCALE_WEIGHTS) - 1
            product *= max(0.0, ssim if last else contrast_structure) ** weight
        products.append(product)
    return math.fsum(products) / 3


def _ssim(x: Plane, y: Plane) -> tuple[float, float]:
    mean_x, mean_y = _window_mean(x), _window_mean(y)
    mean_xy = mean_x * mean_y
    mean_squares = mean_x * mean_x + mean_y * mean_y
    variances = _window_mean(x * x + y * y) - mean_squares
    covariance = _window_mean(x * y) - mean_xy
    contrast_structure = (2 * covariance + _C2) / (variances + _C2)
    ssim = (2 * mean_xy + _C1) / (mean_squares + _C1) * contrast_structure
    return float(ssim.mean()), float(contrast_structure.mean())


def _window_mean(plane: Plane) -> Plane:
    from scipy.ndimage import correlate1d

    offsets = np.arange(_WINDOW_SIDE) - _WINDOW_SIDE // 2
    window = np.exp(-(offsets**2) / (2 * _WINDOW_SIGMA**2))
    window /= window.sum()
    edge = _WINDOW_SIDE // 2
    rows = correlate1d(plane, window, axis=0)[edge:-edge]
    mean: Plane = correlate1d(rows, window, axis=1)[:, edge:-edge]
    return mean


def _halve(plane: Plane) -> Plane:
    height, width = plane.shape
    padded = np.pad(plane, ((height % 2, 0), (width % 2, 0)))
    return (padded[::2, ::2] + padded[::2, 1::2] + padded[1::2, ::2] + padded[1::2, 1::2]) / 4


@dataclass(frozen=True)
class BuiltinFunction:
    """A function of this module, as definitions name it.

    Attributes:
        compute: Takes reference, reconstruction and the options; gives the score.
        options: The values that each option may have; every option must be given.
        libraries: Distributions whose version may change the last digits of the score.
        revision: Raised whenever a change of the code changes any score, so that no old score is reused.
    """

    compute: Callable[..., float]
    options: Mapping[str, tuple[Any, ...]]
    libraries: tuple[str, ...]
    revision: int


FUNCTIONS: Mapping[str, BuiltinFunction] = {
    "psnr": BuiltinFunction(psnr, {"channels": ("rgb", "y_bt709")}, (), revision=1),
    "ms_ssim": BuiltinFunction(ms_ssim, {}, ("numpy", "scipy"), revision=1),
}
