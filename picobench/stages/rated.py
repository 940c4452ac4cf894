# SPDX-License-Identifier: BSD-3-Clause
"""Analyse the studies of people that a run names, and compare its metrics with them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from picobench import layout
from picobench.errors import RatingsError
from picobench.ratings.agreement import MIN_METHODS, Estimate, metric_agreement
from picobench.ratings.definition import StudyDefinition
from picobench.ratings.per_image import analyse_images
from picobench.ratings.perceptual import DRAWS, PerceptualBdRate, perceptual_bd_rates
from picobench.ratings.posterior import thinned
from picobench.ratings.study import Study, analyse_study, rated_curves
from picobench.ratings.tables import (
    AGREEMENTS,
    DIFFERENCE_COLUMNS,
    IMAGE_COLUMNS,
    METHOD_COLUMNS,
    RATER_COLUMNS,
    STUDY_COLUMNS,
    TABLES,
    difference_rows,
    image_rows,
    method_rows,
    rater_rows,
    study_row,
)
from picobench.ratings.votes import Votes, compacted, select
from picobench.run import Run
from picobench.tablefile import read_table, write_table

if TYPE_CHECKING:
    import pandas as pd

Row = Mapping[str, Any]

_TEXTS = {
    *("study", "method", "label", "curve", "rater", "flagged", "anchor", "codec", "bound", "note"),
    *("metric", "resampled", "other", "image", "ties", "clustered_by"),
}
_INTEGERS = {
    *("images", "methods", "points_anchor", "points_codec", "votes_read", "votes_set_aside"),
    *("raters", "raters_tested", "raters_flagged", "draws", "degrees_of_freedom"),
}


def write_rated(run: Run) -> None:
    """Write the tables of the studies of a run, `TABLES`.

    Raises:
        RatingsError: The votes of a study cannot be used.
        StorageError: The scores are missing or damaged, or there is no space.
    """
    import pandas as pd

    found: dict[str, list[Row]] = {table: [] for table in TABLES}
    scores = read_table(layout.table_file(run.name, "scores"))
    for definition in run.studies.values():
        votes = definition.votes()
        study = analyse_study(votes, definition.prior, run.bd_rate.seed)
        images = analyse_images(votes, definition.prior, run.bd_rate.seed) if votes.images else []
        rows: dict[str, Iterator[Row]] = {
            "studies": _named(STUDY_COLUMNS, [study_row(study, definition.methods)]),
            "elo": _named(METHOD_COLUMNS, method_rows(study, definition.methods)),
            "elo_differences": _named(DIFFERENCE_COLUMNS, difference_rows(study)),
            "elo_images": _named(IMAGE_COLUMNS, image_rows(images)),
            "raters": _named(RATER_COLUMNS, rater_rows(study)),
            "perceptual_bd_rate": _bd_rates(definition, study),
            "agreement": _agreements(run, definition, votes, scores),
        }
        for table, made in rows.items():
            found[table] += [{"study": definition.id, **row} for row in made]
    for table, columns in TABLES.items():
        integers = _INTEGERS | ({"votes"} if table != "agreement" else set())
        frame = pd.DataFrame(found[table], columns=list(columns))
        texts = dict.fromkeys(_TEXTS & set(columns), "")
        types = {name: "Int64" if name in integers else "float64" for name in columns if name not in texts}
        write_table(layout.table_file(run.name, table), frame.astype(types).fillna(texts))


def _named(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[Row]:
    return (dict(zip(columns, row, strict=True)) for row in rows)


def _bd_rates(definition: StudyDefinition, study: Study) -> Iterator[Row]:
    """Every curve against every other."""
    curves = rated_curves(dict(definition.methods))
    draws = thinned(study.draws, DRAWS)
    for anchor in curves:
        for rate in perceptual_bd_rates(
            study.fit, draws, curves, anchor, minimum_points=definition.minimum_points
        ):
            yield {
                "anchor": anchor,
                "codec": rate.test,
                "bd_rate_percent": rate.percent,
                "ci_low": rate.low,
                "ci_high": rate.high,
                "overlap": rate.overlap,
                "bound_percent": rate.bound_percent,
                "bound": rate.bound_words,
                "points_anchor": len(curves[anchor].bpp),
                "points_codec": len(curves[rate.test].bpp),
                "note": _note(rate),
            }


def _note(rate: PerceptualBdRate) -> str:
    reason = f"n/a: {rate.reason}" if rate.percent is None else rate.reason
    return "; ".join(filter(None, [reason, rate.note]))


def _agreements(run: Run, definition: StudyDefinition, votes: Votes, scores: "pd.DataFrame") -> Iterator[Row]:
    """Every metric against the votes, over the methods and images that the run has scores of."""
    dataset = next((name for name, one in run.datasets.items() if one.id == definition.dataset), None)
    own = scores[(scores["dataset"] == dataset) & (scores["status"] == "ok")]
    have = set(zip(own["codec"], own["point"], strict=True))
    methods = [method for method, shown in definition.shown.items() if shown in have]
    for metric, request in run.metrics.items():
        cells: dict[str, Any] = {"metric": metric, "methods": len(methods), "images": 0, "resampled": ""}
        if not request.available:
            yield cells | {"note": f"n/a: unavailable: {request.why}"}
            continue
        try:
            seen = _seen(votes, methods, definition.dataset or "that was shown")
            values = _values(seen, definition, own, metric)
            result = metric_agreement(
                metric,
                seen,
                values,
                request.definition.direction == "higher",
                prior=definition.prior,
                resamples=run.bd_rate.bootstrap_resamples,
                seed=run.bd_rate.seed,
            )
        except RatingsError as error:
            yield cells | {"note": f"n/a: {error}"}
            continue
        without = len(seen.images) - result.images
        note = f"{without} images without scores" if without else ""
        yield cells | {
            "images": result.images,
            "resampled": result.resampled,
            "note": note,
            **{
                f"{name}{end}": value
                for name in AGREEMENTS
                for end, value in _ends(getattr(result, name)).items()
            },
        }


def _seen(votes: Votes, methods: Sequence[str], dataset: str) -> Votes:
    """The votes between methods that the run has scores of."""
    if len(methods) < MIN_METHODS:
        raise RatingsError(
            f"the run has scores of {len(methods)} methods of the study on the dataset {dataset}, and agreement needs "
            f"{MIN_METHODS}; give the definition of the study codec and point of its methods, and the run those codecs"
        )
    if not votes.images:
        raise RatingsError("the votes do not say which image was shown; add the column image")
    index = [votes.methods.index(method) for method in methods]
    chosen = np.isin(votes.first, index) & np.isin(votes.second, index)
    if not chosen.any():
        raise RatingsError("no vote is between methods that the run has scores of")
    return compacted(select(votes, chosen))


def _values(
    votes: Votes, definition: StudyDefinition, scores: "pd.DataFrame", metric: str
) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """Scores of shape (images, methods), NaN where the run has none."""
    names = _image_names(votes.images, [str(name) for name in scores["image"].unique()])
    known = dict(
        zip(zip(scores["codec"], scores["point"], scores["image"], strict=True), scores[metric], strict=True)
    )
    return np.array(
        [
            [known.get((*definition.shown[method], names.get(image, "")), np.nan) for method in votes.methods]
            for image in votes.images
        ],
        dtype=np.float64,
    )


def _image_names(voted: Sequence[str], known: Sequence[str]) -> dict[str, str]:
    """What the run calls the images of the votes: file names differ by their ending only, or they are not matched."""
    stems = Counter(name.rpartition(".")[0] or name for name in voted)
    names = {}
    for name in voted:
        stem = name.rpartition(".")[0] or name
        match = name if name in known else stem
        if match in known and stems[stem] == 1:
            names[name] = match
    return names


def _ends(estimate: Estimate) -> dict[str, float | None]:
    return {"": estimate.value, "_low": estimate.low, "_high": estimate.high}
