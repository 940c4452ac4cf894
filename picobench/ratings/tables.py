# SPDX-License-Identifier: BSD-3-Clause
"""Results of a study as CSV text; empty cells are values that do not exist."""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence

from picobench.ratings.bradley_terry import ELO_PER_NAT, elo
from picobench.ratings.linking import Separation
from picobench.ratings.per_image import ImageScores, votes_of_methods
from picobench.ratings.study import MethodInfo, Study, method_differences

STUDY_COLUMNS = (
    *("votes_read", "votes_set_aside", "votes", "methods", "raters", "images"),
    *("raters_tested", "raters_flagged", "prior_sd", "prior_sd_elo", "ties"),
    *("draws", "interval_error", "clustered_by", "degrees_of_freedom", "note"),
)
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
DIFFERENCE_COLUMNS = (
    *("method", "other", "elo_difference", "difference_low", "difference_high"),
    *("clustered_low", "clustered_high", "probability_better"),
)
IMAGE_COLUMNS = ("image", "method", "votes", "elo", "elo_low", "elo_high", "interval_error", "note")

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
_NAMED = 5
_NEVER_WON = "never won against the others: how far it is behind"

TABLES: Mapping[str, Sequence[str]] = {
    "studies": ("study", *STUDY_COLUMNS),
    "elo": ("study", *METHOD_COLUMNS),
    "elo_differences": ("study", *DIFFERENCE_COLUMNS),
    "elo_images": ("study", *IMAGE_COLUMNS),
    "raters": ("study", *RATER_COLUMNS),
    "perceptual_bd_rate": RATE_COLUMNS,
    "agreement": AGREEMENT_COLUMNS,
}
"""The tables of a run that has studies, with their columns."""


def study_row(study: Study, info: Mapping[str, MethodInfo]) -> list[object]:
    """The study with `STUDY_COLUMNS`.

    `votes_set_aside` is what was read and not used, for whatever reason; `prior_sd` in nats; `ties` yes or no;
    `interval_error` the largest error of an end of an interval that comes from drawing, Elo; `note` what the
    reader must be warned of.
    """
    votes, spread, prior = study.votes, study.spread, study.fit.prior
    clusters = (
        ("", None) if isinstance(spread, str) else (", ".join(spread.factors), spread.degrees_of_freedom)
    )
    return [
        *(votes.read, votes.read - len(votes), len(votes)),
        *(len(votes.methods), len(votes.raters), len(votes.images)),
        sum(not rater.not_tested for rater in study.raters),
        sum(rater.flagged for rater in study.raters),
        *(prior.strength_sd, prior.strength_sd * ELO_PER_NAT),
        "no" if study.fit.log_tie is None else "yes",
        *(len(study.posterior.parameters), study.interval_error_elo, *clusters),
        "; ".join(warnings(study, info)),
    ]


def warnings(study: Study, info: Mapping[str, MethodInfo]) -> list[str]:
    """What a reader of the scores must be warned of, one clause each."""
    found = [separation_words(one, info) for one in study.separations]
    if isinstance(study.spread, str):
        found.append(f"no interval over raters and images: {study.spread}")
    return found


def separation_words(separation: Separation, info: Mapping[str, MethodInfo]) -> str:
    """Which methods never lost, or never won, and what that means."""
    named = [label_of(info, method) for method in separation.methods[:_NAMED]]
    more = len(separation.methods) - len(named)
    names = ", ".join(named) + (f" and {more} more" if more else "")
    what = "never lost to the others: how far it is ahead" if separation.ahead else _NEVER_WON
    return f"{names} {what} rests on the prior"


def label_of(info: Mapping[str, MethodInfo], method: str) -> str:
    """The label of a method, or its name where it has none."""
    known = info.get(method)
    return method if known is None or known.label is None else known.label


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
            rater.verdict,
        ]
        for rater in study.raters
    ]


def methods_csv(study: Study, info: Mapping[str, MethodInfo]) -> str:
    """`method_rows` as CSV."""
    return _csv(METHOD_COLUMNS, method_rows(study, info))


def raters_csv(study: Study) -> str:
    """`rater_rows` as CSV."""
    return _csv(RATER_COLUMNS, rater_rows(study))


def difference_rows(study: Study) -> list[list[object]]:
    """Every method against every other with `DIFFERENCE_COLUMNS`; see `study.MethodDifference`."""
    return [
        [
            *(one.method, one.other, one.elo_difference, one.low, one.high),
            *(one.clustered_low, one.clustered_high, one.better),
        ]
        for one in method_differences(study)
    ]


def image_rows(images: Iterable[ImageScores]) -> list[list[object]]:
    """Every method on every image with `IMAGE_COLUMNS`, best first; see `per_image.ImageScores`.

    `note` says of a method that it never lost, or never won, on the image.
    """
    rows: list[list[object]] = []
    for scores in images:
        words = {
            method: "never lost" if one.ahead else "never won"
            for one in scores.separations
            for method in one.methods
        }
        points, given = elo(scores.fit), votes_of_methods(scores)
        for k in sorted(range(points.size), key=lambda k: -points[k]):
            method, (low, high) = scores.fit.methods[k], scores.intervals[k]
            numbers = (float(points[k]), float(low), float(high), float(scores.errors[k]))
            rows.append([scores.image, method, given[k], *numbers, words.get(method, "")])
    return rows


def differences_csv(study: Study) -> str:
    """`difference_rows` as CSV."""
    return _csv(DIFFERENCE_COLUMNS, difference_rows(study))


def images_csv(images: Iterable[ImageScores]) -> str:
    """`image_rows` as CSV."""
    return _csv(IMAGE_COLUMNS, image_rows(images))


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
