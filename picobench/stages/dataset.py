# SPDX-License-Identifier: BSD-3-Clause
"""Prepare a dataset: fetch, verify, normalise, and write its inventory."""

from collections.abc import Sequence
from pathlib import Path

from picobench import datasets, layout
from picobench.dataset_request import DatasetRequest, dataset_options
from picobench.definitions import Definitions


def prepare_dataset(
    definitions: Definitions, request: DatasetRequest, mirrors: Sequence[Path], *, offline: bool
) -> None:
    """Make `results/datasets/<name>/`.

    Args:
        definitions: Where the dataset's definition is.
        request: The dataset; all its pictures are prepared, whichever are asked for.
        mirrors: Folders to look in before anything is downloaded.
        offline: Whether nothing may be downloaded.

    Raises:
        DatasetError: A file cannot be had, differs from its checksum, or holds no picture we can use.
    """
    datasets.prepare(
        definitions.read("datasets", request.id),
        layout.dataset_folder(request.name),
        layout.downloads_folder(),
        mirrors,
        offline=offline,
        options=dataset_options(definitions, request),
    )
