# SPDX-License-Identifier: BSD-3-Clause
"""Results of a study as CSV text; empty cells are values that do not exist."""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence

from picobench.ratings.bradley_terry import Fit, elo, elo_interval
from picobench.ratings.study import MethodInfo, Study

METHOD_COLUMNS = (
    "method",
    "label",
    "curve",
    "bpp",
    "votes",
    "elo",
    "elo_low",
    "elo_high",
    "clustered_low",
    "clustered_high",
    "score",
    "probability_above_next",
)
RATER_COLUMNS = (
    "rater",
    "votes",
    "images",
    "agreement",
    "expected_agreement",
    "log_likelihood",
    "expected_log_likelihood",
    "p_value",
    "flagged",
)
IMAGE_COLUMNS = ("image", "method", "votes_on_image", "elo", "elo_low", "elo_high")

RATE_COLUMNS = (
    *("study", "anchor", "codec", "bd_rate_percent", "ci_low", "ci_high", "overlap"),
    *("bound_percent", "bound", "points_anchor", "points_codec", "note"),
)
AGREEMENTS = ("spearman", "kendall", "pairs", "votes", "ceiling")
AGREEMENT_COLUMNS = (
    *("study", "metric", "methods", "images"),
    *(f"{name}{end}" for name in AGREEMENTS for end in ("", "_low", "_high")),
    *("resampled", "note"),
)
TABLES: Mapping[str, Sequence[str]] = {
    "elo": ("study", *METHOD_COLUMNS),
    "raters": ("study", *RATER_COLUMNS),
    "perceptual_bd_rate": RATE_COLUMNS,
    "agreement": AGREEMENT_COLUMNS,
}
"""The tables of a run that has studies, with their columns."""


def method_rows(study: Study, info: Mapping[str, MethodInfo]) -> list[list[object]]:
    """The methods, best first, with `METHOD_COLUMNS`; see `study.MethodScore` for their meaning."""
    rows: list[list[object]] = []
    for m in study.methods:
        known = info.get(m.method, MethodInfo(None, None, None))
        numbers = (m.elo, m.low, m.high, m.clustered_low, m.clustered_high, m.score, m.above_next)
        rows.append([m.method, known.label or "", known.curve or "", known.bpp, m.votes, *numbers])
    return rows


def rater_rows(study: Study) -> list[list[object]]:
    """The raters with `RATER_COLUMNS`; `flagged` is yes, no, or why the rater was not tested."""
    return [
        [
            *(rater.rater, rater.votes, rater.images, rater.agreement, rater.expected_agreement),
            *(rater.log_likelihood, rater.expected_log_likelihood, rater.p_value),
            rater.not_tested or ("yes" if rater.flagged else "no"),
        ]
        for rater in study.raters
    ]


def methods_csv(study: Study, info: Mapping[str, MethodInfo]) -> str:
    """`method_rows` as CSV."""
    return _csv(METHOD_COLUMNS, method_rows(study, info))


def raters_csv(study: Study) -> str:
    """`rater_rows` as CSV."""
    return _csv(RATER_COLUMNS, rater_rows(study))


def images_csv(fits: Mapping[str, Fit]) -> str:
    """Elo of each method on each image with `IMAGE_COLUMNS`; intervals take the votes on an image as independent."""
    rows = []
    for image, fit in fits.items():
        for method, point, (low, high) in zip(fit.methods, elo(fit), elo_interval(fit), strict=True):
            rows.append([image, method, int(fit.votes), float(point), float(low), float(high)])
    return _csv(IMAGE_COLUMNS, rows)


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(header)
    table.writerows([_cell(name, value) for name, value in zip(header, row, strict=True)] for row in rows)
    return text.getvalue()


def _cell(column: str, value: object) -> object:
    if not isinstance(value, float):
        return "" if value is None else value
    if math.isnan(value):
        return ""
    return format(value, {"bpp": "g", "p_value": ".3g"}.get(column, ".4f"))
