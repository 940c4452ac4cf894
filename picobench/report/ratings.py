# SPDX-License-Identifier: BSD-3-Clause
"""What people said of the methods of a study, for the page of human ratings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from picobench.report.cells import Cell, number, number_cell, percent_cell, signed, slug
from picobench.report.plots import Plot, log_rate_axis, svg_bytes
from picobench.report.records import Metric, Run, Study
from picobench.report.rows import Row, read_rows

_WIDTH_INCHES, _HEIGHT_INCHES = 6.2, 3.9


@dataclass(frozen=True)
class RatedMethod:
    """One method of a study: its name, curve, rate, number of votes, Elo with both intervals, and score."""

    label: str
    curve: str
    bpp: Cell
    votes: int
    elo: Cell
    independent: str
    score: Cell
    above_next: Cell


@dataclass(frozen=True)
class RatedStudy:
    """A study as the page shows it.

    Attributes:
        votes: Votes that were used.
        methods: Best first.
        rates: Curves with their BD-rate at equal Elo against the study's anchor, with bound and remark.
        raters: How many raters there are.
        flagged: Raters that agree with the others less than chance allows, with agreement and p-value.
        agreement: Metrics with their agreement with the votes, or why there is none.
        plot: Elo against rate; None where no method has a rate.
    """

    study: Study
    votes: int
    methods: tuple[RatedMethod, ...]
    rates: tuple[tuple[str, Cell, str], ...]
    raters: int
    flagged: tuple[Mapping[str, Any], ...]
    agreement: tuple[tuple[Metric, tuple[Cell, ...], str], ...]
    plot: Plot | None


def studies(run: Run) -> list[RatedStudy]:
    """The studies of a run.

    Raises:
        StorageError: A table is missing or damaged.
    """
    return [_study(run, study) for study in run.studies.values()]


def _study(run: Run, study: Study) -> RatedStudy:
    methods = _rows(run, study, "elo")
    raters = _rows(run, study, "raters")
    return RatedStudy(
        study=study,
        votes=sum(row.count("votes") for row in methods) // 2,
        methods=tuple(map(_method, methods)),
        rates=tuple(
            (row.text("codec"), _rate(row), row.text("note"))
            for row in _rows(run, study, "perceptual_bd_rate")
            if row.text("anchor") == study.anchor
        ),
        raters=len(raters),
        flagged=tuple(_flagged(row) for row in raters if row.text("flagged") == "yes"),
        agreement=tuple(
            (run.metrics[row.text("metric")], tuple(_agreement(row)), row.text("note"))
            for row in _rows(run, study, "agreement")
        ),
        plot=_plot(study, methods),
    )


def _method(row: Row) -> RatedMethod:
    low, high = row.number("clustered_low"), row.number("clustered_high")
    interval = "no interval over raters and images" if low is None or high is None else _span(low, high, 0)
    elo = row.number("elo")
    return RatedMethod(
        label=row.text("label") or row.text("method"),
        curve=row.text("curve"),
        bpp=number_cell(row.number("bpp"), 3, "the study gives no rate"),
        votes=row.count("votes"),
        elo=Cell(signed(elo or 0.0, 0), key=repr(elo), details=(interval,)),
        independent=_span(row.number("elo_low") or 0.0, row.number("elo_high") or 0.0, 0),
        score=number_cell(row.number("score"), 3),
        above_next=number_cell(row.number("probability_above_next"), 3, "the last in order"),
    )


def _rate(row: Row) -> Cell:
    percent, low, high = (row.number(name) for name in ("bd_rate_percent", "ci_low", "ci_high"))
    bound = row.number("bound_percent")
    if percent is None:
        details = () if bound is None else (f"{row.text('bound')} {signed(bound, 1)}",)
        return Cell("n/a", "missing", row.text("note"), details=details)
    if low is None or high is None:
        return percent_cell(percent, "")
    kind = "saves" if high < 0 else "costs" if low > 0 else ""
    return Cell(signed(percent, 1), kind, key=repr(percent), details=(_span(low, high, 1),))


def _span(low: float, high: float, decimals: int) -> str:
    return f"[{signed(low, decimals)}, {signed(high, decimals)}]"


def _flagged(row: Row) -> Mapping[str, Any]:
    return {
        "rater": row.text("rater"),
        "votes": row.count("votes"),
        "agreement": number_cell(row.number("agreement"), 2),
        "expected": number_cell(row.number("expected_agreement"), 2),
        "p": number_cell(row.number("p_value"), 4),
    }


def _agreement(row: Row) -> Iterator[Cell]:
    for name in ("spearman", "kendall", "pairs", "votes", "ceiling"):
        value, low, high = (row.number(f"{name}{end}") for end in ("", "_low", "_high"))
        if value is None:
            yield number_cell(None, 2, row.text("note"))
        else:
            span = () if low is None or high is None else (f"[{number(low, 2)}, {number(high, 2)}]",)
            yield Cell(number(value, 2), key=repr(value), details=span)


def _plot(study: Study, methods: Sequence[Row]) -> Plot | None:
    """Elo with its wider interval against rate, a line for each curve."""
    from matplotlib.figure import Figure

    curves: dict[str, list[tuple[float, float, float, float]]] = {}
    for row in methods:
        bpp, elo = row.number("bpp"), row.number("elo")
        if bpp is not None and elo is not None:
            ends = [row.number("clustered_low"), row.number("clustered_high")]
            if None in ends:
                ends = [row.number("elo_low"), row.number("elo_high")]
            low, high = (elo if end is None else end for end in ends)
            name = row.text("curve") or row.text("label") or row.text("method")
            curves.setdefault(name, []).append((bpp, elo, elo - low, high - elo))
    if not curves:
        return None
    figure = Figure(figsize=(_WIDTH_INCHES, _HEIGHT_INCHES), layout="constrained")
    axes = figure.add_subplot()
    for points in curves.values():
        rates, values, below, above = zip(*sorted(points), strict=True)
        axes.errorbar(rates, values, (below, above), marker="o", capsize=3)
    log_rate_axis(axes)
    axes.set_ylabel("Elo  (higher is better)")
    # As in the other plots: a label with a leading underscore would be left out if it were given at once.
    legend = axes.legend([str(index) for index in range(len(curves))])
    for text, name in zip(legend.get_texts(), curves, strict=True):
        text.set_text(name[:40])
    title = f"Elo against rate, {study.label}"
    alt = f"{title}: {', '.join(curves)}. The numbers are in the table of this study."
    size = (round(96 * _WIDTH_INCHES), round(96 * _HEIGHT_INCHES))
    path = f"plots/study-{slug(study.id)}.svg"
    return Plot(path, svg_bytes(figure, title), "Elo", "higher is better", alt, *size)


def _rows(run: Run, study: Study, table: str) -> list[Row]:
    path: Path = run.folder / "tables" / f"{table}.csv"
    known = {"metric": run.metrics, "study": run.studies}
    return [row for row in read_rows(path, known) if row.text("study") == study.id]
