# SPDX-License-Identifier: BSD-3-Clause
"""False alarms of the seam test on pictures that were coded as a whole: by codec, by grid, and on other pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from picobench.analysis._bootstrap import bootstrap_interval, resample_weights
from picobench.diagnostics.seams.blind import LineScores, find_tile_size, score_lines
from picobench.diagnostics.seams.combine import Evidence, combine_pictures
from picobench.diagnostics.seams.grids import TileGrid
from picobench.diagnostics.seams.measure import attainable_level, measure_seams
from picobench.diagnostics.studies import GOOD, Coder, read_picture, run_all

LEVEL = 0.05
STRICT = 0.01
_RESAMPLES = 2000
# Enough to tell 0.05; a run draws more.
_DRAWS = 1999

SIZES = (128, 192, 200, 240, 250, 256, 300, 320, 360, 504)
"""Tile sizes that people use, from the top left corner."""

ELSEWHERE = "504 elsewhere"
"""Tiles of PICO's size from any place: one or two borders in a Kodak picture, at any position."""

# The colour and grey pictures of the dataset `sample`: nothing in the test was chosen on them.
_SAMPLE = (
    *("astronaut.png", "camera.png", "chelsea.png", "coffee.png", "coins.png", "grass.png"),
    *("motorcycle_left.png", "page.png", "rocket.jpg"),
)


def untiled_grids() -> list[tuple[str, TileGrid]]:
    """Grids that no untiled picture has, each with the name of its row."""
    generator = np.random.default_rng(1)
    grids = [(str(size), TileGrid.square(size)) for size in SIZES]
    for size in generator.integers(130, 420, size=10).tolist():
        left, top = generator.integers(0, size, size=2).tolist()
        grids.append((f"{size} from ({left}, {top})", TileGrid.square(size, (left, top))))
    for left, top in generator.integers(0, 504, size=(8, 2)).tolist():
        grids.append((ELSEWHERE, TileGrid.square(504, (left, top))))
    return grids


def other_pictures(published: Path | None) -> list[Path]:
    """Pictures besides Kodak: those that scikit-image brings, and references of published scenes."""
    from skimage import data

    files = [Path(data.__file__).parent / name for name in _SAMPLE]
    scenes = sorted(published.glob("*/reference.png")) if published else []
    return files + [path for path in scenes if "kodim" not in path.parent.name]


@dataclass(frozen=True, eq=False)
class Tried:
    """One grid on one untiled reconstruction; `p_value` is None where it cannot reach 0.05."""

    p_value: float | None
    attainable: float
    evidence: Evidence | None


@dataclass(frozen=True, eq=False)
class Untiled:
    """Every grid of `untiled_grids` on one untiled reconstruction, and blind mode."""

    coder: Coder
    picture: str
    tried: tuple[Tried, ...]
    lines: LineScores
    blind: float


def try_untiled(task: tuple[Coder, Path]) -> Untiled:
    """Test every grid on one picture coded as a whole."""
    coder, path = task
    reference = read_picture(path)
    reconstruction = coder(reference)
    tried = []
    for _, grid in untiled_grids():
        found = measure_seams(reference, reconstruction, grid)
        able = found.p_floor <= LEVEL
        tried.append(Tried(found.p_value if able else None, attainable_level(found.p_floor), found.evidence))
    lines = score_lines(reference, reconstruction)
    return Untiled(coder, str(path), tuple(tried), lines, find_tile_size([lines]).p_value)


def try_all(
    kodak: Sequence[Path], published: Path | None, processes: int
) -> tuple[list[Untiled], list[Untiled]]:
    """Kodak at three operating points a codec, and other pictures at the middle one."""
    coders = [Coder(codec, point) for codec, points in GOOD.items() for point in points]
    middle = [Coder(codec, points[1]) for codec, points in GOOD.items()]
    tasks = [*product(coders, kodak), *product(middle, other_pictures(published))]
    every = list(run_all(try_untiled, tasks, processes))
    count = len(coders) * len(kodak)
    return every[:count], every[count:]


