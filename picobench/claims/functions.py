# SPDX-License-Identifier: BSD-3-Clause
"""The functions that an expression may call: a closed list."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from picobench.claims import quantity
from picobench.claims.evidence import CODEC_COLUMNS, Evidence, filter_words
from picobench.claims.quantity import Missing, Quantity, Truth, exact, extreme
from picobench.errors import DefinitionError
from picobench.report.rows import Row

CONFIDENCE = 0.95
MIN_IMAGES = 3
"""Pictures below which a mean has no interval."""


@dataclass(frozen=True)
class Rows:
    """Rows of a table and the words for them."""

    name: str
    rows: Sequence[Row]


@dataclass(frozen=True)
class Function:
    """A function of the language.

    Attributes:
        arguments: Least and largest number of positional arguments.
        keywords: Names of keyword arguments; None for the columns of a table.
        usage: How it is called, for errors and the documentation.
        literal: Positions of arguments that must be texts as they stand.
    """

    name: str
    apply: Callable[[Evidence, Sequence[Any], Mapping[str, Any]], Any]
    arguments: tuple[int, int]
    keywords: tuple[str, ...] | None
    usage: str
    literal: tuple[int, ...] = ()


def _rows(evidence: Evidence, arguments: Sequence[Any], filters: Mapping[str, Any]) -> Rows:
    table = _text(arguments[0])
    words = filter_words(filters)
    name = f"{table} with {words}" if words else table
    rows = [row for row in evidence.table(table) if evidence.fits(row, filters)]
    evidence.trace.rows[table] = evidence.trace.rows.get(table, 0) + len(rows)
    for row in rows:
        evidence.trace.codecs |= {row.cells[c] for c in CODEC_COLUMNS if row.cells.get(c)}
        evidence.trace.studies |= {row.cells["study"]} if row.cells.get("study") else set()
    return Rows(name, rows)


def _numbers(evidence: Evidence, rows: Any, column: Any) -> list[float]:
    """All cells of a column, of which none may be empty, from codecs of one trust level."""
    table, name = _table(rows), _column(rows, column)
    if not table.rows:
        raise Missing(f"no row of {table.name}")
    levels = {evidence.trust(row.cells["codec"]) for row in table.rows if "codec" in row}
    if len(levels) > 1:
        raise Missing(f"rows of {table.name} are of different trust levels: {', '.join(sorted(levels))}")
    values = [row.number(name) for row in table.rows]
    empty = [row for row, value in zip(table.rows, values, strict=True) if value is None]
    if empty:
        why = empty[0].cells.get("note") or empty[0].cells.get("reason") or "nothing in the cell"
        raise Missing(f"{len(empty)} of {len(values)} rows of {table.name} have no {name}: {why}")
    return [value for value in values if value is not None]


def _count(_: Evidence, arguments: Sequence[Any], __: Mapping[str, Any]) -> Quantity:
    return exact(float(len(_table(arguments[0]).rows)))


def _distinct(_: Evidence, arguments: Sequence[Any], __: Mapping[str, Any]) -> Quantity:
    table, column = _table(arguments[0]), _column(*arguments)
    if not table.rows:
        raise Missing(f"no row of {table.name}")
    return exact(float(len({row.text(column) for row in table.rows})))


def _total(evidence: Evidence, arguments: Sequence[Any], _: Mapping[str, Any]) -> Quantity:
    return exact(math.fsum(_numbers(evidence, *arguments)))


def _mean(evidence: Evidence, arguments: Sequence[Any], _: Mapping[str, Any]) -> Quantity:
    values = _numbers(evidence, *arguments)
    return exact(math.fsum(values) / len(values))


def _estimated_mean(evidence: Evidence, arguments: Sequence[Any], _: Mapping[str, Any]) -> Quantity:
    return _with_interval(_numbers(evidence, *arguments), 1)


def _value(evidence: Evidence, arguments: Sequence[Any], ends: Mapping[str, Any]) -> Quantity:
    table, column = _table(arguments[0]), _column(*arguments)
    if len(table.rows) > 1:
        raise Missing(f"{len(table.rows)} rows of {table.name} where one is needed; choose among them")
    number = _numbers(evidence, table, column)[0]
    if not ends:
        return exact(number)
    if set(ends) != {"low", "high"}:
        raise DefinitionError("value takes both low and high, or neither; correct the expression")
    low, high = (table.rows[0].number(_column(table, ends[end])) for end in ("low", "high"))
    note = table.rows[0].cells.get("note")
    evidence.trace.notes += [note] if note else []
    return Quantity(number, None if low is None or high is None else (low, high))


def _bd_rate(evidence: Evidence, arguments: Sequence[Any], filters: Mapping[str, Any]) -> Quantity:
    rows = _rows(evidence, arguments, filters)
    return _value(evidence, [rows, "bd_rate_percent"], {"low": "ci_low", "high": "ci_high"})


def _cell(_: Evidence, arguments: Sequence[Any], __: Mapping[str, Any]) -> str:
    table, column = _table(arguments[0]), _column(*arguments)
    found = {row.text(column) for row in table.rows}
    if len(found) != 1:
        raise Missing(
            f"{len(found)} different values of {column} in rows of {table.name} where one is needed"
        )
    return found.pop()


def _extreme(*, largest: bool) -> Callable[[Evidence, Sequence[Any], Mapping[str, Any]], Quantity]:
    def apply(evidence: Evidence, arguments: Sequence[Any], _: Mapping[str, Any]) -> Quantity:
        if isinstance(arguments[0], Rows) and len(arguments) == 2:
            return exact((max if largest else min)(_numbers(evidence, *arguments)))
        return extreme([_quantity(argument) for argument in arguments], largest=largest)

    return apply


def _paired(*, ratio: bool) -> Callable[[Evidence, Sequence[Any], Mapping[str, Any]], Quantity]:
    def apply(evidence: Evidence, arguments: Sequence[Any], options: Mapping[str, Any]) -> Quantity:
        a, b = (_by_picture(_table(rows), _column(rows, arguments[2])) for rows in arguments[:2])
        shared = sorted(a.keys() & b.keys())
        if not shared:
            raise Missing(f"no picture is in both {arguments[0].name} and {arguments[1].name}")
        alone = len(a.keys() ^ b.keys())
        evidence.trace.notes.append(
            f"paired on {len(shared)} pictures" + (f", {alone} in one side only" if alone else "")
        )
        comparisons = options.get("comparisons", 1)
        if not isinstance(comparisons, int) or not 1 <= comparisons <= 100:
            raise DefinitionError("comparisons is a whole number from 1 to 100; correct the expression")
        if not ratio:
            return _with_interval([a[key] - b[key] for key in shared], comparisons)
        if any(a[key] <= 0 or b[key] <= 0 for key in shared):
            raise Missing(f"a ratio needs positive numbers, and {arguments[2]} has others")
        logs = _with_interval([math.log(a[key] / b[key]) for key in shared], comparisons)
        ends = logs.interval
        return Quantity(
            math.exp(logs.value or 0.0), None if ends is None else (math.exp(ends[0]), math.exp(ends[1]))
        )

    return apply


def _by_picture(table: Rows, column: str) -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], float] = {}
    for row in table.rows:
        number, key = row.number(column), (row.text("dataset"), row.text("image"))
        if number is None:
            continue
        if key in found:
            raise Missing(f"more than one row of {table.name} for the picture {key[1]}; choose among them")
        if not math.isfinite(number):
            raise Missing(f"{column} of {key[1]} in {table.name} is infinite")
        found[key] = number
    return found


def _with_interval(values: Sequence[float], comparisons: int) -> Quantity:
    """Mean with Student's interval; with Bonferroni's correction where one of several is looked at."""
    import statistics

    mean = math.fsum(values) / len(values)
    if not math.isfinite(mean):
        raise Missing("one of the numbers is infinite")
    if len(values) < MIN_IMAGES:
        return Quantity(mean, None)
    from scipy.special import stdtrit

    tail = (1 - CONFIDENCE) / (2 * comparisons)
    half = float(stdtrit(len(values) - 1, 1 - tail)) * statistics.stdev(values) / math.sqrt(len(values))
    return Quantity(mean, (mean - half, mean + half))


def _overlaps(_: Evidence, arguments: Sequence[Any], __: Mapping[str, Any]) -> Truth:
    return quantity.overlaps(*map(_quantity, arguments))


def _claim(_: Evidence, __: Sequence[Any], ___: Mapping[str, Any]) -> Any:
    raise AssertionError("the values of claims are no evidence; the evaluator looks them up")


def _table(value: Any) -> Rows:
    if isinstance(value, Rows):
        return value
    raise DefinitionError("a function was given something else than rows(...); correct the expression")


def _column(rows: Any, name: Any) -> str:
    """The name of a column that the rows have."""
    table, column = _table(rows), _text(name)
    if table.rows and column not in table.rows[0]:
        raise Missing(f"{table.name.partition(' ')[0]} has no column {column}")
    return column


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise DefinitionError("a function was given something else than a name; correct the expression")


def _quantity(value: Any) -> Quantity:
    if isinstance(value, Quantity):
        return value
    raise DefinitionError("a function was given something else than a number; correct the expression")


_PAIR = "(rows, rows, column, comparisons=N)"
FUNCTIONS: Mapping[str, Function] = {
    function.name: function
    for function in (
        Function("rows", _rows, (1, 1), None, "rows(table, column=value, ...)", (0,)),
        Function("count", _count, (1, 1), (), "count(rows)"),
        Function("distinct", _distinct, (2, 2), (), "distinct(rows, column)"),
        Function("total", _total, (2, 2), (), "total(rows, column)"),
        Function("mean", _mean, (2, 2), (), "mean(rows, column)"),
        Function("estimated_mean", _estimated_mean, (2, 2), (), "estimated_mean(rows, column)"),
        Function("value", _value, (2, 2), ("low", "high"), "value(rows, column, low=column, high=column)"),
        Function("cell", _cell, (2, 2), (), "cell(rows, column)"),
        Function("bd_rate", _bd_rate, (1, 1), None, "bd_rate(table, column=value, ...)", (0,)),
        Function("smallest", _extreme(largest=False), (2, 20), (), "smallest(rows, column) or of numbers"),
        Function("largest", _extreme(largest=True), (2, 20), (), "largest(rows, column) or of numbers"),
        Function(
            "paired_difference", _paired(ratio=False), (3, 3), ("comparisons",), f"paired_difference{_PAIR}"
        ),
        Function("paired_ratio", _paired(ratio=True), (3, 3), ("comparisons",), f"paired_ratio{_PAIR}"),
        Function("overlaps", _overlaps, (2, 2), (), "overlaps(number, number)"),
        Function("claim", _claim, (1, 1), (), "claim(id)", (0,)),
    )
}
"""By name. A function gets the evidence, its evaluated arguments and its keywords."""
