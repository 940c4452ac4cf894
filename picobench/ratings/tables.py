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


def methods_csv(study: Study, info: Mapping[str, MethodInfo]) -> str:
    """The methods, best first, with `METHOD_COLUMNS`; see `study.MethodScore` for their meaning."""
    rows = []
    for m in study.methods:
        known = info.get(m.method, MethodInfo(None, None, None))
        rate = "" if known.bpp is None else f"{known.bpp:g}"
        numbers = (m.elo, m.low, m.high, m.clustered_low, m.clustered_high, m.score, m.above_next)
        cells = [_number(value) for value in numbers]
        rows.append([m.method, known.label or "", known.curve or "", rate, m.votes, *cells])
    return _csv(METHOD_COLUMNS, rows)


def raters_csv(study: Study) -> str:
    """The raters with `RATER_COLUMNS`; `flagged` is yes, no, or why the rater was not tested."""
    rows = [
        [
            rater.rater,
            rater.votes,
            rater.images,
            *(_number(value) for value in (rater.agreement, rater.expected_agreement)),
            *(_number(value) for value in (rater.log_likelihood, rater.expected_log_likelihood)),
            "" if rater.p_value is None else f"{rater.p_value:.3g}",
            rater.not_tested or ("yes" if rater.flagged else "no"),
        ]
        for rater in study.raters
    ]
    return _csv(RATER_COLUMNS, rows)


def images_csv(fits: Mapping[str, Fit]) -> str:
    """Elo of each method on each image with `IMAGE_COLUMNS`; intervals take the votes on an image as independent."""
    rows = []
    for image, fit in fits.items():
        for method, point, (low, high) in zip(fit.methods, elo(fit), elo_interval(fit), strict=True):
            rows.append([image, method, int(fit.votes), _number(point), _number(low), _number(high)])
    return _csv(IMAGE_COLUMNS, rows)


def _number(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.4f}"


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(header)
    table.writerows(rows)
    return text.getvalue()