def alarm_table(kodak: Sequence[Untiled], others: Sequence[Untiled]) -> str:
    """Rates of false alarms by codec, for pictures, datasets and blind mode, and on other pictures."""
    lines = [
        "| pictures, codec | tests | p <= 0.05 | 95 % interval | attainable | p <= 0.01 | datasets, p <= 0.05 "
        "| blind, p <= 0.05 | blind over datasets, p <= 0.05 |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    codecs = dict.fromkeys(one.coder.codec for one in kodak)
    rows = [(f"Kodak, {codec}", [one for one in kodak if one.coder.codec == codec]) for codec in codecs]
    rows.append(("Kodak, all", list(kodak)))
    if others:
        rows.append(("others, all", list(others)))
    every = range(len(untiled_grids()))
    for label, some in rows:
        tested = _tested(some, every)
        p_values = np.array([one.p_value for one in tested])
        datasets = _datasets(some, every)
        blind = sum(one.blind <= LEVEL for one in some)
        together = [find_tile_size([one.lines for one in of]).p_value for of in _by_coder(some)]
        lines.append(
            f"| {label} | {len(tested)} | {_percent(np.mean(p_values <= LEVEL))} | {_interval(some, every)} "
            f"| {_percent(np.mean([one.attainable for one in tested]))} | {_percent(np.mean(p_values <= STRICT))} "
            f"| {sum(p <= LEVEL for p in datasets)} of {len(datasets)} | {blind} of {len(some)} "
            f"| {sum(p <= LEVEL for p in together)} of {len(together)} |"
        )
    return "\n".join(lines)


def grid_table(kodak: Sequence[Untiled], others: Sequence[Untiled]) -> str:
    """Rates of false alarms by grid, on Kodak and on other pictures."""
    lines = [
        "| tiles | Kodak: tests | p <= 0.05 | 95 % interval | attainable | mean p | datasets, p <= 0.05 "
        "| others: tests | p <= 0.05 | attainable |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    rows: dict[str, list[int]] = {}
    for index, (label, _) in enumerate(untiled_grids()):
        rows.setdefault(label, []).append(index)
    for label, grids in rows.items():
        tested, elsewhere = _tested(kodak, grids), _tested(others, grids)
        p_values = np.array([one.p_value for one in tested])
        datasets = _datasets(kodak, grids)
        cells = [
            *(str(len(tested)), _percent(np.mean(p_values <= LEVEL)), _interval(kodak, grids)),
            *(_percent(np.mean([one.attainable for one in tested])), f"{p_values.mean():.2f}"),
            f"{sum(p <= LEVEL for p in datasets)} of {len(datasets)}",
            str(len(elsewhere)),
        ]
        if elsewhere:
            alarms = [one.p_value is not None and one.p_value <= LEVEL for one in elsewhere]
            cells += [_percent(np.mean(alarms)), _percent(np.mean([one.attainable for one in elsewhere]))]
        else:
            cells += ["", ""]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _tested(untiled: Sequence[Untiled], grids: Sequence[int]) -> list[Tried]:
    every = [one.tried[index] for one in untiled for index in grids]
    return [tried for tried in every if tried.p_value is not None]


def _by_coder(untiled: Sequence[Untiled]) -> list[list[Untiled]]:
    coders = dict.fromkeys(one.coder for one in untiled)
    return [[one for one in untiled if one.coder == coder] for coder in coders]


def _datasets(untiled: Sequence[Untiled], grids: Sequence[int]) -> list[float]:
    """P-value of each codec, operating point and grid over all pictures that it could be tested on."""
    p_values = []
    for some, index in product(_by_coder(untiled), grids):
        evidence = [found for one in some if (found := one.tried[index].evidence) is not None]
        if len(evidence) > 1:
            p_values.append(combine_pictures(evidence, _DRAWS).p_value)
    return p_values


def _interval(untiled: Sequence[Untiled], grids: Sequence[int]) -> str:
    """Bootstrap over pictures: tests on one picture share its contents."""
    pictures = list(dict.fromkeys(one.picture for one in untiled))
    alarms, tests = np.zeros(len(pictures)), np.zeros(len(pictures))
    for one in untiled:
        tested = _tested([one], grids)
        alarms[pictures.index(one.picture)] += sum((found.p_value or 0) <= LEVEL for found in tested)
        tests[pictures.index(one.picture)] += len(tested)
    weights = resample_weights(len(pictures), _RESAMPLES)
    with np.errstate(invalid="ignore"):
        rates = (weights @ alarms) / (weights @ tests)
    interval = bootstrap_interval(rates, len(pictures), 0.95)
    return "" if interval is None else f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f} %"


def _percent(share: float | np.floating) -> str:
    return f"{100 * float(share):.1f} %"
