# SPDX-License-Identifier: BSD-3-Clause
"""Checksums of the networks inside an image: what its build recorded, against what a definition declares.

The build of an image with weights writes `/opt/picobench/WEIGHTS`, in the format of `sha256sum`.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from picobench.errors import CodecError

WEIGHTS_FILE = "/opt/picobench/WEIGHTS"

_LINE = re.compile(r"([0-9a-f]{64}) [ *](?:\./)?(.+)")


def weights_details(declared: Sequence[Mapping[str, Any]], listing: str) -> dict[str, str]:
    """The checksum of each declared file or folder, and whether the definition knew it.

    Args:
        declared: The block `weights` of a definition.
        listing: Content of `WEIGHTS_FILE`.

    Returns:
        For each entry, "weights <file>" to its SHA-256. A folder's is that of its lines in the listing, sorted.

    Raises:
        CodecError: A file is not in the image, or has another checksum than the definition says.
    """
    recorded = {match[2]: match[1] for match in map(_LINE.fullmatch, listing.splitlines()) if match}
    return {f"weights {entry['file']}": _checksum(entry, recorded) for entry in declared}


def _checksum(entry: Mapping[str, Any], recorded: Mapping[str, str]) -> str:
    file, expected = entry["file"], entry.get("sha256")
    inside = sorted(name for name in recorded if name.startswith(f"{file}/"))
    if file in recorded:
        found, what = recorded[file], ""
    elif inside:
        lines = "".join(f"{recorded[name]}  {name}\n" for name in inside)
        found, what = hashlib.sha256(lines.encode()).hexdigest(), f" over the list of {len(inside)} files"
    else:
        raise CodecError(f"the image holds no weights {file}; build it again with them")
    if expected is None:
        return f"sha256 {found}{what}, recorded on first use"
    if found != expected:
        raise CodecError(
            f"weights {file} have the checksum {found} and not {expected}; put in the right ones, build the image again"
        )
    return f"sha256 {found}{what}, as declared"
