# SPDX-License-Identifier: BSD-3-Clause
"""Faults of geometry: size, padding left in, shift."""

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from picobench.diagnostics.fidelity.findings import (
    PADDING_PIXELS,
    SHIFT_DB,
    SHIFT_PIXELS,
    Finding,
)
from picobench.diagnostics.fidelity.moments import F64, rise_db
from picobench.pixels import RGB8

F32 = npt.NDArray[np.float32]

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
# The shift is one for the whole picture: the middle of a large one shows it.
_LARGEST_SIDE = 1536
_LEAST_SIDE = 32
_REFINEMENTS = 3


def align_size(reference: RGB8, reconstruction: RGB8) -> tuple[RGB8 | None, Finding | None]:
    """Bring the reconstruction to the reference's size if it only has rows or columns too many.

    Returns:
        The reconstruction, cropped where padding was left in (None where no crop makes sense), and what is
        wrong with the size.
    """
    rows = reconstruction.shape[0] - reference.shape[0]
    columns = reconstruction.shape[1] - reference.shape[1]
    if rows == columns == 0:
        return reconstruction, None
    sizes = (
        f"{reconstruction.shape[1]} x {reconstruction.shape[0]} where the reference has "
        f"{reference.shape[1]} x {reference.shape[0]}"
    )
    values = (("rows", float(rows)), ("columns", float(columns)))
    if min(rows, columns) < 0 or max(rows, columns) > PADDING_PIXELS:
        turned = reconstruction.shape[:2] == reference.shape[1::-1]
        return None, Finding("size", sizes + (", as if turned by 90 degrees" if turned else ""), None, values)
    # Padding stands below and to the right, above and to the left, or half on either side.
    crops = [(top, left) for top in {0, rows // 2, rows} for left in {0, columns // 2, columns}]
    errors = {crop: _error(reference, _crop(reconstruction, *crop, reference.shape)) for crop in crops}
    top, left = min(crops, key=lambda crop: (errors[crop], crop))
    psnr_db = rise_db(255**2, errors[top, left])
    evidence = f"{sizes}; cropped from row {top} and column {left} on it has a PSNR of {psnr_db:.2f} dB"
    return _crop(reconstruction, top, left, reference.shape), Finding("padding", evidence, None, values)


def align_position(reference: RGB8, reconstruction: RGB8) -> tuple[RGB8, RGB8, Finding | None]:
    """Undo a shift of the whole reconstruction, down to tenths of a pixel.

    Phase correlation (Kuglin and Hines, 1975) gives whole pixels, a least-squares fit of the error by the
    gradient (Lucas and Kanade, 1981) the rest.

    Returns:
        Both pictures, and what was found: if anything, without the edges that the shift leaves uncovered and
        with the reconstruction moved back.
    """
    total = measure_shift(reference, reconstruction)
    if np.hypot(*total) < SHIFT_PIXELS or np.abs(total).max() > min(reference.shape[:2]) / 4:
        return reference, reconstruction, None
    target, back, effect = _undone(reference, reconstruction, total)
    if effect < SHIFT_DB:
        return reference, reconstruction, None
    evidence = f"shifted by {total[0]:+.2f} pixels down and {total[1]:+.2f} to the right"
    values = (("down_pixels", float(total[0])), ("right_pixels", float(total[1])))
    return target, back, Finding("shift", evidence, effect, values)


def shift_nearness(reference: RGB8, reconstruction: RGB8) -> float:
    """How near a picture comes to a shift: 1 is where it meets both thresholds."""
    total = measure_shift(reference, reconstruction)
    if np.abs(total).max() > min(reference.shape[:2]) / 4:
        return 0.0
    effect = _undone(reference, reconstruction, total)[2]
    return float(min(np.hypot(*total) / SHIFT_PIXELS, effect / SHIFT_DB))


def _undone(reference: RGB8, reconstruction: RGB8, total: F64) -> tuple[RGB8, RGB8, float]:
    """Both pictures without the edges that a shift leaves uncovered, the second moved back, and the rise of PSNR."""
    inner = _inner(_margin(total))
    channels = [_moved_back(reconstruction[..., index].astype(np.float32), total) for index in range(3)]
    back = np.asarray(np.stack(channels, axis=2).round().clip(0, 255)[inner], dtype=np.uint8)
    target = reference[inner]
    return target, back, rise_db(_error(target, reconstruction[inner]), _error(target, back))


def measure_shift(reference: RGB8, reconstruction: RGB8) -> F64:
    """Shift of the whole reconstruction (down, right) in pixels; zero for pictures too small to tell."""
    fixed, moved = _luma(reference), _luma(reconstruction)
    if min(fixed.shape) < _LEAST_SIDE:
        return np.zeros(2)
    total = _whole_shift(fixed, moved)
    for _ in range(_REFINEMENTS):
        rest = _small_shift(fixed, _moved_back(moved, total), _margin(total))
        total = total + rest
        if np.abs(rest).max() < SHIFT_PIXELS / 10:
            break
    return total


def _whole_shift(fixed: F32, moved: F32) -> F64:
    window = np.outer(np.hanning(fixed.shape[0]), np.hanning(fixed.shape[1])).astype(np.float32)
    spectra = [fft.rfft2((plane - plane.mean()) * window) for plane in (fixed, moved)]
    cross = np.conj(spectra[0]) * spectra[1]
    correlation = fft.irfft2(cross / np.maximum(np.abs(cross), 1e-9), s=fixed.shape)
    peak = np.unravel_index(int(np.argmax(correlation)), correlation.shape)
    sizes = np.array(fixed.shape)
    return np.asarray((np.array(peak) + sizes // 2) % sizes - sizes // 2, dtype=np.float64)


def _small_shift(fixed: F32, moved: F32, margin: int) -> F64:
    """Shift (down, right) below about a pixel: error = -shift . gradient in the least-squares sense."""
    inner = _inner(max(margin, 2))
    slopes = np.stack([np.gradient(fixed, axis=axis)[inner].ravel() for axis in (0, 1)]).astype(np.float64)
    error = (moved - fixed)[inner].ravel().astype(np.float64)
    normal = slopes @ slopes.T
    if np.linalg.det(normal) <= 1e-6 * np.trace(normal) ** 2 + 1e-12:
        return np.zeros(2)
    return np.asarray(-np.linalg.solve(normal, slopes @ error))


def _moved_back(plane: F32, shift: F64) -> F32:
    if not shift.any():
        return plane
    return np.asarray(ndimage.shift(plane, (-shift).tolist(), order=3, mode="nearest"), dtype=np.float32)


def _margin(shift: F64) -> int:
    return int(np.ceil(np.abs(shift).max())) + 2


def _inner(margin: int) -> tuple[slice, slice]:
    return slice(margin, -margin), slice(margin, -margin)


def _luma(pixels: RGB8) -> F32:
    top, left = (max(0, (side - _LARGEST_SIDE) // 2) for side in pixels.shape[:2])
    part = pixels[top : top + _LARGEST_SIDE, left : left + _LARGEST_SIDE]
    return np.asarray(part.astype(np.float32) @ _LUMA)


def _crop(pixels: RGB8, top: int, left: int, shape: tuple[int, ...]) -> RGB8:
    return pixels[top : top + shape[0], left : left + shape[1]]


def _error(reference: RGB8, reconstruction: RGB8) -> float:
    return float(np.mean((reconstruction.astype(np.float32) - reference) ** 2))
