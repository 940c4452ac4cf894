# SPDX-License-Identifier: BSD-3-Clause
"""Documents whose figures a command writes: blocks between two comment lines."""

from pathlib import Path

from picobench.errors import StorageError
from picobench.files import write_text


def replace_block(document: Path, name: str, text: str) -> None:
    """Replace what stands between `<!-- begin NAME -->` and `<!-- end NAME -->` by `text`.

    Raises:
        StorageError: The document or its block is missing.
    """
    begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
    try:
        before, rest = document.read_text(encoding="utf-8").split(begin)
        _, after = rest.split(end)
    except FileNotFoundError:
        raise StorageError(f"{document}: no such document") from None
    except ValueError:
        raise StorageError(f"{document}: needs the lines {begin.strip()} and {end} once each") from None
    write_text(document, f"{before}{begin}{text.strip()}\n{end}{after}")
