# SPDX-License-Identifier: BSD-3-Clause
"""What the diagnostics have in common: results of pictures, and sets of them that tables are made of."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from picobench.inventory import Picture
from picobench.pixels import RGB8

Examine = Callable[[str, RGB8, RGB8], dict[str, Any]]
"""Takes name, reference and reconstruction of a picture; returns a JSON-able result without NaN or infinity."""

Row = dict[str, Any]

Tables = Mapping[str, list[Row]]
"""Rows by table."""

IMAGE_COLUMNS = ("codec", "dataset", "point", "image", "reason")
"""Columns that tables of pictures begin with. `reason` says why there is no result."""

DATASET_COLUMNS = ("codec", "dataset", "point", "images", "reason")
"""Columns that tables of datasets begin with. `images` says how many pictures a row rests on."""


@dataclass(frozen=True)
class Examined:
    """One picture at one operating point: its result, or why there is none."""

    image: str
    reason: str
    result: Mapping[str, Any]


@dataclass(frozen=True)
class PointResults:
    """The results of one diagnostic at one operating point over a dataset.

    Attributes:
        options: Of the diagnostic.
        pictures: The references by name, for what can only be judged with them.
        images: In the order of the dataset.
    """

    codec: str
    dataset: str
    point: str
    options: Mapping[str, Any]
    pictures: Mapping[str, Picture]
    images: Sequence[Examined]

    @property
    def examined(self) -> list[Examined]:
        """Those that have a result."""
        return [image for image in self.images if not image.reason]

    def image_row(self, image: Examined) -> Row:
        """The first columns of a row about one picture."""
        return self._where() | {"image": image.image, "reason": image.reason}

    def dataset_row(self, images: int, reason: str = "") -> Row:
        """The first columns of a row about the dataset, which rests on so many pictures."""
        return self._where() | {"images": images, "reason": reason}

    def _where(self) -> Row:
        return {"codec": self.codec, "dataset": self.dataset, "point": self.point}


def plain(value: float | None) -> float | str | None:
    """A number as JSON can hold it: infinity as text, NaN as nothing."""
    if value is None or math.isnan(value):
        return None
    return value if math.isfinite(value) else str(value)


def back(value: float | str | None) -> float | None:
    """The inverse of `plain`."""
    return None if value is None else float(value)
