# SPDX-License-Identifier: BSD-3-Clause
"""`inventory.json`: the pictures of a prepared dataset, where each came from and what was done to it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from picobench.datasets.normalise import RULES
from picobench.errors import StorageError
from picobench.files import read_json, write_json

FORMAT = 1


@dataclass(frozen=True)
class ImageRow:
    """One reference picture.

    Attributes:
        image: Its name in tables and file names.
        file: The PNG (8-bit RGB, no metadata), relative to the dataset's folder.
        width, height: In pixels, after orientation.
        pixels_sha256: `picobench.pixels.pixels_digest` of its pixels.
        source: Name of the file it came from, or its path in the folder or archive.
        source_sha256: Digest of that file.
        source_format: Its format, such as "PNG".
        conversions: What was done to its samples, in order; empty if nothing.
        archive_sha256: Digest of the archive it was in; None if it was in none.
    """

    image: str
    file: str
    width: int
    height: int
    pixels_sha256: str
    source: str
    source_sha256: str
    source_format: str
    conversions: tuple[str, ...]
    archive_sha256: str | None


@dataclass(frozen=True)
class Refusal:
    """A picture that was left out, and why."""

    source: str
    reason: str


@dataclass(frozen=True)
class PreparedDataset:
    """The outcome of `prepare`: rows sorted by image name, refusals by source name."""

    dataset: str
    images: tuple[ImageRow, ...]
    refused: tuple[Refusal, ...]


def record_file(dataset_dir: Path) -> Path:
    """A copy of `inventory.json`: Snakemake deletes the outputs of a job before it runs the job again."""
    return dataset_dir / "images" / ".inventory.json"


def is_begun(dataset_dir: Path) -> bool:
    """Whether a dataset was prepared, at least in part: then all its files were there once."""
    return (dataset_dir / "inventory.json").exists() or record_file(dataset_dir).exists()


def write_prepared(path: Path, prepared: PreparedDataset) -> None:
    """Write an inventory atomically; equal content gives equal bytes."""
    write_json(
        path,
        {
            "format": FORMAT,
            "rules": RULES,
            "dataset": prepared.dataset,
            "images": [asdict(row) for row in prepared.images],
            "refused": [asdict(refusal) for refusal in prepared.refused],
        },
    )


def read_prepared(path: Path) -> PreparedDataset:
    """Read an inventory.

    Raises:
        StorageError: It is missing, damaged, or of a newer format.
    """
    document = read_json(path)
    found = document.get("format") if isinstance(document, Mapping) else None
    if isinstance(found, int) and found > FORMAT:
        raise StorageError(f"{path}: format {found} is newer than this picobench reads; update picobench")
    try:
        return PreparedDataset(
            dataset=document["dataset"],
            images=tuple(_row(row) for row in document["images"]),
            refused=tuple(Refusal(**refusal) for refusal in document["refused"]),
        )
    except (KeyError, TypeError) as error:
        raise StorageError(f"{path}: damaged ({error!r}); delete it and run again") from error


def reusable_rows(path: Path) -> dict[str, ImageRow]:
    """Rows by source name of an earlier inventory made by the same rules; none if there is no such."""
    try:
        if read_json(path).get("rules") != RULES:
            return {}
        return {row.source: row for row in read_prepared(path).images}
    except (StorageError, AttributeError):
        return {}


def _row(row: dict[str, Any]) -> ImageRow:
    return ImageRow(**{**row, "conversions": tuple(row["conversions"])})
