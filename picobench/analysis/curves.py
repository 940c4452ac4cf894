# SPDX-License-Identifier: BSD-3-Clause
"""Rate-distortion curves from files: picobench's own tables or any CSV, and CompressAI's JSON.

A CSV file has a header, a column `bpp` and a column for each metric. Where it also has columns named
`dataset`, `codec`, `version` or `image`, the rows of one curve agree in them.

A CompressAI file is `{"name": ..., "results": {"bpp": [...], "psnr-rgb": [...], ...}}`. Its metrics go by
picobench's names: `-` is written `_`, and `psnr` and `ms-ssim`, which CompressAI computes on RGB, are
`psnr_rgb` and `ms_ssim_rgb`.

`<metric>_db` of an MS-SSIM is derived from it: -10 log10(1 - MS-SSIM), the scale on which its curves are
usually drawn. The BD-rates on the two scales differ widely, so they are two metrics.
"""

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from picobench.analysis.bdrate import Curve
from picobench.errors import CurveError
from picobench.yamlfile import did_you_mean

_MAXIMUM_BYTES = 64 << 20
_MAXIMUM_POINTS = 1000
_RATE = "bpp"
_ONE_PER_CURVE = ("dataset", "codec", "version", "image")
_SYNONYMS = {"psnr": "psnr_rgb", "ms_ssim": "ms_ssim_rgb"}
_HIGHER_IS_BETTER = {"psnr": True, "ms_ssim": True, "lpips": False, "dists": False}
_LISTED = 20


def known_direction(metric: str) -> bool | None:
    """Whether a higher value of `metric` is better; None for a metric that is not known."""
    name = _metric_id(metric)
    for family, higher_is_better in _HIGHER_IS_BETTER.items():
        if name == family or name.startswith(f"{family}_"):
            return higher_is_better
    return None


@dataclass(frozen=True)
class CurveFile:
    """The operating points of one codec on one dataset or image, as a file gives them.

    Attributes:
        source: The file, for messages.
        name: What the file calls the codec.
        note: What somebody who uses the points should know; "" if nothing.
        columns: Cells by name, not yet parsed; one cell for each operating point.
    """

    source: str
    name: str
    note: str
    columns: Mapping[str, Sequence[object]]

    def curve(self, metric: str) -> Curve:
        """The curve for `metric`; an empty cell is a missing value.

        Raises:
            CurveError: There is no such metric, a cell is not a number, or points lack a rate or a value.
        """
        in_decibels = metric not in self.columns and _metric_id(metric).startswith("ms_ssim_")
        in_decibels = in_decibels and metric.endswith("_db")
        column = self._column(metric.removesuffix("_db") if in_decibels else metric)
        rates, qualities = self._numbers(_RATE), self._numbers(column)
        if len(rates) != len(qualities):
            raise CurveError(
                f"{self.source}: {len(rates)} values of {_RATE!r} but {len(qualities)} of {column!r}; "
                "give one of each for every point"
            )
        return Curve(rates, tuple(map(self._decibels, qualities)) if in_decibels else qualities)

    def _column(self, metric: str) -> str:
        for name in (metric, _metric_id(metric)):
            if name in self.columns:
                return name
        others = [name for name in self.columns if name not in (_RATE, *_ONE_PER_CURVE)]
        raise CurveError(f"{self.source}: no metric {metric!r}{did_you_mean(metric, others[:_LISTED])}")

    def _numbers(self, column: str) -> tuple[float, ...]:
        return tuple(
            self._number(cell, f"point {point} of {column!r}")
            for point, cell in enumerate(self.columns[column], start=1)
        )

    def _number(self, cell: object, place: str) -> float:
        if cell is None or cell == "":
            return math.nan
        if isinstance(cell, (str, int, float)) and not isinstance(cell, bool):
            try:
                return float(cell)
            except (ValueError, OverflowError):
                pass
        raise CurveError(f"{self.source}: {place} is {_shown(repr(cell))}, not a number; correct it")

    def _decibels(self, ms_ssim: float) -> float:
        if ms_ssim > 1:
            raise CurveError(
                f"{self.source}: an MS-SSIM of {ms_ssim:g} is above 1; is it in decibels already?"
            )
        return math.inf if ms_ssim == 1 else -10 * math.log10(1 - ms_ssim)


def read_curve_file(path: Path, select: Mapping[str, str] | None = None) -> CurveFile:
    """Read the operating points of one codec.

    Args:
        path: A file whose name ends in `.csv` or `.json`.
        select: Of a CSV file, use only the rows that have these values in these columns.

    Raises:
        CurveError: The file cannot be read, is not of its kind, or holds more than one curve.
    """
    source = _shown(str(path), limit=300)
    match path.suffix.lower():
        case ".csv":
            return _parse_csv(_read_text(path, source), source, select or {})
        case ".json" if select:
            raise CurveError(f"{source}: holds one curve only; select rows of CSV files")
        case ".json":
            return _parse_json(_read_text(path, source), source)
    raise CurveError(f"{source}: unknown kind of file; give a table (.csv) or CompressAI's results (.json)")


