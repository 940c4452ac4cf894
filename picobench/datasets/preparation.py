# SPDX-License-Identifier: BSD-3-Clause
"""From a dataset definition to reference PNGs and their inventory."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from picobench.datasets import unpack
from picobench.datasets.inventory import PreparedDataset, Refusal
from picobench.datasets.mirrors import obtain
from picobench.datasets.names import printable
from picobench.datasets.references import References
from picobench.datasets.rendered import RenderedPicture, as_ppm, draw_pictures
from picobench.datasets.sources import (
    DEFAULTS,
    Definition,
    Options,
    RemoteFile,
    folder_path,
    folder_pictures,
    remote_files,
    skimage_file,
)
from picobench.datasets.truth import TRUTH_FILE, write_truth
from picobench.errors import DatasetError

_MAXIMUM_FILE_BYTES = 1 << 30

Get = Callable[[Sequence[RemoteFile]], dict[str, Path]]
"""`obtain` for one dataset: paths of files by their names."""


def prepare(
    definition: Definition,
    dataset_dir: Path,
    cache_dir: Path,
    mirrors: Sequence[Path],
    *,
    offline: bool = False,
    options: Options = DEFAULTS,
) -> PreparedDataset:
    """Fetch, verify and normalise a dataset to `dataset_dir/images/<image>.png`; write its `inventory.json`.

    A picture that an earlier call made from the same source by the same rules is kept. What is written in the
    pictures of a dataset of kind `rendered` goes to `truth.json` beside the inventory.

    Args:
        definition: A definition that passed the schema.
        dataset_dir: Where the references go.
        cache_dir: Where downloads go, in a folder of the dataset's id.
        mirrors: Folders searched first, for `<mirror>/<dataset>/<file>` and `<mirror>/<file>`.
        offline: Whether to fail where a download would be needed.
        options: What the run adds to the definition.

    Raises:
        DatasetError: A file is missing, another one than expected, damaged or refused.
        StorageError: No space, no permission.
    """
    # Files and pictures are called as the definition says, whatever the run calls the dataset.
    references = References({**definition, "id": options.name or definition["id"]}, dataset_dir)
    remotes = remote_files(definition, options)
    get = partial(
        obtain,
        dataset=definition["id"],
        mirrors=mirrors,
        cache_dir=cache_dir,
        offline=offline,
        patience=options.patience,
    )
    if definition["source"]["kind"] == "skimage":
        _add_skimage(references)
    elif definition["source"]["kind"] == "rendered":
        _add_rendered(references, draw_pictures(definition))
    elif definition["source"]["kind"] == "files":
        _add_files(references, remotes, get)
    elif definition["source"]["kind"] == "archives":
        _add_archives(references, remotes, get)
    else:
        _add_folder(references, options)
    return references.finish()


def _add_skimage(references: References) -> None:
    for entry in references.definition["source"]["files"]:
        path = skimage_file(entry["file"], entry["sha256"])
        if not references.keep(entry["file"], entry["sha256"]):
            references.add(entry["file"], _read(path), label=entry["file"], expected=entry["sha256"])


def _add_rendered(references: References, pictures: Sequence[RenderedPicture]) -> None:
    for picture in pictures:
        name = f"{picture.name}.ppm"
        references.add(name, as_ppm(picture.pixels), label=name)
    # Before the inventory, so that where there is an inventory there is the truth.
    write_truth(
        references.dataset_dir / TRUTH_FILE,
        references.definition["id"],
        {picture.name: picture.lines for picture in pictures},
    )


def _add_files(references: References, remotes: Sequence[RemoteFile], get: Get) -> None:
    needed = [remote for remote in remotes if not references.keep(remote.file, remote.sha256)]
    paths = get(needed)
    for remote in needed:
        data = _read(paths[remote.file])
        references.add(remote.file, data, label=remote.label, expected=remote.sha256)


def _add_archives(references: References, remotes: Sequence[RemoteFile], get: Get) -> None:
    entries = {entry["file"]: entry for entry in references.definition["source"]["archives"]}
    needed = [
        remote
        for remote in remotes
        if not references.keep_archive(remote.sha256, entries[remote.file]["count"])
    ]
    paths = get(needed)
    for remote in needed:
        path, entry = paths[remote.file], entries[remote.file]
        count = 0
        for member in unpack.pictures(path, entry["members"]):
            references.add(
                f"{remote.file}/{member.name}",
                member.data,
                label=Path(member.name).name,
                archive=remote.sha256,
            )
            count += 1
        if count != entry["count"]:
            raise DatasetError(
                f"{path}: holds {count} pictures {entry['members']}, expected {entry['count']}; correct the "
                "definition"
            )


def _add_folder(references: References, options: Options) -> None:
    root = folder_path(references.definition, options)
    if references.dataset_dir.resolve().is_relative_to(root.resolve()):
        raise DatasetError(
            f"{root}: holds the results too, which would become pictures of the dataset; move the pictures "
            "into a folder of their own"
        )
    for relative, state in sorted(folder_pictures(root)):
        if state.st_size > _MAXIMUM_FILE_BYTES:
            references.refused.append(Refusal(printable(relative), "larger than 1 GB; scale it down"))
            continue
        references.add(relative, _read(root / relative), label=relative)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(
            f"{printable(str(path))}: cannot be read ({error.strerror}); check the file and its permissions"
        ) from error
