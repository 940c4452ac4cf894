# SPDX-License-Identifier: BSD-3-Clause
"""Tile seams over a dataset, the size of steps with their intervals, and both in the tables of a run."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from picobench.diagnostics.seams import Evidence, TileGrid, combine_pictures, measure_seams
from picobench.diagnostics.seams.tiling import offset_tiles, tile_offsets
from picobench.diagnostics.workflow.record import Examined, PointResults
from picobench.diagnostics.workflow.seams import COLUMNS, examine, tables
from picobench.errors import MetricError
from picobench.pixels import RGB8


def evidence(
    generator: np.random.Generator, lines: int, shift: float = 0.0, squares: float = 0.0
) -> Evidence:
    """One border among `lines`, as at 504 in a small picture; its scores are raised by `shift`."""
    scores = generator.gamma(2.0, 1.0, (lines, 2, 3))
    scores[0] += shift
    return Evidence(("broad", "narrow"), (1,), (scores,), np.full((2, 3), squares))


def pair(seed: int, deviation: float, height: int = 320, width: int = 448) -> tuple[RGB8, RGB8]:
    """A grey reference and a reconstruction with offset tiles of 200 pixels."""
    generator = np.random.default_rng(seed)
    reference = np.full((height, width, 3), 128, dtype=np.uint8)
    noise: npt.NDArray[np.float64] = generator.normal(0, 3, reference.shape)
    shown = np.asarray((reference + noise).round().clip(0, 255), dtype=np.uint8)
    return reference, offset_tiles(shown, TileGrid.square(200), deviation, generator, "grey")


def test_p_values_of_datasets_are_uniform_however_few_the_lines() -> None:
    """With 30 lines a picture attains 3.3 % at the 5 % level; a dataset attains 5 %."""
    generator = np.random.default_rng(1)
    p_values = [
        combine_pictures([evidence(generator, 30) for _ in range(6)], draws=399).p_value for _ in range(200)
    ]
    assert 2 <= sum(p <= 0.05 for p in p_values) <= 21  # 10 expected; 99.8 % of binomial draws lie here
    assert stats.kstest(p_values, "uniform").pvalue > 0.001


def test_evidence_of_pictures_adds_up() -> None:
    """None of the pictures could reach 0.05 by itself."""
    generator = np.random.default_rng(2)
    together = combine_pictures([evidence(generator, 18, shift=2.0) for _ in range(12)])
    assert together.p_value <= 0.001
    assert (together.pictures, together.borders, len(together.parts)) == (12, 12, 6)
    assert all(part.p_value <= 0.05 for part in together.parts)


def test_the_best_that_a_dataset_can_show() -> None:
    generator = np.random.default_rng(3)
    strong = [evidence(generator, 38, shift=50.0) for _ in range(8)]
    assert combine_pictures(strong, draws=99).p_value == 0.01
    assert combine_pictures(strong).p_value == 1e-4


def test_steps_are_pooled_over_borders() -> None:
    generator = np.random.default_rng(4)
    squares = (1.0, 4.0, -0.5, 2.0, 1.5, 1.0)
    part = combine_pictures([evidence(generator, 30, squares=value) for value in squares], draws=99).parts[0]
    assert part.step_levels == pytest.approx(np.sqrt(np.mean(squares)))
    assert part.low_levels is not None
    assert part.high_levels is not None
    assert 0 < part.low_levels < part.step_levels < part.high_levels < 2
    few = combine_pictures([evidence(generator, 30, squares=1.0)] * 4, draws=99).parts[0]
    assert (few.step_levels, few.low_levels, few.high_levels) == (1.0, None, None)
    below = combine_pictures([evidence(generator, 30, squares=-1.0)] * 6, draws=99).parts[0]
    assert (below.step_levels, below.low_levels, below.high_levels) == (0.0, 0.0, 0.0)


def test_what_cannot_be_combined() -> None:
    generator = np.random.default_rng(5)
    with pytest.raises(MetricError, match="no picture"):
        combine_pictures([])
    one = evidence(generator, 30)
    other = Evidence(("broad",), (1,), (one.scores[0][:, :1],), one.excess[:1])
    with pytest.raises(MetricError, match="different grids"):
        combine_pictures([one, other])


def test_intervals_hold_the_true_step() -> None:
    """Of 40 intervals that hold the truth 95 times in 100, 33 or more hold it with a probability of 99.9 %."""
    held = 0
    for seed in range(40):
        reference, moved = pair(seed, 1.0)
        luma = measure_seams(reference, moved, TileGrid.square(200)).parts[0]
        generator = np.random.default_rng(seed)
        generator.normal(0, 3, reference.shape)
        offsets = tile_offsets(reference.shape[:2], TileGrid.square(200), 1.0, generator, "grey")[..., 0]
        # Borders at x = 200 and y = 200, each cut in two by the other; 448 - 400 is too near the edge for a third.
        across = [offsets[0, 200] - offsets[0, 199], offsets[-1, 200] - offsets[-1, 199]]
        x_mean = [
            np.mean(offsets[200, part] - offsets[199, part]) for part in (slice(0, 200), slice(200, None))
        ]
        vertical = np.average(np.square(across), weights=[200, 120])
        horizontal = np.average(np.square(x_mean), weights=[200, 248])
        truth = float(np.sqrt((vertical + horizontal) / 2))
        held += luma.low_levels <= truth <= luma.high_levels
        assert luma.low_levels <= luma.step_levels <= luma.high_levels
    assert held >= 33


def test_no_step_is_within_the_interval_when_there_is_none() -> None:
    low = [
        part.low_levels
        for seed in range(20)
        for part in measure_seams(*pair(seed, 0.0), TileGrid.square(200)).parts
    ]
    assert sum(value > 0 for value in low) <= 12  # 2.5 % of 120 expected; parts of a picture go together
    assert all(value < 0.5 for value in low)


OPTIONS: dict[str, Any] = {"tile": 200, "origin": [0, 0], "overlap": 0, "lattice": "auto"}


def results(deviation: float, pictures: int, options: dict[str, Any] = OPTIONS) -> PointResults:
    test = examine(options)
    images = [Examined(f"{seed}", "", test(f"{seed}", *pair(seed, deviation))) for seed in range(pictures)]
    return PointResults("codec", "dataset", "q1", options, {}, images)


def test_tables_show_steps_beside_p_values() -> None:
    found = results(1.0, 6)
    shown = tables(found)
    assert all(set(row) <= set(COLUMNS[name]) for name, rows in shown.items() for row in rows)
    (row,) = shown["seams_datasets"]
    direct = [measure_seams(*pair(seed, 1.0), TileGrid.square(200)) for seed in range(6)]
    together = combine_pictures([one.evidence for one in direct if one.evidence is not None])
    assert row["p_value"] == pytest.approx(together.p_value, abs=1e-3)  # scores are kept with four decimals
    assert row["p_value"] <= 0.01
    assert row["broad_luma_levels"] == pytest.approx(together.parts[0].step_levels, abs=1e-3)
    assert 0 < row["broad_luma_low"] < row["broad_luma_levels"] < row["broad_luma_high"]
    assert row["broad_luma_low"] < 1.41 < row["broad_luma_high"]
    assert row["narrow_chroma_levels"] == pytest.approx(together.parts[4].step_levels, abs=2e-2)
    assert row["borders"] == sum(one["borders"] for one in shown["seams"])
    for one in shown["seams"]:
        assert one["attainable_level"] == pytest.approx(0.05, abs=0.01)
        assert one["lattice"] == row["lattice"]


def test_the_lattice_is_an_option() -> None:
    small = tables(results(0.0, 1, OPTIONS | {"lattice": 16}))["seams"][0]
    large = tables(results(0.0, 1, OPTIONS | {"lattice": 128}))["seams"][0]
    assert (small["lattice"], large["lattice"]) == (16, 128)
    assert small["p_floor"] < large["p_floor"]


def test_pictures_without_a_test_say_nothing() -> None:
    found = results(1.0, 1, OPTIONS | {"tile": 1000})
    shown = tables(found)
    assert shown["seams_datasets"][0]["reason"] == "no picture could be tested"
    assert shown["seams_datasets"][0]["images"] == 0
    assert "border" in shown["seams"][0]["reason"]
