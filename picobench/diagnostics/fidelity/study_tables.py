# SPDX-License-Identifier: BSD-3-Clause
"""Tables of the fidelity study: what pictures that others published show, and how findings are counted."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from picobench.datasets.png import png_facts
from picobench.diagnostics.fidelity.check import FidelityReport, check_fidelity
from picobench.diagnostics.fidelity.datasets import shared_rounding
from picobench.diagnostics.studies import PUBLISHED, published_scenes, read_picture


@dataclass(frozen=True)
class _Shown:
    scene: str
    bits: int
    report: FidelityReport


def examine_published(folder: Path) -> str:
    """Findings in pictures that others published."""
    scenes = published_scenes(folder)
    lines = [
        "| codec | pictures | findings | of all pictures | mean error of R, G, B | most that undoing one gives |",
        "|---|---:|---|---|---:|---:|",
    ]
    mixed: list[tuple[str, list[_Shown]]] = []
    for codec, label in PUBLISHED.items():
        shown = [
            _Shown(
                scene.name,
                png_facts(path.read_bytes()).bit_depth,
                check_fidelity(read_picture(scene.reference), read_picture(path)),
            )
            for scene in scenes
            if (path := scene.reconstructions.get(codec))
        ]
        if not shown:
            continue
        lines.append(_published_row(label, shown))
        if len(depths := sorted({one.bits for one in shown})) > 1:
            mixed.append((label, shown))
            lines += [
                _published_row(f"{label}, {bits} bits", [one for one in shown if one.bits == bits])
                for bits in depths
            ]
    for label, shown in mixed:
        lines += [
            "",
            f"{label}, whose files are not of one bit depth; the last column is by how much the mean error of luma "
            "rises from black to white.",
            "",
            "| scene | bits | findings | mean error of R, G, B | rise |",
            "|---|---:|---|---:|---:|",
        ]
        for one in shown:
            found = ", ".join(f"`{name}`" for name in names(one.report)) or "none"
            errors = one.report.mean_errors
            lines.append(
                f"| {one.scene} | {one.bits} | {found} | {levels(np.array(errors.bias))} | {errors.rise:+.2f} |"
            )
    return "\n".join(lines)


def _published_row(label: str, shown: Sequence[_Shown]) -> str:
    reports = [one.report for one in shown]
    shared = shared_rounding(reports)
    effects = [finding.effect_db for report in reports for finding in report.findings if finding.effect_db]
    return (
        f"| {label} | {len(reports)} | {counted(reports) or 'none'} | {f'`{shared.name}`' if shared else 'none'} "
        f"| {levels(np.nanmean(biases(reports), axis=0))} | {f'{max(effects):.2f} dB' if effects else ''} |"
    )


def biases(reports: Sequence[FidelityReport]) -> npt.NDArray[np.float64]:
    """Mean errors of R, G and B, (reports, 3)."""
    return np.array([report.mean_errors.bias for report in reports])


def names(report: FidelityReport) -> list[str]:
    """Names of the findings."""
    return [finding.name for finding in report.findings]


def counted(reports: Sequence[FidelityReport]) -> str:
    """How often each finding was raised."""
    found = Counter(name for report in reports for name in names(report))
    return ", ".join(f"`{name}` {count}" for name, count in found.most_common())


def levels(values: npt.NDArray[np.float64]) -> str:
    """Grey levels, as tables show them."""
    return " ".join(f"{value:+.2f}" for value in values)
