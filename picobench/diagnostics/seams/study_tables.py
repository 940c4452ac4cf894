# SPDX-License-Identifier: BSD-3-Clause
"""Tables of the seam study, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from picobench.diagnostics.seams.combine import DatasetSeams, combine_pictures
from picobench.diagnostics.seams.families import PLANES
from picobench.diagnostics.seams.measure import SeamResult
from picobench.diagnostics.seams.strips import BANDS
from picobench.diagnostics.seams.study_alarms import LEVEL, STRICT

if TYPE_CHECKING:
    from picobench.diagnostics.seams.blind import TileSize
    from picobench.diagnostics.seams.study import Case, Found, Sized
    from picobench.diagnostics.studies import Coder

_RMS_OF_STEPS = np.sqrt(2)


@dataclass(frozen=True)
class Published:
    """A codec's published pictures: the test of each, blind mode over all, blind mode on each."""

    label: str
    results: Sequence[tuple[str, SeamResult]]
    together: TileSize
    singles: Sequence[tuple[str, TileSize]]


def power_table(curves: Mapping[tuple[Coder, Case], Sequence[Found]], pictures: int) -> str:
    """Pictures found at each size of offsets, with the tile size known and unknown, and all together."""
    deviations = sorted({deviation for _, (_, _, deviation) in curves})
    heads = " | ".join(f"{deviation:g}" for deviation in deviations)
    lines = [
        f"Pictures of {pictures}; columns are standard deviations of the offsets in grey levels.",
        "",
        f"| tiles | base | offsets | answer | {heads} |",
        "|---:|---|---|---|" + "---:|" * len(deviations),
    ]
    rows = dict.fromkeys((size, coder, colour) for coder, (size, colour, _) in curves)
    for size, coder, colour in sorted(rows, key=lambda row: row[0]):
        columns = [curves.get((coder, (size, colour, deviation)), ()) for deviation in deviations]
        known = [str(_hits(column)) if column else "" for column in columns]
        blind = [str(sum(_blind_right(one, size) for one in column)) if column else "" for column in columns]
        together = [_p(_together(column).p_value) if column else "" for column in columns]
        name = f"| {size} | {coder.codec} {coder.point} | {colour} |"
        lines.append(f"{name} p < 0.05 | {' | '.join(known)} |")
        lines.append(f"{name} blind: {size} with p < 0.05 | {' | '.join(blind)} |")
        lines.append(f"{name} p of all pictures together | {' | '.join(together)} |")
    return "\n".join(lines)


def _hits(found: Sequence[Found]) -> int:
    return sum(one.p_value < LEVEL for one in found)


def _together(found: Sequence[Found]) -> DatasetSeams:
    return combine_pictures([one.evidence for one in found if one.evidence is not None])


def power_plot(curves: Mapping[tuple[Coder, Case], Sequence[Found]], size: int) -> bytes:
    """Share of pictures found against the size of offsets, as SVG: solid with the tile size known, dashed blind."""
    from matplotlib.figure import Figure

    from picobench.cli import project_root
    from picobench.report.plots import plot_style, svg_bytes

    with plot_style(project_root() / "reports" / "plot.mplstyle"):
        figure = Figure(figsize=(6.2, 3.6), layout="constrained")
        axes = figure.add_subplot()
        deviations = sorted({deviation for _, (one, _, deviation) in curves if one == size})
        shown = dict.fromkeys((coder, colour) for coder, (one, colour, _) in curves if one == size)
        for index, (coder, colour) in enumerate(shown):
            columns = [curves[coder, (size, colour, deviation)] for deviation in deviations]
            known = [_hits(column) / len(column) for column in columns]
            blind = [np.mean([_blind_right(one, size) for one in column]) for column in columns]
            label = f"{coder.codec} {coder.point}, {colour}"
            axes.plot(deviations, known, color=f"C{index}", marker="o", label=label)
            axes.plot(deviations, blind, color=f"C{index}", marker="o", linestyle="--", fillstyle="none")
        axes.axhline(LEVEL, color="0.5", linewidth=0.8)
        axes.set_xscale("log")
        axes.set_xticks(deviations, [f"{deviation:g}" for deviation in deviations])
        axes.minorticks_off()
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlabel("Standard deviation of the tiles' offsets [grey levels]")
        axes.set_ylabel("Share of pictures found, p < 0.05")
        axes.legend(loc="lower right")
        return svg_bytes(figure, "Power of the seam test against the size of offsets")


def interval_table(sized: Sequence[tuple[Coder, Mapping[Case, Sized]]]) -> str:
    """How many intervals hold the true size of steps: of pictures by part, of datasets for broad luma."""
    parts = [(band.name, plane) for band in BANDS for plane in PLANES[:2]]
    lines = [
        f"| base | tiles | offsets | {' | '.join(f'{band}, {plane}' for band, plane in parts)} "
        "| no step: 0 held | datasets: broad, luma |",
        "|---|---:|---|" + "---:|" * (len(parts) + 2),
    ]
    rows: dict[tuple[Coder, int, str], list[tuple[float, Sized]]] = {}
    for coder, cases in sized:
        for (size, colour, deviation), one in cases.items():
            rows.setdefault((coder, size, colour), []).append((deviation, one))
    for (coder, size, colour), column in rows.items():
        name = f"| {coder.codec} {coder.point} | {size} | {colour} |"
        lines.append(
            f"{name} {' | '.join(_held([one for _, one in column]))} | {_datasets_held(colour, column)} |"
        )
    lines.append(
        f"| all | | | {' | '.join(_held([one for _, cases in sized for one in cases.values()]))} | |"
    )
    return "\n".join(lines)


