# SPDX-License-Identifier: BSD-3-Clause
"""The pictures of a folder or zip archive that somebody else packed, one at a time, as bytes."""

import os
from collections.abc import Iterator
from pathlib import Path

from picobench.datasets import unpack
from picobench.datasets.names import is_picture, printable
from picobench.errors import DatasetError

_LARGEST_FILE_BYTES = 1 << 30


def read_pictures(source: Path, links: list[str]) -> Iterator[tuple[str, bytes]]:
    """Yield (relative path, bytes) of every picture, sorted by path.

    Args:
        source: A folder, or a zip archive; an archive with an unsafe entry is refused as a whole.
        links: Receives the links of a folder, which are not followed.

    Raises:
        DatasetError: The source is missing, unreadable, damaged or hostile.
    """
    if source.is_dir():
        for path in sorted(_walk(source, links)):
            yield path.relative_to(source).as_posix(), _read(path)
    elif source.suffix.lower() == ".zip" and source.is_file():
        for member in unpack.pictures(source, "*"):
            yield member.name, member.data
    else:
        raise DatasetError(f"{source}: neither a folder nor a zip archive; give one of them")


def _walk(source: Path, links: list[str]) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        name = printable(str(error.filename))
        raise DatasetError(f"{name}: cannot be read ({error.strerror}); check its permissions")

    for base, folders, files in os.walk(source, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in [*files, *folders]:
            path = Path(base) / name
            if path.is_symlink():
                links.append(printable(path.relative_to(source).as_posix()))
            elif name in files and path.is_file() and is_picture(path.relative_to(source).as_posix()):
                yield path


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST_FILE_BYTES:
            raise DatasetError(f"{printable(str(path))}: larger than 1 GB; this is no picture")
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(
            f"{printable(str(path))}: cannot be read ({error.strerror}); check its permissions"
        ) from None