def _read_text(path: Path, source: str) -> str:
    try:
        if not path.is_file():
            raise CurveError(f"{source}: no such file; check the name")
        with path.open("rb") as stream:
            data = stream.read(_MAXIMUM_BYTES + 1)
    except (OSError, ValueError) as error:
        raise CurveError(f"{source}: cannot be read ({error}); check the name and permissions") from None
    if len(data) > _MAXIMUM_BYTES:
        raise CurveError(f"{source}: larger than {_MAXIMUM_BYTES >> 20} MB; this is no file of curves")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CurveError(f"{source}: not UTF-8 text ({error.reason}); save it as UTF-8") from None


def _parse_json(text: str, source: str) -> CurveFile:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CurveError(f"{source}: not valid JSON ({error}); correct it") from None
    results = document.get("results") if isinstance(document, dict) else None
    if not isinstance(results, dict):
        raise CurveError(f"{source}: no 'results' with a list for each metric; give CompressAI's results")
    lists = [(_metric_id(key), values) for key, values in results.items() if isinstance(values, list)]
    _check_names([name for name, _ in lists], source)
    columns: dict[str, list[Any]] = dict(lists)
    _check_size(columns[_RATE], source)
    return CurveFile(source, _shown(str(document.get("name", ""))), "", columns)


def _parse_csv(text: str, source: str, select: Mapping[str, str]) -> CurveFile:
    header, *rows = _csv_rows(text, source)
    _check_names(header, source)
    for column, value in select.items():
        if column not in header:
            raise CurveError(f"{source}: no column {column!r}{did_you_mean(column, header[:_LISTED])}")
        place = header.index(column)
        choices = [row[place] for row in rows]
        rows = [row for row in rows if row[place] == value]
        if not rows:
            raise CurveError(f"{source}: no row has {column} {value!r}; there is {_listed(choices)}")
    columns = {name: [row[place] for row in rows] for place, name in enumerate(header)}
    for column in _ONE_PER_CURVE:
        if len(set(columns.get(column, []))) > 1:
            raise CurveError(
                f"{source}: holds several curves; choose the {column} with {column}=..., "
                f"one of {_listed(columns[column])}"
            )
    _check_size(rows, source)
    names = [_shown(columns[column][0]) for column in ("codec", "version") if column in columns]
    return CurveFile(source, "@".join(filter(None, names)), _missing_images(columns), columns)


def _csv_rows(text: str, source: str) -> list[list[str]]:
    """Header and rows, all of the same length."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[list[str]] = []
    try:
        for row in filter(None, reader):
            if rows and len(row) != len(rows[0]):
                raise CurveError(
                    f"{source}, line {reader.line_num}: {len(row)} cells under {len(rows[0])} columns; correct it"
                )
            rows.append([cell.strip() for cell in row])
    except csv.Error as error:
        raise CurveError(f"{source}, line {reader.line_num}: not valid CSV ({error}); correct it") from None
    if not rows:
        raise CurveError(f"{source}: empty; it needs a header and a row for each operating point")
    return rows


def _missing_images(columns: Mapping[str, Sequence[str]]) -> str:
    used, total = columns.get("images_used", []), columns.get("images_total", [])
    short = sum(some != every for some, every in zip(used, total, strict=False))
    return f"{short} of {len(used)} points are means over fewer images than the dataset has" if short else ""


def _check_names(names: Sequence[str], source: str) -> None:
    for place, name in enumerate(names):
        if not name.isprintable() or len(name) > 100:
            raise CurveError(f"{source}: {_shown(name)} is no name of a column; correct it")
        if name in names[:place]:
            raise CurveError(f"{source}: {name!r} is there twice; keep one of them")
    if _RATE not in names:
        raise CurveError(f"{source}: no {_RATE!r}{did_you_mean(_RATE, list(names[:_LISTED]))}")


def _check_size(points: Sequence[object], source: str) -> None:
    if not 0 < len(points) <= _MAXIMUM_POINTS:
        raise CurveError(f"{source}: {len(points)} points; a curve has 1 to {_MAXIMUM_POINTS}")


def _metric_id(name: str) -> str:
    name = name.lower().replace("-", "_")
    return _SYNONYMS.get(name, name)


def _listed(values: Iterable[str]) -> str:
    choices = sorted(set(values))
    more = f" and {len(choices) - _LISTED} more" if len(choices) > _LISTED else ""
    return ", ".join(_shown(choice) for choice in choices[:_LISTED]) + more


def _shown(text: str, limit: int = 60) -> str:
    """Foreign text on one line: as it is where it is printable, else escaped; shortened."""
    text = text if text.isprintable() else ascii(text)
    return text if len(text) <= limit else f"{text[:limit]}..."
