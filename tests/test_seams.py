# SPDX-License-Identifier: BSD-3-Clause
"""Tile seams: the statistic, its null hypothesis and its lattice, and blind mode."""

from itertools import product

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from picobench.diagnostics.seams import (
    TileGrid,
    attainable_level,
    combine_pictures,
    find_tile_size,
    measure_seams,
    score_lines,
)
from picobench.diagnostics.seams.exchange import count_arrangements, draw_arrangements, tail_share
from picobench.diagnostics.seams.families import choose_lattice
from picobench.diagnostics.seams.grids import exchangeable_lines, lattice_class
from picobench.diagnostics.seams.strips import BANDS, Lines, error_planes, without_trend
from picobench.diagnostics.seams.tiling import offset_tiles
from picobench.errors import DefinitionError, MetricError
from picobench.pixels import RGB8


def noisy(seed: int, height: int = 384, width: int = 512) -> tuple[RGB8, npt.NDArray[np.float64]]:
    """A grey reference, and an untiled reconstruction of it as real numbers."""
    generator = np.random.default_rng(seed)
    reference = np.full((height, width, 3), 128, dtype=np.uint8)
    return reference, reference + generator.normal(0, 3, reference.shape)


def rounded(values: npt.NDArray[np.float64]) -> RGB8:
    return np.asarray(values.round().clip(0, 255), dtype=np.uint8)


# Grids


def test_borders_keep_their_distance_from_the_edges() -> None:
    grid = TileGrid.square(504)
    assert grid.borders_x(2048, 64).tolist() == [504, 1008, 1512]
    assert grid.borders_x(1064, 64).tolist() == [504]
    assert TileGrid.square(256, (40, 0)).borders_x(768, 64).tolist() == [296, 552]
    assert TileGrid(300, 200, 10, 20).transposed() == TileGrid(200, 300, 20, 10)


def test_tiles_that_overlap_have_a_zone_between_them() -> None:
    grid = TileGrid.square(272, overlap=16)
    assert grid.borders_x(768, 64).tolist() == [256, 512]
    assert grid.borders_x(591, 64).tolist() == [256, 512][:1]  # 512 + 16 + 64 = 592


@pytest.mark.parametrize(("size", "overlap"), [(0, 0), (8, 0), (64, 60), (64, -1)])
def test_impossible_grids_are_refused(size: int, overlap: int) -> None:
    with pytest.raises(DefinitionError, match="correct the grid"):
        TileGrid.square(size, overlap=overlap)


def test_classes_tell_what_transform_grids_tell() -> None:
    def alike(*positions: int) -> bool:
        return len(set(lattice_class(np.array(positions, dtype=np.int64), 64).tolist())) == 1

    assert alike(64, 128, 192, 256, 512)
    assert alike(32, 96, 160)
    assert alike(504, 8, 24, 40, 1512)  # mirror images of one another on the lattice of 32
    assert not alike(32, 64)
    assert not alike(16, 32)
    assert not alike(8, 16)
    assert not alike(495, 493)  # next to a block of 8 pixels, and not


def test_borders_are_compared_with_their_class_only() -> None:
    grid = TileGrid.square(250)
    groups = exchangeable_lines(grid, 768, 64, 64)
    assert sorted(int(b) for group in groups for b in group.borders) == [250, 500]
    for group in groups:
        kind = lattice_class(group.borders, 64)[0]
        assert (lattice_class(group.others, 64) == kind).all()
        assert np.abs(group.others[:, None] - np.array([250, 500])).min() >= 24
        assert group.others.min() >= 64
        assert group.others.max() <= 768 - 64


# Statistic


