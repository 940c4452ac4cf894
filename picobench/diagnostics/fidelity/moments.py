# SPDX-License-Identifier: BSD-3-Clause
"""What an affine correction of RGB would do to the error, from second moments that one pass over pixels gives."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from picobench.pixels import RGB8

F64 = npt.NDArray[np.float64]

_AREA = 32
LEAST_AREAS = 4
"""Pictures with fewer areas say nothing about how evenly errors are spread."""
_ROWS_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class Correction:
    """An affine map of pixels: matrix @ RGB + offset, in grey levels, without clipping."""

    matrix: F64
    offset: F64


@dataclass(frozen=True, eq=False)
class Moments:
    """What faults of colour are judged by.

    Attributes:
        products: Means of all products of (reconstruction R, G, B, reference R, G, B, 1): a symmetric 7 x 7 matrix.
        areas: (areas, 6) means of the same six over areas of 32 x 32 pixels; fewer than four rows say nothing.
    """

    products: F64
    areas: F64

    def errors(self, correction: Correction | None = None) -> F64:
        """Mean squared errors of R, G and B, after a correction of the reconstruction."""
        rows = np.concatenate([np.eye(3), -np.eye(3), np.zeros((3, 1))], axis=1)
        if correction is not None:
            rows[:, :3], rows[:, 6] = correction.matrix, correction.offset
        return np.asarray(np.maximum(np.einsum("ci,ij,cj->c", rows, self.products, rows), 0.0))

    def mse(self, correction: Correction | None = None) -> float:
        """Mean squared error over all channels."""
        return float(self.errors(correction).mean())

    def after(self, correction: Correction) -> "Moments":
        """Moments of the corrected reconstruction."""
        change = np.eye(7)
        change[:3, :3], change[:3, 6] = correction.matrix, correction.offset
        moved = self.areas.copy()
        moved[:, :3] = self.areas[:, :3] @ correction.matrix.T + correction.offset
        return Moments(change @ self.products @ change.T, moved)

    def unevenness(self, correction: Correction) -> F64:
        """Standard deviation over areas of the mean errors of R, G and B in grey levels, after a correction.

        Coarse quantisation leaves mean errors too, another one in every area; a fault of colour leaves none that
        its undoing does not take away everywhere. Zero for pictures with fewer than four areas.
        """
        if len(self.areas) < LEAST_AREAS:
            return np.zeros(3)
        moved = self.areas[:, :3] @ correction.matrix.T + correction.offset
        return np.asarray((moved - self.areas[:, 3:]).std(axis=0))

    def explained(self, correction: Correction) -> float:
        """Share of the squared mean errors of areas that a correction takes away.

        Negative where it adds to them; 1, which says nothing, for pictures with fewer than four areas.
        """
        if len(self.areas) < LEAST_AREAS:
            return 1.0
        moved = self.areas[:, :3] @ correction.matrix.T + correction.offset
        before, after = (np.mean((areas - self.areas[:, 3:]) ** 2) for areas in (self.areas[:, :3], moved))
        return 1 - float(after) / max(float(before), 1e-12)

    def bias(self) -> F64:
        """Mean error of R, G and B, in grey levels."""
        return np.asarray(self.products[:3, 6] - self.products[3:6, 6])

    def without_bias(self) -> Correction:
        """The correction that takes the mean errors out."""
        return Correction(np.eye(3), -self.bias())

    def without_gain(self) -> Correction:
        """The correction by one slope and offset a channel that leaves the least squared error.

        The slope is that of the reference over the reconstruction, 1 for a good codec at any rate; the other
        way round it sinks with the rate, as coarse quantisation takes contrast away.
        """
        mean, wanted = self.products[:3, 6], self.products[3:6, 6]
        variance = np.diag(self.products)[:3] - mean**2
        shared = np.diag(self.products[:3, 3:6]) - mean * wanted
        flat = variance <= 1e-9
        slope = np.where(flat, 1.0, shared / np.where(flat, 1.0, variance))
        return Correction(np.diag(slope), wanted - slope * mean)


def measure_moments(reference: RGB8, reconstruction: RGB8) -> Moments:
    """Moments of two (height, width, 3) uint8 pictures of one shape."""
    total = np.zeros((7, 7))
    for top in range(0, len(reference), _ROWS_AT_ONCE):
        rows = slice(top, top + _ROWS_AT_ONCE)
        pixels = np.ones((reference[rows].size // 3, 7))
        pixels[:, :3] = reconstruction[rows].reshape(-1, 3)
        pixels[:, 3:6] = reference[rows].reshape(-1, 3)
        total += pixels.T @ pixels
    areas = np.concatenate([_area_means(reconstruction), _area_means(reference)], axis=1)
    return Moments(total / (reference.size // 3), areas)


def _area_means(pixels: RGB8) -> F64:
    rows, columns = (side // _AREA for side in pixels.shape[:2])
    areas = pixels[: rows * _AREA, : columns * _AREA].reshape(rows, _AREA, columns, _AREA, 3)
    return np.asarray(areas.mean(axis=(1, 3), dtype=np.float64).reshape(-1, 3))


def rise_db(before: float, after: float) -> float:
    """Rise of PSNR in dB when the mean squared error falls from `before` to `after`."""
    return 10 * math.log10(max(before, 1e-12) / max(after, 1e-12))


def rises_db(before: F64, after: F64) -> F64:
    """The same for each channel."""
    return np.asarray(10 * np.log10(np.maximum(before, 1e-12) / np.maximum(after, 1e-12)))
