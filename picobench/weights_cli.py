# SPDX-License-Identifier: BSD-3-Clause
"""`picobench weights`: fetch the weights that learned metrics need, verified, into TORCH_HOME."""

import argparse
from pathlib import Path

from picobench import metrics
from picobench.datasets.fetch import download, offered_bytes
from picobench.definitions import Definitions
from picobench.errors import PicobenchError


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the `picobench` command line."""
    parser = commands.add_parser(
        "weights",
        help="fetch the weights of learned metrics",
        description="Fetch the weights of learned metrics into TORCH_HOME, from where their authors publish them. "
        "What is there already is left alone; a file whose SHA-256 is wrong is not kept. On a machine without "
        "internet access copy the folder from another one. Exit status: 0 if all weights are there, 1 otherwise.",
    )
    parser.add_argument("metric", nargs="*", metavar="METRIC", help="ids (default: all that have weights)")
    parser.add_argument("--definitions", type=Path, action="append", default=[], help="a folder of your own")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    definitions = Definitions(args.root, tuple(args.definitions))
    failures = 0
    for name in args.metric or definitions.ids("metrics"):
        definition = metrics.read_metric(definitions, name)
        for weight in definition.weights:
            try:
                print(f"{name}: {fetch_weights(weight, metrics.default_torch_home())}")
            except PicobenchError as error:
                print(f"{name}: {error}")
                failures += 1
    return 1 if failures else 0


def fetch_weights(weight: metrics.WeightFile, torch_home: Path) -> str:
    """Fetch one file of weights unless it is there; returns what was done.

    Raises:
        DatasetError: It cannot be had, or its SHA-256 is wrong.
        StorageError: No space, no permission.
    """
    target = torch_home / weight.file
    if target.exists():
        return f"{target} is there"
    size_bytes = offered_bytes(weight.url)
    download(weight.url, target, size_bytes=size_bytes, sha256=weight.sha256_prefix)
    return f"{target} fetched, {size_bytes / 1e6:.1f} MB"
