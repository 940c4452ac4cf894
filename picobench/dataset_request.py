# SPDX-License-Identifier: BSD-3-Clause
"""A dataset as a run asks for it: read from the configuration, and checked before anything is computed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from picobench import datasets, layout
from picobench.definitions import Definitions
from picobench.errors import DefinitionError
from picobench.inventory import check_images


@dataclass(frozen=True)
class DatasetRequest:
    """A dataset of the run.

    Attributes:
        name: What it is called in the results.
        id: Its definition.
        path: For a folder of the user's own: where it is, if the configuration says it.
        images: Only these pictures; all when None.
    """

    name: str
    id: str
    path: Path | None = None
    images: list[str] | None = None


def read_dataset_request(definitions: Definitions, item: str | Mapping[str, Any]) -> DatasetRequest:
    """Resolve an item of `datasets` in a configuration that passed the schema.

    Raises:
        DefinitionError: There is no such definition or folder.
    """
    fields: Mapping[str, Any] = {"id": item} if isinstance(item, str) else item
    name = fields["id"]
    source = definitions.read("datasets", name)["source"]
    is_folder = source["kind"] == "folder"
    if "path" in fields and not is_folder:
        raise DefinitionError(f"dataset {name}: takes no path; use {{id: folder, path: ...}}")
    folder = fields.get("path", source.get("path"))
    if is_folder and folder is None:
        raise DefinitionError(f"dataset {name}: say where it is, with {{id: {name}, path: ...}}")
    if is_folder and not Path(folder).expanduser().is_dir():
        place = "" if "path" in fields else f"; correct source.path in {definitions.path('datasets', name)}"
        raise DefinitionError(f"dataset {name}: no such folder: {folder}{place}")
    path = Path(fields["path"]).expanduser() if "path" in fields else None
    return DatasetRequest(fields.get("name", name), name, path, fields.get("images"))


def dataset_options(definitions: Definitions, request: DatasetRequest) -> datasets.Options:
    """What the run adds to the dataset's definition."""
    return datasets.Options(
        definition_folder=definitions.path("datasets", request.id).parent,
        path=None if request.path is None else str(request.path),
        name=request.name,
    )


def check_dataset(definitions: Definitions, request: DatasetRequest, *, offline: bool) -> None:
    """Refuse a dataset that could not be prepared, or that lacks a picture that is asked for.

    Nothing is fetched, and of files that were not installed with picobench only the sizes are looked at.

    Args:
        definitions: Where the dataset's definition is.
        request: The dataset.
        offline: Whether nothing may be downloaded.

    Raises:
        DatasetError: Files are missing and cannot be downloaded, or there is no picture of a name.
    """
    if not datasets.is_begun(layout.dataset_folder(request.name)):
        datasets.check_obtainable(
            definitions.read("datasets", request.id),
            definitions.mirrors_of(request.id),
            layout.downloads_folder(),
            dataset_options(definitions, request),
            offline=offline,
        )
    check_requested_images(definitions, request)


def check_requested_images(definitions: Definitions, request: DatasetRequest) -> None:
    """Refuse a request for pictures that the dataset does not have, as far as that is known beforehand.

    Raises:
        DatasetError: There is no picture of a name.
    """
    if request.images is None:
        return
    definition = definitions.read("datasets", request.id)
    known = datasets.image_names(definition, dataset_options(definitions, request))
    if known is not None:
        check_images(request.name, request.images, known)
