# SPDX-License-Identifier: BSD-3-Clause
"""`picobench doctor`: which codecs, datasets, metrics, curves and studies are ready here, and why others are not."""

import argparse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from picobench import datasets, layout, metrics
from picobench.adapters import adapter_for
from picobench.dataset_request import check_requested_images, dataset_options, read_dataset_request
from picobench.definitions import Definitions, Kind, codec_versions, definitions_of, read_codec
from picobench.errors import PicobenchError
from picobench.published_curves import read_published_curve
from picobench.ratings.definition import read_study
from picobench.yamlfile import read_yaml, validate


@dataclass(frozen=True)
class Finding:
    """State of one definition.

    Attributes:
        note: What it runs on when it is ready, else why it is not and what to do.
    """

    kind: str
    name: str
    ready: bool
    note: str


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the `picobench` command line."""
    parser = commands.add_parser(
        "doctor",
        help="list every codec, dataset and metric as ready or not, and why",
        description="List every codec, dataset and metric as ready or not, and why. Downloads nothing. "
        "Exit status: 0 if everything that the configuration names is ready, 1 otherwise.",
    )
    parser.add_argument("--config", type=Path, help="a configuration: only what it names, and its mirrors")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    config: Mapping[str, Any] = {}
    if args.config is not None:
        config = read_yaml(args.config)
        validate(config, "config", str(args.config))
    findings = list(examine(args.root, config))
    width = max(len(finding.name) for finding in findings)
    kind = ""
    for finding in findings:
        if finding.kind != kind:
            kind = finding.kind
            print(kind)
        print(f"  {finding.name:<{width}}  {'ready' if finding.ready else 'not ready':<9}  {finding.note}")
    missing = [finding for finding in findings if not finding.ready]
    print(f"{len(findings) - len(missing)} ready, {len(missing)} not ready")
    return 1 if args.config is not None and missing else 0


def examine(root: Path, config: Mapping[str, Any]) -> Iterator[Finding]:
    """Check every definition, or those that `config` (valid) names."""
    definitions = definitions_of(root, config)
    checks: dict[Kind, Callable[[Definitions, Any], tuple[bool, str]]] = {
        "codecs": _codec,
        "datasets": _dataset,
        "metrics": _metric,
        "curves": _curve,
        "studies": _study,
    }
    for kind, check in checks.items():
        for item in config.get(kind, []) if config else definitions.ids(kind):
            fields: Mapping[str, Any] = {"id": item} if isinstance(item, str) else item
            name = fields.get("name", fields["id"])
            try:
                named = (
                    {version: version for version in codec_versions(definitions, name)}
                    if kind == "codecs"
                    else {name: item}
                )
            except PicobenchError as error:
                yield Finding(kind, name, False, str(error))
                continue
            for one, wanted in named.items():
                try:
                    ready, note = check(definitions, wanted)
                except PicobenchError as error:
                    ready, note = False, str(error)
                yield Finding(kind, one, ready, note)


def _codec(definitions: Definitions, name: str) -> tuple[bool, str]:
    codec = read_codec(definitions, name)
    adapter = adapter_for(codec)
    for point in codec.points:
        adapter.check(codec.point_options(point))
    versions = adapter.environment().versions
    return True, ", ".join(f"{library} {version}" for library, version in versions.items())


def _dataset(definitions: Definitions, item: str | Mapping[str, Any]) -> tuple[bool, str]:
    request = read_dataset_request(definitions, item)
    check_requested_images(definitions, request)
    if layout.inventory_file(request.name).exists():
        return True, f"prepared in {layout.dataset_folder(request.name)}"
    folders = definitions.mirrors_of(request.id)
    definition = definitions.read("datasets", request.id)
    options = dataset_options(definitions, request)
    return datasets.sources_present(definition, folders, layout.downloads_folder(), options)


def _curve(definitions: Definitions, name: str) -> tuple[bool, str]:
    dataset = definitions.read("curves", name)["dataset"]
    curve = read_published_curve(definitions, name, {dataset: dataset})
    return True, f"{len(curve.rows())} points in {curve.path}"


def _study(definitions: Definitions, name: str) -> tuple[bool, str]:
    study = read_study(definitions, name)
    return True, f"{len(study.votes()):,} votes in {study.path}"


def _metric(definitions: Definitions, name: str) -> tuple[bool, str]:
    definition = metrics.read_metric(definitions, name)
    available, why = metrics.availability(definition, metrics.default_torch_home())
    return available, "" if available else why
