# SPDX-License-Identifier: BSD-3-Clause
"""The command `picobench import-curve`: from a published curve file to its definition."""

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from picobench.arguments import column_value
from picobench.definitions import Definitions
from picobench.errors import CurveError
from picobench.files import sha256_file, write_text
from picobench.manifest import LARGEST_BPP

if TYPE_CHECKING:
    from picobench.analysis.curves import CurveFile
    from picobench.metrics.definition import MetricDefinition

_EPILOG = """\
The file stays where it is: the definition names it by the folder of its collection, which a run finds in the mirrors.

  picobench import-curve /data/rd-curves/kodak/vtm.json --collection-folder /data/rd-curves --id compressai-kodak-vtm \\
      --label "VTM (CompressAI)" --dataset kodak --images 24 --licence BSD-3-Clause-Clear \\
      --source https://github.com/InterDigitalInc/CompressAI --note "..." --output curves/compressai-kodak-vtm.yaml

Refused: rates that are not above zero or are more than 24 bits a pixel, and values of our metrics that are not finite
or outside the metric's range. An empty cell of a metric is a missing value.
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
        type=column_value,
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
        CurveError: The file cannot be used, or has points that cannot be.
        DefinitionError: The definition would be wrong.
    """
    import yaml

    from picobench.analysis.curves import read_curve_file
    from picobench.metrics.definition import read_metric
    from picobench.published_curves import present_metrics
    from picobench.yamlfile import validate

    select = dict(args.select)
    file = read_curve_file(args.file, select)
    definitions = Definitions(args.root)
    ours = [name for name in definitions.ids("metrics") if name in file.columns]
    for name in ours:
        _check_points(file, read_metric(definitions, name))
    metrics = present_metrics(file, ours)
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
        rates = [
            rate for rate, value in zip(curve.rates, curve.qualities, strict=True) if not math.isnan(value)
        ]
        print(f"{metric}: {len(rates)} points, {min(rates):.4g} to {max(rates):.4g} bpp")
    write_text(output, yaml.safe_dump(definition, sort_keys=False, allow_unicode=True, width=110))
    print(f"wrote {output}")
    return 0


def _check_points(file: "CurveFile", metric: "MetricDefinition") -> None:
    """Refuse what cannot be a rate, or a value of this metric.

    Raises:
        CurveError: The file and the point are named.
    """
    curve = file.curve(metric.id)
    points = zip(curve.rates, file.columns[metric.id], curve.qualities, strict=True)
    for number, (rate, cell, value) in enumerate(points, start=1):
        problem = ""
        if not 0 < rate <= LARGEST_BPP:
            shown = "missing" if math.isnan(rate) else f"{rate:g}, not above zero and at most {LARGEST_BPP:g}"
            problem = f"'bpp' is {shown}"
        elif cell is None or cell == "":
            continue
        elif not math.isfinite(value):
            problem = f"{metric.id!r} is {value:g}, not a finite number"
        elif not metric.low <= value <= metric.high:
            problem = (
                f"{metric.id!r} is {value:g}, outside the metric's range of {metric.low:g} to {metric.high:g}"
            )
        if problem:
            raise CurveError(f"{file.source}: at point {number} {problem}; correct it or leave the point out")
