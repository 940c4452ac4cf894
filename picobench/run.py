# SPDX-License-Identifier: BSD-3-Clause
"""A run: its configuration resolved against the definitions, checked as a whole before anything is computed."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from picobench import layout, metrics
from picobench.adapters import adapter_for
from picobench.adapters.base import Environment
from picobench.dataset_request import DatasetRequest, check_dataset, read_dataset_request
from picobench.definitions import Codec, Definitions, codec_versions, definitions_of, read_codec
from picobench.diagnostics.workflow import Diagnostic, read_diagnostic
from picobench.errors import DatasetError, DefinitionError, PicobenchError
from picobench.files import content_key
from picobench.metrics import MetricDefinition
from picobench.published_curves import PublishedCurve, read_published_curve
from picobench.ratings.definition import StudyDefinition, read_study
from picobench.yamlfile import did_you_mean, validate

T = TypeVar("T")


@dataclass(frozen=True)
class CodecRequest:
    """A codec of the run: its definition, what it runs on, the points asked for, the datasets if not all."""

    codec: Codec
    environment: Environment
    points: tuple[str, ...]
    datasets: tuple[str, ...] | None = None


@dataclass(frozen=True)
class MetricRequest:
    """A metric of the run: its definition, whether it can be computed here, and else why not."""

    definition: MetricDefinition
    available: bool
    why: str
    fingerprint: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Digest of what determines its numbers."""
        return content_key(self.fingerprint)


@dataclass(frozen=True)
class BDOptions:
    """How BD-rates are computed; see `picobench.analysis`."""

    methods: tuple[Literal["pchip", "akima", "cubic"], ...] = ("pchip",)
    minimum_overlap: float = 0.25
    bootstrap_resamples: int = 2000
    confidence: float = 0.95
    seed: int = 1


@dataclass(frozen=True)
class EqualRateOptions:
    """How codecs are compared at nearly equal rate; see `picobench.analysis.paired`.

    Attributes:
        base: The codec that the others are compared with; the anchor when "".
        tolerance: Largest difference of the rates of a pair, as a share of the base's.
    """

    base: str = ""
    tolerance: float = 0.15


@dataclass(frozen=True)
class Run:
    """Everything a run consists of."""

    name: str
    definitions: Definitions
    datasets: Mapping[str, DatasetRequest]
    codecs: Mapping[str, CodecRequest]
    metrics: Mapping[str, MetricRequest]
    curves: Mapping[str, PublishedCurve]
    anchor: str
    bd_rate: BDOptions
    stop_on_failure: bool
    offline: bool
    job_seconds: float
    config: Mapping[str, Any]
    diagnostics: tuple[Diagnostic, ...] = ()
    studies: Mapping[str, StudyDefinition] = field(default_factory=dict)

    @property
    def available_metrics(self) -> dict[str, str]:
        """Metrics that can be computed here, with their keys."""
        return {name: request.key for name, request in self.metrics.items() if request.available}

    @property
    def config_json(self) -> str:
        """The configuration as one line, as jobs receive it."""
        return json.dumps(self.config, sort_keys=True)

    @property
    def texts_key(self) -> str:
        """Digest of all definitions with their labels and texts: pages depend on it, codecs do not.

        What codecs run on and what manifests say is in it too. With other versions or rows other records are
        needed, but a record that is missing starts nothing by itself where the tables made of it are there.
        """
        return content_key(
            {
                "codecs": {
                    name: [r.codec.sha256, r.codec.label, dict(r.environment.versions), dict(r.codec.points)]
                    for name, r in self.codecs.items()
                },
                "metrics": {name: self.definitions.read("metrics", name) for name in self.metrics},
                "datasets": {
                    name: self.definitions.read("datasets", r.id) for name, r in self.datasets.items()
                },
                "curves": {name: self.definitions.read("curves", name) for name in self.curves},
                "studies": {name: self.definitions.read("studies", name) for name in self.studies},
                "why": {name: [request.why, request.key] for name, request in self.metrics.items()},
            }
        )


