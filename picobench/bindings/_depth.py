# SPDX-License-Identifier: BSD-3-Clause
"""8-bit samples in 10-bit containers: some libraries take RGB of the depth that they code."""

from typing import Any

import numpy as np
import numpy.typing as npt

from picobench.pixels import RGB8


def to_10_bits(pixels: RGB8) -> npt.NDArray[np.uint16]:
    """Scale 0..255 to 0..1023, rounded; `to_8_bits` inverts it exactly."""
    return ((pixels.astype(np.uint32) * 1023 + 127) // 255).astype(np.uint16)


def to_8_bits(pixels: npt.NDArray[Any]) -> RGB8:
    """Scale 0..1023 to 0..255, rounded."""
    return ((pixels.astype(np.uint32) * 255 + 511) // 1023).astype(np.uint8)
