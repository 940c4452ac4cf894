# SPDX-License-Identifier: BSD-3-Clause
"""Masks of text and the error inside and outside of them."""

import math

import numpy as np
import pytest

from picobench.diagnostics.text.regions import (
    box_quad,
    covered_shares,
    draw_mask,
    masked_error,
)
from picobench.errors import MetricError

QUAD = ((2.0, 1.0), (6.0, 1.0), (6.0, 4.0), (2.0, 4.0))


def test_a_box_covers_its_pixels_and_no_others() -> None:
    mask = draw_mask([QUAD], 10, 12)
    expected = np.zeros((10, 12), bool)
    expected[1:4, 2:6] = True
    assert np.array_equal(mask, expected)
    assert draw_mask([], 10, 12).sum() == 0


def test_a_turned_quad_covers_about_its_area() -> None:
    diamond = ((50.0, 10.0), (90.0, 50.0), (50.0, 90.0), (10.0, 50.0))
    assert draw_mask([diamond], 100, 100).sum() == pytest.approx(3200, rel=0.05)


def test_boxes_get_room_inside_the_picture() -> None:
    assert box_quad((10, 20, 50, 30), 100, 100) == ((7, 17), (53, 17), (53, 33), (7, 33))
    assert box_quad((0, 0, 99, 3), 4, 100) == ((0, 0), (100, 0), (100, 4), (0, 4))


def test_shares_count_the_union_of_detections() -> None:
    left = ((2.0, 1.0), (4.0, 1.0), (4.0, 4.0), (2.0, 4.0))
    right = ((4.0, 1.0), (6.0, 1.0), (6.0, 4.0), (4.0, 4.0))
    assert covered_shares([QUAD], [left], 10, 12) == (0.5,)
    assert covered_shares([QUAD], [left, right], 10, 12) == (1.0,)
    assert covered_shares([QUAD, left], [], 10, 12) == (0.0, 0.0)
    outside = ((50.0, 50.0), (60.0, 50.0), (60.0, 60.0), (50.0, 60.0))
    assert covered_shares([outside], [QUAD], 10, 12) == (0.0,)


def test_masked_error_by_hand() -> None:
    reference = np.full((10, 12, 3), 100, np.uint8)
    reconstruction = reference.copy()
    reconstruction[1:4, 2:6, 0] += 51
    reconstruction[9, 11] -= 10
    found = masked_error(reference, reconstruction, draw_mask([QUAD], 10, 12))
    assert found.pixels == 12
    assert found.l1_inside == pytest.approx(51 / 255 / 3)
    assert found.l1_outside == pytest.approx(30 / 255 / (108 * 3))
    assert found.psnr_inside == pytest.approx(10 * math.log10(255**2 * 3 / 51**2))
    assert found.ratio == pytest.approx((51 / 3) / (30 / 324))


def test_differences_do_not_wrap_around() -> None:
    black, white = np.zeros((10, 12, 3), np.uint8), np.full((10, 12, 3), 255, np.uint8)
    found = masked_error(black, white, draw_mask([QUAD], 10, 12))
    assert (found.l1_inside, found.l1_outside, found.psnr_inside) == (1.0, 1.0, 0.0)


def test_what_is_undefined_is_none() -> None:
    picture = np.zeros((10, 12, 3), np.uint8)
    nowhere = masked_error(picture, picture + 1, draw_mask([], 10, 12))
    assert (nowhere.l1_inside, nowhere.psnr_inside, nowhere.ratio) == (None, None, None)
    everywhere = masked_error(picture, picture + 1, np.ones((10, 12), bool))
    assert (everywhere.l1_outside, everywhere.ratio) == (None, None)
    exact = masked_error(picture, picture, draw_mask([QUAD], 10, 12))
    assert (exact.l1_inside, exact.psnr_inside, exact.ratio) == (0.0, math.inf, None)


@pytest.mark.parametrize(
    ("shape", "mask"), [((9, 12, 3), (10, 12)), ((10, 12, 3), (9, 12)), ((10, 12), (10, 12))]
)
def test_other_sizes_are_refused(shape: tuple[int, ...], mask: tuple[int, int]) -> None:
    with pytest.raises(MetricError, match="cannot be compared"):
        masked_error(np.zeros((10, 12, 3), np.uint8), np.zeros(shape, np.uint8), np.ones(mask, bool))
