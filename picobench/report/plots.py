# SPDX-License-Identifier: BSD-3-Clause
"""Rate-distortion plots as SVG: the same bytes for the same tables, whatever the machine's settings."""

import io
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from picobench.report.cells import slug
from picobench.report.records import Codec, Dataset, MeanPoint, Metric, Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# As many markers as are told apart at this size. Their number and that of the colours in the style have no
# common divisor, so that colour and marker together repeat as late as possible.
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", "p", ">", "h")
_LINES = {"decoded": "-", "published reconstruction": "--", "published curve": ":"}
_WIDTH_INCHES, _AXES_HEIGHT_INCHES = 6.2, 3.5
_LEFT_INCHES, _RIGHT_INCHES, _TOP_INCHES, _XLABEL_INCHES = 0.72, 0.12, 0.12, 0.52
_LEGEND_ROW_INCHES = 0.172
# A legend in two columns has room for labels of the first length, in one column for the second.
_SHORT_LABEL, _LONG_LABEL = 34, 76


@dataclass(frozen=True)
class Plot:
    """A plot as a file of the report. `alt` says in words what it shows; sizes are in CSS pixels."""

    path: str
    svg: bytes
    name: str
    remark: str
    alt: str
    width: int
    height: int


@contextmanager
def plot_style(style: Path) -> Iterator[None]:
    """Within this block plots follow the style sheet `style` and no other setting of the machine."""
    import matplotlib.style

    # Labels are text whatever they look like: a dollar sign must not start a formula.
    fixed: dict[str, Any] = {"svg.hashsalt": "picobench", "text.parse_math": False}
    with matplotlib.style.context([style, fixed], after_reset=True), warnings.catch_warnings():
        # Fonts are the reader's: a glyph that is missing here is not missing there.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def rd_plots(run: Run, dataset: Dataset, means: Sequence[MeanPoint]) -> list[Plot]:
    """One plot per available metric: its mean over the images of `dataset` against the mean rate."""
    plots = []
    for metric in run.available_metrics:
        curves = _curves(run, metric, means)
        better = f"{metric.direction} is better"
        unit = f" [{metric.unit}]" if metric.unit else ""
        names = ", ".join(codec.label for codec, _ in curves) or "no codec"
        alt = (
            f"Rate-distortion curves on {dataset.label}: {metric.label}{unit} against bits per pixel on a "
            f"logarithmic axis, {better}; {names}. The numbers are in the table of this dataset."
        )
        path = f"plots/{slug(dataset.id)}--{slug(metric.id)}.svg"
        title = f"{metric.label} on {dataset.label}"
        svg, height_inches = _draw(run, curves, title, f"{metric.label}{unit}  ({better})")
        size = (round(96 * _WIDTH_INCHES), round(96 * height_inches))
        plots.append(Plot(path, svg, metric.label + unit, better, alt, *size))
    return plots


_Curve = tuple[Codec, list[tuple[float, float, bool]]]


def _curves(run: Run, metric: Metric, means: Sequence[MeanPoint]) -> list[_Curve]:
    """Per codec the points (bpp, value, without remark) that can be drawn, by rising rate."""
    found: dict[str, list[tuple[float, float, bool]]] = {codec: [] for codec in run.codecs}
    for mean in means:
        value = mean.values.get(metric.id)
        if mean.bpp and mean.bpp > 0 and value is not None and math.isfinite(value):
            found[mean.codec].append((mean.bpp, value, mean.complete and not mean.note))
    return [(run.codecs[codec], sorted(points)) for codec, points in found.items() if points]


def _looks(run: Run) -> Mapping[str, tuple[str, str, str]]:
    """Colour, marker and line of every codec: the same in all plots of a report."""
    import matplotlib as mpl

    colors = mpl.rcParams["axes.prop_cycle"].by_key()["color"]
    return {
        codec.id: (colors[index % len(colors)], _MARKERS[index % len(_MARKERS)], _LINES[codec.trust])
        for index, codec in enumerate(run.codecs.values())
    }


def _draw(run: Run, curves: Sequence[_Curve], title: str, ylabel: str) -> tuple[bytes, float]:
    """The plot and its height in inches."""
    from matplotlib.figure import Figure

    labels = [_legend_label(codec) for codec, _ in curves]
    columns = 1 if any(len(label) > _SHORT_LABEL for label in labels) else 2
    legend_inches = -(-len(labels) // columns) * _LEGEND_ROW_INCHES
    height = _TOP_INCHES + _AXES_HEIGHT_INCHES + _XLABEL_INCHES + legend_inches
    figure = Figure(figsize=(_WIDTH_INCHES, height))
    axes = figure.add_axes(
        (
            _LEFT_INCHES / _WIDTH_INCHES,
            1 - (_TOP_INCHES + _AXES_HEIGHT_INCHES) / height,
            (_WIDTH_INCHES - _LEFT_INCHES - _RIGHT_INCHES) / _WIDTH_INCHES,
            _AXES_HEIGHT_INCHES / height,
        )
    )
    looks = _looks(run)
    lines = []
    for codec, points in curves:
        color, marker, line = looks[codec.id]
        rates, values, _ = zip(*points, strict=True)
        (drawn,) = axes.plot(rates, values, color=color, marker=marker, linestyle=line)
        lines.append(drawn)
        hollow = [(rate, value) for rate, value, whole in points if not whole]
        if hollow:
            x, y = zip(*hollow, strict=True)
            axes.plot(x, y, color=color, marker=marker, linestyle="none", markerfacecolor="white")
    if curves:
        log_rate_axis(axes)
        legend = axes.legend(
            lines,
            [str(index) for index in range(len(lines))],
            loc="upper left",
            bbox_to_anchor=(0, -(_XLABEL_INCHES / _AXES_HEIGHT_INCHES), 1, 0),
            ncols=columns,
            mode="expand",
        )
        # Given to `legend` directly, a label with a leading underscore would be left out.
        for text, label in zip(legend.get_texts(), labels, strict=True):
            text.set_text(label)
    else:
        axes.text(0.5, 0.5, "no values", transform=axes.transAxes, ha="center")
    axes.set_ylabel(ylabel)
    return svg_bytes(figure, title), height


def log_rate_axis(axes: "Axes") -> None:
    """Make the horizontal axis one of rates."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5, 7)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("Rate [bits per pixel]")


def _legend_label(codec: Codec) -> str:
    label = " ".join(codec.label.split())
    trust = "" if codec.trust == "decoded" else f" ({codec.trust})"
    room = _LONG_LABEL - len(trust)
    return (label if len(label) <= room else label[: room - 1] + "\u2026") + trust


def svg_bytes(figure: "Figure", title: str) -> bytes:
    """A figure as SVG without anything that changes from one build to the next."""
    stream = io.StringIO()
    # Creator, date, format and type would bring in addresses and things that change.
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(stream, format="svg", metadata={"Title": title, **nothing})
    svg = stream.getvalue()
    # Without its document type, which names an address too.
    return f'<?xml version="1.0" encoding="utf-8"?>\n{svg[svg.index("<svg") :]}'.encode()
