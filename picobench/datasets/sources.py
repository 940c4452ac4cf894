# SPDX-License-Identifier: BSD-3-Clause
"""Where the files of a dataset are: in installed packages, in mirrors, downloaded, in a user's folder.

skimage    pictures inside the installed scikit-image, by name and SHA-256
rendered   text drawn on such pictures with the fonts of Matplotlib (`picobench.datasets.rendered`)
files      a CSV inventory beside the definition (file,size_bytes,sha256, perhaps image) and a URL pattern
archives   zip archives by URL, size and SHA-256
folder     whatever pictures a folder and its subfolders hold
"""

import csv
import importlib.util
import os
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from picobench.datasets.fetch import Patience
from picobench.datasets.names import image_name, is_picture, printable
from picobench.errors import DatasetError
from picobench.files import sha256_file

Definition = Mapping[str, Any]
"""A dataset definition that passed `config/schemas/dataset.schema.yaml`."""

_INVENTORY_COLUMNS = ["file", "size_bytes", "sha256"]
# Where files of one name lie in folders, a further column tells how their pictures are called.
_NAMED_COLUMNS = [*_INVENTORY_COLUMNS, "image"]
_SAFE_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
_SAFE_FILE = re.compile(rf"({_SAFE_NAME}/){{0,4}}{_SAFE_NAME}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Options:
    """What a run adds to a definition.

    Attributes:
        definition_folder: Folder of the definition's file, in which its CSV inventory lies.
        path: Folder of a `folder` dataset; overrides the definition's own.
        name: What the run calls the dataset; as the definition does when empty.
        patience: When to give up on a server.
    """

    definition_folder: Path = Path("datasets")
    path: str | None = None
    name: str = ""
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True)
class RemoteFile:
    """A file of known content and where to fetch it; `url` is "" where it can only come from a mirror."""

    file: str
    url: str
    size_bytes: int
    sha256: str
    image: str = ""

    @property
    def label(self) -> str:
        """What the name of its picture is made of."""
        return self.image or self.file


DEFAULTS = Options()


def remote_files(definition: Definition, options: Options) -> list[RemoteFile]:
    """The files that a dataset of kind `files` or `archives` is made of; none for the other kinds.

    Raises:
        DatasetError: The CSV inventory is missing or wrong.
    """
    source = definition["source"]
    if source["kind"] == "archives":
        return [
            RemoteFile(archive["file"], archive["url"], archive["size_bytes"], archive["sha256"])
            for archive in source["archives"]
        ]
    if source["kind"] != "files":
        return []
    path = options.definition_folder / source["inventory"]
    url = source.get("url", "")
    files = [
        RemoteFile(file, url.replace("{file}", urllib.parse.quote(file)), size_bytes, sha256, image)
        for file, size_bytes, sha256, image in _read_inventory_csv(path)
    ]
    if len(files) != definition["count"]:
        raise DatasetError(f"{path}: lists {len(files)} files, the definition counts {definition['count']}")
    return files


def _read_inventory_csv(path: Path) -> list[tuple[str, int, str, str]]:
    advice = f"columns are {','.join(_INVENTORY_COLUMNS)} and perhaps image"
    rows: dict[str, tuple[str, int, str, str]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            columns = next(reader, None)
            if columns not in (_INVENTORY_COLUMNS, _NAMED_COLUMNS):
                raise DatasetError(f"{path}: wrong first line; {advice}")
            for row in reader:
                if (
                    len(row) != len(columns)
                    or not row[1].isascii()
                    or not row[1].isdigit()
                    or len(row[1]) > 15
                ):
                    raise DatasetError(f"{path}, line {reader.line_num}: wrong row; {advice}")
                file, size_bytes, sha256, image = [*row, ""][:4]
                if image and not re.fullmatch(_SAFE_NAME, image):
                    raise DatasetError(f"{path}, line {reader.line_num}: no name of a picture; {advice}")
                if not _SAFE_FILE.fullmatch(file) or not _SHA256.fullmatch(sha256) or file in rows:
                    raise DatasetError(f"{path}, line {reader.line_num}: wrong or repeated file; {advice}")
                rows[file] = (file, int(size_bytes), sha256, image)
    except FileNotFoundError:
        raise DatasetError(f"{path}: no such inventory; it belongs beside the dataset's YAML file") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path}: cannot be read ({error}); {advice}") from error
    return list(rows.values())


