# SPDX-License-Identifier: BSD-3-Clause
"""Prepare a dataset: fetch, verify, normalise, and write its inventory."""

from collections.abc import Sequence
from pathlib import Path

from picobench import datasets, layout
from picobench.definitions import Definitions


def prepare_dataset(
    definitions: Definitions,
    name: str,
    definition_id: str,
    path: Path | None,
    mirrors: Sequence[Path],
    *,
    offline: bool,
) -> None:
    """Make `results/datasets/<name>/`.

    Args:
        definitions: Where the dataset's definition is.
        name: What the run calls the dataset.
        definition_id: Its definition.
        path: The folder of pictures, for a dataset that is one.
        mirrors: Folders to look in before anything is downloaded.
        offline: Whether nothing may be downloaded.

    Raises:
        DatasetError: A file cannot be had, differs from its checksum, or holds no picture we can use.
    """
    datasets.prepare(
        {**definitions.read("datasets", definition_id), "id": name},
        layout.dataset_folder(name),
        layout.downloads_folder(),
        mirrors,
        offline=offline,
        options=dataset_options(definitions, definition_id, path),
    )


def dataset_options(definitions: Definitions, definition_id: str, path: Path | None) -> datasets.Options:
    """What the run adds to a dataset's definition."""
    folder = definitions.path("datasets", definition_id).parent
    return datasets.Options(definition_folder=folder, path=None if path is None else str(path))
