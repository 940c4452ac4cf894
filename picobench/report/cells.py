# SPDX-License-Identifier: BSD-3-Clause
"""How numbers, missing numbers, names and addresses are put into words. No HTML here: templates escape."""

import math
import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from picobench.files import content_key
from picobench.report.records import BdRate, ImageBdRate, Metric

MINUS = "\u2212"
NARROW_SPACE = "\u202f"


@dataclass(frozen=True)
class Cell:
    """A table cell.

    Attributes:
        text: What is printed.
        kind: CSS class: `missing`, `failed`, `saves`, `costs` or nothing.
        title: Longer text shown on hover.
        notes: Numbers of the footnotes below the table.
        key: What the cell is sorted by; empty sorts last.
        details: Smaller lines below the text.
        incomplete: How many images carry the number, where that is not all of them.
    """

    text: str
    kind: str = ""
    title: str = ""
    notes: tuple[int, ...] = ()
    key: str = ""
    details: tuple[str, ...] = ()
    incomplete: str = ""


@dataclass
class Footnotes:
    """The footnotes of one table; equal texts share a number."""

    prefix: str
    texts: list[str] = field(default_factory=list)

    def add(self, text: str) -> tuple[int, ...]:
        """Return the number of the footnote `text`; nothing for an empty text."""
        if not text:
            return ()
        if text not in self.texts:
            self.texts.append(text)
        return (self.texts.index(text) + 1,)


def number(value: float, decimals: int) -> str:
    """Fixed decimals with a true minus sign; infinity as its symbol; never a negative zero."""
    if math.isinf(value):
        return "\u221e" if value > 0 else MINUS + "\u221e"
    text = f"{value:,.{decimals}f}"
    if text.startswith("-") and not text.strip("-0.,"):
        text = text[1:]
    return text.replace("-", MINUS)


def signed(value: float, decimals: int) -> str:
    """Like `number`, with a plus sign before positive values."""
    text = number(value, decimals)
    return f"+{text}" if value > 0 and text.strip("0.,") else text


def metric_decimals(metrics: Iterable[Metric], values: Iterable[Mapping[str, float]]) -> dict[str, int]:
    """Decimals per metric that suit all of `values`: two for decibels and for scales that reach ten, else four."""
    largest: dict[str, float] = {}
    for row in values:
        for name, value in row.items():
            if math.isfinite(value):
                largest[name] = max(largest.get(name, 0), abs(value))
    return {
        metric.id: 2 if metric.unit == "dB" or largest.get(metric.id, 0) >= 10 else 4 for metric in metrics
    }


def number_cell(value: float | None, decimals: int, why_missing: str = "") -> Cell:
    """A number, or `n/a` with the reason on hover."""
    if value is None:
        return Cell("n/a", "missing", why_missing or "no value in the table")
    return Cell(number(value, decimals), key=repr(value))


def metric_cell(metric: Metric, values: Mapping[str, float], decimals: int, note: str) -> Cell:
    """The value of a metric, or why there is none."""
    if not metric.available:
        return Cell("unavailable", "missing", unavailable(metric))
    why_missing = note or f"no {metric.label} for this operating point"
    return number_cell(values.get(metric.id), decimals, why_missing)


def percent_cell(value: float | None, why_missing: str, notes: tuple[int, ...] = ()) -> Cell:
    """A signed percentage, or `n/a` with the reason on hover."""
    if value is None:
        return Cell("n/a", "missing", why_missing, notes)
    return Cell(signed(value, 1), notes=notes, key=repr(value))


def unavailable(metric: Metric) -> str:
    """The words for a metric that could not be computed."""
    return f"unavailable: {metric.why or 'no reason recorded'}"


def share(value: float) -> str:
    """A share between 0 and 1 in percent."""
    return f"{100 * value:.0f}{NARROW_SPACE}%"


def _overlap(rate: BdRate | ImageBdRate) -> str:
    return "overlap not recorded" if rate.overlap is None else f"overlap {share(rate.overlap)}"


def bd_rate_cell(rate: BdRate | None, footnotes: Footnotes) -> Cell:
    """A BD-rate with its interval, its overlap and the images it rests on."""
    if rate is None or rate.percent is None:
        return _no_bd_rate(rate, footnotes)
    interval, kind = "no interval", ""
    if rate.low is not None and rate.high is not None:
        interval = f"[{signed(rate.low, 1)}, {signed(rate.high, 1)}]"
        kind = "saves" if rate.high < 0 else "costs" if rate.low > 0 else ""
    used, total = rate.images_used, rate.images_total
    return Cell(
        signed(rate.percent, 1),
        kind,
        notes=footnotes.add(rate.note),
        key=repr(rate.percent),
        details=(interval, _overlap(rate)),
        incomplete="" if used == total else f"{used} of {total} images",
    )


def image_bd_rate_cell(rate: ImageBdRate | None, footnotes: Footnotes) -> Cell:
    """The BD-rate on one image with its overlap."""
    if rate is None or rate.percent is None:
        return _no_bd_rate(rate, footnotes)
    return Cell(
        signed(rate.percent, 1),
        notes=footnotes.add(rate.note),
        key=repr(rate.percent),
        details=(_overlap(rate),),
    )


def _no_bd_rate(rate: BdRate | ImageBdRate | None, footnotes: Footnotes) -> Cell:
    reason = "no BD-rate was computed for this pair" if rate is None else rate.note or "no reason recorded"
    return Cell("n/a", "missing", reason, footnotes.add(reason))


def plural(count: int, noun: str) -> str:
    """`1 image`, `24 images`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def slug(text: str) -> str:
    """A file name for any text: distinct for distinct texts, on file systems that ignore case too."""
    plain = re.sub(r"[^a-z0-9._-]+", "-", text.lower())[:60].strip(".-")
    return plain if plain and plain == text else f"{plain or 'x'}-{content_key(text)}"


def web_address(text: str) -> str:
    """`text` if it is an http or https address that a link may carry, else nothing."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    return text if parts.scheme in ("http", "https") and parts.netloc else ""


def inner_path(path: str) -> str:
    """`path` in normal form if it stays inside the folder that it is relative to, else nothing."""
    normal = posixpath.normpath(path) if path else ""
    outside = normal.startswith(("/", "../")) or normal in ("", ".", "..") or "\\" in normal
    return "" if outside else normal


def lines(value: Any) -> str:
    """A nested value as YAML, for reading."""
    import yaml

    if isinstance(value, str):
        return value
    plain = _plain(value)
    return str(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100)).rstrip()


def in_a_line(value: Any) -> str:
    """A nested value in one line, for a table cell."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {in_a_line(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(in_a_line, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
