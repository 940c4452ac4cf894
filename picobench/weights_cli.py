# SPDX-License-Identifier: BSD-3-Clause
"""`picobench weights`: fetch the weights that learned metrics need, verified, into TORCH_HOME."""

import argparse

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
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    definitions = Definitions(args.root)
    home = metrics.default_torch_home()
    failures = 0
    for name in args.metric or definitions.ids("metrics"):
        for weight in metrics.read_metric(definitions, name).weights:
            target = home / weight.file
            if target.exists():
                print(f"{name}: {target} is there")
                continue
            try:
                size_bytes = offered_bytes(weight.url)
                download(weight.url, target, size_bytes=size_bytes, sha256=weight.sha256_prefix)
                print(f"{name}: {target} fetched, {size_bytes / 1e6:.1f} MB")
            except PicobenchError as error:
                print(f"{name}: {error}")
                failures += 1
    return 1 if failures else 0
