# SPDX-License-Identifier: BSD-3-Clause
"""Numbers with intervals, statements with three truth values, and why there is none.

Arithmetic on intervals is the hull over all combinations of ends. Where the same estimate enters twice, or
two independent ones do, the result is wider than it need be: it never claims more than the tables carry.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass


class Missing(Exception):  # noqa: N818  not an error of anybody: a fact about the run
    """What a claim needs is not there; the message says what."""


@dataclass(frozen=True)
class Quantity:
    """A number, an estimate with its interval, or a range.

    Attributes:
        value: Best estimate; None for a range that has none.
        interval: Both ends, which may be infinite and are equal for an exact number; None if not known.
    """

    value: float | None
    interval: tuple[float, float] | None

    @property
    def ends(self) -> tuple[float, float]:
        """Both ends of the interval; an infinite one on either side where it is not known."""
        return self.interval or (-math.inf, math.inf)

    def __str__(self) -> str:
        if self.value is None and self.interval is not None:
            return between(*self.interval)
        text = shown(self.value) if self.value is not None else "n/a"
        if self.interval is None:
            return f"{text} (no interval)"
        low, high = self.interval
        return text if low == high else f"{text} [{shown(low)}, {shown(high)}]"


@dataclass(frozen=True)
class Truth:
    """True, False, or None where intervals overlap and it cannot be told."""

    value: bool | None

    def __str__(self) -> str:
        return {True: "yes", False: "no", None: "cannot be told"}[self.value]


@dataclass(frozen=True)
class NotStated:
    """The source does not give the value; `where` is the part of it that was read."""

    where: str

    def __str__(self) -> str:
        return f"not stated in the {self.where}"


Result = Quantity | Truth | NotStated | str | frozenset[str]


def shown(number: float) -> str:
    """A number for people: six digits, no exponent where it can be avoided."""
    return f"{number:,.0f}" if number.is_integer() else f"{number:.6g}"


def between(low: float, high: float) -> str:
    """A range in words."""
    if math.isinf(high):
        return f"at least {shown(low)}"
    return f"at most {shown(high)}" if math.isinf(low) else f"{shown(low)} to {shown(high)}"


def exact(number: float) -> Quantity:
    """A number that no sample enters: a count, a literal, a figure as it stands in a table.

    Raises:
        Missing: It is not finite.
    """
    if not math.isfinite(number):
        raise Missing("the number is not finite")
    return Quantity(number, (number, number))


def combine(operation: Callable[[float, float], float], a: Quantity, b: Quantity) -> Quantity:
    """Apply `operation` (monotone in each argument) to two quantities.

    Raises:
        Missing: The result is not a number.
    """
    value = None
    if a.value is not None and b.value is not None:
        value = _apply(operation, a.value, b.value)
    if a.interval is None or b.interval is None:
        return Quantity(value, None)
    corners = [_apply(operation, left, right) for left in a.interval for right in b.interval]
    return Quantity(value, (min(corners), max(corners)))


def divide(a: Quantity, b: Quantity) -> Quantity:
    """`a` divided by `b`.

    Raises:
        Missing: The divisor can be zero.
    """
    low, high = b.interval or (b.value or 0.0, b.value or 0.0)
    if low <= 0 <= high:
        raise Missing("the divisor can be zero")
    return combine(lambda x, y: x / y, a, b)


def extreme(quantities: list[Quantity], *, largest: bool) -> Quantity:
    """The smallest or the largest of some quantities, end by end."""
    choose = max if largest else min
    values = [q.value for q in quantities if q.value is not None]
    intervals = [q.interval for q in quantities if q.interval is not None]
    value = choose(values) if len(values) == len(quantities) else None
    if len(intervals) < len(quantities):
        return Quantity(value, None)
    return Quantity(value, (choose(low for low, _ in intervals), choose(high for _, high in intervals)))


def less(a: Quantity, b: Quantity, *, or_equal: bool) -> Truth:
    """Whether `a` is less than `b`: only if all of one interval is on one side of all of the other."""
    if a.interval is None or b.interval is None:
        return Truth(None)
    (a_low, a_high), (b_low, b_high) = a.interval, b.interval
    if a_high < b_low or (or_equal and a_high <= b_low):
        return Truth(True)
    if a_low > b_high or (not or_equal and a_low >= b_high):
        return Truth(False)
    return Truth(None)


def overlaps(a: Quantity, b: Quantity) -> Truth:
    """Whether two quantities can be equal."""
    if a.interval is None or b.interval is None:
        return Truth(None)
    return Truth(a.interval[0] <= b.interval[1] and b.interval[0] <= a.interval[1])


def _apply(operation: Callable[[float, float], float], a: float, b: float) -> float:
    try:
        result = operation(a, b)
    except OverflowError:
        result = math.inf
    if math.isnan(result):
        raise Missing("the result is not a number")
    return result
