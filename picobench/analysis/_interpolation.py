# SPDX-License-Identifier: BSD-3-Clause
"""Cubic interpolation of many curves at once: PCHIP, Akima and the least-squares cubic of BD-rates.

SciPy has the first two for one abscissa shared by all curves; in a BD-rate every curve has its own, and a
bootstrap needs tens of thousands of them. Arrays are (curves, points), float64; abscissae rise strictly
along a curve and there are at least four points.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

Method = Literal["pchip", "akima", "cubic"]
METHODS: tuple[Method, ...] = get_args(Method)

# Below this share of the steepest change of slope, Akima's weights are 0/0 up to rounding.
_AKIMA_FLAT = 1e-9


@dataclass(frozen=True, eq=False)
class PiecewiseCubic:
    """A stack of functions, each a cubic polynomial between neighbouring knots.

    Attributes:
        knots: Shape (curves, segments + 1), rising.
        coefficients: Shape (4, curves, segments): ascending powers of the distance from the left knot.
    """

    knots: FloatArray
    coefficients: FloatArray

    def integral(self, low: FloatArray, high: FloatArray) -> FloatArray:
        """Integral of each curve from `low` to `high`, shape (curves,), which lie within its knots."""
        start, stop = self._clip(low, high)
        c0, c1, c2, c3 = self.coefficients

        below, above = (t * (c0 + t * (c1 / 2 + t * (c2 / 3 + t * c3 / 4))) for t in (start, stop))
        total: FloatArray = (above - below).sum(axis=1)
        return total

    def largest_fall(self, low: FloatArray, high: FloatArray) -> FloatArray:
        """How far each curve drops below a value it had further left, within `low` to `high`.

        Exact, from the stationary points: 0 for a curve that never falls. Shape (curves,).
        """
        start, stop = self._clip(low, high)
        c0, c1, c2, c3 = self.coefficients
        with np.errstate(divide="ignore", invalid="ignore"):
            # Roots of the derivative c1 + 2 c2 t + 3 c3 t^2 without cancellation; NaN where it has none.
            pivot = -(c2 + np.copysign(np.sqrt(c2**2 - 3 * c1 * c3), c2))
            roots = np.sort(np.nan_to_num([pivot / (3 * c3), c1 / pivot]), axis=0)
        t = np.stack([start, *np.clip(roots, start, stop), stop], axis=-1)
        values = c0[..., None] + t * (c1[..., None] + t * (c2[..., None] + t * c3[..., None]))
        inside = np.broadcast_to((stop > start)[..., None], values.shape).reshape(len(values), -1)
        values = values.reshape(len(values), -1)
        highest_so_far = np.maximum.accumulate(np.where(inside, values, -np.inf), axis=1)
        fall: FloatArray = np.where(inside, highest_so_far - values, 0.0).max(axis=1)
        return fall

    def _clip(self, low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The part of each segment between `low` and `high`, as distances from its left knot."""
        left, right = self.knots[:, :-1], self.knots[:, 1:]
        start = np.clip(low[:, None], left, right) - left
        stop = np.clip(high[:, None], left, right) - left
        return start, stop


def interpolate(x: FloatArray, y: FloatArray, method: Method) -> PiecewiseCubic:
    """Lay a curve through each row of points (through their middle, for "cubic").

    Args:
        x: Abscissae, shape (curves, points), strictly rising along a row, at least four points.
        y: Ordinates, same shape.
        method: "pchip" (monotone between the points), "akima" (local, may overshoot slightly), or "cubic":
            one polynomial of degree 3 for the whole curve, fitted by least squares.
    """
    match method:
        case "pchip":
            return _hermite(x, y, _pchip_derivatives(x, y))
        case "akima":
            return _hermite(x, y, _akima_derivatives(x, y))
        case "cubic":
            return _least_squares_cubic(x, y)


