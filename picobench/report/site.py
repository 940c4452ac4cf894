# SPDX-License-Identifier: BSD-3-Clause
"""What the page functions work from: the rows of a run by page, its plots, its downloads."""

import os
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from picobench.report.cells import inner_path
from picobench.report.diagnostics import marks
from picobench.report.plots import Plot, rd_plots
from picobench.report.records import BdRate, ImageBdRate, MeanPoint, Run, Score
from picobench.report.sections import NumberedFailure

_Row = TypeVar("_Row")
_Key = TypeVar("_Key", bound=Hashable)

TABLES: Mapping[str, str] = {
    "scores": "every operating point on every image: size, rate, metrics",
    "rd": "rate-distortion points, averaged over each dataset",
    "bd_rate": "BD-rates over each dataset with intervals, all methods and aggregations",
    "bd_rate_images": "BD-rate of every image",
    "paired": "differences at nearly equal rate, where there are too few points for a BD-rate",
    "curves": "published rate-distortion curves as they were read",
    "fidelity": "every reconstruction examined for faults of pipelines: mean errors, findings",
    "fidelity_findings": "the findings with evidence, effect and threshold",
    "seams": "tile seams: test and errors of every reconstruction",
    "seams_parts": "tile seams: effects in grey levels by scale and plane",
    "seams_datasets": "tile seams: combined evidence of each dataset",
    "tile_sizes": "tile size unknown: the size that fits every reconstruction best, and its p-value",
    "tile_sizes_datasets": "tile size unknown: the evidence of each dataset taken together",
    "text": "text of every reconstruction: pixel errors, readings, words replaced",
    "text_datasets": "text over each dataset, with intervals",
    "studies": "human ratings: votes read and used, prior, error of the intervals and warnings of every study",
    "elo": "human ratings: Elo of every method of a study, with intervals",
    "elo_differences": "human ratings: every method against every other, with intervals",
    "elo_images": "human ratings: Elo of every method on every image, with intervals",
    "raters": "human ratings: consistency of every rater",
    "perceptual_bd_rate": "human ratings: BD-rate at equal Elo, every curve against every other",
    "agreement": "human ratings: how well each metric agrees with them",
    "failures": "operating points that yielded nothing, and why",
    "evidence": "bitstreams, checksums and seconds behind every score",
}
"""What the tables hold. A table that is not listed is offered for download without a description."""


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
    def findings(self) -> Mapping[str, str]:
        """Faults found in the reconstructions of codecs, by codec; see the page of diagnostics."""
        return marks(self.run)

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
