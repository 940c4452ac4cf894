# SPDX-License-Identifier: BSD-3-Clause
"""RGB to luma and colour differences: the matrices of ITU-R BT.601 and BT.709, full range."""

import numpy as np

from picobench.diagnostics.fidelity.moments import F64


def _luma_chroma(red: float, blue: float) -> F64:
    """RGB to Y'CbCr of full range with luma coefficients `red` and `blue`."""
    green = 1 - red - blue
    rows = [
        [red, green, blue],
        [-red / (2 * (1 - blue)), -green / (2 * (1 - blue)), 0.5],
        [0.5, -green / (2 * (1 - red)), -blue / (2 * (1 - red))],
    ]
    return np.array(rows)


def inverse(matrix: F64) -> F64:
    """The inverse of a (3, 3) matrix."""
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


BT601, BT709 = _luma_chroma(0.299, 0.114), _luma_chroma(0.2126, 0.0722)
"""(3, 3), rows Y, Cb, Cr."""
