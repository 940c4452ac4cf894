# SPDX-License-Identifier: BSD-3-Clause
"""Single files that others published: a definition names collection, file and checksum, a mirror holds them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from picobench.definitions import Definitions
from picobench.errors import DefinitionError, StorageError
from picobench.files import sha256_file


def find_in(folders: Sequence[Path], name: str, file: str) -> Path | None:
    """A file of a dataset or collection: `<folder>/<name>/<file>`, or `<folder>/<file>`, in the first that has it."""
    places = (place for folder in folders for place in (folder / name / file, folder / file))
    return next((place for place in places if place.is_file()), None)


def mirrored_file(definitions: Definitions, raw: Mapping[str, Any], noun: str) -> Path:
    """Find the file of a definition in the mirrors and verify it.

    Args:
        definitions: Where the mirrors are.
        raw: The definition: id, collection, file, sha256, source.
        noun: What the definition is of, for messages: curve, study.

    Raises:
        DefinitionError: No mirror has the file.
        StorageError: The file is another one, or cannot be read.
    """
    folders = definitions.mirrors_of(raw["collection"])
    path = find_in(folders, raw["collection"], raw["file"])
    if path is None:
        where = ", ".join(map(str, folders)) or "no folder is given"
        raise DefinitionError(
            f"{noun} {raw['id']}: {raw['file']} is not here ({where}); get it from {raw['source']} and set mirrors: "
            f"{{{raw['collection']}: [FOLDER]}} in the configuration, or PICOBENCH_MIRRORS"
        )
    if (found := sha256_file(path)) != raw["sha256"]:
        raise StorageError(
            f"{path}: SHA-256 is {found}, {noun} {raw['id']} expects {raw['sha256']}; get the file again"
        )
    return path