def _held(sized: Sequence[Sized]) -> list[str]:
    """Intervals that hold the truth, for luma and chroma of each band, and over all parts that have no step."""
    low, high, truth = (
        np.stack([getattr(one, name)[:, :2] for one in sized]) for name in ("low", "high", "truth")
    )
    held = (low <= truth) & (truth <= high)
    # The planes of a grey offset leave rounding in chroma.
    real = truth > 1e-3
    cells = []
    for b, k in product(range(truth.shape[1]), range(truth.shape[2])):
        cells.append(_of(held[:, b, k][real[:, b, k]]))
    return [*cells, _of(low[~real] == 0)]


def _of(hits: np.ndarray) -> str:
    return f"{hits.sum()} of {hits.size}, {100 * hits.mean():.0f} %" if hits.size else "none"


def _datasets_held(colour: str, column: Sequence[tuple[float, Sized]]) -> str:
    """Intervals over pictures that hold the steps that offsets of their deviation have on average."""
    # Luma of a colour offset: the weights of R, G and B add up as squares.
    scale = _RMS_OF_STEPS * (1.0 if colour == "grey" else float(np.hypot(0.299, np.hypot(0.587, 0.114))))
    held = []
    for deviation in dict.fromkeys(deviation for deviation, _ in column):
        luma = combine_pictures([one.evidence for own, one in column if own == deviation], draws=99).parts[0]
        if luma.low_levels is not None and luma.high_levels is not None:
            held.append(luma.low_levels <= scale * deviation <= luma.high_levels)
    return f"{sum(held)} of {len(held)}"


def _blind_right(found: Found, size: int) -> bool:
    return found.blind_size == size and found.blind_p_value < LEVEL


def tiled_table(rows: Mapping[Coder, Sequence[Sequence[Found]]], tilings: Sequence[tuple[int, int]]) -> str:
    """Pictures found of codecs that were run tile by tile."""
    heads = " | ".join(f"{size} + {padding}: p < 0.05 | blind" for size, padding in tilings)
    lines = [f"| codec | {heads} |", "|---|" + "---:|---:|" * len(tilings)]
    for coder, pictures in rows.items():
        cells = []
        for index, (size, _) in enumerate(tilings):
            found = [picture[index] for picture in pictures]
            cells.append(f"{sum(one.p_value < LEVEL for one in found)} of {len(found)}")
            cells.append(f"{sum(_blind_right(one, size) for one in found)}")
        lines.append(f"| {coder.codec} {coder.point} | {' | '.join(cells)} |")
    return "\n".join(lines)


def published_table(codecs: Sequence[Published]) -> str:
    """Seams at 504 pixels in published pictures, and what blind mode finds in them."""
    lines = [
        "| codec | pictures | p <= 0.05 | p of all together | step: broad, luma | narrow, chroma "
        "| error at borders, elsewhere | blind over all | its p |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for codec in codecs:
        tested = [result for _, result in codec.results if result.p_value is not None]
        p_values = [result.p_value for result in tested if result.p_value is not None]
        together = combine_pictures([result.evidence for result in tested if result.evidence is not None])
        here, there = (
            np.mean([getattr(result, name) for result in tested]) for name in ("step_unit", "elsewhere_unit")
        )
        lines.append(
            f"| {codec.label} | {len(tested)} | {sum(p <= LEVEL for p in p_values)} "
            f"| {_p(together.p_value)} | {_pooled(together, 'broad', 'luma')} "
            f"| {_pooled(together, 'narrow', 'chroma')} | {here:.4f}, {there:.4f} "
            f"| {codec.together.size} | {_p(codec.together.p_value)} |"
        )
    lines += [
        "",
        "PICO at 504, picture by picture (steps beyond those elsewhere, in grey levels, 95 % interval):",
        "",
        "| scene | borders | p | smallest possible | lattice | broad, luma | narrow, chroma |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, result in codecs[0].results if codecs and codecs[0].label == "PICO" else ():
        lines.append(
            f"| {name} | {result.borders} | {_p(result.p_value)} | {_p(result.p_floor)} | {result.lattice} "
            f"| {_step(result, 'broad', 'luma')} | {_step(result, 'narrow', 'chroma')} |"
        )
    singles = [
        f"| {codec.label} | {name} | {found.size} | {_p(found.p_value)} |"
        for codec in codecs
        for name, found in codec.singles
        if found.p_value <= STRICT
    ]
    count = sum(len(codec.singles) for codec in codecs)
    lines += ["", f"Single pictures, of {count}, in which blind mode finds a size with p <= {STRICT:g}:", ""]
    lines += ["| codec | scene | size | p |", "|---|---|---:|---:|", *singles] if singles else ["None."]
    return "\n".join(lines)


def _step(result: SeamResult, band: str, plane: str) -> str:
    for part in result.parts:
        if (part.band, part.plane) == (band, plane):
            return f"{part.step_levels:.2f} ({part.low_levels:.2f} to {part.high_levels:.2f})"
    return "not tested"


def _pooled(dataset: DatasetSeams, band: str, plane: str) -> str:
    (part,) = [part for part in dataset.parts if (part.band, part.plane) == (band, plane)]
    ends = "" if part.low_levels is None else f" ({part.low_levels:.2f} to {part.high_levels:.2f})"
    return f"{part.step_levels:.2f}{ends}"


def _p(value: float | None) -> str:
    if value is None:
        return "not tested"
    return f"{value:.1e}" if value < 1e-3 else f"{value:.3f}"