def _hermite(x: FloatArray, y: FloatArray, derivatives: FloatArray) -> PiecewiseCubic:
    """The piecewise cubic with the given values and first derivatives at its knots."""
    width = np.diff(x)
    slope = np.diff(y) / width
    left, right = derivatives[:, :-1], derivatives[:, 1:]
    quadratic = (3 * slope - 2 * left - right) / width
    cubic = (left + right - 2 * slope) / width**2
    return PiecewiseCubic(x, np.stack([y[:, :-1], left, quadratic, cubic]))


def _pchip_derivatives(x: FloatArray, y: FloatArray) -> FloatArray:
    """Derivatives that keep monotone data monotone.

    Inside: the weighted harmonic mean of Fritsch and Butland (SIAM J. Sci. Stat. Comput. 5, 1984), or 0
    beside a flat or turning point. At the ends: the three-point formula, limited as in Moler, Numerical
    Computing with MATLAB, section 3.6.
    """
    width = np.diff(x)
    slope = np.diff(y) / width
    before, after = slope[:, :-1], slope[:, 1:]
    weight_before = width[:, :-1] + 2 * width[:, 1:]
    weight_after = 2 * width[:, :-1] + width[:, 1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (weight_before + weight_after) / (weight_before / before + weight_after / after)
    inside = np.where(before * after > 0, mean, 0.0)
    first = _pchip_end(width[:, 0], width[:, 1], slope[:, 0], slope[:, 1])
    last = _pchip_end(width[:, -1], width[:, -2], slope[:, -1], slope[:, -2])
    return np.column_stack([first, inside, last])


def _pchip_end(
    width: FloatArray, next_width: FloatArray, slope: FloatArray, next_slope: FloatArray
) -> FloatArray:
    three_point = ((2 * width + next_width) * slope - width * next_slope) / (width + next_width)
    limit = np.where(slope * next_slope < 0, 3 * np.abs(slope), np.inf)
    limited = np.copysign(np.minimum(np.abs(three_point), limit), slope)
    return np.where(three_point * slope > 0, limited, 0.0)


def _akima_derivatives(x: FloatArray, y: FloatArray) -> FloatArray:
    """Derivatives of Akima (J. ACM 17, 1970): the calmer of the two neighbouring slopes weighs more."""
    slope = np.diff(y) / np.diff(x)
    # Two slopes more on either side, each a step further along a straight line.
    step_left, step_right = slope[:, :1] - slope[:, 1:2], slope[:, -1:] - slope[:, -2:-1]
    slope = np.hstack(
        [
            slope[:, :1] + 2 * step_left,
            slope[:, :1] + step_left,
            slope,
            slope[:, -1:] + step_right,
            slope[:, -1:] + 2 * step_right,
        ]
    )
    change = np.abs(np.diff(slope))
    weight_after, weight_before = change[:, :-2], change[:, 2:]
    total = weight_before + weight_after
    before, after = slope[:, 1:-2], slope[:, 2:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        weighted = before + weight_after / total * (after - before)
    defined = total > _AKIMA_FLAT * total.max(axis=1, keepdims=True)
    return np.where(defined, weighted, (slope[:, :-3] + slope[:, 3:]) / 2)


def _least_squares_cubic(x: FloatArray, y: FloatArray) -> PiecewiseCubic:
    """One cubic for all points, as in Bjontegaard's VCEG-M33; exact through four of them."""
    left, width = x[:, :1], x[:, -1:] - x[:, :1]
    # On 0..1 the basis of powers is well conditioned; on a metric's own scale (0.99 to 0.999) it is not.
    basis = ((x - left) / width)[..., None] ** np.arange(4)
    q, r = np.linalg.qr(basis)
    scaled = np.linalg.solve(r, np.swapaxes(q, 1, 2) @ y[..., None])[..., 0]
    coefficients = scaled / width ** np.arange(4)
    return PiecewiseCubic(x[:, [0, -1]], coefficients.T[..., None])
