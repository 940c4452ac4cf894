# SPDX-License-Identifier: BSD-3-Clause
"""Command line of the workflow's jobs: `python -m picobench.jobs <stage> ...`, called by the rules.

Apart from `picobench.cli`, which people call, because start-up is paid once a job: nothing is imported here
that the stage does not need.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from picobench import layout, plan
from picobench.definitions import Definitions
from picobench.errors import PicobenchError


def main(argv: list[str] | None = None) -> int:
    """Run one job; returns the exit status."""
    # Jobs are one thread each: the engine decides how many run side by side. Must precede numpy and torch.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    args = _parser().parse_args(argv)
    mirrors: dict[str, list[Path]] = {}
    for name, _, folder in (text.partition("=") for text in args.mirror_of):
        mirrors.setdefault(name, []).append(Path(folder))
    definitions = Definitions(args.root, tuple(args.definitions), mirrors)
    try:
        args.job(args, definitions)
    except PicobenchError as error:
        print(f"picobench: error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m picobench.jobs", description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--definitions", type=Path, action="append", default=[])
    parser.add_argument("--mirror-of", action="append", default=[], metavar="COLLECTION=FOLDER")
    stages = parser.add_subparsers(required=True)

    dataset = stages.add_parser("dataset")
    dataset.add_argument("--dataset", required=True)
    dataset.add_argument("--id", required=True)
    dataset.add_argument("--path", type=Path)
    dataset.add_argument("--mirror", type=Path, action="append", default=[])
    dataset.add_argument("--offline", action="store_true")
    dataset.add_argument("--fingerprint", help="of the definition and, for a folder, its files")
    dataset.set_defaults(job=_dataset)

    encode = stages.add_parser("encode")
    encode.add_argument("--codec", required=True)
    encode.add_argument("--dataset", required=True)
    encode.add_argument("--unit", required=True)
    encode.add_argument("--stop-on-failure", action="store_true")
    encode.add_argument("--images", nargs="+", required=True)
    encode.set_defaults(job=_encode)

    measure = stages.add_parser("measure")
    measure.add_argument("--codec", required=True)
    measure.add_argument("--dataset", required=True)
    measure.add_argument("--sheet", required=True)
    measure.add_argument("--stop-on-failure", action="store_true")
    measure.set_defaults(job=_measure)

    diagnose = stages.add_parser("diagnose")
    diagnose.add_argument("--codec", required=True)
    diagnose.add_argument("--dataset", required=True)
    diagnose.add_argument("--unit", required=True)
    diagnose.add_argument("--request", type=json.loads, required=True)
    diagnose.add_argument("--key", required=True)
    diagnose.set_defaults(job=_diagnose)

    references = stages.add_parser("references")
    references.add_argument("--dataset", required=True)
    references.add_argument("--chunk", required=True)
    references.add_argument("--request", type=json.loads, required=True)
    references.add_argument("--key", required=True)
    references.add_argument("--images", nargs="+", required=True)
    references.set_defaults(job=_references)

    for name, job in (("collect", _collect), ("diagnosed", _diagnosed), ("rated", _rated)):
        stage = stages.add_parser(name)
        stage.add_argument("--config", required=True)
        stage.set_defaults(job=job)

    for name, job in (("analyse", _analyse), ("claims", _claims), ("report", _report)):
        stage = stages.add_parser(name)
        stage.add_argument("--run", required=True)
        stage.set_defaults(job=job)
    return parser


def _dataset(args: argparse.Namespace, definitions: Definitions) -> None:
    from picobench.dataset_request import DatasetRequest
    from picobench.stages.dataset import prepare_dataset

    request = DatasetRequest(args.dataset, args.id, args.path)
    prepare_dataset(definitions, request, args.mirror, offline=args.offline)


def _encode(args: argparse.Namespace, definitions: Definitions) -> None:
    from picobench.stages.encode import encode

    settings, chunk = args.unit.split("/")
    point, _, key = settings.rpartition("-")
    unit = plan.Unit(args.codec, args.dataset, point, key, plan.Chunk(chunk, tuple(args.images)))
    encode(definitions, unit, stop=args.stop_on_failure)


def _measure(args: argparse.Namespace, definitions: Definitions) -> None:
    from picobench.stages.measure import measure

    measure(definitions, args.codec, args.dataset, args.sheet, stop=args.stop_on_failure)


def _diagnose(args: argparse.Namespace, definitions: Definitions) -> None:
    from picobench.stages.diagnose import diagnose

    diagnose(definitions, args.codec, args.dataset, args.unit, request=args.request, key=args.key)


def _references(args: argparse.Namespace, definitions: Definitions) -> None:
    from picobench.stages.diagnose import read_references

    read_references(args.dataset, plan.Chunk(args.chunk, tuple(args.images)), args.request, args.key)


def _diagnosed(args: argparse.Namespace, definitions: Definitions) -> None:
    from picobench.run import load_run
    from picobench.stages.diagnosed import write_diagnosed

    write_diagnosed(load_run(json.loads(args.config), definitions.root))


def _rated(args: argparse.Namespace, definitions: Definitions) -> None:
    from picobench.run import load_run
    from picobench.stages.rated import write_rated

    write_rated(load_run(json.loads(args.config), definitions.root))


def _collect(args: argparse.Namespace, definitions: Definitions) -> None:
    from picobench.run import load_run
    from picobench.stages.tables import write_collected

    write_collected(load_run(json.loads(args.config), definitions.root))


def _analyse(args: argparse.Namespace, definitions: Definitions) -> None:
    from picobench.stages.tables import write_analysis

    write_analysis(layout.run_folder(args.run))


def _claims(args: argparse.Namespace, definitions: Definitions) -> None:
    from picobench.claims.results import write_claims

    write_claims(definitions, layout.run_folder(args.run))


def _report(args: argparse.Namespace, definitions: Definitions) -> None:
    from picobench.report import build

    build(layout.run_folder(args.run), definitions.root / "reports", layout.report_page(args.run).parent)


if __name__ == "__main__":
    sys.exit(main())