def skimage_file(name: str, sha256: str) -> Path:
    """A picture inside the installed scikit-image, verified.

    Raises:
        DatasetError: scikit-image or the picture is missing, or the picture is another one.
    """
    # Found without importing it: that takes seconds and is not needed.
    package = importlib.util.find_spec("skimage")
    if package is None or not package.submodule_search_locations:
        raise DatasetError(f"{name}: scikit-image is not installed; install it, at least version 0.25")
    path = Path(package.submodule_search_locations[0]) / "data" / name
    if not path.is_file():
        raise DatasetError(f"{path}: not in this scikit-image; install version 0.25 or 0.26")
    if (found := sha256_file(path)) != sha256:
        raise DatasetError(
            f"{path}: SHA-256 is {found}, expected {sha256}; install scikit-image 0.25 or 0.26 again"
        )
    return path


def folder_path(definition: Definition, options: Options) -> Path:
    """The folder of a `folder` dataset.

    Raises:
        DatasetError: None is given, or it does not exist.
    """
    given = options.path or definition["source"].get("path")
    dataset = definition["id"]
    if not given:
        raise DatasetError(
            f"dataset {dataset}: no folder is given; write {{id: {dataset}, path: FOLDER}} under datasets in "
            "the configuration"
        )
    path = Path(given).expanduser()
    if not path.is_dir():
        raise DatasetError(f"dataset {dataset}: {path} is no folder; correct its path")
    return path


def image_names(definition: Definition, options: Options = DEFAULTS) -> list[str] | None:
    """Names of the pictures of a dataset before it is prepared; None where only the archives know them.

    Raises:
        DatasetError: The CSV inventory or the folder is missing or cannot be read.
    """
    source = definition["source"]
    if source["kind"] == "archives":
        return None
    if source["kind"] == "skimage":
        labels = [entry["file"] for entry in source["files"]]
    elif source["kind"] == "rendered":
        labels = rendered_names(definition)
    elif source["kind"] == "files":
        labels = [remote.label for remote in remote_files(definition, options)]
    else:
        labels = [relative for relative, _ in folder_pictures(folder_path(definition, options))]
    return sorted(image_name(label) for label in labels)


def rendered_names(definition: Definition) -> list[str]:
    """Names of the pictures of a dataset of kind `rendered`, in the order in which they are drawn."""
    return [f"{definition['id']}-{number:03d}" for number in range(1, definition["count"] + 1)]


def folder_pictures(root: Path) -> Iterator[tuple[str, os.stat_result]]:
    """The pictures under `root`: path relative to it with `/`, and state; in no order.

    Hidden files and files that are no pictures are left out; linked folders are not entered.

    Raises:
        DatasetError: A folder or file cannot be read.
    """

    def fail(error: OSError) -> None:
        name = printable(str(error.filename))
        raise DatasetError(f"{name}: cannot be read ({error.strerror}); check its permissions")

    for base, folders, files in os.walk(root, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = Path(base) / name
            relative = path.relative_to(root).as_posix()
            try:
                if is_picture(relative) and path.is_file():
                    yield relative, path.stat()
            except OSError as error:
                fail(error)


def listing(definition: Definition, options: Options = DEFAULTS) -> list[tuple[str, int, int]]:
    """What a `folder` dataset holds now, without reading a picture; empty for the other kinds.

    Returns:
        (path relative to the folder, size in bytes, time of the last change in ns), sorted; control
        characters and undecodable bytes in paths are written as escapes.

    Raises:
        DatasetError: The folder is missing or cannot be read.
    """
    if definition["source"]["kind"] != "folder":
        return []
    root = folder_path(definition, options)
    return sorted(
        (printable(relative), state.st_size, state.st_mtime_ns) for relative, state in folder_pictures(root)
    )
