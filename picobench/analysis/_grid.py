# SPDX-License-Identifier: BSD-3-Clause
"""The scores table, checked, and cut into one array (images, points) for each codec, dataset and metric."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from picobench.analysis._front import Curves
from picobench.analysis._interpolation import FloatArray
from picobench.errors import StorageError
from picobench.yamlfile import did_you_mean

if TYPE_CHECKING:
    import pandas as pd

KEYS = ("dataset", "codec", "version", "image", "point")


def checked_scores(scores: "pd.DataFrame", metrics: Sequence[str]) -> "pd.DataFrame":
    """The columns that the tables need, in an order and with types that do not depend on the reader.

    Keys are strings ("" where empty), `bpp` and the metrics are float64 with NaN where there is no value
    or the status is not "ok"; `absent` tells the status "absent", of what was never published; rows are in
    the order of the keys.

    Raises:
        StorageError: A column is missing or not numeric, or an operating point is there twice.
    """
    import pandas as pd

    needed = [*KEYS, "status", "bpp", *metrics]
    missing = [column for column in needed if column not in scores.columns]
    if missing:
        raise StorageError(
            f"scores: no column {missing[0]!r}{did_you_mean(missing[0], list(scores.columns))}"
        )
    table = pd.DataFrame(
        {key: scores[key].astype(object).where(scores[key].notna(), "").map(str) for key in KEYS}
    )
    for column in ("bpp", *metrics):
        try:
            table[column] = pd.to_numeric(scores[column]).astype("float64").where(scores["status"] == "ok")
        except (ValueError, TypeError) as error:
            raise StorageError(f"scores: column {column!r} is not numeric ({error}); make it again") from None
    table["absent"] = scores["status"] == "absent"
    table = table.sort_values(list(KEYS), kind="stable", ignore_index=True)
    twice = table[table.duplicated(list(KEYS))]
    if len(twice):
        raise StorageError(
            f"scores: two rows for {' / '.join(twice.iloc[0][list(KEYS)])}; make the table again"
        )
    return table


@dataclass(frozen=True, eq=False)
class Grid:
    """Scores of one codec on the images of one dataset.

    Attributes:
        images: Names of all images of the dataset.
        points: Names of the codec's operating points.
        versions: What coded them: one, unless results of several versions were put together.
        columns: By name ("bpp" or a metric) an array of shape (images, points), NaN without a value.
    """

    images: tuple[str, ...]
    points: tuple[str, ...]
    versions: tuple[str, ...]
    columns: dict[str, FloatArray]

    def curves(self, metric: str) -> Curves:
        """One curve for each image."""
        return Curves(self.columns["bpp"], self.columns[metric])

    def gap(self, image: int, metric: str, who: str) -> str:
        """What the curve of an image lacks; "" if nothing. Says the same of all images that lack the same."""
        if not self.points or np.isnan(self.columns["bpp"][image]).any():
            return f"{who} lacks results"
        return f"{who} lacks {metric}" if np.isnan(self.columns[metric][image]).any() else ""


@dataclass(frozen=True, eq=False)
class DatasetGrids:
    """All codecs on one dataset."""

    name: str
    images: tuple[str, ...]
    codecs: dict[str, Grid]


def codec_labels(table: "pd.DataFrame") -> "pd.Series[str]":
    """One name for each row: the codec, or `codec@version` where versions of a codec did the same work."""
    same_work = table.duplicated(["dataset", "codec", "image", "point"])
    compared = table["codec"].isin(set(table.loc[same_work, "codec"]))
    return table["codec"].where(~compared, table["codec"] + "@" + table["version"])


def cut_grids(table: "pd.DataFrame", metrics: Sequence[str]) -> Iterator[DatasetGrids]:
    """The datasets of a checked table in the order of their names."""
    labels = codec_labels(table)
    for dataset, rows in table.groupby("dataset", sort=True):
        images = tuple(sorted(set(rows["image"])))
        codecs = {
            str(label): _cut_grid(own, images, metrics)
            for label, own in rows.groupby(labels.loc[rows.index], sort=True)
        }
        yield DatasetGrids(str(dataset), images, codecs)


def empty_grid(images: tuple[str, ...], metrics: Sequence[str]) -> Grid:
    """The grid of a codec that was not run on these images."""
    return Grid(images, (), (), {column: np.empty((len(images), 0)) for column in ("bpp", *metrics)})


def _cut_grid(rows: "pd.DataFrame", images: tuple[str, ...], metrics: Sequence[str]) -> Grid:
    points = tuple(sorted(set(rows["point"])))
    places = (
        rows["image"].map({name: place for place, name in enumerate(images)}).to_numpy(),
        rows["point"].map({name: place for place, name in enumerate(points)}).to_numpy(),
    )
    columns = {}
    for column in ("bpp", *metrics):
        columns[column] = np.full((len(images), len(points)), np.nan)
        columns[column][places] = rows[column].to_numpy()
    versions = tuple(sorted(set(rows.loc[rows["bpp"].notna(), "version"])))
    return Grid(images, points, versions, columns)
