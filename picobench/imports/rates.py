# SPDX-License-Identifier: BSD-3-Clause
"""Tables of published rates: JSON `{image: {codec: bpp}}`, or CSV with the columns image, codec, point, bpp, bytes.

Figures are kept as the text that was published: how many digits there are says how exact they are.
"""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from picobench.datasets.names import printable
from picobench.errors import DatasetError

_MAXIMUM_BYTES = 64 << 20
_COLUMNS = ("image", "codec", "point", "bpp", "bytes")

Key = tuple[str, str, str]
"""Codec, image, operating point."""


@dataclass(frozen=True)
class Rate:
    """A published rate, as text; "" where it was not given in that unit."""

    bpp: str = ""
    bytes: str = ""


@dataclass(frozen=True)
class Defaults:
    """Codec and point of pictures and rates that do not name theirs."""

    codec: str
    point: str


def read_rates(path: Path, defaults: Defaults) -> dict[Key, Rate]:
    """Read a table of rates.

    Raises:
        DatasetError: The file cannot be read, is not of its kind, or has two rates for the same.
    """
    try:
        if path.stat().st_size > _MAXIMUM_BYTES:
            raise DatasetError(f"{path}: larger than {_MAXIMUM_BYTES >> 20} MB; this is no table of rates")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: cannot be read ({error}); it must be a UTF-8 text file") from None
    parse = {".json": _from_json, ".csv": _from_csv}.get(path.suffix.lower())
    if parse is None:
        raise DatasetError(f"{path}: unknown kind of table; give .json or .csv")
    rates: dict[Key, Rate] = {}
    for key, rate in parse(text, path, defaults):
        if key in rates:
            raise DatasetError(f"{path}: two rates for {' '.join(key)}; keep one of them")
        rates[key] = rate
    return rates


def _from_json(text: str, path: Path, defaults: Defaults) -> list[tuple[Key, Rate]]:
    try:
        # Numbers as they are written: 0.440 has a digit more than 0.44.
        document = json.loads(text, parse_float=str, parse_int=str, object_pairs_hook=_pairs)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path}: not valid JSON ({printable(str(error))}); correct it") from None
    rows: list[tuple[Key, Rate]] = []
    if not isinstance(document, Mapping):
        raise DatasetError(f"{path}: must map images to rates")
    for image, entry in document.items():
        by_codec = entry if isinstance(entry, Mapping) else {defaults.codec: entry}
        for codec, rate in by_codec.items():
            if not isinstance(rate, str):
                raise DatasetError(
                    f"{path}: {printable(image)}, {printable(codec)}: no rate in bits per pixel"
                )
            rows.append(((codec, image, defaults.point), Rate(bpp=rate.strip())))
    return rows


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name!r} is there twice")
    return dict(pairs)


def _from_csv(text: str, path: Path, defaults: Defaults) -> list[tuple[Key, Rate]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    rows: list[tuple[Key, Rate]] = []
    try:
        header = reader.fieldnames or []
        if "image" not in header or not {"bpp", "bytes"} & set(header):
            raise DatasetError(
                f"{path}: needs the columns image, and bpp or bytes; of: {', '.join(_COLUMNS)}"
            )
        for cells in reader:
            if None in cells or None in cells.values():
                raise DatasetError(
                    f"{path}, line {reader.line_num}: not as many cells as columns; correct it"
                )
            row = {name: str(cells.get(name) or "").strip() for name in _COLUMNS}
            key = (row["codec"] or defaults.codec, row["image"], row["point"] or defaults.point)
            rows.append((key, Rate(row["bpp"], row["bytes"])))
    except csv.Error as error:
        raise DatasetError(f"{path}, line {reader.line_num}: not valid CSV ({error}); correct it") from None
    return rows
