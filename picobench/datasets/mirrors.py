# SPDX-License-Identifier: BSD-3-Clause
"""Getting a dataset's files: from mirrors, from earlier downloads, from the net; and what is there already."""

import logging
import urllib.parse
from collections.abc import Sequence
from pathlib import Path

from picobench.datasets.fetch import Patience, download
from picobench.datasets.rendered import check_parts
from picobench.datasets.sources import (
    DEFAULTS,
    Definition,
    Options,
    RemoteFile,
    folder_path,
    listing,
    remote_files,
    skimage_file,
)
from picobench.errors import DatasetError
from picobench.files import sha256_file
from picobench.mirrored import find_in

_LOG = logging.getLogger(__name__)


def find(remote: RemoteFile, dataset: str, mirrors: Sequence[Path], cache_dir: Path) -> Path | None:
    """The verified file in a mirror or among earlier downloads; None if it has to be fetched.

    Raises:
        DatasetError: A mirror has a file of that name with other content.
    """
    path = _present(remote, dataset, mirrors, cache_dir)
    if path is None or _is_right(path, remote):
        return path
    if path == cache_dir / dataset / remote.file:
        path.unlink()  # our own download, damaged since
        return None
    raise DatasetError(
        f"{path}: not the expected file ({path.stat().st_size} bytes, SHA-256 {sha256_file(path)}; expected "
        f"{remote.size_bytes} bytes, {remote.sha256}); replace it or take the folder out of mirrors"
    )


def _present(remote: RemoteFile, dataset: str, mirrors: Sequence[Path], cache_dir: Path) -> Path | None:
    downloaded = cache_dir / dataset / remote.file
    try:
        return find_in(mirrors, dataset, remote.file) or (downloaded if downloaded.is_file() else None)
    except OSError as error:
        raise DatasetError(
            f"{error.filename}: cannot be read ({error.strerror}); check its permissions"
        ) from error


def _is_right(path: Path, remote: RemoteFile) -> bool:
    try:
        return path.stat().st_size == remote.size_bytes and sha256_file(path) == remote.sha256
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error


def obtain(
    remotes: Sequence[RemoteFile],
    dataset: str,
    mirrors: Sequence[Path],
    cache_dir: Path,
    *,
    offline: bool,
    patience: Patience,
) -> dict[str, Path]:
    """Paths of all `remotes` by file name, each verified: mirrors first, then earlier downloads, then the net.

    Raises:
        DatasetError: A file cannot be had, or a mirror's file is another one.
        StorageError: No space for a download.
    """
    paths = {remote.file: find(remote, dataset, mirrors, cache_dir) for remote in remotes}
    missing = [remote for remote in remotes if paths[remote.file] is None]
    _refuse_missing(missing, len(remotes), dataset, mirrors, cache_dir, offline=offline)
    for number, remote in enumerate(missing, 1):
        target = cache_dir / dataset / remote.file
        _LOG.info("%s: downloading %s (%d of %d)", dataset, remote.file, number, len(missing))
        try:
            download(
                remote.url, target, size_bytes=remote.size_bytes, sha256=remote.sha256, patience=patience
            )
        except DatasetError as error:
            advice = _advice(remote, dataset, mirrors, cache_dir)
            raise DatasetError(f"{error}; without that server {advice}") from error
        paths[remote.file] = target
    return {file: path for file, path in paths.items() if path is not None}


def _refuse_missing(
    missing: Sequence[RemoteFile],
    total: int,
    dataset: str,
    mirrors: Sequence[Path],
    cache_dir: Path,
    *,
    offline: bool,
) -> None:
    """Refuse files that are missing where they cannot be downloaded."""
    if missing and (offline or not missing[0].url):
        reason = "downloads are off" if offline else "no address is known to download them from"
        raise DatasetError(
            f"dataset {dataset}: {_missing(missing, total)}, and {reason}; "
            f"{_advice(missing[0], dataset, mirrors, cache_dir)}"
        )


