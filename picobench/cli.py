# SPDX-License-Identifier: BSD-3-Clause
"""The `picobench` command: what people call beside the workflow."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import picobench
from picobench.errors import PicobenchError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status (0 good, 1 or as documented otherwise, 2 wrong use)."""
    parser = _parser()
    args = parser.parse_args(argv)
    try:
        status: int = args.run(args)
        return status
    except PicobenchError as error:
        for line in str(error).splitlines():
            print(f"picobench: error: {line}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader of our output went away, as `head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    from picobench import conformance, doctor, images_cli, weights_cli
    from picobench.analysis import bdrate_cli
    from picobench.claims import cli as claims_cli
    from picobench.imports import curves_cli, reconstructions_cli
    from picobench.ratings import elo_cli

    parser = argparse.ArgumentParser(
        prog="picobench", description="Benchmark and reproducibility suite for image codecs."
    )
    parser.add_argument("--version", action="version", version=f"picobench {picobench.__version__}")
    parser.add_argument(
        "--root",
        type=Path,
        default=project_root(),
        help="folder with codecs/, datasets/ and metrics/ (default: %(default)s)",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    doctor.register(commands)
    conformance.register(commands)
    images_cli.register(commands)
    weights_cli.register(commands)
    bdrate_cli.register(commands)
    claims_cli.register(commands)
    elo_cli.register(commands)
    elo_cli.register_import(commands)
    reconstructions_cli.register(commands)
    curves_cli.register(commands)
    return parser


def project_root() -> Path:
    """The project's folder: this one if it holds a Snakefile and codecs/, else the checkout of the package."""
    here = Path.cwd()
    if (here / "Snakefile").is_file() and (here / "codecs").is_dir():
        return here
    return Path(__file__).resolve().parent.parent


if __name__ == "__main__":
    sys.exit(main())
