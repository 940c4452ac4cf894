# SPDX-License-Identifier: BSD-3-Clause
"""What a report is made of: the run's description (`run.json`) and the rows of its tables."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TRUST_LEVELS: Mapping[str, str] = {
    "decoded": "coded and decoded here",
    "published reconstruction": "pixels theirs, rate theirs, not decoded here",
    "published curve": "numbers theirs, neither coded nor measured here",
    "published votes": "votes of people theirs, analysed here",
}
"""Trust levels and what they mean; shown wherever a number is shown, never averaged together."""


@dataclass(frozen=True)
class Codec:
    """A codec as it was run.

    `versions` determine the bytes, `details` are further facts; `calls` maps an operating point to its
    `encode` and `decode` call.
    """

    id: str
    label: str
    trust: str
    adapter: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    points: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    calls: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    homepage: str = ""
    licence: str = ""
    citation: str = ""
    notes: str = ""
    definition_sha256: str = ""


@dataclass(frozen=True)
class Dataset:
    """A dataset as it was used.

    `images_list` has a mapping per image (image, width, height, pixels_sha256, source, conversions);
    `refused` has one per picture that was left out (source, reason).
    """

    id: str
    label: str
    images: int
    megapixels: float
    homepage: str = ""
    licence: str = ""
    citation: str = ""
    inventory_sha256: str = ""
    images_list: tuple[Mapping[str, Any], ...] = ()
    refused: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True)
class Metric:
    """A metric as it was computed. `fingerprint` determines its numbers; `why` says why there are none."""

    id: str
    label: str
    direction: str
    unit: str = ""
    available: bool = True
    why: str = ""
    definition: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    fingerprint: Mapping[str, Any] = field(default_factory=dict)
    weights: tuple[Any, ...] = ()
    licence: str = ""
    citation: str = ""

    @property
    def software(self) -> Mapping[str, str]:
        """The libraries that compute it, with their versions."""
        return self.versions or self.fingerprint.get("libraries") or {}


@dataclass(frozen=True)
class Study:
    """A study of people as it was analysed. `anchor` is the curve that its page compares with, "" for none."""

    id: str
    label: str
    anchor: str = ""
    sha256: str = ""
    file: str = ""
    source: str = ""
    licence: str = ""
    citation: str = ""
    note: str = ""
    notes: tuple[str, ...] = ()
    undecided: str = ""
    excluded_raters: tuple[str, ...] = ()


@dataclass(frozen=True)
class Score:
    """One operating point on one image. `values` has no entry for a metric without a value."""

    codec: str
    version: str
    dataset: str
    image: str
    point: str
    width: int | None
    height: int | None
    size_bytes: int | None
    bpp: float | None
    ok: bool
    values: Mapping[str, float]


@dataclass(frozen=True)
class MeanPoint:
    """One operating point of a codec, averaged over the images of a dataset.

    `of_mean_mse` has, for metrics on the PSNR scale, the PSNR of the mean squared error over images.
    """

    dataset: str
    codec: str
    point: str
    images_used: int
    images_total: int
    bpp: float | None
    values: Mapping[str, float]
    of_mean_mse: Mapping[str, float]
    note: str

    @property
    def complete(self) -> bool:
        """Whether the means cover every image of the dataset."""
        return self.images_used == self.images_total


@dataclass(frozen=True)
class BdRate:
    """A BD-rate in percent over a dataset; None where the data do not carry one, for the reason in `note`."""

    dataset: str
    metric: str
    anchor: str
    codec: str
    method: str
    aggregation: str
    percent: float | None
    low: float | None
    high: float | None
    overlap: float | None
    images_used: int
    images_total: int
    note: str


@dataclass(frozen=True)
class ImageBdRate:
    """A BD-rate in percent on one image; None where the data do not carry one, for the reason in `note`."""

    dataset: str
    image: str
    metric: str
    anchor: str
    codec: str
    method: str
    percent: float | None
    overlap: float | None
    note: str


@dataclass(frozen=True)
class Failure:
    """Why an operating point on an image yielded nothing, or with `metric`, not the value of that metric."""

    codec: str
    version: str
    dataset: str
    image: str
    point: str
    stage: str
    metric: str
    reason: str
    stderr_tail: str


@dataclass(frozen=True)
class Evidence:
    """Where the bitstream of a score lies (relative to the results folder), and what came out of it.

    A published picture has no bitstream but a `published_file`; `reason` says why there is nothing.
    """

    bitstream: str
    bitstream_sha256: str
    reconstruction_sha256: str
    encode_seconds: float | None
    decode_seconds: float | None
    published_file: str = ""
    reason: str = ""


ScoreKey = tuple[str, str, str, str]
"""Codec, dataset, image, operating point."""


@dataclass(frozen=True)
class Run:
    """Everything the pages show. Codecs, datasets and metrics keep the order of `run.json`."""

    folder: Path
    name: str
    anchor: str
    created_with: Mapping[str, Any]
    config: Mapping[str, Any]
    codecs: Mapping[str, Codec]
    datasets: Mapping[str, Dataset]
    metrics: Mapping[str, Metric]
    scores: tuple[Score, ...]
    means: tuple[MeanPoint, ...]
    bd_rates: tuple[BdRate, ...]
    image_bd_rates: tuple[ImageBdRate, ...]
    failures: tuple[Failure, ...]
    evidence: Mapping[ScoreKey, Evidence]
    studies: Mapping[str, Study] = field(default_factory=dict)

    @property
    def confidence(self) -> str:
        """Coverage of the intervals, such as "95 %"."""
        return f"{100 * self.config.get('bd_rate', {}).get('confidence', 0.95):.3g}\u00a0%"

    @property
    def pooled_metrics(self) -> tuple[Metric, ...]:
        """The metrics for which there is a value of the mean squared error over images."""
        pooled = {name for mean in self.means for name in mean.of_mean_mse}
        return tuple(metric for metric in self.metrics.values() if metric.id in pooled)

    @property
    def available_metrics(self) -> tuple[Metric, ...]:
        """The metrics that have values."""
        return tuple(metric for metric in self.metrics.values() if metric.available)