def test_steps_and_scores_equal_their_definition() -> None:
    generator = np.random.default_rng(3)
    error = generator.normal(0, 2, (48, 200, 3)).astype(np.float32)
    cuts, gap, margin = np.array([20], dtype=np.int64), 5, 64
    lines = Lines(error, cuts, gap, margin)
    at = 77
    edges = [error[:20], error[20:]]
    for width in (2, 8, 64):
        step, share = lines.steps(width, whole_edge=True)
        for index, edge in enumerate(edges):
            right = edge[:, at + gap : at + gap + width].mean(axis=(0, 1))
            left = edge[:, at - width : at].mean(axis=(0, 1))
            np.testing.assert_allclose(step[index, at - margin], right - left, atol=1e-5)
            assert share[index, 0, 0] == pytest.approx(len(edge) / 48)
    # Narrow band: segments of rows 0-20 (one), 20-34 and 34-48.
    score = np.zeros(3)
    for width, (top, bottom) in product((2, 4), ((0, 20), (20, 34), (34, 48))):
        right = error[top:bottom, at + gap : at + gap + width]
        left = error[top:bottom, at - width : at]
        energy = (np.square(left).mean(axis=(0, 1)) + np.square(right).mean(axis=(0, 1))) / 2
        step_here = right.mean(axis=(0, 1)) - left.mean(axis=(0, 1))
        score += np.log1p(step_here**2 * (bottom - top) * width / 2 / (energy + 1 / 12))
    np.testing.assert_allclose(lines.scores(BANDS[1])[at - margin], score, rtol=1e-4)


def test_arrangements_are_all_or_a_fair_sample() -> None:
    few = [(2, 5), (1, 4)]
    picks = draw_arrangements(few)
    assert len(picks[0]) == len(picks[1]) == count_arrangements(few) == 40
    assert picks[0][0].tolist() == [0, 1]
    assert picks[1][0].tolist() == [0]
    assert len({(*a, *b) for a, b in zip(picks[0].tolist(), picks[1].tolist(), strict=True)}) == 40
    (many,) = draw_arrangements([(3, 60)], limit=4000)
    assert many.shape == (4000, 3)
    assert many[0].tolist() == [0, 1, 2]
    assert all(len(set(row)) == 3 for row in many.tolist())
    counts = np.bincount(many[1:].ravel(), minlength=60)
    assert stats.chisquare(counts).pvalue > 0.001
    assert (draw_arrangements([(3, 60)])[0] == draw_arrangements([(3, 60)])[0]).all()


def test_a_p_value_counts_the_borders_themselves() -> None:
    assert tail_share(np.array([5.0, 1, 2, 3])) == 0.25
    assert tail_share(np.zeros(7)) == 1.0


def test_position_explains_nothing_that_is_a_parabola() -> None:
    place = np.arange(300.0)
    trend = np.stack([3 + place / 50, (place - 100) ** 2 / 1e3], axis=1)
    np.testing.assert_allclose(without_trend(trend), 0, atol=1e-9)
    one = np.zeros((300, 1))
    one[150] = 1
    assert without_trend(one)[150] > 0.99


# Test of one picture


def test_offsets_are_found_with_their_size() -> None:
    reference, values = noisy(1)
    values[:, 192:384] += 1.5  # steps of 1.5 at both vertical borders, none at the horizontal one
    values[192:] += 1.5
    found = measure_seams(reference, rounded(values), TileGrid.square(192))
    assert found.borders == 3
    assert found.p_value == found.p_floor
    luma = found.parts[0]
    assert (luma.band, luma.plane) == ("broad", "luma")
    assert luma.low_levels <= 1.5 <= luma.high_levels
    assert luma.step_levels == pytest.approx(1.5, abs=0.1)
    assert luma.p_value <= 0.01
    assert found.step_unit > 1.5 * found.elsewhere_unit


def test_a_colour_cast_is_seen_in_chroma_alone() -> None:
    reference, values = noisy(2)
    # Cr one level up, luma unchanged.
    values[:, 200:400] += np.array([1.402, -0.714136, 0.0])
    found = {
        (p.band, p.plane): p for p in measure_seams(reference, rounded(values), TileGrid.square(200)).parts
    }
    assert found["broad", "chroma"].step_levels > 0.5
    assert found["broad", "luma"].step_levels < 0.2
    assert found["broad", "chroma"].p_value < 0.05 < found["broad", "luma"].p_value


