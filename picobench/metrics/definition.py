# SPDX-License-Identifier: BSD-3-Clause
"""What a metric is: the record of one `metrics/<id>.yaml`."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from picobench.definitions import Definitions


@dataclass(frozen=True)
class WeightFile:
    """A file of weights that a metric reads.

    Attributes:
        file: Path relative to TORCH_HOME.
        url: Where its authors publish it.
        sha256_prefix: First hexadecimal digits of the SHA-256 of the published file.
    """

    file: str
    url: str
    sha256_prefix: str


@dataclass(frozen=True)
class MetricDefinition:
    """A full-reference metric of one image.

    Attributes:
        id: Column name in the tables.
        backend: Who computes it: picobench itself, or pyiqa.
        function: Name of the function in that backend.
        options: Its keyword arguments.
        direction: Whether higher or lower is better.
        unit: Such as "dB"; empty for a pure number.
        low, high: Range of the score; infinite where unbounded.
        identical: Score of two identical pictures; infinite for PSNR.
        input: Colour space, range and resolution that enter the formula, in words.
        minimum_side: Shortest side, in pixels, that the metric is defined for.
        weights: Files it needs under TORCH_HOME.
        weights_digest: Digest of the loaded network's tensors, where known; else empty.
        seconds_per_megapixel: Expected on one thread.
        start_seconds: Expected time to import and load.
        memory_megabytes, memory_megabytes_per_megapixel: Expected peak: constant part and slope.
        text: What the report shows: homepage, licence, citation, notes.
        folder: The user's own folder of definitions that it is from; None for the project's.
    """

    id: str
    label: str
    backend: Literal["builtin", "pyiqa"]
    function: str
    direction: Literal["higher", "lower"]
    unit: str
    low: float
    high: float
    identical: float
    input: str
    minimum_side: int
    seconds_per_megapixel: float
    memory_megabytes_per_megapixel: float
    options: Mapping[str, str | float | bool] = field(default_factory=dict)
    weights: tuple[WeightFile, ...] = ()
    weights_digest: str = ""
    start_seconds: float = 0.0
    memory_megabytes: float = 0.0
    text: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None

    def better(self, score: float, other: float) -> bool:
        """Whether `score` is strictly better than `other`."""
        return score > other if self.direction == "higher" else score < other


def metric_from_mapping(raw: Mapping[str, Any]) -> MetricDefinition:
    """The record of a definition that satisfies `config/schemas/metric.schema.yaml`."""
    low, high = raw["range"]
    identical = raw["identical"]
    return MetricDefinition(
        id=raw["id"],
        label=raw["label"],
        backend=raw["backend"],
        function=raw["function"],
        direction=raw["direction"],
        unit=raw["unit"],
        low=-math.inf if low is None else low,
        high=math.inf if high is None else high,
        identical=math.inf if identical == "infinite" else identical,
        input=raw["input"],
        minimum_side=raw["minimum_side"],
        seconds_per_megapixel=raw["seconds_per_megapixel"],
        memory_megabytes_per_megapixel=raw["memory_megabytes_per_megapixel"],
        options=dict(raw.get("options", {})),
        weights=tuple(WeightFile(**weight) for weight in raw.get("weights", ())),
        weights_digest=raw.get("weights_digest", ""),
        start_seconds=raw.get("start_seconds", 0.0),
        memory_megabytes=raw.get("memory_megabytes", 0.0),
        text={key: raw[key] for key in ("homepage", "licence", "citation", "notes") if key in raw},
    )


def read_metric(definitions: Definitions, name: str, *, check: bool = True) -> MetricDefinition:
    """Read the metric `name`.

    Args:
        definitions: The folders to look in.
        name: The id.
        check: Whether to check it against the schema. Jobs do not: it was done before the run.

    Raises:
        DefinitionError: The definition is missing or wrong.
    """
    metric = metric_from_mapping(definitions.read("metrics", name, check=check))
    folder = definitions.path("metrics", name).parent.parent
    return replace(metric, folder=folder.absolute()) if folder in definitions.extra else metric
