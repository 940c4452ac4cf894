# SPDX-License-Identifier: BSD-3-Clause
"""`picobench doctor`: which codecs, datasets and metrics are ready here, and why the others are not."""

import argparse
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from picobench import datasets, layout, metrics
from picobench.adapters import adapter_for
from picobench.definitions import Definitions, Kind, codec_versions, read_codec
from picobench.errors import PicobenchError
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
    definitions = Definitions(root, tuple(Path(folder) for folder in config.get("definitions", [])))
    checks: dict[Kind, Callable[[Definitions, str, Mapping[str, Any]], tuple[bool, str]]] = {
        "codecs": _codec,
        "datasets": _dataset,
        "metrics": _metric,
    }
    for kind, check in checks.items():
        names = [_id(item) for item in config[kind]] if kind in config else definitions.ids(kind)
        for name in names:
            try:
                expanded = codec_versions(definitions, name) if kind == "codecs" else [name]
            except PicobenchError as error:
                yield Finding(kind, name, False, str(error))
                continue
            for one in expanded:
                try:
                    ready, note = check(definitions, one, config)
                except PicobenchError as error:
                    ready, note = False, str(error)
                yield Finding(kind, one, ready, note)


def _id(item: Any) -> str:
    return str(item["id"]) if isinstance(item, dict) else str(item)


def _codec(definitions: Definitions, name: str, config: Mapping[str, Any]) -> tuple[bool, str]:
    codec = read_codec(definitions, name)
    adapter = adapter_for(codec)
    for point in codec.points:
        adapter.check(codec.point_options(point))
    versions = adapter.environment().versions
    return True, ", ".join(f"{library} {version}" for library, version in versions.items())


def _dataset(definitions: Definitions, name: str, config: Mapping[str, Any]) -> tuple[bool, str]:
    if layout.inventory_file(name).exists():
        return True, f"prepared in {layout.dataset_folder(name)}"
    named = os.environ.get("PICOBENCH_MIRRORS", "").split(os.pathsep)
    folders = [Path(folder) for folder in [*config.get("mirrors", {}).get(name, []), *named] if folder]
    definition = definitions.read("datasets", name)
    options = datasets.Options(definition_folder=definitions.path("datasets", name).parent)
    return datasets.sources_present(definition, folders, layout.downloads_folder(), options)


def _metric(definitions: Definitions, name: str, config: Mapping[str, Any]) -> tuple[bool, str]:
    definition = metrics.read_metric(definitions, name)
    available, why = metrics.availability(definition, metrics.default_torch_home())
    return available, "" if available else why