def test_a_transposed_picture_has_the_same_p_value() -> None:
    reference, values = noisy(5)
    shown, grid = rounded(values), TileGrid(200, 150, 10, 20)
    upright = measure_seams(reference, shown, grid)
    turned = measure_seams(reference.swapaxes(0, 1), shown.swapaxes(0, 1), grid.transposed())
    assert turned.borders == upright.borders
    assert turned.step_unit == pytest.approx(upright.step_unit)
    assert turned.p_value == pytest.approx(upright.p_value, abs=0.03)  # other arrangements are drawn


def test_a_blended_overlap_is_a_seam_too() -> None:
    reference, values = noisy(6)
    ramp = np.clip((np.arange(512) - 200) / 32, 0, 1)[None, :, None]
    shown = rounded(values + 1.5 * ramp)
    found = measure_seams(reference, shown, TileGrid(232, 384, overlap=32))
    assert found.borders == 2
    assert found.p_value is not None
    assert found.p_value < 0.05
    # One of two borders steps by 1.5.
    assert found.parts[0].low_levels <= 1.5 / np.sqrt(2) <= found.parts[0].high_levels


def test_p_values_are_uniform_without_seams() -> None:
    grid, level = TileGrid.square(150, (11, 31)), 0.1
    p_values = []
    for seed in range(120):
        reference, values = noisy(seed, 320, 320)
        found = measure_seams(reference, rounded(values), grid)
        assert found.p_value is not None
        p_values.append(found.p_value)
    alarms = sum(p <= level for p in p_values)
    assert 3 <= alarms <= 23  # 12 expected; 99.8 % of binomial draws lie here
    assert stats.kstest(p_values, "uniform").pvalue > 0.001


def test_an_exact_copy_has_no_seams() -> None:
    reference = rounded(noisy(7)[1])
    found = measure_seams(reference, reference, TileGrid.square(192))
    assert found.p_value == 1.0
    assert all(part.p_value == 1.0 and part.step_levels == 0.0 for part in found.parts)


@pytest.mark.parametrize("size", [64, 1024])
def test_what_cannot_be_tested_says_so(size: int) -> None:
    reference, values = noisy(8)
    found = measure_seams(reference, rounded(values), TileGrid.square(size))
    assert found.p_value is None
    assert found.parts == ()
    assert "border" in found.reason
    assert np.isnan(found.step_unit)


def test_small_tiles_are_tested_where_the_lattice_allows() -> None:
    reference, values = noisy(9)
    found = measure_seams(reference, rounded(values), TileGrid.square(40))
    assert found.p_value is not None
    assert {part.band for part in found.parts} == {"broad", "narrow"}
    assert measure_seams(reference, rounded(values), TileGrid.square(64), lattice=32).p_value is not None
    assert measure_seams(reference, rounded(values), TileGrid.square(32), lattice=32).p_value is None


def test_sizes_must_agree() -> None:
    reference, values = noisy(10)
    with pytest.raises(MetricError, match="one size"):
        measure_seams(reference, rounded(values)[:-1], TileGrid.square(192))
    with pytest.raises(MetricError, match="one size"):
        error_planes(reference[..., 0], reference[..., 0])


@pytest.mark.parametrize(
    ("arrangements", "level"), [(38, 1 / 38), (40, 0.05), (39, 1 / 39), (4000, 0.05), (19, 0.0), (1, 0.0)]
)
def test_few_lines_attain_few_levels(arrangements: int, level: float) -> None:
    assert attainable_level(1 / arrangements) == pytest.approx(level)


# Lattice


