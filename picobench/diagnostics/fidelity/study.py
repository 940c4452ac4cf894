# SPDX-License-Identifier: BSD-3-Clause
"""Does the fidelity check find what is broken, and nothing else? Writes the figures of docs/diagnostics.md.

python -m picobench.diagnostics.fidelity.study --kodak FOLDER [--published FOLDER] [--only BLOCK] [--processes N]
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt

from picobench.diagnostics.fidelity.check import FidelityReport, check_fidelity
from picobench.diagnostics.fidelity.colour import rises
from picobench.diagnostics.fidelity.datasets import shared_rounding
from picobench.diagnostics.fidelity.faults import FAULTS
from picobench.diagnostics.fidelity.findings import (
    BIAS_DB,
    GAIN_DB,
    MATRIX_DB,
    RANGE_DB,
    SHIFT_PIXELS,
    THRESHOLDS,
)
from picobench.diagnostics.fidelity.geometry import measure_shift
from picobench.diagnostics.fidelity.moments import measure_moments
from picobench.diagnostics.studies import (
    GOOD,
    PUBLISHED,
    Coder,
    of_codec,
    picture_files,
    published_scenes,
    read_picture,
    run_all,
    run_study,
)

# Below the rates that anybody uses: what remains of a picture there is biased in earnest.
POOREST = (Coder("jpeg", "q05"), Coder("jpeg", "q10"))

BLOCKS = ("fidelity-thresholds", "fidelity-good", "fidelity-injected", "fidelity-published")


@dataclass(frozen=True)
class Good:
    """A good reconstruction: what is found (nothing), and how near it comes to each threshold."""

    report: FidelityReport
    rises: Mapping[str, float]
    shift_pixels: float


def try_good(task: tuple[Coder, Path]) -> Good:
    """Check one good reconstruction."""
    coder, path = task
    reference = read_picture(path)
    reconstruction = coder(reference)
    shift = float(np.hypot(*measure_shift(reference, reconstruction)))
    moments = measure_moments(reference, reconstruction)
    return Good(check_fidelity(reference, reconstruction), rises(moments), shift)


def threshold_table() -> str:
    """What every finding is raised from, and why."""
    lines = ["| finding | raised from, and why |", "|---|---|"]
    return "\n".join(lines + [f"| `{name}` | {reason} |" for name, reason in THRESHOLDS.items()])


def try_faults(task: tuple[Coder, Path]) -> list[list[str]]:
    """Break one reconstruction in every way of `FAULTS`; names of what is found each time."""
    coder, path = task
    reference = read_picture(path)
    reconstruction = coder(reference)
    reports = [check_fidelity(reference, fault.apply(reconstruction)) for fault in FAULTS]
    return [[finding.name for finding in report.findings] for report in reports]


def good_table(files: Sequence[Path], processes: int) -> str:
    """Findings and mean errors of good codecs."""
    coders = [Coder(codec, point) for codec, points in GOOD.items() for point in points]
    good = len(coders) * len(files)
    coders += POOREST
    tasks = list(product(coders, files))
    tried = list(run_all(try_good, tasks, processes))
    reports = [good.report for good in tried]
    lines = [
        "| codec | pictures | findings | of all pictures | mean error of R, G, B | lowest, highest of a picture |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for coder in coders:
        some = [report for (one, _), report in zip(tasks, reports, strict=True) if one == coder]
        shared = shared_rounding(some)
        biases = np.array([report.bias_levels for report in some])
        lines.append(
            f"| {coder.codec} {coder.point} | {len(some)} | {_counted(some) or 0} | {shared.name if shared else 0} "
            f"| {_levels(biases.mean(axis=0))} | {biases.min():+.2f}, {biases.max():+.2f} |"
        )
    names = [f"{coder.codec} {coder.point}, {path.stem}" for coder, path in tasks]
    return "\n".join([*lines, "", *_nearest(tried[:good], names)])


def _nearest(tried: Sequence[Good], names: Sequence[str]) -> list[str]:
    """How near the good reconstructions come to each threshold."""
    thresholds = {
        **{f"bias, {where}": BIAS_DB[index] for index, where in enumerate(("red or blue", "green"))},
        **{f"gain, {where}": GAIN_DB[index] for index, where in enumerate(("red or blue", "green"))},
        **dict.fromkeys(("range_compressed", "range_expanded", "channel_order"), RANGE_DB),
        **dict.fromkeys(("matrix_601_as_709", "matrix_709_as_601"), MATRIX_DB),
    }
    lines = [
        "The nearest that any of them but JPEG at q05 and q10 comes to a threshold (a finding takes more):",
        "",
        "| undoing | threshold | nearest | of |",
        "|---|---:|---:|---|",
    ]
    for name, threshold in thresholds.items():
        index = max(range(len(tried)), key=lambda index: tried[index].rises[name])
        lines.append(f"| {name} | {threshold:g} dB | {tried[index].rises[name]:+.3f} dB | {names[index]} |")
    index = max(range(len(tried)), key=lambda index: tried[index].shift_pixels)
    lines.append(
        f"| shift | {SHIFT_PIXELS:g} pixels | {tried[index].shift_pixels:.3f} pixels | {names[index]} |"
    )
    return lines


def injected_table(files: Sequence[Path], processes: int) -> str:
    """Faults made on purpose: pictures in which each is found under its name."""
    # The middle one of each codec's operating points.
    coders = [Coder(codec, points[1]) for codec, points in GOOD.items()]
    tasks = list(product(coders, files))
    found = list(run_all(try_faults, tasks, processes))
    lines = [
        f"Pictures of {len(files)} in which the fault is found under its name; other names found beside it.",
        "",
        f"| fault | finding | {' | '.join(f'{coder.codec} {coder.point}' for coder in coders)} | beside it |",
        "|---|---|" + "---:|" * len(coders) + "---|",
    ]
    for index, fault in enumerate(FAULTS):
        cells, beside = [], Counter[str]()
        for coder in coders:
            names = [every[index] for (one, _), every in zip(tasks, found, strict=True) if one == coder]
            cells.append(str(sum(fault.finding in some for some in names)))
            beside.update(name for some in names for name in some if name != fault.finding)
        others = ", ".join(f"{name} {count}" for name, count in beside.most_common())
        lines.append(f"| {fault.what} | `{fault.finding}` | {' | '.join(cells)} | {others} |")
    return "\n".join(lines)


def examine_published(folder: Path) -> str:
    """Findings in pictures that others published."""
    scenes = published_scenes(folder)
    lines = [
        "| codec | pictures | findings | of all pictures | mean error of R, G, B | most that undoing one gives |",
        "|---|---:|---|---|---:|---:|",
    ]
    for codec, label in PUBLISHED.items():
        reports = [check_fidelity(reference, shown) for _, reference, shown in of_codec(scenes, codec)]
        if not reports:
            continue
        shared = shared_rounding(reports)
        effects = [
            finding.effect_db for report in reports for finding in report.findings if finding.effect_db
        ]
        biases = np.array([report.bias_levels for report in reports])
        lines.append(
            f"| {label} | {len(reports)} | {_counted(reports) or 'none'} | {shared.name if shared else 'none'} "
            f"| {_levels(np.nanmean(biases, axis=0))} | {f'{max(effects):.2f} dB' if effects else ''} |"
        )
    return "\n".join(lines)


def _counted(reports: Sequence[FidelityReport]) -> str:
    names = Counter(finding.name for report in reports for finding in report.findings)
    return ", ".join(f"`{name}` {count}" for name, count in names.most_common())


def _levels(values: npt.NDArray[np.float64]) -> str:
    return " ".join(f"{value:+.2f}" for value in values)


def _blocks(args: argparse.Namespace) -> Iterator[tuple[str, str]]:
    wanted = {args.only} if args.only else set(BLOCKS)
    files = picture_files(args.kodak)
    if "fidelity-thresholds" in wanted:
        yield "fidelity-thresholds", threshold_table()
    if "fidelity-good" in wanted:
        yield "fidelity-good", good_table(files, args.processes)
    if "fidelity-injected" in wanted:
        yield "fidelity-injected", injected_table(files, args.processes)
    if "fidelity-published" in wanted and args.published:
        yield "fidelity-published", examine_published(args.published)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and rewrite the blocks of the document."""
    return run_study(_blocks, BLOCKS, __doc__.splitlines()[0], argv)


if __name__ == "__main__":
    sys.exit(main())
