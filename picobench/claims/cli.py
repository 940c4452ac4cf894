# SPDX-License-Identifier: BSD-3-Clause
"""The command `picobench claims`: the verdicts on all claims by the tables of a run."""

import argparse
from collections import Counter
from pathlib import Path

from picobench import layout
from picobench.claims.judge import VERDICTS, Verdict
from picobench.claims.results import judge_run
from picobench.definitions import Definitions
from picobench.errors import StorageError

_EPILOG = """\
Verdicts are computed from results/<run>/tables each time; snakemake claims writes them into the run and its report.
Without a run only what the registry itself can decide is decided: consistency, and what articles say of the paper.
"""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to `picobench`; its arguments go to `run`."""
    parser = subparsers.add_parser(
        "claims",
        help="what was claimed beside what can be recomputed, with a verdict on each claim",
        description="Print every claim of paper/*.yaml with its verdict.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--run", dest="run_name", metavar="RUN", help="name of a run in results/")
    parser.add_argument(
        "--definitions", type=Path, action="append", default=[], help="a folder of your own with paper/*.yaml"
    )
    parser.add_argument("--verdict", choices=list(VERDICTS), help="only claims with this verdict")
    parser.add_argument("--why", action="store_true", help="also print the reason of each verdict")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the verdicts; returns 0 whatever they are.

    Raises:
        DefinitionError: The registry is wrong.
        StorageError: There is no such run, more than one to choose from, or a table is damaged.
    """
    folder = _run_folder(args.run_name)
    _, verdicts = judge_run(Definitions(args.root, tuple(args.definitions)), folder)
    print(f"run: {folder.name}" if folder else "no run: no table to recompute anything from")
    shown = [verdict for verdict in verdicts if args.verdict in (None, verdict.verdict)]
    for line in _table(shown, why=args.why):
        print(line)
    counts = Counter(verdict.verdict for verdict in verdicts)
    print(
        f"\n{len(verdicts)} claims: "
        + ", ".join(f"{counts[name]} {name}" for name in VERDICTS if counts[name])
    )
    return 0


def _run_folder(name: str | None) -> Path | None:
    runs = sorted(path.parent.name for path in layout.RESULTS.glob("*/run.json"))
    if name is None:
        if len(runs) > 1:
            raise StorageError(
                f"{layout.RESULTS}: holds several runs; say which with --run: {', '.join(runs)}"
            )
        return layout.run_folder(runs[0]) if runs else None
    if name not in runs:
        raise StorageError(f"{layout.RESULTS}: no run {name!a}; runs: {', '.join(runs) or 'none'}")
    return layout.run_folder(name)


def _table(verdicts: list[Verdict], *, why: bool) -> list[str]:
    header = ("claim", "claimed", "found", "verdict")
    rows = [
        (v.claim.id, _short(v.claim.claimed), _short("" if v.found is None else v.found_words), v.verdict)
        for v in verdicts
    ]
    widths = [max(len(row[k]) for row in (header, *rows)) for k in range(3)]
    lines = []
    for row, verdict in zip((header, *rows), (None, *verdicts), strict=True):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        lines.append("  ".join([*cells, row[3]]).rstrip())
        if why and verdict is not None:
            lines.append(f"    {verdict.reason}")
    return lines


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
