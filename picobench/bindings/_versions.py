# SPDX-License-Identifier: BSD-3-Clause
"""Versions of libraries that a Python package links but does not report itself."""

import ctypes
from importlib import metadata
from pathlib import Path

NOT_REPORTED = "not reported"
"""Stands for a version when the library is linked statically and the package does not tell it."""


def library_version(package: str, library: str, function: str) -> str:
    """Ask a C library loaded by a Python package for its version.

    Args:
        package: Name of the distribution whose wheel may carry the library.
        library: Beginning of the library's file name, such as "libaom".
        function: Exported function without arguments that returns a C string.
    """
    for path in [*_in_wheel(package, library), *_in_process(library)]:
        try:
            ask = getattr(ctypes.CDLL(str(path)), function)
        except (OSError, AttributeError):
            continue
        ask.restype = ctypes.c_char_p
        text: bytes | None = ask()
        if text:
            return text.decode("ascii", "replace").removeprefix("v")
    return NOT_REPORTED


def _in_wheel(package: str, library: str) -> list[Path]:
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        return []
    return [Path(str(file.locate())) for file in files if file.name.startswith(library)]


def _in_process(library: str) -> list[Path]:
    """Loaded files of that name: packages of conda and of Linux distributions share their libraries."""
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []
    paths = {fields[5].strip() for line in lines if len(fields := line.split(maxsplit=5)) == 6}
    return sorted(Path(path) for path in paths if Path(path).name.startswith(library))
