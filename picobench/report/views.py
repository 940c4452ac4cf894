# SPDX-License-Identifier: BSD-3-Clause
"""The pages of a report: what each one shows. To add a page, add a function to `PAGES` and a template."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from picobench.report import diagnostics as diagnosed
from picobench.report import ratings as rated
from picobench.report.cells import Footnotes, metric_decimals, share, slug
from picobench.report.published import missing_pictures, pair_tables, published_codecs, read_pairs
from picobench.report.records import Dataset
from picobench.report.sections import (
    NumberedFailure,
    all_rates,
    by_codec,
    headline_rates,
    image_rates,
    mean_rows,
    score_rows,
)
from picobench.report.site import Site
from picobench.run import EqualRateOptions


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
        decimals = metric_decimals(
            run.metrics.values(), (s.values for s in run.scores if s.dataset == dataset.id)
        )
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
            "licence": "",
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


def published(site: Site) -> Iterator[Page]:
    """What was not decoded here, compared at nearly equal rate; no page where there is none."""
    run = site.run
    sources = published_codecs(run)
    known = {"dataset": run.datasets, "metric": run.metrics, "base": run.codecs, "codec": run.codecs}
    tables = pair_tables(run, read_pairs(run.folder, known))
    if not sources and not tables:
        return
    tolerance = run.config.get("equal_rate", {}).get("tolerance", EqualRateOptions.tolerance)
    context = {
        "sources": sources,
        "tables": tables,
        "tolerance": share(tolerance),
        "missing": list(missing_pictures(run)),
    }
    yield Page("published.html", "published.html.j2", "Published evidence", context, navigation="Published")


def diagnostics(site: Site) -> Iterator[Page]:
    """What the diagnostics found; no page where none was asked for."""
    asked = diagnosed.wanted(site.run)
    context = {
        "fidelity": diagnosed.fidelity(site.run) if "fidelity" in asked else None,
        "seams": list(diagnosed.seams(site.run)) if "seams" in asked else [],
        "tile_sizes": list(diagnosed.tile_sizes(site.run)) if "tilesize" in asked else [],
        "text": list(diagnosed.text(site.run)) if "text" in asked else [],
        "significant": diagnosed.SIGNIFICANT,
    }
    if asked:
        yield Page(
            "diagnostics.html", "diagnostics.html.j2", "Diagnostics", context, navigation="Diagnostics"
        )


def ratings(site: Site) -> Iterator[Page]:
    """What people said, for every study of the run; no page where there is none."""
    studies = rated.studies(site.run)
    files = {study.plot.path: study.plot.svg for study in studies if study.plot}
    if studies:
        yield Page(
            "ratings.html",
            "ratings.html.j2",
            "Human ratings",
            {"studies": studies},
            navigation="Ratings",
            files=files,
        )


def failed(site: Site) -> Iterator[Page]:
    """What yielded no number, and why."""
    context = {"failures": site.failures}
    yield Page("failures.html", "failures.html.j2", "Failures", context, navigation="Failures")


def claims(site: Site) -> Iterator[Page]:
    """Every claim with its verdict, where they were judged."""
    from picobench.claims.page import read_claims_page  # it reads tables as reports do: a cycle above

    found = read_claims_page(site.run.folder)
    if found is not None:
        yield Page("claims.html", "claims.html.j2", "Claims", found.context, "Claims", files=found.files)


def provenance(site: Site) -> Iterator[Page]:
    """Definitions, versions, checksums and the configuration."""
    yield Page("provenance.html", "provenance.html.j2", "Provenance", {}, navigation="Provenance")


PAGES: tuple[Callable[[Site], Iterator[Page]], ...] = (
    overview,
    datasets,
    codecs,
    published,
    claims,
    ratings,
    diagnostics,
    failed,
    provenance,
)
"""The pages in the order of the bar at the top."""