def check_obtainable(
    definition: Definition,
    mirrors: Sequence[Path],
    cache_dir: Path,
    options: Options = DEFAULTS,
    *,
    offline: bool,
) -> None:
    """Refuse a dataset that `prepare` could not make. Fetches nothing, and reads sizes of files, not their content.

    Pictures and fonts inside installed packages, which are small, are verified.

    Raises:
        DatasetError: Files are missing and cannot be downloaded, or are others than expected.
    """
    if definition["source"]["kind"] not in {"files", "archives"}:
        _sources_present(definition, mirrors, cache_dir, options)
        return
    remotes, dataset = remote_files(definition, options), definition["id"]
    places = _places(remotes, dataset, mirrors, cache_dir)
    missing = [remote for remote in remotes if places[remote.file] is None]
    _refuse_missing(missing, len(remotes), dataset, mirrors, cache_dir, offline=offline)


def _places(
    remotes: Sequence[RemoteFile], dataset: str, mirrors: Sequence[Path], cache_dir: Path
) -> dict[str, Path | None]:
    """What `find` would find, by file name, as far as sizes tell."""
    places = {remote.file: _present(remote, dataset, mirrors, cache_dir) for remote in remotes}
    for remote in remotes:
        place = places[remote.file]
        if place is not None and (size_bytes := place.stat().st_size) != remote.size_bytes:
            if place != cache_dir / dataset / remote.file:
                raise DatasetError(f"{place}: {size_bytes} bytes, expected {remote.size_bytes}; replace it")
            places[remote.file] = None
    return places


def _missing(missing: Sequence[RemoteFile], total: int) -> str:
    size_megabytes = sum(remote.size_bytes for remote in missing) / 1e6
    return f"{len(missing)} of {total} files are missing ({missing[0].file}, ...; {size_megabytes:.1f} MB)"


def _advice(remote: RemoteFile, dataset: str, mirrors: Sequence[Path], cache_dir: Path) -> str:
    place = mirrors[0] if mirrors else cache_dir / dataset
    return f"put {remote.file} into {place}, or set mirrors: {{{dataset}: [FOLDER]}} in the configuration"


def _origin(remote: RemoteFile) -> str:
    if not remote.url:
        return "no address is known to download them from; "
    return (
        f"they are downloaded from {urllib.parse.urlsplit(remote.url).hostname} when needed; to do without, "
    )


def sources_present(
    definition: Definition, mirrors: Sequence[Path], cache_dir: Path, options: Options = DEFAULTS
) -> tuple[bool, str]:
    """Whether `prepare` would need no network, and why. Reads sizes of files, not their content.

    Never raises a `DatasetError`: what is wrong is the answer.
    """
    try:
        return _sources_present(definition, mirrors, cache_dir, options)
    except DatasetError as error:
        return False, str(error)


def _sources_present(
    definition: Definition, mirrors: Sequence[Path], cache_dir: Path, options: Options
) -> tuple[bool, str]:
    source, dataset = definition["source"], definition["id"]
    if source["kind"] == "skimage":
        for entry in source["files"]:
            skimage_file(entry["file"], entry["sha256"])
        return True, f"{len(source['files'])} pictures inside scikit-image"
    if source["kind"] == "rendered":
        check_parts(definition)
        return True, f"{definition['count']} pictures, drawn with fonts of Matplotlib"
    if source["kind"] == "folder":
        path = folder_path(definition, options)
        pictures = listing(definition, options)
        if not pictures:
            raise DatasetError(f"dataset {dataset}: no picture in {path}; add pictures or correct its path")
        return True, f"{len(pictures)} pictures in {path}"
    remotes = remote_files(definition, options)
    places = _places(remotes, dataset, mirrors, cache_dir)
    missing = [remote for remote in remotes if places[remote.file] is None]
    if missing:
        return False, (
            f"{_missing(missing, len(remotes))}: {_origin(missing[0])}"
            f"{_advice(missing[0], dataset, mirrors, cache_dir)}"
        )
    folders = sorted({str(path.parent) for path in places.values() if path is not None})
    return True, f"{len(remotes)} of {len(remotes)} files in {', '.join(folders)}"
