# SPDX-License-Identifier: BSD-3-Clause
"""The pages of a report: what each one shows. To add a page, add a function to `PAGES` and a template."""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from picobench.report.cells import Footnotes, inner_path, slug
from picobench.report.plots import Plot, rd_plots
from picobench.report.records import BdRate, Dataset, ImageBdRate, MeanPoint, Run, Score
from picobench.report.sections import (
    NumberedFailure,
    all_rates,
    by_codec,
    headline_rates,
    image_rates,
    mean_rows,
    metric_decimals,
    score_rows,
)

_Row = TypeVar("_Row")
_Key = TypeVar("_Key", bound=Hashable)

TABLES: Mapping[str, str] = {
    "scores": "every operating point on every image: size, rate, metrics",
    "rd": "rate-distortion points, averaged over each dataset",
    "bd_rate": "BD-rates over each dataset with intervals, all methods and aggregations",
    "bd_rate_images": "BD-rate of every image",
    "failures": "operating points that yielded nothing, and why",
    "evidence": "bitstreams, checksums and seconds behind every score",
}
"""What the tables hold. A table that is not listed is offered for download without a description."""


@dataclass(frozen=True)
class Page:
    """One HTML file.

    Attributes:
        path: Where it lies in the report, ending in `.html`.
        template: Its template in the folder of templates.
        title: Heading and window title.
        context: Values for the template, beside `run`, `page` and `pages`.
        navigation: Name in the bar at the top; a page without one is reached from other pages.
        parent: Path of the page that it belongs under in the bar.
        files: Further files (path in the report, contents), such as its plots.
    """

    path: str
    template: str
    title: str
    context: Mapping[str, Any]
    navigation: str = ""
    parent: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Download:
    """A table as it is offered for download; `files` maps a format to path and size in bytes."""

    name: str
    description: str
    files: Mapping[str, tuple[str, int]]


@dataclass(frozen=True)
class Site:
    """What the page functions work from: a run, its rows by page, and where the report will lie."""

    run: Run
    output: Path

    @cached_property
    def scores(self) -> Mapping[tuple[str, str], list[Score]]:
        """Scores by dataset and image."""
        return _grouped(self.run.scores, lambda score: (score.dataset, score.image))

    @cached_property
    def image_bd_rates(self) -> Mapping[tuple[str, str], list[ImageBdRate]]:
        """BD-rates by dataset and image."""
        return _grouped(self.run.image_bd_rates, lambda rate: (rate.dataset, rate.image))

    @cached_property
    def means(self) -> Mapping[str, list[MeanPoint]]:
        """RD points by dataset."""
        return _grouped(self.run.means, lambda mean: mean.dataset)

    @cached_property
    def bd_rates(self) -> Mapping[str, list[BdRate]]:
        """BD-rates by dataset."""
        return _grouped(self.run.bd_rates, lambda rate: rate.dataset)

    @cached_property
    def failures(self) -> list[NumberedFailure]:
        """All failures, numbered from 1."""
        return list(enumerate(self.run.failures, 1))

    def failures_by(self, *columns: str) -> Mapping[tuple[str, ...], list[NumberedFailure]]:
        """Failures by the values of some columns."""
        return _grouped(self.failures, lambda row: tuple(getattr(row[1], column) for column in columns))

    @cached_property
    def plots(self) -> Mapping[str, list[Plot]]:
        """RD plots by dataset."""
        run = self.run
        return {name: rd_plots(run, dataset, self.means[name]) for name, dataset in run.datasets.items()}

    @cached_property
    def downloads(self) -> list[Download]:
        """The tables of the run; those that are known first."""
        found: dict[str, dict[str, tuple[str, int]]] = defaultdict(dict)
        for path in sorted((self.run.folder / "tables").glob("*.*")):
            if path.suffix in (".csv", ".parquet") and path.is_file():
                found[path.stem][path.suffix[1:]] = (f"data/{path.name}", path.stat().st_size)
        names = [name for name in TABLES if name in found] + [name for name in found if name not in TABLES]
        return [Download(name, TABLES.get(name, ""), found[name]) for name in names]

    def bitstream_link(self, page_path: str, bitstream: str) -> str:
        """Address of a bitstream as seen from a page; nothing where it is not kept or not to be trusted."""
        path = inner_path(bitstream)
        if not path or not (self._results / path).is_file():
            return ""
        folder = self._resolved_output / Path(page_path).parent
        return quote(Path(os.path.relpath(self._results / path, folder)).as_posix())

    @cached_property
    def _results(self) -> Path:
        return self.run.folder.resolve().parent

    @cached_property
    def _resolved_output(self) -> Path:
        return self.output.resolve()


