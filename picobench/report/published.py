# SPDX-License-Identifier: BSD-3-Clause
"""The page of published evidence: what was not decoded here, how it compares at equal rate, what is missing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from picobench.report.cells import Cell, Footnotes, number_cell, percent_cell, signed
from picobench.report.records import Codec, Dataset, Metric, Run, Score
from picobench.report.rows import Row, read_rows

CURVE = "published curve"


@dataclass(frozen=True)
class Pair:
    """A line of `paired.csv`: a codec against the base, at nearly equal rate."""

    dataset: str
    metric: str
    base: str
    base_point: str
    codec: str
    difference: float | None
    low: float | None
    high: float | None
    codec_better: int
    rate: float | None
    rate_low: float | None
    rate_high: float | None
    images_used: int
    images_total: int
    note: str


@dataclass(frozen=True)
class PairRow:
    """A codec in the table of a dataset, with a cell for each available metric."""

    codec: Codec
    point: str
    rate: Cell
    images: str
    complete: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class PairTable:
    """The comparisons on one dataset."""

    dataset: Dataset
    base: Codec
    rows: tuple[PairRow, ...]
    footnotes: Footnotes

    @property
    def several_points(self) -> bool:
        """Whether the base has more than one operating point here."""
        return len({row.point for row in self.rows}) > 1


@dataclass(frozen=True)
class Missing:
    """A picture that a codec of published pictures has not, or that was refused."""

    codec: Codec
    dataset: Dataset
    image: str
    point: str
    state: str
    reason: str


def read_pairs(run_folder: Path, known: Mapping[str, Mapping[str, object]]) -> tuple[Pair, ...]:
    """The lines of `paired.csv`; none where a run has no such table.

    Raises:
        StorageError: The table is damaged, or names something that is not in `run.json`.
    """
    path = run_folder / "tables" / "paired.csv"
    return tuple(map(_pair, read_rows(path, known))) if path.exists() else ()


def _pair(row: Row) -> Pair:
    return Pair(
        dataset=row.text("dataset"),
        metric=row.text("metric"),
        base=row.text("base"),
        base_point=row.text("base_point"),
        codec=row.text("codec"),
        difference=row.number("difference"),
        low=row.number("ci_low"),
        high=row.number("ci_high"),
        codec_better=row.count("codec_better"),
        rate=row.number("rate_difference_percent"),
        rate_low=row.number("rate_difference_low_percent"),
        rate_high=row.number("rate_difference_high_percent"),
        images_used=row.count("images_used"),
        images_total=row.count("images_total"),
        note=row.text("note"),
    )


def pair_tables(run: Run, pairs: Sequence[Pair]) -> list[PairTable]:
    """The comparisons at nearly equal rate, a table for each dataset that has any."""
    tables = []
    for dataset in run.datasets.values():
        own = [pair for pair in pairs if pair.dataset == dataset.id]
        if not own:
            continue
        footnotes = Footnotes(f"paired-{dataset.id}")
        found = {(pair.codec, pair.base_point, pair.metric): pair for pair in own}
        keys = sorted({key[:2] for key in found}, key=lambda key: (list(run.codecs).index(key[0]), key[1]))
        rows = tuple(
            _row(
                run,
                run.codecs[codec],
                point,
                [found.get((codec, point, m.id)) for m in run.available_metrics],
                footnotes,
            )
            for codec, point in keys
        )
        tables.append(PairTable(dataset, run.codecs[own[0].base], rows, footnotes))
    return tables


def _row(run: Run, codec: Codec, point: str, pairs: Sequence[Pair | None], footnotes: Footnotes) -> PairRow:
    widest = max((pair for pair in pairs if pair), key=lambda pair: pair.images_used)
    rate = percent_cell(widest.rate, "no pair of rates is close enough", footnotes.add(widest.note))
    if widest.rate_low is not None and widest.rate_high is not None:
        span = f"{signed(widest.rate_low, 1)} to {signed(widest.rate_high, 1)}"
        rate = Cell(rate.text, notes=rate.notes, key=rate.key, details=(span,))
    return PairRow(
        codec=codec,
        point=point,
        rate=rate,
        images=f"{widest.images_used} of {widest.images_total}",
        complete=widest.images_used == widest.images_total,
        cells=tuple(_cell(metric, pair) for metric, pair in zip(run.available_metrics, pairs, strict=True)),
    )


def _cell(metric: Metric, pair: Pair | None) -> Cell:
    if pair is None or pair.difference is None:
        return number_cell(None, 0, pair.note if pair else "not compared")
    decimals = 2 if metric.unit == "dB" else 4
    sign = 1 if metric.direction == "higher" else -1
    kind, interval = "", "no interval"
    if pair.low is not None and pair.high is not None:
        interval = f"[{signed(pair.low, decimals)}, {signed(pair.high, decimals)}]"
        low, high = sorted((sign * pair.low, sign * pair.high))
        kind = "saves" if low > 0 else "costs" if high < 0 else ""
    return Cell(
        signed(pair.difference, decimals),
        kind,
        key=repr(pair.difference),
        details=(interval, f"better on {pair.codec_better} of {pair.images_used}"),
    )


def missing_pictures(run: Run) -> Iterator[Missing]:
    """What was not published, and what was published but refused."""
    failed = {(f.codec, f.dataset, f.image, f.point): f for f in run.failures if not f.metric}
    for score in run.scores:
        codec = run.codecs[score.codec]
        if score.ok or codec.trust != "published reconstruction":
            continue
        failure = failed.get((score.codec, score.dataset, score.image, score.point))
        state, reason = ("refused", failure.reason) if failure else ("absent", _reason(run, score))
        yield Missing(
            codec,
            run.datasets[score.dataset],
            score.image,
            score.point,
            state,
            reason.removeprefix("refused: "),
        )


def _reason(run: Run, score: Score) -> str:
    evidence = run.evidence.get((score.codec, score.dataset, score.image, score.point))
    return evidence.reason if evidence else ""


def published_codecs(run: Run) -> list[Codec]:
    """Codecs and curves whose numbers are not all made here."""
    return [codec for codec in run.codecs.values() if codec.trust != "decoded"]


def curves_on(run: Run, dataset: Dataset) -> list[Codec]:
    """The published curves of a dataset."""
    shown = {mean.codec for mean in run.means if mean.dataset == dataset.id}
    return [codec for codec in run.codecs.values() if codec.trust == CURVE and codec.id in shown]