def load_run(config: Mapping[str, Any], root: Path, source: str = "the configuration") -> Run:
    """Resolve and check a configuration.

    Args:
        config: The configuration, as read from YAML.
        root: Folder of the project, which holds the definitions.
        source: What to name in errors.

    Raises:
        DefinitionError: Something is wrong or missing. Every problem found is in the message, a line each.
    """
    validate(config, "config", source)
    if config["run"] in layout.RESERVED_RUN_NAMES:
        raise DefinitionError(f"{source}: a run cannot be called {config['run']!r}; choose another name")
    definitions = definitions_of(root, config)
    problems: list[str] = []

    datasets = _collect(config["datasets"], lambda item: read_dataset_request(definitions, item), problems)
    names = tuple(request.name for request in datasets)
    problems += [
        f"two datasets are called {name!r}; give one another name, with {{id: ..., name: ...}}"
        for name, n in Counter(names).items()
        if n > 1
    ]
    versions = _collect(config["codecs"], lambda item: _expand(definitions, item), problems)
    codecs = _collect(
        [one for several in versions for one in several],
        lambda item: _codec(definitions, names, item),
        problems,
    )
    ids = {request.id: request.name for request in datasets}
    curves = _collect(
        config.get("curves", []), lambda name: read_published_curve(definitions, name, ids), problems
    )
    studies = _collect(config.get("studies", []), lambda name: read_study(definitions, name), problems)
    metric_requests = _collect(config["metrics"], lambda name: _metric(definitions, name), problems)
    diagnostics = tuple(
        _collect(config.get("diagnostics", []), lambda item: _diagnostic(names, item), problems)
    )
    problems += [
        f"diagnostic {diagnostic.id} is asked for twice with the same options"
        for number, diagnostic in enumerate(diagnostics)
        if diagnostic.key in {other.key for other in diagnostics[:number]}
    ]
    anchor = config["anchor"]
    wanted = [request.codec.id for request in codecs] + [curve.id for curve in curves]
    problems += [f"{name!r} is twice among codecs and curves" for name, n in Counter(wanted).items() if n > 1]
    base = equal_rate_options(config)
    for what, name in (("anchor", anchor), ("base of equal_rate", base.base or anchor)):
        if not problems and name not in wanted:
            problems.append(f"the {what} {name!r} is not among the codecs{did_you_mean(name, wanted)}")
    if problems:
        raise DefinitionError("\n".join(f"{source}: {problem}" for problem in problems))

    return Run(
        name=config["run"],
        definitions=definitions,
        datasets={request.name: request for request in datasets},
        codecs={request.codec.id: request for request in codecs},
        metrics={request.definition.id: request for request in metric_requests},
        curves={curve.id: curve for curve in curves},
        anchor=anchor,
        bd_rate=bd_options(config),
        stop_on_failure=config.get("on_failure", "continue") == "stop",
        offline=config.get("offline", False),
        job_seconds=config.get("job_seconds", 300.0),
        config=config,
        diagnostics=diagnostics,
        studies={study.id: study for study in studies},
    )


def equal_rate_options(config: Mapping[str, Any]) -> EqualRateOptions:
    """The options of comparisons at equal rate in a configuration that passed the schema."""
    return EqualRateOptions(**config.get("equal_rate", {}))


def bd_options(config: Mapping[str, Any]) -> BDOptions:
    """The options of BD-rates in a configuration that passed the schema."""
    options = dict(config.get("bd_rate", {}))
    return BDOptions(**{**options, "methods": tuple(options.get("methods", BDOptions.methods))})


def check_datasets(run: Run) -> None:
    """Refuse a run whose datasets could not be prepared here, or lack pictures that are asked for.

    Raises:
        DatasetError: Every problem found is in the message, a line each.
    """
    problems: list[str] = []
    _collect(
        run.datasets.values(),
        lambda request: check_dataset(run.definitions, request, offline=run.offline),
        problems,
    )
    if problems:
        raise DatasetError("\n".join(problems))


def _collect(items: Iterable[Any], resolve: Callable[[Any], T], problems: list[str]) -> list[T]:
    """What `resolve` gives for each item; where it fails, a line for each problem with the items that have it."""
    resolved = []
    failed: dict[str, list[str]] = {}
    for item in items:
        try:
            resolved.append(resolve(item))
        except PicobenchError as error:
            failed.setdefault(str(error), []).append(_id(item))
    for problem, ids in failed.items():
        names_it = len(ids) == 1 and ids[0] in problem
        problems.append(problem if names_it else f"{', '.join(ids)}: {problem}")
    return resolved


def _id(item: Any) -> str:
    if isinstance(item, DatasetRequest):
        return item.name
    return str(item if isinstance(item, str) else item["id"])


def _expand(definitions: Definitions, item: str | Mapping[str, Any]) -> list[Mapping[str, Any]]:
    fields: Mapping[str, Any] = {"id": item} if isinstance(item, str) else item
    return [{**fields, "id": name} for name in codec_versions(definitions, fields["id"])]


def _codec(
    definitions: Definitions, known_datasets: tuple[str, ...], item: Mapping[str, Any]
) -> CodecRequest:
    points, datasets = item.get("points"), item.get("datasets")
    _check_datasets(f"codec {item['id']}", datasets or [], known_datasets)
    codec = read_codec(definitions, item["id"])
    adapter = adapter_for(codec)
    for point in points or codec.points:
        adapter.check(codec.point_options(point))
    chosen = tuple(points or codec.points)
    return CodecRequest(codec, adapter.environment(), chosen, None if datasets is None else tuple(datasets))


def _diagnostic(known_datasets: tuple[str, ...], item: str | Mapping[str, Any]) -> Diagnostic:
    diagnostic = read_diagnostic(item)
    _check_datasets(f"diagnostic {diagnostic.id}", diagnostic.datasets or (), known_datasets)
    return diagnostic


def _check_datasets(what: str, wanted: Sequence[str], known: tuple[str, ...]) -> None:
    for dataset in wanted:
        if dataset not in known:
            hint = did_you_mean(dataset, list(known))
            raise DefinitionError(f"{what}: no dataset {dataset!r} in this run{hint}")


def _metric(definitions: Definitions, name: str) -> MetricRequest:
    definition = metrics.read_metric(definitions, name)
    home = metrics.default_torch_home()
    available, why = metrics.availability(definition, home)
    fingerprint = metrics.fingerprint(definition, home) if available else {}
    return MetricRequest(definition, available, why, fingerprint)
