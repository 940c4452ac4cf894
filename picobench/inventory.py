# SPDX-License-Identifier: BSD-3-Clause
"""The pictures of a prepared dataset, as the stages after it see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from picobench.datasets.inventory import ImageRow, PreparedDataset, read_prepared
from picobench.errors import DatasetError
from picobench.layout import dataset_folder, inventory_file
from picobench.pixels import RGB8, pixels_digest, read_rgb8
from picobench.yamlfile import did_you_mean


@dataclass(frozen=True)
class Picture:
    """One reference picture: its row in the inventory, and the PNG."""

    row: ImageRow
    path: Path

    @property
    def image(self) -> str:
        """Its name in tables and file names; unique in the dataset."""
        return self.row.image

    @property
    def megapixels(self) -> float:
        """Size in 10^6 pixels."""
        return self.row.width * self.row.height / 1e6

    def read(self) -> RGB8:
        """The pixels, shape (height, width, 3).

        Raises:
            DatasetError: The file is missing, damaged or not what the inventory says.
        """
        advice = f"delete {self.path.parent.parent} and run again"
        try:
            pixels = read_rgb8(self.path)
        except DatasetError as error:
            raise DatasetError(f"{error}; {advice}") from None
        if pixels_digest(pixels) != self.row.pixels_sha256:
            raise DatasetError(f"{self.path}: changed since it was made; {advice}")
        return pixels


@dataclass(frozen=True)
class Inventory:
    """The pictures of one dataset, sorted by name."""

    dataset: str
    pictures: tuple[Picture, ...]
    prepared: PreparedDataset

    @cached_property
    def by_name(self) -> dict[str, Picture]:
        """Pictures by their name."""
        return {picture.image: picture for picture in self.pictures}

    def select(self, images: Sequence[str] | None) -> "Inventory":
        """The inventory of the named pictures only; all when `images` is None.

        Raises:
            DatasetError: A name is not in the dataset.
        """
        if images is None:
            return self
        check_images(self.dataset, images, list(self.by_name))
        wanted = set(images)
        return Inventory(self.dataset, tuple(p for p in self.pictures if p.image in wanted), self.prepared)

    def check_references(self) -> None:
        """See that no picture is gone, and read those that were written after the inventory, which comes last.

        Raises:
            DatasetError: A picture is missing, damaged or not what the inventory says.
        """
        written_ns = inventory_file(self.dataset).stat().st_mtime_ns
        for picture in self.pictures:
            if not picture.path.exists() or picture.path.stat().st_mtime_ns > written_ns:
                picture.read()


def check_images(dataset: str, images: Sequence[str], known: Sequence[str]) -> None:
    """Refuse names of pictures that a dataset does not have.

    Raises:
        DatasetError: A name is not among those `known`.
    """
    for image in images:
        if image not in known:
            raise DatasetError(f"dataset {dataset}: no picture {image!r}{did_you_mean(image, list(known))}")


def read_inventory(dataset: str) -> Inventory:
    """Read the inventory of the dataset called `dataset`.

    Raises:
        StorageError: It is missing or damaged.
    """
    prepared = read_prepared(inventory_file(dataset))
    folder = dataset_folder(dataset)
    pictures = tuple(Picture(row, folder / row.file) for row in prepared.images)
    return Inventory(dataset, pictures, prepared)
