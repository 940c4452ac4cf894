# SPDX-License-Identifier: BSD-3-Clause
"""Published curves beside what was measured: their rows of the RD table, and BD-rates on mean curves.

A published curve is a mean over a dataset, so it can only be compared with the mean curve of a codec over all
pictures of that dataset. There is no interval: the curve says nothing of single pictures.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from picobench.analysis.bdrate import Curve, Method, bd_rate
from picobench.analysis.tables import BD_RATE_COLUMNS

if TYPE_CHECKING:
    import pandas as pd

AGGREGATION = "mean curve"


def with_curves(
    rd: "pd.DataFrame", curves: "pd.DataFrame", metrics: Sequence[str], notes: Mapping[str, str]
) -> "pd.DataFrame":
    """The RD table with a row for each point of each published curve, below those of the codecs.

    Args:
        rd: From `picobench.analysis.tables.rd_table`.
        curves: Columns curve, dataset, point, images, bpp and each metric.
        metrics: The metrics of the run.
        notes: For each curve, what its rows say in the column `note`.
    """
    import pandas as pd

    if curves.empty:
        return rd
    rows = pd.DataFrame(
        {
            "dataset": curves["dataset"],
            "codec": curves["curve"],
            "version": "",
            "point": curves["point"],
            "images_used": curves["images"].astype("int64"),
            "images_total": curves["images"].astype("int64"),
            "bpp": curves["bpp"],
            **{metric: curves[metric] for metric in metrics if metric in curves},
            "note": curves["curve"].map(dict(notes)),
        }
    ).reindex(columns=rd.columns)
    rows = rows.astype({column: rd[column].dtype for column in rd.columns if rd[column].dtype != object})
    return rows if rd.empty else pd.concat([rd, rows], ignore_index=True)


def curve_bd_rates(
    rd: "pd.DataFrame",
    curves: "pd.DataFrame",
    directions: Mapping[str, bool],
    anchor: str,
    methods: Sequence[Method],
    *,
    min_overlap: float,
) -> "pd.DataFrame":
    """BD-rates between mean curves of which at least one is published; the columns are `BD_RATE_COLUMNS`.

    Where a codec of the run was not run on as many pictures as the published curve is a mean of, there is no
    number, and the note says so.

    Args:
        rd: From `with_curves`.
        curves: As there.
        directions: For each metric, whether higher is better.
        anchor: A codec of the run or a published curve.
        methods: Interpolations, see `bd_rate`.
        min_overlap: See `bd_rate`.
    """
    import pandas as pd

    rows = []
    published = dict(zip(curves["curve"], curves["images"], strict=True))
    for dataset, table in rd.groupby("dataset"):
        groups = {str(name): rows for name, rows in table.groupby("codec", sort=False)}
        for test, test_rows in groups.items():
            if test == anchor or anchor not in groups or not published.keys() & {test, anchor}:
                continue
            for metric, higher_is_better in directions.items():
                for method in methods:
                    cells = {"dataset": dataset, "metric": metric, "anchor": anchor, "codec": test}
                    rows.append(
                        cells
                        | {"method": method, "aggregation": AGGREGATION}
                        | _compare(
                            groups[anchor],
                            test_rows,
                            metric,
                            method,
                            higher_is_better=higher_is_better,
                            min_overlap=min_overlap,
                        )
                    )
    frame = pd.DataFrame(rows, columns=list(BD_RATE_COLUMNS))
    numbers = dict.fromkeys(("bd_rate_percent", "ci_low", "ci_high", "overlap"), "float64")
    return frame.astype({**numbers, "images_used": "int64", "images_total": "int64"})


def _compare(
    anchor: "pd.DataFrame",
    test: "pd.DataFrame",
    metric: str,
    method: Method,
    *,
    higher_is_better: bool,
    min_overlap: float,
) -> dict[str, object]:
    images = int(max(anchor["images_total"].max(), test["images_total"].max()))
    used = int(min(anchor["images_used"].min(), test["images_used"].min()))
    row = {
        "bd_rate_percent": np.nan,
        "ci_low": np.nan,
        "ci_high": np.nan,
        "overlap": np.nan,
        "images_used": used,
        "images_total": images,
    }
    remarks = list(_remarks(anchor, test))
    if used < images:
        return row | {
            "images_used": 0,
            "note": "; ".join([f"n/a: means over {used} and {images} images", *remarks]),
        }
    if metric not in test or test[metric].isna().all() or anchor[metric].isna().all():
        return row | {"images_used": 0, "note": "; ".join([f"n/a: no values of {metric}", *remarks])}
    result = bd_rate(
        _curve(anchor, metric),
        _curve(test, metric),
        method=method,
        higher_is_better=higher_is_better,
        min_overlap=min_overlap,
    )
    percent = np.nan if result.percent is None else result.percent
    note = "; ".join(
        filter(None, [result.note, "mean curves, no interval: published without images", *remarks])
    )
    return row | {"bd_rate_percent": percent, "overlap": result.overlap, "note": note}


def _curve(rows: "pd.DataFrame", metric: str) -> Curve:
    known = rows[rows["bpp"].notna()]
    return Curve(tuple(known["bpp"].astype(float)), tuple(known[metric].astype(float)))


def _remarks(*sides: "pd.DataFrame") -> Iterator[str]:
    """What the sides' rows say, each once."""
    yield from dict.fromkeys(note for side in sides for note in side["note"] if note)
