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

from picobench.diagnostics.fidelity.check import FidelityReport, check_fidelity
from picobench.diagnostics.fidelity.colour import nearness
from picobench.diagnostics.fidelity.datasets import Signature, find_duplicates, shared_rounding, signature
from picobench.diagnostics.fidelity.faults import FAULTS
from picobench.diagnostics.fidelity.findings import THRESHOLDS
from picobench.diagnostics.fidelity.geometry import shift_nearness
from picobench.diagnostics.fidelity.moments import measure_moments
from picobench.diagnostics.fidelity.rounding import LEVEL_FINDINGS
from picobench.diagnostics.fidelity.study_tables import biases, counted, examine_published, levels, names
from picobench.diagnostics.studies import (
    GOOD,
    Coder,
    picture_files,
    poorest_point,
    read_picture,
    run_all,
    run_study,
)

# Without chroma subsampling, below the rates that anybody uses: what remains is biased in earnest.
_FULL_CHROMA = (Coder("jpeg", "q05"), Coder("jpeg", "q10"))
_RATES = ("low", "middle", "high")

BLOCKS = ("fidelity-thresholds", "fidelity-good", "fidelity-injected", "fidelity-published")


@dataclass(frozen=True)
class Good:
    """A good reconstruction: what is found (nothing), and how near it comes to each finding."""

    report: FidelityReport
    nearness: Mapping[str, float]


@dataclass(frozen=True)
class Broken:
    """A reconstruction broken in every way of `FAULTS`, the reference in its place, and its signature."""

    reports: Sequence[FidelityReport]
    copy: FidelityReport
    signature: Signature


def try_good(task: tuple[Coder, Path]) -> Good:
    """Check one good reconstruction."""
    coder, path = task
    reference = read_picture(path)
    reconstruction = coder(reference)
    near = nearness(measure_moments(reference, reconstruction))
    near["shift"] = shift_nearness(reference, reconstruction)
    return Good(check_fidelity(reference, reconstruction), near)


def try_faults(task: tuple[Coder, Path]) -> Broken:
    """Break one reconstruction in every way."""
    coder, path = task
    reference = read_picture(path)
    reconstruction = coder(reference)
    reports = [check_fidelity(reference, fault.apply(reconstruction)) for fault in FAULTS]
    return Broken(reports, check_fidelity(reference, reference), signature(reconstruction))


def threshold_table() -> str:
    """What every finding is raised from, and why."""
    lines = ["| finding | raised from, and why |", "|---|---|"]
    return "\n".join(lines + [f"| `{name}` | {reason} |" for name, reason in THRESHOLDS.items()])


