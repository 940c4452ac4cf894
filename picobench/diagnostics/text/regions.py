# SPDX-License-Identifier: BSD-3-Clause
"""Where text stands: quadrilaterals, the mask they make, and the error inside and outside of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from picobench.errors import MetricError
from picobench.pixels import RGB8

Quad = tuple[tuple[float, float], ...]
"""Four corners (x, y) of a line of text in pixels, clockwise from the top left as it is read."""

Mask = npt.NDArray[np.bool_]
"""Shape (height, width); true where there is text."""

# Room around the ink of a line, as a share of its height: what the recogniser was trained to see, and where it
# makes the fewest errors on the dataset `text`.
_ROOM = 0.3


@dataclass(frozen=True)
class MaskedError:
    """Error of a reconstruction where there is text, and where there is none.

    Attributes:
        pixels: Pixels of the mask.
        l1_inside: Mean absolute error over mask and channels, samples on [0, 1]; None without text.
        l1_outside: The same over the rest; None if text covers the picture.
        psnr_inside: 10 log10(255^2 / MSE) over mask and channels in dB, infinite without error; None without text.
    """

    pixels: int
    l1_inside: float | None
    l1_outside: float | None
    psnr_inside: float | None

    @property
    def ratio(self) -> float | None:
        """Error inside by error outside: above 1, text suffers more than the rest. None where undefined."""
        if self.l1_inside is None or not self.l1_outside:
            return None
        return self.l1_inside / self.l1_outside


def box_quad(box: tuple[int, int, int, int], height: int, width: int) -> Quad:
    """The box (left, top, right, bottom) of a line's ink with room around it, inside the picture."""
    left, top, right, bottom = box
    room = max(1, round(_ROOM * (bottom - top)))
    left, top = max(0, left - room), max(0, top - room)
    right, bottom = min(width, right + room), min(height, bottom + room)
    return (left, top), (right, top), (right, bottom), (left, bottom)


def draw_mask(quads: Sequence[Quad], height: int, width: int) -> Mask:
    """The pixels that the quadrilaterals cover."""
    canvas = Image.new("1", (width, height))
    draw = ImageDraw.Draw(canvas)
    for quad in quads:
        # Corners lie between pixels, ImageDraw fills up to the pixel that is named.
        xs, ys = [x for x, _ in quad], [y for _, y in quad]
        middle = (sum(xs) / len(quad), sum(ys) / len(quad))
        draw.polygon(
            [(x - (x > middle[0]), y - (y > middle[1])) for x, y in quad],
            fill=1,
        )
    return np.asarray(canvas, dtype=np.bool_)


def covered_shares(quads: Sequence[Quad], by: Sequence[Quad], height: int, width: int) -> tuple[float, ...]:
    """For each of `quads`, the share of its pixels that `by` covers together, from 0 to 1.

    The union, because detectors split and join lines; which of them does so says nothing about the text.
    """
    cover = draw_mask(by, height, width)
    shares = []
    for quad in quads:
        own = draw_mask([quad], height, width)
        pixels = int(own.sum())
        shares.append(int((own & cover).sum()) / pixels if pixels else 0.0)
    return tuple(shares)


def masked_error(reference: RGB8, reconstruction: RGB8, mask: Mask) -> MaskedError:
    """Error inside and outside of `mask`.

    Args:
        reference: Shape (height, width, 3), uint8.
        reconstruction: Of the same shape.
        mask: Shape (height, width).

    Raises:
        MetricError: The shapes differ.
    """
    if reference.shape != reconstruction.shape or reference.shape != (*mask.shape, 3):
        raise MetricError(
            f"pictures of shape {reconstruction.shape} and {reference.shape} and a mask of {mask.shape} cannot be "
            "compared; give a reconstruction of its reference's size"
        )
    difference = np.abs(reconstruction.astype(np.int64) - reference)
    inside = difference[mask]
    pixels = int(mask.sum())
    inside_sum, total = int(inside.sum()), int(difference.sum())
    outside_samples, inside_samples = difference.size - inside.size, inside.size
    squares = int((inside * inside).sum())
    return MaskedError(
        pixels=pixels,
        l1_inside=inside_sum / (255 * inside_samples) if inside_samples else None,
        l1_outside=(total - inside_sum) / (255 * outside_samples) if outside_samples else None,
        psnr_inside=_psnr(squares, inside_samples) if inside_samples else None,
    )


def _psnr(squares: int, samples: int) -> float:
    return 10.0 * math.log10(255 * 255 * samples / squares) if squares else math.inf
