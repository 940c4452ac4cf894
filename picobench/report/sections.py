# SPDX-License-Identifier: BSD-3-Clause
"""The tables of the pages, as rows of cells. Shared by the pages that `views` arranges."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from picobench.report.cells import (
    Cell,
    Footnotes,
    bd_rate_cell,
    image_bd_rate_cell,
    metric_cell,
    metric_decimals,
    number_cell,
    percent_cell,
    share,
    unavailable,
)
from picobench.report.records import (
    BdRate,
    Codec,
    Dataset,
    Evidence,
    Failure,
    ImageBdRate,
    MeanPoint,
    Metric,
    Run,
    Score,
)

PER_IMAGE_MEAN = "per-image mean"
MEAN_CURVE = "mean curve"

NumberedFailure = tuple[int, Failure]
"""A failure with its number on the page of failures."""


@dataclass(frozen=True)
class Matrix:
    """BD-rates: a row per codec, a cell per available metric. `method` is the interpolation."""

    rows: tuple[tuple[Codec, tuple[Cell, ...]], ...]
    footnotes: Footnotes
    method: str


@dataclass(frozen=True)
class RateRow:
    """One line of `bd_rate.csv`."""

    codec: Codec
    anchor: Codec
    metric: Metric
    method: str
    aggregation: str
    percent: Cell
    low: Cell
    high: Cell
    overlap: str
    images: str
    complete: bool


@dataclass(frozen=True)
class MeanRow:
    """An operating point averaged over a dataset."""

    codec: Codec
    point: str
    bpp: Cell
    cells: tuple[Cell, ...]
    pooled: tuple[Cell, ...]
    images: str
    complete: bool
    notes: tuple[int, ...]


@dataclass(frozen=True)
class ScoreRow:
    """An operating point on one image with its evidence; a failed one has a reason, not numbers."""

    codec: Codec
    point: str
    version: str
    failed: bool
    failure: NumberedFailure | None
    size_bytes: Cell
    bpp: Cell
    cells: tuple[Cell, ...]
    encode_seconds: Cell
    decode_seconds: Cell
    evidence: Evidence | None


_CodecRow = TypeVar("_CodecRow", MeanRow, ScoreRow)


def by_codec(rows: Iterable[_CodecRow]) -> list[tuple[Codec, list[_CodecRow]]]:
    """Rows below the codec that they belong to, in the order in which codecs appear."""
    groups: dict[str, list[_CodecRow]] = {}
    for row in rows:
        groups.setdefault(row.codec.id, []).append(row)
    return [(group[0].codec, group) for group in groups.values()]


def headline_rates(run: Run, dataset: Dataset) -> Matrix:
    """Means of the per-image BD-rates of a dataset against the anchor of the run."""
    rates = [
        rate
        for rate in run.bd_rates
        if (rate.dataset, rate.anchor) == (dataset.id, run.anchor)
        and rate.aggregation == _headline_aggregation(run, rate)
    ]
    method = _first_method(rates)
    found = {(rate.codec, rate.metric): rate for rate in rates if rate.method == method}
    footnotes = Footnotes(f"bd-{dataset.id}")
    shown = {mean.codec for mean in run.means if mean.dataset == dataset.id}
    rows = _matrix(run, shown, lambda codec, metric: bd_rate_cell(found.get((codec, metric)), footnotes))
    return Matrix(rows, footnotes, method)


def _headline_aggregation(run: Run, rate: BdRate) -> str:
    """Of a published curve there is nothing but the mean curve."""
    curves = "published curve" in {run.codecs[rate.codec].trust, run.codecs[rate.anchor].trust}
    return MEAN_CURVE if curves else PER_IMAGE_MEAN


def image_rates(run: Run, rates: Sequence[ImageBdRate]) -> Matrix:
    """BD-rates on one image, of which `rates` are the lines, against the anchor of the run."""
    method = _first_method(rates)
    found = {
        (rate.codec, rate.metric): rate
        for rate in rates
        if (rate.anchor, rate.method) == (run.anchor, method)
    }
    footnotes = Footnotes("bd-image")
    compared = {rate.codec for rate in rates}
    rows = _matrix(
        run, compared, lambda codec, metric: image_bd_rate_cell(found.get((codec, metric)), footnotes)
    )
    return Matrix(rows, footnotes, method)


def _first_method(rates: Sequence[BdRate] | Sequence[ImageBdRate]) -> str:
    """The interpolation that the configuration names first: tables keep its order."""
    return rates[0].method if rates else ""


def _matrix(
    run: Run, shown: Collection[str], cell: Callable[[str, str], Cell]
) -> tuple[tuple[Codec, tuple[Cell, ...]], ...]:
    return tuple(
        (codec, tuple(cell(codec.id, metric.id) for metric in run.available_metrics))
        for codec in run.codecs.values()
        if codec.id != run.anchor and codec.id in shown
    )


def all_rates(run: Run, rates: Iterable[BdRate], footnotes: Footnotes) -> list[RateRow]:
    """Lines of `bd_rate.csv` in the order of the run: all anchors, methods and aggregations in `rates`."""
    codecs, metrics = list(run.codecs), list(run.metrics)
    rows = []
    for rate in sorted(rates, key=lambda rate: (metrics.index(rate.metric), codecs.index(rate.codec))):
        metric = run.metrics[rate.metric]
        note = rate.note if metric.available else unavailable(metric)
        missing = "" if rate.percent is not None else note or "no reason recorded"
        rows.append(
            RateRow(
                codec=run.codecs[rate.codec],
                anchor=run.codecs[rate.anchor],
                metric=metric,
                method=rate.method,
                aggregation=rate.aggregation,
                percent=percent_cell(rate.percent, missing, footnotes.add(note or missing)),
                low=percent_cell(rate.low, note or "no interval was computed"),
                high=percent_cell(rate.high, note or "no interval was computed"),
                overlap="n/a" if rate.overlap is None else share(rate.overlap),
                images=f"{rate.images_used} of {rate.images_total}",
                complete=rate.images_used == rate.images_total,
            )
        )
    return rows


def mean_rows(run: Run, means: Sequence[MeanPoint], footnotes: Footnotes) -> list[MeanRow]:
    """RD points of a dataset, by codec and rising rate."""
    decimals = metric_decimals(run.metrics.values(), (point.values for point in means))
    order = {codec: index for index, codec in enumerate(run.codecs)}
    unknown_rate = float("inf")
    ordered = sorted(
        means,
        key=lambda mean: (order[mean.codec], unknown_rate if mean.bpp is None else mean.bpp, mean.point),
    )
    return [
        MeanRow(
            codec=run.codecs[mean.codec],
            point=mean.point,
            bpp=number_cell(mean.bpp, 4, mean.note),
            cells=_metric_cells(run, mean.values, decimals, {}, mean.note),
            pooled=tuple(
                number_cell(mean.of_mean_mse.get(metric.id), 2, mean.note) for metric in run.pooled_metrics
            ),
            images=f"{mean.images_used} of {mean.images_total}",
            complete=mean.complete,
            notes=footnotes.add(mean.note),
        )
        for mean in ordered
    ]


def score_rows(
    run: Run,
    scores: Sequence[Score],
    failures: Mapping[tuple[str, ...], Sequence[NumberedFailure]],
    decimals: Mapping[str, int],
) -> list[ScoreRow]:
    """Operating points on one image, in the order of the table."""
    rows = []
    for score in scores:
        key = (score.codec, score.dataset, score.image, score.point)
        why = {failure.metric: (index, failure) for index, failure in failures.get(key, ())}
        reasons = {metric: failure.reason for metric, (_, failure) in why.items()}
        evidence = run.evidence.get(key)
        rows.append(
            ScoreRow(
                codec=run.codecs[score.codec],
                point=score.point,
                version=score.version,
                failed=not score.ok,
                failure=None if score.ok else why.get(""),
                size_bytes=number_cell(score.size_bytes, 0),
                bpp=number_cell(score.bpp, 4),
                cells=_metric_cells(run, score.values, decimals, reasons, ""),
                encode_seconds=_seconds_cell(evidence.encode_seconds if evidence else None),
                decode_seconds=_seconds_cell(evidence.decode_seconds if evidence else None),
                evidence=evidence,
            )
        )
    return rows


def _metric_cells(
    run: Run,
    values: Mapping[str, float],
    decimals: Mapping[str, int],
    reasons: Mapping[str, str],
    note: str,
) -> tuple[Cell, ...]:
    return tuple(
        metric_cell(metric, values, decimals[metric.id], reasons.get(metric.id, note))
        for metric in run.metrics.values()
    )


def _seconds_cell(value: float | None) -> Cell:
    return number_cell(value, 3, "not measured")
