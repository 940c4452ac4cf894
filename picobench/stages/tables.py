# SPDX-License-Identifier: BSD-3-Clause
"""Write the tables of a run: what was collected, then what follows from it."""

from pathlib import Path

from picobench import layout
from picobench.files import read_json, write_json
from picobench.ratings.tables import TABLES as RATING_TABLES
from picobench.run import Run, bd_options, equal_rate_options
from picobench.stages.collect import EVIDENCE_COLUMNS, FAILURE_COLUMNS, SCORE_COLUMNS, collect
from picobench.stages.describe import describe
from picobench.stages.diagnosed import remove_other_tables
from picobench.stages.marked import with_findings
from picobench.tablefile import read_table, remove_table, write_table
from picobench.work import Work


def write_collected(run: Run) -> None:
    """Write scores, evidence and failures, and `run.json`.

    Raises:
        StorageError: A record is missing or damaged, or there is no space.
    """
    import pandas as pd

    work = Work(run, main=False)
    remove_other_tables(run)
    if not run.studies:
        for name in RATING_TABLES:
            remove_table(layout.table_file(run.name, name))
    collected = collect(run, work)
    tables = {
        "scores": (collected.scores, [*SCORE_COLUMNS, *run.metrics]),
        "evidence": (collected.evidence, list(EVIDENCE_COLUMNS)),
        "failures": (collected.failures, list(FAILURE_COLUMNS)),
        "curves": (
            [row for curve in run.curves.values() for row in curve.rows()],
            ["curve", "dataset", "point", "images", "bpp", *run.metrics],
        ),
    }
    for name, (rows, columns) in tables.items():
        frame = pd.DataFrame(rows, columns=columns)
        if name == "scores":
            frame = frame.astype({"bytes": "Int64", **dict.fromkeys(run.metrics, "float64")})
            frame = with_findings({name: frame}, layout.table_file(run.name, name).parent)[name]
        if name == "curves":
            frame = frame.astype({"images": "int64", **dict.fromkeys(["bpp", *run.metrics], "float64")})
        write_table(layout.table_file(run.name, name), frame)
    write_json(layout.run_file(run.name), describe(run, work))


def write_analysis(run_folder: Path) -> None:
    """Write RD curves, BD-rates and comparisons at equal rate from the scores of a run.

    Raises:
        StorageError: The scores are missing or damaged, or there is no space.
    """
    import pandas as pd

    from picobench.analysis import published, tables
    from picobench.analysis.paired import paired_table

    document = read_json(run_folder / "run.json")
    scores = read_table(run_folder / "tables" / "scores.csv")
    curves = read_table(run_folder / "tables" / "curves.csv")
    directions = {name: m["direction"] == "higher" for name, m in document["metrics"].items()}
    options, equal_rate = bd_options(document["config"]), equal_rate_options(document["config"])
    anchor: str = document["anchor"]
    notes = {name: codec["notes"] for name, codec in document["codecs"].items()}
    rd = published.with_curves(tables.rd_table(scores, list(directions)), curves, list(directions), notes)
    rates = [
        published.curve_bd_rates(
            rd, curves, directions, anchor, options.methods, min_overlap=options.minimum_overlap
        )
    ]
    images = pd.DataFrame(columns=list(tables.BD_RATE_IMAGE_COLUMNS))
    if anchor not in set(curves["curve"]):
        measured = tables.bd_rate_table(
            scores,
            directions,
            anchor,
            options.methods,
            bootstrap_resamples=options.bootstrap_resamples,
            confidence=options.confidence,
            seed=options.seed,
            min_overlap=options.minimum_overlap,
        )
        rates.insert(0, measured)
        images = tables.bd_rate_images(
            scores, directions, anchor, options.methods, min_overlap=options.minimum_overlap
        )
    frames = {
        "rd": rd,
        "bd_rate": pd.concat([frame for frame in rates if len(frame)] or rates, ignore_index=True),
        "bd_rate_images": images,
        "paired": paired_table(
            scores,
            directions,
            equal_rate.base or anchor,
            tolerance=equal_rate.tolerance,
            bootstrap_resamples=options.bootstrap_resamples,
            confidence=options.confidence,
            seed=options.seed,
        ),
    }
    for name, frame in with_findings(frames, run_folder / "tables").items():
        write_table(run_folder / "tables" / f"{name}.csv", frame)
