# SPDX-License-Identifier: BSD-3-Clause
"""The command `picobench import-curve`: from a published curve file to its definition."""

import argparse
from pathlib import Path
from typing import Any

from picobench.definitions import Definitions
from picobench.errors import CurveError
from picobench.files import sha256_file, write_text

_EPILOG = """\
The file stays where it is: the definition names it by the folder of its collection, which a run finds in the mirrors.

  picobench import-curve /data/rd-curves/kodak/vtm.json --collection-folder /data/rd-curves --id compressai-kodak-vtm \\
      --label "VTM (CompressAI)" --dataset kodak --images 24 --licence BSD-3-Clause-Clear \\
      --source https://github.com/InterDigitalInc/CompressAI --note "..." --output curves/compressai-kodak-vtm.yaml

exit codes: 0 the definition was written; 2 wrong input or usage.
"""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to `picobench`."""
    parser = subparsers.add_parser(
        "import-curve",
        help="define a published rate-distortion curve",
        description="Check a curve file (CompressAI's JSON, or CSV with bpp and a column for each metric) and write "
        "curves/ID.yaml, so that runs can show the curve and use it as anchor.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="curve file, .json or .csv")
    parser.add_argument("--id", required=True, help="name of the definition")
    parser.add_argument("--label", help="name in reports (default: what the file says)")
    parser.add_argument("--dataset", required=True, help="dataset that the curve is a mean over")
    parser.add_argument("--images", required=True, type=int, help="number of pictures it is a mean over")
    parser.add_argument(
        "--collection-folder", type=Path, metavar="FOLDER", help="(default: the folder of FILE)"
    )
    parser.add_argument("--source", required=True, help="where it was published, a web address")
    parser.add_argument("--licence", required=True)
    parser.add_argument("--citation")
    parser.add_argument("--note", help="what readers must know; shown wherever the curve is")
    parser.add_argument(
        "--select",
        type=_selection,
        action="append",
        default=[],
        metavar="COLUMN=VALUE",
        help="rows of a CSV table",
    )
    parser.add_argument("--output", type=Path, metavar="YAML", help="(default: curves/ID.yaml)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the definition and print its points; returns the exit status.

    Raises:
        CurveError: The file cannot be used.
        DefinitionError: The definition would be wrong.
    """
    import yaml

    from picobench.analysis.curves import read_curve_file
    from picobench.published_curves import present_metrics
    from picobench.yamlfile import validate

    select = dict(args.select)
    file = read_curve_file(args.file, select)
    metrics = present_metrics(file, Definitions(args.root).ids("metrics"))
    if not metrics:
        others = ", ".join(sorted(file.columns))[:200]
        raise CurveError(f"{args.file}: none of its columns ({others}) is a metric of ours; rename one")
    folder = (args.collection_folder or args.file.parent).resolve()
    path = args.file.resolve()
    if not path.is_relative_to(folder):
        raise CurveError(f"{args.file}: not inside {folder}; give the folder of its collection")
    definition: dict[str, Any] = {
        "id": args.id,
        "label": args.label or file.name or args.id,
        "dataset": args.dataset,
        "images": args.images,
        "collection": folder.name,
        "file": path.relative_to(folder).as_posix(),
        "sha256": sha256_file(path),
        "select": select,
        "metrics": metrics,
        "source": args.source,
        "licence": args.licence,
        "citation": args.citation,
        "note": args.note,
    }
    definition = {key: value for key, value in definition.items() if value}
    output: Path = args.output or args.root / "curves" / f"{args.id}.yaml"
    validate(definition, "curve", str(output))
    for metric in metrics:
        curve = file.curve(metric)
        print(f"{metric}: {len(curve.rates)} points, {min(curve.rates):.4g} to {max(curve.rates):.4g} bpp")
    write_text(output, yaml.safe_dump(definition, sort_keys=False, allow_unicode=True, width=110))
    print(f"wrote {output}")
    return 0


def _selection(text: str) -> tuple[str, str]:
    column, equals, value = text.partition("=")
    if not column or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not COLUMN=VALUE")
    return column, value
