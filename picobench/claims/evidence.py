# SPDX-License-Identifier: BSD-3-Clause
"""What a run holds that claims can rest on: its tables, its description; and what is defined at all.

Besides the tables in `results/<run>/tables/` there are four that come from `run.json`: `codecs` (codec, label,
trust), `datasets` (dataset, images), `metrics` (metric, available, why) and `refused` (dataset, source, reason).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from picobench.claims.quantity import Missing
from picobench.errors import StorageError
from picobench.files import read_json
from picobench.report.rows import REMEDY, Row, clean, read_rows

CODEC_COLUMNS = ("codec", "anchor", "base")
"""Columns that name a codec: `av1` there stands for every version of it."""


@dataclass
class Trace:
    """What one expression used: rows by table, codecs, studies, and remarks that belong beside the number."""

    rows: dict[str, int] = field(default_factory=dict)
    codecs: set[str] = field(default_factory=set)
    studies: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


@dataclass
class Evidence:
    """The evidence of one run.

    Attributes:
        folder: The run; None for no run at all, where every table is missing.
        defined: Ids of what is defined by kind, as in the names of folders: codecs, datasets, metrics, devices.
        trace: What was used since it was last replaced.
    """

    folder: Path | None
    defined: Mapping[str, frozenset[str]] = field(default_factory=dict)
    trace: Trace = field(default_factory=Trace)
    _tables: dict[str, Sequence[Row]] = field(default_factory=dict)
    _description: Mapping[str, Any] | None = None

    @property
    def description(self) -> Mapping[str, Any]:
        """`run.json`; empty without a run.

        Raises:
            StorageError: It is missing or damaged.
        """
        if self._description is None:
            self._description = {} if self.folder is None else _read_description(self.folder / "run.json")
        return self._description

    def table(self, name: str) -> Sequence[Row]:
        """The rows of a table.

        Raises:
            Missing: The run has no such table, or nothing is in it.
            StorageError: The table is damaged.
        """
        if name not in self._tables:
            self._tables[name] = self._read(name)
        return self._tables[name]

    def has_table(self, name: str) -> bool:
        """Whether the run has such a table with anything in it."""
        try:
            return bool(self.table(name))
        except Missing:
            return False

    def _read(self, name: str) -> Sequence[Row]:
        if self.folder is None:
            raise Missing(f"table {name}: there is no run")
        described = _described(name, self.description)
        if described is not None:
            return described
        path = self.folder / "tables" / f"{name}.csv"
        if not path.is_file():
            raise Missing(f"this run has no table {name}")
        return tuple(read_rows(path, {}))

    def trust(self, codec: str) -> str:
        """Trust level of a codec of the run; empty for one that `run.json` does not have."""
        return str(self.description.get("codecs", {}).get(codec, {}).get("trust", ""))

    def codecs(self, name: str) -> list[str]:
        """The codecs of the run that `name` stands for."""
        return [codec for codec in self.description.get("codecs", {}) if self.names(name, codec)]

    def names(self, wanted: str, codec: str) -> bool:
        """Whether `wanted` is this codec, the codec that this is a version of, or the one that this implements."""
        implemented = self.description.get("codecs", {}).get(codec, {}).get("implements")
        return wanted in (codec, codec.partition("@")[0], implemented)

    def fits(self, row: Row, filters: Mapping[str, Any]) -> bool:
        """Whether a row has in each column the number or text that is asked for, or one of those in a list.

        Raises:
            Missing: It has no such column.
        """
        return all(self._fits(row, column, wanted) for column, wanted in filters.items())

    def _fits(self, row: Row, column: str, wanted: Any) -> bool:
        if isinstance(wanted, list):
            return any(self._fits(row, column, one) for one in wanted)
        if column == "trust" and column not in row and "codec" in row:
            return self.trust(row.text("codec")) == str(wanted)
        if column not in row:
            raise Missing(f"{row.place.partition(', line')[0].rpartition('/')[2]} has no column {column}")
        if isinstance(wanted, int | float):
            number = row.number(column)
            return number is not None and math.isclose(number, wanted, rel_tol=1e-9, abs_tol=1e-12)
        text = row.text(column)
        return self.names(str(wanted), text) if column in CODEC_COLUMNS else text == str(wanted)


def filter_words(filters: Mapping[str, Any]) -> str:
    """What rows were asked for, in words."""
    return ", ".join(
        f"{column} {' or '.join(map(str, wanted)) if isinstance(wanted, list) else wanted}"
        for column, wanted in filters.items()
    )


def _read_description(path: Path) -> Mapping[str, Any]:
    value = clean(read_json(path))
    kinds = ("codecs", "datasets", "metrics")
    if not isinstance(value, dict) or not all(_is_described(value.get(kind)) for kind in kinds):
        raise StorageError(f"{path}: damaged; {REMEDY}")
    return value


def _is_described(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(entry, dict) for entry in value.values())


def _described(name: str, description: Mapping[str, Any]) -> Sequence[Row] | None:
    """A table that `run.json` holds; None for another."""
    columns: dict[str, tuple[str, ...]] = {
        "codecs": ("label", "trust"),
        "datasets": ("label", "images"),
        "metrics": ("label", "available", "why"),
    }
    if name in columns:
        return tuple(
            Row("run.json", {name[:-1]: key, **{c: str(entry.get(c, "")) for c in columns[name]}})
            for key, entry in description[name].items()
        )
    if name == "refused":
        return tuple(
            Row("run.json", {"dataset": key, **{c: str(item.get(c, "")) for c in ("source", "reason")}})
            for key, entry in description["datasets"].items()
            for item in entry.get("refused", ())
        )
    return None
