# SPDX-License-Identifier: BSD-3-Clause
"""Write the tables of a run: what was collected, then what follows from it."""

from pathlib import Path

from picobench import layout
from picobench.files import read_json, write_json
from picobench.run import Run, bd_options
from picobench.stages.collect import EVIDENCE_COLUMNS, FAILURE_COLUMNS, SCORE_COLUMNS, collect
from picobench.stages.describe import describe
from picobench.tablefile import read_table, write_table
from picobench.work import Work


def write_collected(run: Run) -> None:
    """Write scores, evidence and failures, and `run.json`.

    Raises:
        StorageError: A record is missing or damaged, or there is no space.
    """
    import pandas as pd

    work = Work(run, main=False)
    collected = collect(run, work)
    tables = {
        "scores": (collected.scores, [*SCORE_COLUMNS, *run.metrics]),
        "evidence": (collected.evidence, list(EVIDENCE_COLUMNS)),
        "failures": (collected.failures, list(FAILURE_COLUMNS)),
    }
    for name, (rows, columns) in tables.items():
        frame = pd.DataFrame(rows, columns=columns)
        if name == "scores":
            frame = frame.astype({"bytes": "Int64", **dict.fromkeys(run.metrics, "float64")})
        write_table(layout.table_file(run.name, name), frame)
    write_json(layout.run_file(run.name), describe(run, work))


def write_analysis(run_folder: Path) -> None:
    """Write RD curves and BD-rates from the scores of a run.

    Raises:
        StorageError: The scores are missing or damaged, or there is no space.
    """
    from picobench.analysis import tables

    document = read_json(run_folder / "run.json")
    scores = read_table(run_folder / "tables" / "scores.csv")
    directions = {name: m["direction"] == "higher" for name, m in document["metrics"].items()}
    options = bd_options(document["config"])
    frames = {
        "rd": tables.rd_table(scores, list(directions)),
        "bd_rate": tables.bd_rate_table(
            scores,
            directions,
            document["anchor"],
            options.methods,
            bootstrap_resamples=options.bootstrap_resamples,
            confidence=options.confidence,
            seed=options.seed,
            min_overlap=options.minimum_overlap,
        ),
        "bd_rate_images": tables.bd_rate_images(
            scores, directions, document["anchor"], options.methods, min_overlap=options.minimum_overlap
        ),
    }
    for name, frame in frames.items():
        write_table(run_folder / "tables" / f"{name}.csv", frame)