def good_table(files: Sequence[Path], processes: int) -> str:
    """Findings and mean errors of good codecs, their poorest operating points among them."""
    coders = [
        Coder(codec, point) for codec in GOOD for point in dict.fromkeys((poorest_point(codec), *GOOD[codec]))
    ]
    coders += _FULL_CHROMA
    tasks = list(product(coders, files))
    tried = list(run_all(try_good, tasks, processes))
    lines = [
        "| codec | pictures | findings | of all pictures | mean error of R, G, B | lowest, highest of a picture |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for coder in coders:
        some = [good.report for (one, _), good in zip(tasks, tried, strict=True) if one == coder]
        shared = shared_rounding(some)
        bias = biases(some)
        lines.append(
            f"| {coder.codec} {coder.point} | {len(some)} | {counted(some) or 0} "
            f"| {f'`{shared.name}`' if shared else 0} "
            f"| {levels(bias.mean(axis=0))} | {bias.min():+.2f}, {bias.max():+.2f} |"
        )
    of = [f"{coder.codec} {coder.point}, {path.stem}" for coder, path in tasks]
    return "\n".join([*lines, "", *_nearest(tried, of)])


def _nearest(tried: Sequence[Good], of: Sequence[str]) -> list[str]:
    """How near the good reconstructions come to each finding that has fixed thresholds."""
    lines = [
        "The nearest that any of them comes to the thresholds of a finding: at 100 % all of them would be met, below 0 "
        "undoing it makes something worse.",
        "",
        "| finding | nearest | of |",
        "|---|---:|---|",
    ]
    for finding in tried[0].nearness:
        first = max(range(len(tried)), key=lambda index: tried[index].nearness[finding])
        nearest = tried[first].nearness[finding]
        shown = f"{100 * nearest:.0f} %" if nearest > 0 else "below 0"
        lines.append(f"| `{finding}` | {shown} | {of[first]} |")
    return lines


def injected_table(files: Sequence[Path], processes: int) -> str:
    """Faults made on purpose: pictures and operating points in which each is found under its name."""
    # Every other picture does for the rates on the outside, and halves their time.
    rates = [
        [(Coder(codec, points[rate]), files if rate == 1 else files[::2]) for codec, points in GOOD.items()]
        for rate in range(len(_RATES))
    ]
    tasks = [(coder, path) for rate in rates for coder, paths in rate for path in paths]
    broken = dict(zip(tasks, run_all(try_faults, tasks, processes), strict=True))
    counts = [sum(len(paths) for _, paths in rate) for rate in rates]
    heads = [f"pictures of {count}, {rate}" for count, rate in zip(counts, _RATES, strict=True)]
    heads += [f"datasets of {len(GOOD)}, {rate}" for rate in _RATES]
    lines = [
        f"{len(GOOD)} codecs at a low, a middle and a high rate: "
        + "; ".join(f"{codec} {', '.join(points)}" for codec, points in GOOD.items())
        + f". {len(files)} pictures each at the middle rate, every other one at the others. Counted where the fault is "
        "found under its name; other names found instead of it or beside it. A dataset is all pictures of an operating "
        "point.",
        "",
        f"| fault | finding | {' | '.join(heads)} | others in pictures | in datasets |",
        "|---|---|" + "---:|" * len(heads) + "---|---|",
    ]
    sets = [[[broken[coder, path] for path in paths] for coder, paths in rate] for rate in rates]
    for index, fault in enumerate(FAULTS):
        found = [[[one.reports[index] for one in some] for some in rate] for rate in sets]
        lines.append(_fault_row(fault.what, fault.finding, found))
    copies = [[[one.copy for one in some] for some in rate] for rate in sets]
    lines.append(_fault_row("the reference itself", "exact_copy", copies))
    duplicates = [sum(_duplicates_found([one.signature for one in some]) for some in rate) for rate in sets]
    cells = " | ".join(map(str, duplicates))
    lines.append(f"| another picture's reconstruction | `duplicate` | {cells} |  |  |  |  |  |")
    return "\n".join(lines)


def _fault_row(what: str, finding: str, found: Sequence[Sequence[Sequence[FidelityReport]]]) -> str:
    """A row of the table; reports by rate, codec and picture."""
    pictures = [[name for reports in rate for report in reports for name in names(report)] for rate in found]
    shared = [[one.name for reports in rate if (one := shared_rounding(reports))] for rate in found]
    cells = [str(some.count(finding)) for some in pictures]
    cells += [str(some.count(finding)) if finding in LEVEL_FINDINGS else "" for some in shared]
    cells += [_others(finding, pictures), _others(finding, shared)]
    return f"| {what} | `{finding}` | {' | '.join(cells)} |"


def _others(finding: str, found: Sequence[Sequence[str]]) -> str:
    others = Counter(name for some in found for name in some if name != finding)
    return ", ".join(f"{name} {count}" for name, count in others.most_common())


def _duplicates_found(signatures: Sequence[Signature]) -> int:
    """How many pictures are found out when the reconstruction of the next one stands in their place."""
    found = 0
    for number in range(len(signatures)):
        following = (number + 1) % len(signatures)
        shown = {f"{name:03}": one for name, one in enumerate(signatures)}
        shown[f"{number:03}"] = signatures[following]
        pair = " and ".join(f"{name:03}" for name in sorted((number, following)))
        found += [finding.evidence.startswith(f"{pair} ") for finding in find_duplicates(shown)] == [True]
    return found


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