def blocks(seed: int, size: int, height: int = 1024, width: int = 1280) -> tuple[RGB8, RGB8]:
    """What a codec with blocks of `size` pixels leaves: every block has an offset of its own, and nothing is tiled."""
    reference, values = noisy(seed, height, width)
    return reference, offset_tiles(rounded(values), TileGrid.square(size), 1.0, np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("size", "shape", "lattice"),
    [
        (504, (512, 768), 64),  # one border among 18 lines, or 38
        (256, (512, 768), 64),  # 3 of 8 multiples of 128
        (250, (512, 768), 128),
        (256, (1365, 2048), 128),
        (504, (1365, 2048), 128),
        (128, (1365, 2048), 64),  # nothing to compare with on a lattice of 128
    ],
)
def test_the_lattice_is_as_large_as_the_picture_allows(
    size: int, shape: tuple[int, int], lattice: int
) -> None:
    assert choose_lattice(TileGrid.square(size), shape, 64) == lattice


def test_large_blocks_are_no_tiles() -> None:
    """Borders of tiles of 256 are borders of blocks of 128, and steps there are no seams."""
    grid = TileGrid.square(256)
    found = [measure_seams(*blocks(seed, 128), grid) for seed in range(4)]
    assert {one.lattice for one in found} == {128}
    assert sum((one.p_value or 0) <= 0.05 for one in found) <= 1
    assert combine_pictures([one.evidence for one in found if one.evidence]).p_value > 0.05
    fooled = measure_seams(*blocks(0, 128), grid, lattice=64)
    assert fooled.p_value is not None
    assert fooled.p_value <= 0.01
    # Tiles in earnest are found on either lattice.
    tiled_twice = measure_seams(*blocks(0, 256), grid)
    assert tiled_twice.lattice == 128
    assert tiled_twice.p_value is not None
    assert tiled_twice.p_value <= 0.01


def test_blind_mode_takes_no_large_blocks_for_tiles() -> None:
    lines = [score_lines(*blocks(seed, 128)) for seed in range(2)]
    assert {one.lattice for one in lines} == {128}
    assert find_tile_size(lines).p_value > 0.05
    assert find_tile_size([score_lines(*blocks(seed, 128), lattice=64) for seed in range(2)]).p_value <= 0.01
    assert find_tile_size([score_lines(*blocks(seed, 256)) for seed in range(2)]).size == 256


@pytest.mark.parametrize("lattice", [0, 4, 30])
def test_a_lattice_that_makes_no_sense(lattice: int) -> None:
    reference, values = noisy(1)
    with pytest.raises(MetricError, match="multiple of 4"):
        measure_seams(reference, rounded(values), TileGrid.square(192), lattice)


# Blind mode


def test_blind_mode_names_the_tile_size() -> None:
    lines = []
    for seed in range(3):
        reference, values = noisy(seed)
        grid, generator = TileGrid.square(136), np.random.default_rng(seed)
        lines.append(score_lines(reference, offset_tiles(rounded(values), grid, 1.0, generator)))
    found = find_tile_size(lines)
    assert found.size == 136
    assert found.p_value <= 0.01
    assert found.borders == 3 * 5
    assert found.ranking[0][0] == 136
    assert found.ranking[0][1] > found.ranking[1][1]


def test_blind_mode_finds_nothing_where_nothing_is() -> None:
    small = 0
    for seed in range(20):
        reference, values = noisy(seed)
        small += find_tile_size([score_lines(reference, rounded(values))]).p_value <= 0.05
    assert small <= 4


def test_blind_mode_keeps_to_its_candidates() -> None:
    reference, values = noisy(1)
    lines = score_lines(reference, rounded(values))
    with pytest.raises(MetricError, match="multiple of 8"):
        find_tile_size([lines], sizes=(252,))
    nothing = find_tile_size([lines], sizes=(2048,))
    assert (nothing.size, nothing.p_value, nothing.ranking) == (None, 1.0, ())
    tiny = score_lines(reference[:100, :100], rounded(values)[:100, :100])
    assert find_tile_size([tiny]).size is None
