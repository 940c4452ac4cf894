# SPDX-License-Identifier: BSD-3-Clause
"""Reference PNGs and their rows: made from pictures, or kept from an earlier call; and the inventory at the end."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from picobench.datasets.inventory import (
    ImageRow,
    PreparedDataset,
    Refusal,
    record_file,
    reusable_rows,
    write_prepared,
)
from picobench.datasets.names import ImageNames, image_name, printable
from picobench.datasets.normalise import DEFAULT_MAXIMUM_MEGAPIXELS, normalise
from picobench.datasets.refused import RefusedPictureError
from picobench.datasets.sources import Definition
from picobench.errors import DatasetError
from picobench.files import sha256_bytes
from picobench.pixels import pixels_digest, read_rgb8, write_rgb8

# A run that is killed half-way loses at most the work on so many pictures.
_SAVE_EVERY = 50


@dataclass
class References:
    """The references of one dataset, gathered one by one.

    Attributes:
        definition: The dataset's definition.
        dataset_dir: Its folder; pictures go to `images/` in it.
        rows: Pictures that are ready.
        refused: Pictures that were left out.
        names: Image names given away.
        earlier: Rows of an earlier call, by source.
    """

    definition: Definition
    dataset_dir: Path
    rows: list[ImageRow] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    names: ImageNames = field(default_factory=ImageNames)
    earlier: dict[str, ImageRow] = field(init=False)

    def __post_init__(self) -> None:
        self.earlier = reusable_rows(record_file(self.dataset_dir))

    def keep(self, source: str, sha256: str, archive: str | None = None) -> bool:
        """Take over the earlier row of `source` if its content was `sha256` and its PNG is still right."""
        row = self.earlier.get(printable(source))
        if row is None or (row.source_sha256, row.archive_sha256) != (sha256, archive):
            return False
        return self._take_over([row])

    def keep_archive(self, sha256: str, count: int) -> bool:
        """Take over all earlier rows of an archive if its content was `sha256` and all PNGs are right."""
        rows = [row for row in self.earlier.values() if row.archive_sha256 == sha256]
        return len(rows) == count and self._take_over(rows)

    def _take_over(self, rows: list[ImageRow]) -> bool:
        if not all(self._intact(row) for row in rows):
            return False
        for row in rows:
            self.names.claim(row.image, row.source)
        self.rows += rows
        return True

    def add(
        self, source: str, data: bytes, *, label: str, expected: str | None = None, archive: str | None = None
    ) -> None:
        """Take in a picture.

        Args:
            source: Where it comes from; unique in the dataset.
            data: The bytes of its file.
            label: What its image name is made of.
            expected: SHA-256 of `data` if it is known beforehand.
            archive: SHA-256 of the archive it was in.
        """
        digest = sha256_bytes(data)
        if expected is not None and digest != expected:
            raise DatasetError(f"{printable(source)}: changed while it was read; run again")
        if self.keep(source, digest, archive):
            return
        image = image_name(label)
        self.names.claim(image, source)
        try:
            result = normalise(data, maximum_megapixels=self._maximum_megapixels)
        except RefusedPictureError as error:
            self.refused.append(Refusal(printable(source), str(error)))
            return
        file = f"images/{image}.png"
        write_rgb8(self.dataset_dir / file, result.pixels)
        height, width, _ = result.pixels.shape
        self.rows.append(
            ImageRow(
                image=image,
                file=file,
                width=width,
                height=height,
                pixels_sha256=pixels_digest(result.pixels),
                source=printable(source),
                source_sha256=digest,
                source_format=result.source_format,
                conversions=result.conversions,
                archive_sha256=archive,
            )
        )
        if len(self.rows) % _SAVE_EVERY == 0:
            self._save()

    @property
    def _maximum_megapixels(self) -> float:
        return float(self.definition.get("max_megapixels", DEFAULT_MAXIMUM_MEGAPIXELS))

    def _intact(self, row: ImageRow) -> bool:
        if row.width * row.height > self._maximum_megapixels * 1e6:
            return False
        try:
            return pixels_digest(read_rgb8(self.dataset_dir / row.file)) == row.pixels_sha256
        except DatasetError:
            return False

    def finish(self) -> PreparedDataset:
        """Check the whole, write the inventory, remove pictures that no longer belong to the dataset."""
        prepared = self._prepared(self.rows)
        counted = len(prepared.images) + len(prepared.refused)
        if self.definition["count"] not in {None, counted}:
            raise DatasetError(
                f"dataset {prepared.dataset}: {counted} pictures where its definition counts "
                f"{self.definition['count']}; correct the definition"
            )
        # First, so that a run after a refusal was dealt with keeps all other pictures.
        write_prepared(record_file(self.dataset_dir), prepared)
        if prepared.refused and self.definition.get("on_refused", "error") == "error":
            raise DatasetError(self._refusal_text(prepared.refused))
        if not prepared.images:
            raise DatasetError(f"dataset {prepared.dataset}: no usable picture; add pictures to its folder")
        write_prepared(self.dataset_dir / "inventory.json", prepared)
        wanted = {row.file for row in prepared.images}
        for path in (self.dataset_dir / "images").glob("*.png"):
            if f"images/{path.name}" not in wanted:
                path.unlink(missing_ok=True)
        return prepared

    def _save(self) -> None:
        done = {row.source for row in self.rows}
        ahead = [row for source, row in self.earlier.items() if source not in done]
        write_prepared(record_file(self.dataset_dir), self._prepared(self.rows + ahead))

    def _prepared(self, rows: list[ImageRow]) -> PreparedDataset:
        return PreparedDataset(
            dataset=self.definition["id"],
            images=tuple(sorted(rows, key=lambda row: row.image)),
            refused=tuple(sorted(self.refused, key=lambda refusal: refusal.source)),
        )

    def _refusal_text(self, refused: Sequence[Refusal]) -> str:
        first = refused[0]
        more = f" (and {len(refused) - 1} more pictures are refused)" if len(refused) > 1 else ""
        way_out = ""
        if self.definition["source"]["kind"] == "folder":
            way_out = ", take it away, or set on_refused: skip in the dataset's definition"
        return f"dataset {self.definition['id']}: {first.source}: {first.reason}{way_out}{more}"
