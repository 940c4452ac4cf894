# SPDX-License-Identifier: BSD-3-Clause
"""Codecs compared at nearly equal rate, image by image: what remains to be said where no BD-rate can be had.

Published reconstructions often come at one rate an image; fewer than four points carry no BD-rate. What can
be compared is the quality of pairs of operating points whose rates are close. On every image and for every
operating point of the base, the operating point of the other codec with the nearest rate (by its logarithm)
is taken, if the two rates differ by no more than a tolerance. The figure is the mean over images of the
difference in the metric, other minus base, with a bootstrap interval over images; by how much the rates
differ stands beside it, because quality rises with rate: a codec that spends more has an advantage.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from picobench.analysis._bootstrap import MIN_IMAGES, bootstrap_interval, resample_weights
from picobench.analysis._comparison import count_images
from picobench.analysis._grid import DatasetGrids, Grid, checked_scores, cut_grids
from picobench.analysis.bdrate import MIN_POINTS, FloatArray

if TYPE_CHECKING:
    import pandas as pd

PAIRED_COLUMNS = (
    "dataset",
    "metric",
    "base",
    "base_point",
    "codec",
    "difference",
    "ci_low",
    "ci_high",
    "codec_better",
    "rate_difference_percent",
    "rate_difference_low_percent",
    "rate_difference_high_percent",
    "images_used",
    "images_total",
    "note",
)


def paired_table(
    scores: "pd.DataFrame",
    directions: Mapping[str, bool],
    base: str,
    *,
    tolerance: float,
    bootstrap_resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> "pd.DataFrame":
    """Differences at nearly equal rate from `base`; the columns are `PAIRED_COLUMNS`.

    A row for each dataset, metric, operating point of the base, and other codec, where one of the two has
    too few operating points for a BD-rate. `difference` is in the metric's unit; `codec_better` counts the
    images on which the other codec has the better value. `rate_difference_percent` is the geometric mean of
    the ratios of rates, other over base, less one; low and high are the extremes. Images that are not used
    are named in the note with the reason.

    Args:
        scores: As in `picobench.analysis.tables`.
        directions: For each metric, whether higher is better.
        base: The codec that the others are compared with.
        tolerance: Largest difference of the two rates, as a share of the base's.
        bootstrap_resamples, confidence, seed: Of the interval over images, see `bootstrap_interval`.

    Raises:
        StorageError: `scores` lacks a column, or has an operating point twice.
    """
    import pandas as pd

    rows = []
    for dataset in cut_grids(checked_scores(scores, list(directions)), list(directions)):
        weights = resample_weights(len(dataset.images), bootstrap_resamples, seed, *dataset.name.encode())
        for pair in _pairs(dataset, base, tolerance):
            for metric, higher_is_better in directions.items():
                cells = {"dataset": dataset.name, "metric": metric, "base": base}
                rows.append(cells | pair.cells(metric, higher_is_better, weights, confidence))
    table = pd.DataFrame(rows, columns=list(PAIRED_COLUMNS))
    counts = ["codec_better", "images_used", "images_total"]
    texts = ["dataset", "metric", "base", "base_point", "codec", "note"]
    numbers = [column for column in PAIRED_COLUMNS if column not in {*counts, *texts}]
    return table.astype({**dict.fromkeys(numbers, "float64"), **dict.fromkeys(counts, "int64")})


class _Pair:
    """An operating point of the base, and on each image the nearest one of another codec."""

    def __init__(
        self, images: tuple[str, ...], base: tuple[Grid, int], codec: str, test: Grid, tolerance: float
    ) -> None:
        self._images = images
        self._base, self._point = base
        self._codec = codec
        self._test = test
        ratios = test.columns["bpp"] / self._base.columns["bpp"][:, [self._point]]
        distance = np.abs(np.log(np.where(np.isfinite(ratios) & (ratios > 0), ratios, np.nan)))
        self._nearest = np.argmin(np.where(np.isnan(distance), np.inf, distance), axis=1)
        self._ratio = np.take_along_axis(ratios, self._nearest[:, None], axis=1)[:, 0]
        # Rates are published with few digits: a share that is at the limit must not fall to rounding.
        self._close: npt.NDArray[np.bool_] = np.asarray(
            np.abs(self._ratio - 1) <= tolerance + 1e-9, dtype=np.bool_
        )
        self._tolerance = tolerance

    def cells(
        self, metric: str, higher_is_better: bool, weights: FloatArray, confidence: float
    ) -> dict[str, Any]:
        """The cells of the row of a metric."""
        rows = np.arange(len(self._images))
        with np.errstate(invalid="ignore"):
            difference = (
                self._test.columns[metric][rows, self._nearest] - self._base.columns[metric][:, self._point]
            )
        used: npt.NDArray[np.bool_] = np.asarray(self._close & np.isfinite(difference))
        values, ratios = difference[used], self._ratio[used]
        remarks = self._gaps(used)
        interval = None
        if len(values) < MIN_IMAGES:
            remarks.append(f"no interval from fewer than {MIN_IMAGES} images")
        else:
            with np.errstate(invalid="ignore"):
                resamples = weights[:, used] @ values / weights[:, used].sum(axis=1)
            interval = bootstrap_interval(resamples, len(values), confidence)
        better = np.count_nonzero(values > 0 if higher_is_better else values < 0)
        low, high = interval or (np.nan, np.nan)
        return {
            "base_point": self._base.points[self._point],
            "codec": self._codec,
            "difference": values.mean() if len(values) else np.nan,
            "ci_low": low,
            "ci_high": high,
            "codec_better": better,
            "rate_difference_percent": 100 * np.expm1(np.log(ratios).mean()) if len(ratios) else np.nan,
            "rate_difference_low_percent": 100 * (ratios.min() - 1) if len(ratios) else np.nan,
            "rate_difference_high_percent": 100 * (ratios.max() - 1) if len(ratios) else np.nan,
            "images_used": len(values),
            "images_total": len(self._images),
            "note": "; ".join(remarks),
        }

    def _gaps(self, used: npt.NDArray[np.bool_]) -> list[str]:
        causes: dict[str, list[str]] = {}
        base_rates = self._base.columns["bpp"][:, self._point]
        has_test = np.isfinite(self._test.columns["bpp"]).sum(axis=1)
        for place, image in enumerate(self._images):
            if bool(used[place]):
                continue
            if not np.isfinite(base_rates[place]):
                cause = "the base has no result"
            elif has_test[place] == 0:
                cause = "the codec has no result"
            elif not self._close[place]:
                cause = f"no rate within {100 * self._tolerance:g} %"
            else:
                cause = "no finite difference"
            causes.setdefault(cause, []).append(image)
        return count_images(causes)


def _pairs(dataset: DatasetGrids, base: str, tolerance: float) -> Iterator[_Pair]:
    grid = dataset.codecs.get(base)
    if grid is None:
        return
    for codec, test in dataset.codecs.items():
        if codec != base and min(len(grid.points), len(test.points)) < MIN_POINTS:
            for point in range(len(grid.points)):
                yield _Pair(dataset.images, (grid, point), codec, test, tolerance)
