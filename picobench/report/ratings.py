# SPDX-License-Identifier: BSD-3-Clause
"""What people said of the methods of a study, for the page of human ratings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from picobench.errors import StorageError
from picobench.ratings.raters import summary
from picobench.report.cells import Cell, number, number_cell, percent_cell, plural, signed, slug
from picobench.report.plots import Plot, log_rate_axis, svg_bytes
from picobench.report.records import Metric, Run, Study
from picobench.report.rows import REMEDY, Row, read_rows

# A matrix of more methods is wider than a page.
_MATRIX_METHODS = 16
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
class Differences:
    """Every method minus every method below it.

    Attributes:
        columns: Labels of all methods but the best.
        rows: Labels of all methods but the worst, with a cell for each column; None left of the diagonal.
        apart: Pairs whose 95 % interval does not hold zero.
        pairs: All pairs.
        clustered: Whether the intervals allow for raters and images.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell | None, ...]], ...]
    apart: int
    pairs: int
    clustered: bool


@dataclass(frozen=True)
class RatedStudy:
    """A study as the page shows it.

    Attributes:
        votes: Votes that were used.
        read: Votes that were read.
        raters: How many raters there are; 0 if the votes do not say.
        images: How many images there are; 0 if the votes do not say.
        method: Prior and intervals, in words.
        warnings: What the reader must be warned of; may be empty.
        methods: Best first.
        differences: Every two methods compared.
        images_rated: Images with scores of their own, in the table of images.
        rates: Curves with their BD-rate at equal Elo against the study's anchor, with bound and remark.
        rater_summary: How many raters were tested and flagged, in words.
        rater_rows: Every rater who was compared with the others: votes, agreement and what came of it.
        agreement: Metrics with their agreement with the votes, or why there is none.
        plot: Elo against rate; None where no method has a rate.
    """

    study: Study
    votes: int
    read: int
    raters: int
    images: int
    method: str
    warnings: str
    methods: tuple[RatedMethod, ...]
    differences: Differences
    images_rated: int
    rates: tuple[tuple[str, Cell, str], ...]
    rater_summary: str
    rater_rows: tuple[Mapping[str, Any], ...]
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
    facts = next(iter(_rows(run, study, "studies")), None)
    if facts is None:
        raise StorageError(f"{run.folder / 'tables' / 'studies.csv'}: no row of {study.id!r}; {REMEDY}")
    return RatedStudy(
        study=study,
        votes=facts.count("votes"),
        read=facts.count("votes_read"),
        raters=facts.count("raters"),
        images=facts.count("images"),
        method=_words(facts),
        warnings=facts.text("note"),
        methods=tuple(map(_method, methods)),
        differences=_differences(methods, _rows(run, study, "elo_differences")),
        images_rated=len({row.text("image") for row in _rows(run, study, "elo_images")}),
        rates=tuple(
            (row.text("codec"), _rate(row), row.text("note"))
            for row in _rows(run, study, "perceptual_bd_rate")
            if row.text("anchor") == study.anchor
        ),
        rater_summary=summary([row.text("flagged") for row in raters]),
        rater_rows=tuple(map(_rater, raters)),
        agreement=tuple(
            (run.metrics[row.text("metric")], tuple(_agreement(row)), row.text("note"))
            for row in _rows(run, study, "agreement")
        ),
        plot=_plot(study, methods),
    )


def _words(facts: Row) -> str:
    """Prior, intervals and their error."""
    sd, sd_elo, error = (facts.number(name) or 0.0 for name in ("prior_sd", "prior_sd_elo", "interval_error"))
    ties = ", with Davidson’s ties" if facts.text("ties") == "yes" else ""
    clusters = facts.text("clustered_by").replace(", ", " and ")
    wide = (
        f"; those that allow for {clusters} are of the same draws, stretched (sandwich covariance, Student’s t with "
        f"{plural(facts.count('degrees_of_freedom'), 'degree')} of freedom)"
        if clusters
        else ""
    )
    return (
        f"Model: Bradley-Terry{ties}. "
        f"Prior: strengths normal with a standard deviation of {sd:g} nats, {sd_elo:.0f} Elo. "
        f"Intervals: 95 % of {facts.count('draws'):,} draws from the exact posterior{wide}. "
        f"Measured error of their ends, from drawing: up to {number(error, 1)} Elo (twice the standard error)."
    )


def _differences(methods: Sequence[Row], rows: Sequence[Row]) -> Differences:
    labels = {row.text("method"): row.text("label") or row.text("method") for row in methods}
    place = {name: k for k, name in enumerate(labels)}
    cells: dict[tuple[str, str], Cell] = {}
    apart = clustered = 0
    for row in rows:
        pair = (row.text("method"), row.text("other"))
        if not place.keys() >= set(pair):
            raise StorageError(f"{row.place}: a method that is not in the table elo; {REMEDY}")
        if place[pair[0]] > place[pair[1]]:
            continue
        ends = [row.number("clustered_low"), row.number("clustered_high")]
        clustered += None not in ends
        if None in ends:
            ends = [row.number("difference_low"), row.number("difference_high")]
        low, high = (end or 0.0 for end in ends)
        told = low > 0 or high < 0
        apart += told
        difference = row.number("elo_difference") or 0.0
        better = f"probability of being better: {_probability(row, 'probability_better').text}"
        kind = ("saves" if low > 0 else "costs") if told else "missing"
        cells[pair] = Cell(
            signed(difference, 0), kind, better, key=repr(difference), details=(_span(low, high, 0),)
        )
    names = list(labels) if len(labels) <= _MATRIX_METHODS else []
    return Differences(
        tuple(labels[name] for name in names[1:]),
        tuple((labels[one], tuple(cells.get((one, two)) for two in names[1:])) for one in names[:-1]),
        apart,
        len(cells),
        clustered > 0,
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
        above_next=_probability(row, "probability_above_next"),
    )


def _probability(row: Row, column: str) -> Cell:
    value = row.number(column)
    if value is None or 0.001 <= value <= 0.999:
        return number_cell(value, 3, "the last in order")
    return Cell(">0.999" if value > 0.5 else "<0.001", key=repr(value))


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


def _rater(row: Row) -> Mapping[str, Any]:
    verdict = row.text("flagged")
    return {
        "rater": row.text("rater"),
        "votes": row.count("votes"),
        "images": row.count("images"),
        "agreement": number_cell(row.number("agreement"), 2, "no vote without a tie"),
        "expected": number_cell(row.number("expected_agreement"), 2, "no vote without a tie"),
        "p": number_cell(row.number("p_value"), 3, verdict),
        "flagged": verdict == "yes",
        "verdict": {"yes": "flagged", "no": "not flagged"}.get(verdict, f"not tested: {verdict}"),
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
