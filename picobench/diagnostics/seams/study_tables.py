# SPDX-License-Identifier: BSD-3-Clause
"""Tables of the seam study, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from picobench.diagnostics.seams.measure import SeamResult, combine_p_values

if TYPE_CHECKING:
    from picobench.diagnostics.seams.blind import TileSize
    from picobench.diagnostics.seams.study import Found, Untiled
    from picobench.diagnostics.studies import Coder

LEVEL = 0.05
_STRICT = 0.01
_RESAMPLES = 2000


@dataclass(frozen=True)
class Published:
    """A codec's published pictures: the test of each, blind mode over all, blind mode on each."""

    label: str
    results: Sequence[tuple[str, SeamResult]]
    together: TileSize
    singles: Sequence[tuple[str, TileSize]]


def false_alarm_table(untiled: Sequence[Untiled]) -> str:
    """Rates of false alarms by codec, for pictures, datasets and blind mode."""
    lines = [
        "| codec | tests | p <= 0.05 | 95 % interval | p <= 0.01 | datasets with p <= 0.05 | blind, p <= 0.05 |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    codecs = list(dict.fromkeys(one.coder.codec for one in untiled))
    for label, chosen in [(codec, {codec}) for codec in codecs] + [("all", set(codecs))]:
        some = [one for one in untiled if one.coder.codec in chosen]
        tested = np.array([p for one in some for p in one.p_values if p is not None])
        low, high = _interval(some)
        datasets = _datasets(some)
        blind = sum(one.blind <= LEVEL for one in some)
        lines.append(
            f"| {label} | {len(tested)} | {_percent(tested <= LEVEL)} | {100 * low:.1f} to {100 * high:.1f} % "
            f"| {_percent(tested <= _STRICT)} | {sum(p <= LEVEL for p in datasets)} of {len(datasets)} "
            f"| {blind} of {len(some)} |"
        )
    return "\n".join(lines)


def _interval(untiled: Sequence[Untiled]) -> tuple[float, float]:
    """Bootstrap over pictures: tests on one picture share its contents."""
    pictures = sorted({one.picture for one in untiled})
    alarms, tests = np.zeros(len(pictures)), np.zeros(len(pictures))
    for one in untiled:
        tested = [p for p in one.p_values if p is not None]
        alarms[pictures.index(one.picture)] += sum(p <= LEVEL for p in tested)
        tests[pictures.index(one.picture)] += len(tested)
    drawn = np.random.default_rng(0).integers(0, len(pictures), (_RESAMPLES, len(pictures)))
    low, high = np.quantile(alarms[drawn].sum(axis=1) / tests[drawn].sum(axis=1), [0.025, 0.975])
    return float(low), float(high)


def _datasets(untiled: Sequence[Untiled]) -> list[float]:
    """Combined p-value of each codec, operating point and grid, over the pictures it could be tested on."""
    combined = []
    for coder in dict.fromkeys(one.coder for one in untiled):
        columns = zip(*(one.p_values for one in untiled if one.coder == coder), strict=True)
        for column in columns:
            tested = [p for p in column if p is not None]
            if len(tested) > 1:
                combined.append(combine_p_values(tested))
    return combined


def power_table(curves: Mapping[tuple[Coder, str, float], Sequence[Found]], pictures: int) -> str:
    """Pictures found at each size of offsets, with the tile size known and unknown, and all together."""
    deviations = list(dict.fromkeys(deviation for _, _, deviation in curves))
    heads = " | ".join(f"{deviation:g}" for deviation in deviations)
    lines = [
        f"Pictures of {pictures}; columns are standard deviations of the offsets in grey levels.",
        "",
        f"| base | offsets | answer | {heads} |",
        "|---|---|---|" + "---:|" * len(deviations),
    ]
    for coder, colour in dict.fromkeys((coder, colour) for coder, colour, _ in curves):
        columns = [curves[coder, colour, deviation] for deviation in deviations]
        name = f"| {coder.codec} {coder.point} | {colour} |"
        known = [f"{sum(one.p_value < LEVEL for one in column)}" for column in columns]
        blind = [f"{sum(_blind_right(one, 256) for one in column)}" for column in columns]
        together = [_p(combine_p_values([one.p_value for one in column])) for column in columns]
        lines.append(f"{name} p < 0.05 | {' | '.join(known)} |")
        lines.append(f"{name} blind: 256 with p < 0.05 | {' | '.join(blind)} |")
        lines.append(f"{name} all pictures together | {' | '.join(together)} |")
    return "\n".join(lines)


def power_plot(curves: Mapping[tuple[Coder, str, float], Sequence[Found]]) -> bytes:
    """Share of pictures found against the size of offsets, as SVG: solid with the tile size known, dashed blind."""
    from matplotlib.figure import Figure

    from picobench.cli import project_root
    from picobench.report.plots import plot_style, svg_bytes

    with plot_style(project_root() / "reports" / "plot.mplstyle"):
        figure = Figure(figsize=(6.2, 3.6), layout="constrained")
        axes = figure.add_subplot()
        deviations = sorted({deviation for _, _, deviation in curves})
        for index, (coder, colour) in enumerate(
            dict.fromkeys((coder, colour) for coder, colour, _ in curves)
        ):
            columns = [curves[coder, colour, deviation] for deviation in deviations]
            known = [np.mean([one.p_value < LEVEL for one in column]) for column in columns]
            blind = [np.mean([_blind_right(one, 256) for one in column]) for column in columns]
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
        "| codec | pictures | p <= 0.05 | all together | error at borders, elsewhere | blind over all | its p |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for codec in codecs:
        tested = [result for _, result in codec.results if result.p_value is not None]
        p_values = [result.p_value for result in tested if result.p_value is not None]
        here, there = (
            np.mean([getattr(result, name) for result in tested]) for name in ("step_unit", "elsewhere_unit")
        )
        lines.append(
            f"| {codec.label} | {len(tested)} | {sum(p <= LEVEL for p in p_values)} "
            f"| {_p(combine_p_values(p_values))} | {here:.4f}, {there:.4f} "
            f"| {codec.together.size} | {_p(codec.together.p_value)} |"
        )
    lines += [
        "",
        "PICO at 504, picture by picture (steps beyond those elsewhere, in grey levels, 95 % interval):",
        "",
        "| scene | borders | p | smallest possible | broad, luma | narrow, chroma |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, result in codecs[0].results if codecs and codecs[0].label == "PICO" else ():
        lines.append(
            f"| {name} | {result.borders} | {_p(result.p_value)} | {_p(result.p_floor)} "
            f"| {_step(result, 'broad', 'luma')} | {_step(result, 'narrow', 'chroma')} |"
        )
    singles = [
        f"| {codec.label} | {name} | {found.size} | {_p(found.p_value)} |"
        for codec in codecs
        for name, found in codec.singles
        if found.p_value <= _STRICT
    ]
    count = sum(len(codec.singles) for codec in codecs)
    lines += ["", f"Single pictures, of {count}, in which blind mode finds a size with p <= {_STRICT:g}:", ""]
    lines += ["| codec | scene | size | p |", "|---|---|---:|---:|", *singles] if singles else ["None."]
    return "\n".join(lines)


def _step(result: SeamResult, band: str, plane: str) -> str:
    for part in result.parts:
        if (part.band, part.plane) == (band, plane):
            return f"{part.step_levels:.2f} ({part.low_levels:.2f} to {part.high_levels:.2f})"
    return "not tested"


def _percent(hits: np.ndarray) -> str:
    return f"{100 * float(np.mean(hits)):.1f} %"


def _p(value: float | None) -> str:
    if value is None:
        return "not tested"
    return f"{value:.1e}" if value < 1e-3 else f"{value:.3f}"
