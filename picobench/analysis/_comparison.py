# SPDX-License-Identifier: BSD-3-Clause
"""A codec against the anchor on one dataset: image by image, as a mean, and on the mean curve."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from picobench.analysis._bootstrap import MIN_IMAGES, bootstrap_interval
from picobench.analysis._grid import Grid, checked_scores, codec_labels, cut_grids, empty_grid
from picobench.analysis.bdrate import THIN_OVERLAP, BDResult, Curves, FloatArray, Method, bd_rates
from picobench.errors import DefinitionError
from picobench.yamlfile import did_you_mean

if TYPE_CHECKING:
    import pandas as pd

_NAMED_IMAGES = 3


@dataclass(frozen=True, eq=False)
class Pair:
    """A codec and the anchor on the images of one dataset, by one metric.

    Attributes:
        gaps: For each image, what its curves lack; "" if they are complete.
    """

    dataset: str
    images: tuple[str, ...]
    metric: str
    higher_is_better: bool
    anchor: str
    codec: str
    anchor_grid: Grid
    test_grid: Grid
    gaps: tuple[str, ...]

    @property
    def complete(self) -> list[int]:
        """Places of the images for which both curves have all their points."""
        return [place for place, gap in enumerate(self.gaps) if not gap]

    def keys(self, method: Method) -> dict[str, Any]:
        """The cells that say what a row of a table is about."""
        return {
            "dataset": self.dataset,
            "metric": self.metric,
            "anchor": self.anchor,
            "codec": self.codec,
            "method": method,
        }

    @property
    def mixtures(self) -> list[str]:
        """A remark for each of the two curves that several versions made together."""
        grids = {"anchor": self.anchor_grid, "test": self.test_grid}
        return [
            f"{who} coded by several versions ({', '.join(grid.versions)})"
            for who, grid in grids.items()
            if len(grid.versions) > 1
        ]

    def curves(self) -> tuple[Curves, Curves]:
        """The curves of the complete images: of the anchor, of the codec."""
        complete = self.complete
        anchor, test = self.anchor_grid.curves(self.metric), self.test_grid.curves(self.metric)
        return (
            Curves(anchor.rates[complete], anchor.qualities[complete]),
            Curves(test.rates[complete], test.qualities[complete]),
        )


@dataclass(frozen=True, eq=False)
class Summary:
    """A figure for a dataset, with what is needed to judge it.

    Attributes:
        aggregation: How the figure was made.
        percent: The figure, NaN if there is none.
        resamples: The figure of each resample, NaN where it has none; shape (resamples,).
        overlap: Shared range of quality, 0 to 1, NaN if nothing was compared.
        images: How many images it rests on.
        remarks: What the note says.
    """

    aggregation: str
    percent: float
    resamples: FloatArray
    overlap: float
    images: int
    remarks: tuple[str, ...]

    def cells(self, images_total: int, confidence: float) -> dict[str, Any]:
        """The cells of its row; figure and interval stay empty where too few images carry them."""
        percent, interval, remarks = self.percent, None, list(self.remarks)
        needed = max(-(-images_total // 2), min(2, images_total))
        if self.images < needed:
            percent = np.nan
            remarks.insert(0, f"n/a: {self.images} of {images_total} images, at least {needed} needed")
        if np.isfinite(percent):
            interval = bootstrap_interval(self.resamples, self.images, confidence)
            without = np.count_nonzero(np.isnan(self.resamples))
            if self.images < MIN_IMAGES:
                remarks.append(f"no interval from fewer than {MIN_IMAGES} images")
            elif without:
                kind = "interval" if interval else "no interval"
                remarks.append(f"{kind}: {without} of {len(self.resamples)} resamples have no BD-rate")
        low, high = interval or (np.nan, np.nan)
        return {
            "aggregation": self.aggregation,
            "bd_rate_percent": percent,
            "ci_low": low,
            "ci_high": high,
            "overlap": self.overlap,
            "images_used": self.images,
            "images_total": images_total,
            "note": "; ".join(remarks),
        }


def find_pairs(scores: "pd.DataFrame", directions: Mapping[str, bool], anchor: str) -> Iterator[Pair]:
    """Every dataset x metric x codec other than the anchor, in that order.

    Raises:
        DefinitionError: The anchor is not among the codecs.
        StorageError: `scores` lacks a column, or has an operating point twice.
    """
    metrics = tuple(directions)
    table = checked_scores(scores, metrics)
    known = sorted(set(codec_labels(table)))
    if anchor not in known:
        raise DefinitionError(f"anchor {anchor!r} is not a codec of this run{did_you_mean(anchor, known)}")
    for dataset in cut_grids(table, metrics):
        images = range(len(dataset.images))
        anchor_grid = dataset.codecs.get(anchor) or empty_grid(dataset.images, metrics)
        for metric, higher_is_better in directions.items():
            for codec, grid in dataset.codecs.items():
                if codec == anchor:
                    continue
                yield Pair(
                    dataset=dataset.name,
                    images=dataset.images,
                    metric=metric,
                    higher_is_better=higher_is_better,
                    anchor=anchor,
                    codec=codec,
                    anchor_grid=anchor_grid,
                    test_grid=grid,
                    gaps=tuple(
                        anchor_grid.gap(image, metric, "anchor") or grid.gap(image, metric, "test")
                        for image in images
                    ),
                )


def compare_images(pair: Pair, method: Method, min_overlap: float) -> dict[int, BDResult]:
    """BD-rates of the complete images, by their place."""
    if not pair.complete:
        return {}
    rates = bd_rates(
        *pair.curves(), method=method, higher_is_better=pair.higher_is_better, min_overlap=min_overlap
    )
    return {place: rates.result(row) for row, place in enumerate(pair.complete)}


def per_image_mean(pair: Pair, method: Method, min_overlap: float, weights: FloatArray) -> Summary:
    """Mean of the BD-rates of the images that have one.

    Args:
        pair: What to compare.
        method: Interpolation.
        min_overlap: See `bd_rate`.
        weights: How often each image is in each resample, shape (resamples, images).
    """
    results = compare_images(pair, method, min_overlap)
    used = [place for place, result in results.items() if result.reason is None]
    percent = np.array([results[place].percent for place in used], np.float64)
    overlap = np.array([results[place].overlap for place in used or results], np.float64)
    left_out: dict[str, list[str]] = {}
    for place, image in enumerate(pair.images):
        cause = results[place].reason if place in results else pair.gaps[place]
        if cause:
            left_out.setdefault(str(cause), []).append(image)
    noted = {
        "thin overlap": [pair.images[place] for place in used if results[place].overlap < THIN_OVERLAP],
        "points left out": [pair.images[place] for place in used if "left out" in results[place].note],
    }
    with np.errstate(invalid="ignore"):
        resamples = weights[:, used] @ percent / weights[:, used].sum(axis=1)
    return Summary(
        aggregation="per-image mean",
        percent=float(percent.mean()) if used else np.nan,
        resamples=resamples,
        overlap=float(overlap.mean()) if len(overlap) else np.nan,
        images=len(used),
        remarks=(*count_images(left_out), *count_images(noted), *pair.mixtures),
    )


def mean_curve(pair: Pair, method: Method, min_overlap: float, weights: FloatArray) -> Summary:
    """BD-rate of the curves of mean rate and mean quality over the complete images; see `per_image_mean`."""
    left_out: dict[str, list[str]] = {}
    for image, gap in zip(pair.images, pair.gaps, strict=True):
        if gap:
            left_out.setdefault(gap, []).append(image)
    remarks = count_images(left_out) + pair.mixtures
    complete = pair.complete
    if not complete:
        return Summary("mean curve", np.nan, np.full(len(weights), np.nan), np.nan, 0, tuple(remarks))
    weights = np.vstack([np.ones(len(complete)), weights[:, complete]])
    rates = bd_rates(
        *(_weighted_means(curves, weights) for curves in pair.curves()),
        method=method,
        higher_is_better=pair.higher_is_better,
        min_overlap=min_overlap,
    )
    whole = rates.result(0)
    return Summary(
        aggregation="mean curve",
        percent=np.nan if whole.percent is None else whole.percent,
        resamples=rates.percent[1:],
        overlap=whole.overlap,
        images=len(complete),
        remarks=tuple(filter(None, [whole.note, *remarks])),
    )


def count_images(by_cause: Mapping[str, Sequence[str]]) -> list[str]:
    """A remark for each cause that has images: how many, and the names of the first."""
    remarks = []
    for cause, images in by_cause.items():
        if images:
            names = ", ".join(images[:_NAMED_IMAGES]) + (", ..." if len(images) > _NAMED_IMAGES else "")
            remarks.append(f"{cause}: {len(images)} image{'s' if len(images) > 1 else ''} ({names})")
    return remarks


def _weighted_means(curves: Curves, weights: FloatArray) -> Curves:
    """Mean curves over images, one for each row of weights (curves, images)."""
    # An image that is coded without loss makes the mean of that point infinite in all resamples alike.
    finite = np.isfinite(curves.qualities).all(axis=0)
    with np.errstate(invalid="ignore"):
        shares = weights / weights.sum(axis=1, keepdims=True)
        means = shares @ np.where(finite, curves.qualities, 0.0)
        return Curves(shares @ curves.rates, np.where(finite, means, curves.qualities.mean(axis=0)))
