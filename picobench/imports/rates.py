# SPDX-License-Identifier: BSD-3-Clause
"""Tables of published rates: JSON `{image: {codec: bpp}}`, or CSV.

The columns of CSV are image, bpp or bytes, and optionally codec, point, file (which picture it is, as a path inside
the folder or archive) and sha256 (of that file). Figures are kept as the text that was published: how many digits
there are says how exact they are.
"""

import csv
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from picobench.columns import columns_problem
from picobench.datasets.names import is_picture, printable
from picobench.errors import DatasetError
from picobench.manifest import safe_path

_MAXIMUM_BYTES = 64 << 20
_COLUMNS = ("image", "codec", "point", "bpp", "bytes", "file", "sha256")
_SHA256 = re.compile(r"[0-9A-Fa-f]{64}")

Key = tuple[str, str, str]
"""Codec, image, operating point."""


@dataclass(frozen=True)
class Rate:
    """A published rate, as text; "" stands for what the table does not give.

    Attributes:
        bpp: Bits per pixel.
        bytes: Size in bytes.
        file: Path of the picture that has this rate.
        sha256: Digest of that file, in small letters.
    """

    bpp: str = ""
    bytes: str = ""
    file: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class Defaults:
    """Codec and point of pictures and rates that do not name theirs."""

    codec: str
    point: str


@dataclass(frozen=True)
class FileList:
    """A table that names the picture of each rate: it knows what a path means, as a `Pattern` does.

    Attributes:
        text: What it is called in messages.
        keys: What each path shows.
    """

    text: str
    keys: Mapping[str, Key]

    def match(self, path: str) -> dict[str, str] | None:
        """Codec, image and point of a path that is listed, else None."""
        key = self.keys.get(path)
        return None if key is None else dict(zip(("codec", "image", "point"), key, strict=True))


def read_rates(path: Path, defaults: Defaults) -> dict[Key, Rate]:
    """Read a table of rates.

    Raises:
        DatasetError: The file cannot be read, is not of its kind, has two rates for the same or of the same
            file, or names a file outside the folder or archive.
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
            raise DatasetError(
                f"{path}: two rates for {printable(' '.join(key))}; keep one of them, or give them two points"
            )
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
    lines: dict[str, int] = {}
    try:
        header = list(reader.fieldnames or [])
        if problem := columns_problem(header, _COLUMNS):
            raise DatasetError(f"{path}: {problem}")
        if "image" not in header or not {"bpp", "bytes"} & set(header):
            raise DatasetError(
                f"{path}: needs the columns image, and bpp or bytes; of: {', '.join(_COLUMNS)}"
            )
        for cells in reader:
            place = f"{path}, line {reader.line_num}"
            if None in cells or None in cells.values():
                raise DatasetError(f"{place}: not as many cells as columns; correct it")
            row = {name: str(cells.get(name) or "").strip() for name in _COLUMNS}
            if problem := _problem(row):
                raise DatasetError(f"{place}: {problem}")
            file = row["file"]
            if file and (earlier := lines.setdefault(file, reader.line_num)) != reader.line_num:
                raise DatasetError(f"{place}: line {earlier} names {file!r} too; keep one of them")
            key = (row["codec"] or defaults.codec, row["image"], row["point"] or defaults.point)
            rows.append((key, Rate(row["bpp"], row["bytes"], file, row["sha256"].lower())))
    except csv.Error as error:
        raise DatasetError(f"{path}, line {reader.line_num}: not valid CSV ({error}); correct it") from None
    return rows


def _problem(row: Mapping[str, str]) -> str:
    """What is wrong with the cells that name a picture; "" if nothing."""
    file, sha256 = row["file"], row["sha256"]
    if not row["image"]:
        return "image is empty; name it"
    if file and not safe_path(file):
        return f"file is {file[:60]!r}; give a plain path inside the folder or archive"
    if file and not is_picture(file):
        return f"file is {file[:60]!r}, which by its name is no picture; correct it"
    if sha256 and not _SHA256.fullmatch(sha256):
        return f"sha256 is {sha256[:60]!r}; give 64 hexadecimal digits"
    return ""
