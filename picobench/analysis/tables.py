# SPDX-License-Identifier: BSD-3-Clause
"""The tables of a run, from its scores: RD curves, BD-rates of images, BD-rates of datasets.

All take the scores as a pandas data frame: a row for each operating point on one image, with the columns
`codec, version, dataset, image, point, width, height, bytes, bpp, status` and one for each metric, empty
where there is no value. The order of its rows does not matter. A figure that rests on fewer images than
the dataset has says so in its row.

Versions of a codec that coded the same image at the same point are codecs of their own, `codec@version` in
the BD-rate tables. Versions that share the work of one curve make one codec, and the note says so.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from picobench.analysis._bootstrap import resample_weights
from picobench.analysis._comparison import (
    compare_images,
    count_images,
    find_pairs,
    mean_curve,
    per_image_mean,
)
from picobench.analysis._grid import checked_scores, codec_labels
from picobench.analysis.bdrate import MIN_OVERLAP, FloatArray, Method

if TYPE_CHECKING:
    import pandas as pd

BD_RATE_COLUMNS = (
    "dataset",
    "metric",
    "anchor",
    "codec",
    "method",
    "aggregation",
    "bd_rate_percent",
    "ci_low",
    "ci_high",
    "overlap",
    "images_used",
    "images_total",
    "note",
)
BD_RATE_IMAGE_COLUMNS = (
    "dataset",
    "metric",
    "anchor",
    "codec",
    "method",
    "image",
    "bd_rate_percent",
    "overlap",
    "anchor_points",
    "test_points",
    "note",
)

_PEAK = 255.0


def rd_table(scores: "pd.DataFrame", metrics: Sequence[str]) -> "pd.DataFrame":
    """RD curves of datasets: for each operating point of each codec the means over images.

    Columns: dataset, codec, version, point, images_used, images_total, bpp, each metric, and note. After a
    `psnr_*` comes `<metric>_of_mean_mse`, the PSNR of the mean of the images' mean squared errors (8 bits).
    Rows are in the order of dataset, codec, bpp.

    Args:
        scores: See the module.
        metrics: Columns of `scores` to average.

    Raises:
        StorageError: `scores` lacks a column, or has an operating point twice.
    """
    import pandas as pd

    table = checked_scores(scores, metrics)
    images = {str(dataset): set(names) for dataset, names in table.groupby("dataset")["image"]}
    columns = ["dataset", "codec", "version", "point", "images_used", "images_total", "bpp"]
    for metric in metrics:
        columns += [metric, f"{metric}_of_mean_mse"] if metric.startswith("psnr_") else [metric]
    table["label"] = codec_labels(table)
    rows = []
    for (dataset, label, point), group in table.groupby(["dataset", "label", "point"]):
        used = group[group["bpp"].notna()]
        versions = sorted(set((used if len(used) else group)["version"]))
        expected = images[str(dataset)]
        absent = set(group.loc[group["absent"], "image"])
        missing = expected - absent - set(used["image"])
        remarks = count_images({"no published picture": sorted(absent), "no result": sorted(missing)})
        if len(versions) > 1:
            remarks.append("coded by several versions")
        row = [dataset, group["codec"].iloc[0], ", ".join(versions), point, len(used), len(expected)]
        row += [_mean(used["bpp"].to_numpy())]
        for metric in metrics:
            values = used[metric].dropna().to_numpy()
            row += [_mean(values)]
            row += [_psnr_of_mean_mse(values)] if metric.startswith("psnr_") else []
            if 0 < len(values) < len(used):
                remarks.append(f"{metric} over {len(values)} images only")
            if lossless := np.count_nonzero(np.isinf(values)):
                remarks.append(f"{metric} infinite on {lossless}")
        rows.append([*row, "; ".join(remarks), label])
    result = pd.DataFrame(rows, columns=[*columns, "note", "label"])
    result = result.sort_values(["dataset", "label", "bpp", "point"], ignore_index=True)
    return _typed(result.drop(columns="label"))


def bd_rate_images(
    scores: "pd.DataFrame",
    directions: Mapping[str, bool],
    anchor: str,
    methods: Sequence[Method],
    *,
    min_overlap: float = MIN_OVERLAP,
) -> "pd.DataFrame":
    """BD-rate of every codec against the anchor on every image; the columns are `BD_RATE_IMAGE_COLUMNS`.

    Where `bd_rate_percent` is empty, `note` says why. Arguments and errors as in `bd_rate_table`.
    """
    import pandas as pd

    rows = []
    for pair in find_pairs(scores, directions, anchor):
        for method in methods:
            results = compare_images(pair, method, min_overlap)
            for place, image in enumerate(pair.images):
                result = results.get(place)
                rows.append(
                    {
                        **pair.keys(method),
                        "image": image,
                        "bd_rate_percent": result.percent if result else None,
                        "overlap": result.overlap if result else None,
                        "anchor_points": result.anchor_points if result else 0,
                        "test_points": result.test_points if result else 0,
                        "note": result.note if result else pair.gaps[place],
                    }
                )
    return _typed(pd.DataFrame(rows, columns=list(BD_RATE_IMAGE_COLUMNS)))


def bd_rate_table(
    scores: "pd.DataFrame",
    directions: Mapping[str, bool],
    anchor: str,
    methods: Sequence[Method],
    *,
    bootstrap_resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
    min_overlap: float = MIN_OVERLAP,
) -> "pd.DataFrame":
    """BD-rate of every codec against the anchor on every dataset; the columns are `BD_RATE_COLUMNS`.

    There are two rows for each dataset, metric, codec and method. "per-image mean" is the mean of the
    BD-rates of single images, over the images that have one; `overlap` is the mean of theirs. "mean curve"
    is the BD-rate of the curves of mean rate and mean quality, over the images that are complete for both
    codecs. In either row a figure needs half of the images, and at least two unless there is only one.

    The interval is a bootstrap over images (see `bootstrap_interval`): all codecs, metrics and methods see
    the same resamples, which depend on the seed and the dataset alone.

    Args:
        scores: See the module.
        directions: For each metric, whether higher is better.
        anchor: The codec that is the reference: its name, or `codec@version`.
        methods: Interpolations, see `bd_rate`.
        bootstrap_resamples: Number of resamples.
        confidence: Coverage of the interval, such as 0.95.
        seed: Seed of the resamples.
        min_overlap: See `bd_rate`.

    Raises:
        DefinitionError: The anchor is not among the codecs.
        StorageError: `scores` lacks a column, or has an operating point twice.
    """
    import pandas as pd

    rows = []
    weights: dict[str, FloatArray] = {}
    for pair in find_pairs(scores, directions, anchor):
        if pair.dataset not in weights:
            weights[pair.dataset] = resample_weights(
                len(pair.images), bootstrap_resamples, seed, *pair.dataset.encode()
            )
        for method in methods:
            for summarise in (per_image_mean, mean_curve):
                summary = summarise(pair, method, min_overlap, weights[pair.dataset])
                rows.append(pair.keys(method) | summary.cells(len(pair.images), confidence))
    return _typed(pd.DataFrame(rows, columns=list(BD_RATE_COLUMNS)))


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if len(values) else np.nan


def _psnr_of_mean_mse(psnr: FloatArray) -> float:
    """PSNR in dB of the mean of the mean squared errors that `psnr`, in dB, stands for; 8-bit peak."""
    if not len(psnr):
        return np.nan
    mse = float(np.mean(_PEAK**2 / 10 ** (psnr / 10)))
    return 10 * math.log10(_PEAK**2 / mse) if mse > 0 else math.inf


def _typed(table: "pd.DataFrame") -> "pd.DataFrame":
    """Numbers as float64 and counts as int64, also in a table without rows or without any number."""
    for column in table.columns.intersection(["bd_rate_percent", "ci_low", "ci_high", "overlap"]):
        table[column] = table[column].astype("float64")
    for column in table.columns.intersection(["images_used", "images_total", "anchor_points", "test_points"]):
        table[column] = table[column].astype("int64")
    return table
