# SPDX-License-Identifier: BSD-3-Clause
"""Manifests of published reconstructions: which picture shows which image at which rate, and its checksum.

A CSV file, one row for each picture:

    codec, image, point   what it shows
    bytes, bpp            the rate as published, with its digits; one of them may be empty
    file, sha256          path inside its collection (a folder or zip archive), and digest of the file
    width, height         of the picture, in pixels
    reference_sha256      digest of the reference's pixels it was matched with; empty if with none
    refused               why the row is not used; empty if it is
"""

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Any

from picobench.errors import DefinitionError
from picobench.files import content_key, write_text

LARGEST_BPP = 24.0
"""Rate of a picture that is not compressed at all: three samples of 8 bits a pixel."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_POINT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,12})?")
_INTEGER = re.compile(r"[0-9]{1,12}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
# The rates of one picture given twice: bytes, and bits per pixel rounded to the digits shown.
_ROUNDING_SHARE = 0.01
_MAXIMUM_BYTES = 64 << 20


@dataclass(frozen=True)
class Published:
    """A row of a manifest; the attributes are its columns, see the module."""

    codec: str
    image: str
    point: str
    bytes: str
    bpp: str
    file: str
    sha256: str
    width: int
    height: int
    reference_sha256: str = ""
    refused: str = ""

    @property
    def size_bytes(self) -> int | None:
        """The size, if it was published."""
        return int(self.bytes) if self.bytes else None

    @property
    def rate(self) -> float:
        """Bits per pixel: as published, else from the published size."""
        return float(self.bpp) if self.bpp else 8 * int(self.bytes) / (self.width * self.height)


def read_manifest(path: Path, codec: str) -> list[Published]:
    """The rows of one codec, in the order of the file.

    Raises:
        DefinitionError: The file is missing or wrong; the line is named.
    """
    columns = [field.name for field in fields(Published)]
    rows: dict[tuple[str, str, str], Published] = {}
    try:
        if path.stat().st_size > _MAXIMUM_BYTES:
            raise DefinitionError(f"{path}: larger than {_MAXIMUM_BYTES >> 20} MB; this is no manifest")
        reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline=""), strict=True)
        if reader.fieldnames != columns:
            raise DefinitionError(f"{path}: the columns must be {','.join(columns)}; make it again")
        for cells in reader:
            place = f"{path}, line {reader.line_num}"
            if None in cells or None in cells.values():
                raise DefinitionError(f"{place}: not as many cells as columns; make it again")
            if problem := _problem(cells):
                raise DefinitionError(f"{place}: {problem}; make it again")
            values: dict[str, Any] = {**cells, "width": int(cells["width"]), "height": int(cells["height"])}
            row = Published(**values)
            if rows.setdefault((row.codec, row.point, row.image), row) is not row:
                raise DefinitionError(f"{place}: {row.codec} {row.point} {row.image} is there twice")
    except FileNotFoundError:
        raise DefinitionError(
            f"{path}: no such manifest; make it with picobench import-reconstructions"
        ) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DefinitionError(f"{path}: cannot be read ({error}); make it again") from None
    if found := [row for row in rows.values() if row.codec == codec]:
        return found
    known = ", ".join(sorted({row.codec for row in rows.values()})) or "none"
    raise DefinitionError(f"{path}: has no rows of {codec!r}; known: {known}")


def write_manifest(path: Path, rows: Iterable[Published]) -> None:
    """Write a manifest atomically, its rows sorted by codec, point and image.

    Raises:
        DefinitionError: A row holds what a manifest cannot.
    """
    rows = sorted(rows, key=lambda row: (row.codec, row.point, row.image))
    for row in rows:
        if problem := _problem({name: str(value) for name, value in asdict(row).items()}):
            raise DefinitionError(f"{row.file!a}: {problem}; rename it")
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, [field.name for field in fields(Published)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    write_text(path, stream.getvalue())


def published_points(manifest: Path, codec: str) -> dict[str, dict[str, str]]:
    """The operating points of a codec, each with its name and a digest of its rows.

    The digest is what makes results of a changed manifest results of their own.
    """
    by_point: dict[str, list[Published]] = {}
    for row in read_manifest(manifest, codec):
        by_point.setdefault(row.point, []).append(row)
    return {point: {"point": point, "rows": rows_key(rows)} for point, rows in by_point.items()}


def rows_key(rows: Iterable[Published]) -> str:
    """Digest of what rows say: equal for equal rows in any order."""
    return content_key(sorted((asdict(row) for row in rows), key=lambda row: (row["point"], row["image"])))


def rate_problem(size: str, bpp: str, width: int, height: int) -> str:
    """Why no picture of `width` x `height` pixels can have this rate; "" if one can.

    A rate must be above zero and come to at least one byte; at most 24 bits a pixel, which is no
    compression at all; and a size and bits per pixel, where both are given, must agree within 1 %.

    Args:
        size: Size in bytes as published, "" if not given.
        bpp: Bits per pixel as published, "" if not given.
        width, height: Of the picture, in pixels.
    """
    if size and not _INTEGER.fullmatch(size):
        return f"the size {size[:40]!r} is no whole number of bytes"
    if bpp and not _NUMBER.fullmatch(bpp):
        return f"the rate {bpp[:40]!r} is no number above zero"
    rates = [8 * int(size) / (width * height)] if size else []
    rates += [float(bpp)] if bpp else []
    # The last digit of a rounded figure may be wrong by half.
    tolerance = 0.51 * 10 ** -len(bpp.partition(".")[2])
    problem = ""
    if not rates:
        problem = "no rate was published"
    elif min(rates) * width * height / 8 < 1 - _ROUNDING_SHARE:
        problem = f"a rate of {min(rates):g} bpp is less than one byte"
    elif max(rates) > LARGEST_BPP:
        problem = (
            f"a rate of {max(rates):g} bpp is more than the {LARGEST_BPP:g} of a picture without compression"
        )
    elif not math.isclose(rates[0], rates[-1], rel_tol=_ROUNDING_SHARE, abs_tol=tolerance):
        problem = f"{size} bytes are {rates[0]:.4g} bpp and not {bpp}"
    return problem


def safe_path(file: str) -> bool:
    """Whether `file` is a plain relative path that stays inside its collection."""
    path = PurePosixPath(file)
    plain = bool(file) and file.isprintable() and "\\" not in file and ":" not in file
    return plain and not path.is_absolute() and ".." not in path.parts and str(path) == file


def _problem(cells: Mapping[str, str]) -> str:
    """What is wrong with a row; "" if nothing."""
    wrong = [
        name
        for name, good in {
            "codec": _NAME.fullmatch(cells["codec"]),
            "image": _NAME.fullmatch(cells["image"]),
            "point": _POINT.fullmatch(cells["point"]),
            "file": safe_path(cells["file"]),
            "sha256": _SHA256.fullmatch(cells["sha256"]),
            "width": _INTEGER.fullmatch(cells["width"]) and int(cells["width"]),
            "height": _INTEGER.fullmatch(cells["height"]) and int(cells["height"]),
            "reference_sha256": cells["reference_sha256"] == ""
            or _SHA256.fullmatch(cells["reference_sha256"]),
            "refused": cells["refused"].isprintable(),
        }.items()
        if not good
    ]
    if wrong:
        return f"{wrong[0]} is {cells[wrong[0]][:60]!r}, which cannot be"
    if not cells["refused"]:
        return rate_problem(cells["bytes"], cells["bpp"], int(cells["width"]), int(cells["height"]))
    return ""