def _grouped(rows: Iterable[_Row], key: Callable[[_Row], _Key]) -> Mapping[_Key, list[_Row]]:
    groups: dict[_Key, list[_Row]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def codec_path(codec: str) -> str:
    """Where the page of a codec lies."""
    return f"codecs/{slug(codec)}.html"


def dataset_path(dataset: str) -> str:
    """Where the page of a dataset lies."""
    return f"datasets/{slug(dataset)}.html"


def image_path(dataset: str, image: str) -> str:
    """Where the page of an image lies."""
    return f"images/{slug(dataset)}/{slug(image)}.html"


def overview(site: Site) -> Iterator[Page]:
    """The first page: what was run, BD-rates, RD curves, downloads."""
    run = site.run
    context = {
        "headlines": [(dataset, headline_rates(run, dataset)) for dataset in run.datasets.values()],
        "plots": site.plots,
        "failed_by_codec": Counter(failure.codec for failure in run.failures),
        "failed_by_dataset": Counter(failure.dataset for failure in run.failures),
        "downloads": site.downloads,
    }
    yield Page("index.html", "index.html.j2", run.name, context, navigation="Overview")


def datasets(site: Site) -> Iterator[Page]:
    """A page per dataset with its curves and averages, and one per image with every number."""
    run = site.run
    failures = site.failures_by("codec", "dataset", "image", "point")
    for dataset in run.datasets.values():
        path = dataset_path(dataset.id)
        rate_notes, mean_notes = Footnotes("rates"), Footnotes("means")
        images = _images(site, dataset)
        context = {
            "dataset": dataset,
            "headline": headline_rates(run, dataset),
            "plots": site.plots[dataset.id],
            "rates": all_rates(run, site.bd_rates[dataset.id], rate_notes),
            "rate_notes": rate_notes,
            "means": by_codec(mean_rows(run, site.means[dataset.id], mean_notes)),
            "mean_notes": mean_notes,
            "images": images,
        }
        files = {plot.path: plot.svg for plot in site.plots[dataset.id]}
        yield Page(path, "dataset.html.j2", dataset.label, context, dataset.label, files=files)
        decimals = metric_decimals(run, (s.values for s in run.scores if s.dataset == dataset.id))
        names = ["", *(str(image["image"]) for image in images), ""]
        for image, before, after in zip(images, names, names[2:], strict=False):
            page = _image_page(site, dataset, image, failures, decimals)
            yield replace(page, context={**page.context, "before": before, "after": after})


def _images(site: Site, dataset: Dataset) -> list[Mapping[str, Any]]:
    """What is known of the images of a dataset: its inventory, and whatever else was scored."""
    listed = {str(entry["image"]): dict(entry) for entry in dataset.images_list}
    scored = (image for name, image in site.scores if name == dataset.id)
    rated = (image for name, image in site.image_bd_rates if name == dataset.id)
    for image in (*scored, *rated):
        listed.setdefault(image, {"image": image})
    failed = site.failures_by("dataset", "image")
    return [
        {
            "width": None,
            "height": None,
            "pixels_sha256": "",
            "source": "",
            "source_format": "",
            "source_sha256": "",
            "conversions": "",
            **entry,
            "points": len(site.scores[dataset.id, image]),
            "failed": len(failed.get((dataset.id, image), ())),
        }
        for image, entry in listed.items()
    ]


def _image_page(
    site: Site,
    dataset: Dataset,
    image: Mapping[str, Any],
    failures: Mapping[tuple[str, ...], list[NumberedFailure]],
    decimals: Mapping[str, int],
) -> Page:
    name = str(image["image"])
    path = image_path(dataset.id, name)
    rows = score_rows(site.run, site.scores[dataset.id, name], failures, decimals)
    context = {
        "dataset": dataset,
        "image": image,
        "matrix": image_rates(site.run, site.image_bd_rates[dataset.id, name]),
        "scores": by_codec(rows),
        "link": lambda row: site.bitstream_link(path, row.evidence.bitstream) if row.evidence else "",
    }
    return Page(path, "image.html.j2", name, context, parent=dataset_path(dataset.id))


def codecs(site: Site) -> Iterator[Page]:
    """A page per codec: where its numbers come from."""
    run = site.run
    failures = site.failures_by("codec")
    for codec in run.codecs.values():
        means = []
        for dataset in run.datasets.values():
            rows = [mean for mean in site.means[dataset.id] if mean.codec == codec.id]
            notes = Footnotes(f"means-{dataset.id}")
            if rows:
                means.append((dataset, by_codec(mean_rows(run, rows, notes)), notes))
        context = {
            "codec": codec,
            "means": means,
            "failures": failures.get((codec.id,), []),
        }
        yield Page(codec_path(codec.id), "codec.html.j2", codec.label, context, parent="index.html")


def failed(site: Site) -> Iterator[Page]:
    """What yielded no number, and why."""
    context = {"failures": site.failures}
    yield Page("failures.html", "failures.html.j2", "Failures", context, navigation="Failures")


def provenance(site: Site) -> Iterator[Page]:
    """Definitions, versions, checksums and the configuration."""
    yield Page("provenance.html", "provenance.html.j2", "Provenance", {}, navigation="Provenance")


PAGES: tuple[Callable[[Site], Iterator[Page]], ...] = (overview, datasets, codecs, failed, provenance)
"""The pages in the order of the bar at the top."""
