# SPDX-License-Identifier: BSD-3-Clause
"""Gather the diagnoses of a run into a table for each kind of diagnostic."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from picobench import layout, plan
from picobench.diagnostics.workflow.record import Examined, PointResults, Row
from picobench.diagnostics.workflow.request import TABLES, Diagnostic
from picobench.errors import StorageError
from picobench.files import read_json
from picobench.inventory import Inventory
from picobench.run import Run
from picobench.stages.diagnose import FORMAT
from picobench.tablefile import remove_table, write_table
from picobench.work import Work

_TEXT_COLUMNS = {
    *("codec", "dataset", "point", "image", "reason"),
    *("findings", "finding", "evidence", "threshold", "band", "plane", "replaced", "others"),
}
_INTEGER_COLUMNS = {
    *("images", "tile", "origin_x", "origin_y", "overlap", "borders", "lattice", "with_text"),
    *("lines", "detected", "found", "characters", "deletions", "words", "words_replaced"),
}


def write_diagnosed(run: Run) -> None:
    """Write the tables of the diagnostics that the run asks for.

    Raises:
        DatasetError: A reference is missing or damaged.
        StorageError: A diagnosis is missing or damaged, or there is no space.
    """
    import pandas as pd

    work = Work(run, main=False)
    found: dict[str, list[Row]] = {}
    columns: dict[str, Sequence[str]] = {}
    for diagnostic in run.diagnostics:
        module = import_module(f"picobench.diagnostics.workflow.{diagnostic.id}")
        columns |= module.COLUMNS
        for results in _points(work, diagnostic):
            for table, rows in module.tables(results).items():
                found.setdefault(table, []).extend(rows)
    for table, names in columns.items():
        frame = pd.DataFrame(found.get(table, []), columns=list(names))
        texts = dict.fromkeys(_TEXT_COLUMNS & set(names), "")
        types = {
            name: "Int64" if name in _INTEGER_COLUMNS else "float64" for name in names if name not in texts
        }
        write_table(layout.table_file(run.name, table), frame.astype(types).fillna(texts))


def remove_other_tables(run: Run) -> None:
    """Remove tables of diagnostics that an earlier run of this name asked for and this one does not."""
    for name in TABLES.keys() - {diagnostic.id for diagnostic in run.diagnostics}:
        for table in TABLES[name]:
            remove_table(layout.table_file(run.name, table))


def _points(work: Work, diagnostic: Diagnostic) -> list[PointResults]:
    points = []
    for (codec, dataset), units in work.units.items():
        if not diagnostic.covers(dataset):
            continue
        inventory = work.inventories[dataset]
        by_point: dict[str, list[Examined]] = {}
        for unit in units:
            by_point.setdefault(unit.point, []).extend(_examined(unit, diagnostic))
        points += [
            PointResults(
                codec, dataset, point, diagnostic.options, inventory.by_name, _ordered(images, inventory)
            )
            for point, images in by_point.items()
        ]
    return points


def _examined(unit: plan.Unit, diagnostic: Diagnostic) -> list[Examined]:
    path = layout.diagnosis_file(unit.codec, unit.dataset, unit.name, diagnostic.id, diagnostic.key)
    document = read_json(path)
    if not isinstance(document, Mapping) or document.get("format") != FORMAT:
        raise StorageError(f"{path}: not format {FORMAT}; delete it and run again")
    encoded = {row["image"]: row.get("sha256", "") for row in read_json(unit.record)["images"]}
    return [Examined(row["image"], _reason(row, encoded), row["result"]) for row in document["images"]]


def _reason(row: Mapping[str, Any], encoded: Mapping[str, str]) -> str:
    if not row["reason"] and row["bitstream_sha256"] != encoded.get(row["image"]):
        return "the bitstream changed after it was examined; delete its diagnoses"
    return str(row["reason"])


def _ordered(images: list[Examined], inventory: Inventory) -> list[Examined]:
    order = {image: number for number, image in enumerate(inventory.by_name)}
    return sorted(images, key=lambda image: order[image.image])
