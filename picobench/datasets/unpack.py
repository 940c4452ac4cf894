# SPDX-License-Identifier: BSD-3-Clause
"""Pictures out of zip archives that may be hostile.

Nothing is extracted: the wanted members are handed over as bytes, one at a time. An archive with a single
unsafe entry is refused as a whole, because nobody who packs pictures makes one by accident.
"""

import fnmatch
import re
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from picobench.datasets.names import is_picture, printable
from picobench.errors import DatasetError

_ENCRYPTED = 0x1
_LOCAL_HEADER_BYTES = 30
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_DRIVE = re.compile(r"^[A-Za-z]:")


@dataclass(frozen=True)
class Limits:
    """What an archive may hold.

    Attributes:
        entries: Files and folders.
        total_bytes: Sum of the sizes after decompression.
        member_bytes: Size of one member after decompression.
        ratio: Sum of the sizes after decompression over the size of the archive. Pictures hardly shrink.
    """

    entries: int = 20_000
    total_bytes: int = 32 << 30
    member_bytes: int = 1 << 30
    ratio: float = 20.0


@dataclass(frozen=True)
class Member:
    """A picture in an archive: its path inside, and the file's bytes."""

    name: str
    data: bytes


def read_member(archive: Path, name: str, limits: Limits = Limits()) -> bytes:
    """The bytes of the picture `name` (its path inside) in a zip archive.

    Raises:
        DatasetError: As for `pictures`, or there is no such picture.
    """
    with _opened(archive) as opened:
        for entry in _wanted(opened, archive, "*", limits):
            if entry.filename == name:
                return _read(opened, entry)
    raise DatasetError(f"{archive}: has no picture {printable(name)!r}; get the archive again")


def pictures(archive: Path, pattern: str, limits: Limits = Limits()) -> Iterator[Member]:
    """Yield the pictures of a zip archive, sorted by path.

    Args:
        archive: The zip file.
        pattern: Glob that the last part of a member's path must match, such as `*.png`.
        limits: Beyond these the archive is refused.

    Raises:
        DatasetError: The archive is no zip file, is damaged, or has an unsafe entry.
    """
    with _opened(archive) as opened:
        for entry in _wanted(opened, archive, pattern, limits):
            yield Member(entry.filename, _read(opened, entry))


@contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    """The archive; what its decoder raises on damage becomes a `DatasetError`."""
    try:
        with zipfile.ZipFile(archive) as opened:
            yield opened
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError) as error:
        raise DatasetError(
            f"{archive}: damaged zip archive ({printable(str(error))}); delete it and run again"
        ) from error


def _wanted(opened: zipfile.ZipFile, archive: Path, pattern: str, limits: Limits) -> list[zipfile.ZipInfo]:
    entries = opened.infolist()
    _check_amounts(entries, archive, limits)
    _check_overlaps(entries, archive, opened.start_dir)
    seen: set[str] = set()
    for entry in entries:
        if problem := _problem(entry, seen):
            raise DatasetError(
                f"{archive}: entry {printable(entry.orig_filename)!r} {problem}; do not use this archive"
            )
    wanted = [
        entry
        for entry in entries
        if not entry.is_dir()
        and is_picture(entry.filename)
        and fnmatch.fnmatchcase(PurePosixPath(entry.filename).name, pattern)
    ]
    return sorted(wanted, key=lambda entry: entry.filename)


def _check_amounts(entries: list[zipfile.ZipInfo], archive: Path, limits: Limits) -> None:
    total_bytes = sum(entry.file_size for entry in entries)
    packed_bytes = max(archive.stat().st_size, 1)
    largest_bytes = max((entry.file_size for entry in entries), default=0)
    problem = None
    if len(entries) > limits.entries:
        problem = f"{len(entries)} entries, more than {limits.entries}"
    elif total_bytes > limits.total_bytes or largest_bytes > limits.member_bytes:
        problem = f"{total_bytes} bytes after decompression, more than allowed"
    elif total_bytes > limits.ratio * packed_bytes:
        problem = f"it would grow {total_bytes / packed_bytes:.0f} times on decompression"
    if problem:
        raise DatasetError(f"{archive}: {problem}; do not use this archive")


def _check_overlaps(entries: list[zipfile.ZipInfo], archive: Path, directory_start: int) -> None:
    # Entries that share compressed data multiply a small archive into a large one.
    spans = sorted(
        (
            entry.header_offset,
            # At least: the name has one byte or more a character, an extra field may follow.
            entry.header_offset + _LOCAL_HEADER_BYTES + len(entry.orig_filename) + entry.compress_size,
        )
        for entry in entries
    )
    ends = [start for start, _ in spans[1:]] + [directory_start]
    for (_, end), next_start in zip(spans, ends, strict=False):
        if end > next_start:
            raise DatasetError(f"{archive}: entries overlap; do not use this archive")


def _problem(entry: zipfile.ZipInfo, seen: set[str]) -> str | None:
    name = entry.orig_filename
    path = PurePosixPath(name)
    kind = stat.S_IFMT(entry.external_attr >> 16)
    same = unicodedata.normalize("NFC", name.rstrip("/")).casefold()
    problem: str | None = None
    if not name or not name.isprintable() or "\\" in name:
        problem = "has characters that do not belong into a path"
    elif path.is_absolute() or _DRIVE.match(name) or ".." in path.parts:
        problem = "points outside the archive"
    elif kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        problem = "is a link or special file"
    elif entry.flag_bits & _ENCRYPTED:
        problem = "is encrypted"
    elif entry.compress_type not in _METHODS:
        problem = "is compressed by an unusual method"
    elif same in seen:
        problem = "is there twice, capital letters aside"
    seen.add(same)
    return problem


def _read(opened: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    # One byte more than declared, to notice a member that is larger than it says.
    with opened.open(entry) as stream:
        data = stream.read(entry.file_size + 1)
    if len(data) != entry.file_size:
        raise zipfile.BadZipFile(f"{entry.filename} has {len(data)} bytes instead of {entry.file_size}")
    return data
