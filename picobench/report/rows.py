# SPDX-License-Identifier: BSD-3-Clause
"""Rows of a CSV table. Every wrong cell is reported with file, line and column."""

import csv
import io
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from picobench.errors import StorageError

REMEDY = "delete it and run again"

# Control characters, surrogates and non-characters: not allowed in XML, so one of them would break a plot.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

_Number = TypeVar("_Number", int, float)


def clean(value: Any) -> Any:
    """A JSON value with a replacement character for whatever HTML and SVG cannot carry."""
    if isinstance(value, str):
        return _UNPRINTABLE.sub("\ufffd", value)
    if isinstance(value, list):
        return [clean(item) for item in value]
    if isinstance(value, dict):
        return {clean(key): clean(item) for key, item in value.items()}
    return value


@dataclass(frozen=True)
class Row:
    """A line of a table; every accessor raises StorageError when the column is missing or wrong."""

    place: str
    cells: Mapping[str, str]

    def __contains__(self, column: str) -> bool:
        return column in self.cells

    def text(self, column: str) -> str:
        """The cell as it is."""
        try:
            return self.cells[column]
        except KeyError:
            raise StorageError(f"{self.place}: no column {column!r}; {REMEDY}") from None

    def number(self, column: str) -> float | None:
        """The value; None for an empty cell or NaN. Infinity is a value: a PSNR without any error."""
        value = self._convert(column, float)
        return None if value is None or math.isnan(value) else value

    def integer(self, column: str) -> int | None:
        """The value; None for an empty cell."""
        return self._convert(column, int)

    def count(self, column: str) -> int:
        """The value; 0 for an empty cell."""
        return self.integer(column) or 0

    def _convert(self, column: str, kind: Callable[[str], _Number]) -> _Number | None:
        text = self.text(column).strip()
        if not text:
            return None
        try:
            return kind(text)
        except ValueError:
            raise StorageError(f"{self.place}: {column} is not a number: {text[:40]!r}; {REMEDY}") from None


def read_rows(path: Path, known: Mapping[str, Mapping[str, Any]]) -> Iterator[Row]:
    """Read a table.

    Args:
        path: The CSV file.
        known: For columns that hold ids, where those ids must be found.

    Raises:
        StorageError: The table is missing or damaged, or names something that is not known.
    """
    try:
        text = clean(path.read_bytes().decode("utf-8-sig", errors="replace"))
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        for cells in reader:
            row = Row(f"{path}, line {reader.line_num}", cells)
            if None in cells or None in cells.values():
                raise StorageError(f"{row.place}: not as many cells as columns; {REMEDY}")
            for column, ids in known.items():
                if column in cells and cells[column] not in ids:
                    name = cells[column][:80]
                    raise StorageError(f"{row.place}: {column} {name!r} is not in run.json; {REMEDY}")
            yield row
    except FileNotFoundError:
        raise StorageError(f"{path}: no such file; run the stage that makes it") from None
    except (OSError, csv.Error) as error:
        raise StorageError(f"{path}: cannot be read ({error}); {REMEDY}") from None
