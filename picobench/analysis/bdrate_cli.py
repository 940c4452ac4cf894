# SPDX-License-Identifier: BSD-3-Clause
"""The command `picobench bd-rate`: BD-rate of two curve files."""

import argparse
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

from picobench.arguments import column_value, number
from picobench.errors import CurveError

if TYPE_CHECKING:
    from picobench.analysis.curves import CurveFile

NO_NUMBER = 3
"""Exit code where the curves carry no BD-rate (0: a figure; 2: wrong input or usage)."""

_EPILOG = f"""\
A curve file is a CSV file with a column bpp and one for each metric (picobench's rd.csv, or any other), or
CompressAI's JSON. Choose one curve of a table with --select, --select-anchor and --select-test:

  picobench bd-rate rd.csv rd.csv --metric psnr_rgb --select dataset=kodak \\
      --select-anchor codec=jpeg --select-test codec=webp

A negative figure saves bits. "n/a" and the reason are printed where the data do not carry a number.
exit codes: 0 a figure; 2 wrong input or usage; {NO_NUMBER} n/a.
"""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to `picobench`; its arguments go to `run`."""
    parser = subparsers.add_parser(
        "bd-rate",
        help="BD-rate of two curve files",
        description="Average difference in rate at equal quality of TEST against ANCHOR, in per cent.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("anchor", metavar="ANCHOR", type=Path, help="curve file of the reference")
    parser.add_argument("test", metavar="TEST", type=Path, help="curve file of the codec compared with it")
    parser.add_argument("--metric", required=True, metavar="M", help="metric to compare at, such as psnr_rgb")
    parser.add_argument(
        "--method",
        choices=("pchip", "akima", "cubic"),
        default="pchip",
        help="interpolation of log rate over quality (default: %(default)s)",
    )
    parser.add_argument(
        "--min-overlap",
        type=number(0, 1),
        metavar="SHARE",
        help="n/a where the curves share less than this part of their joint range of quality, 0 to 1",
    )
    direction = parser.add_mutually_exclusive_group()
    direction.add_argument("--higher-is-better", action="store_const", const=True, dest="higher_is_better")
    direction.add_argument(
        "--lower-is-better",
        action="store_const",
        const=False,
        dest="higher_is_better",
        help="direction of a metric other than PSNR, MS-SSIM, LPIPS and DISTS",
    )
    for option, what in (("", "both files"), ("-anchor", "ANCHOR"), ("-test", "TEST")):
        parser.add_argument(
            f"--select{option}",
            type=column_value,
            action="append",
            default=[],
            metavar="COLUMN=VALUE",
            help=f"use these rows of {what} (CSV); may be repeated",
        )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the BD-rate; returns the exit code.

    Raises:
        CurveError: A file cannot be used, or the direction of the metric is not known.
    """
    from picobench.analysis.bdrate import MIN_OVERLAP, bd_rate
    from picobench.analysis.curves import read_curve_file

    higher_is_better = _direction(args.metric, args.higher_is_better)
    min_overlap = MIN_OVERLAP if args.min_overlap is None else args.min_overlap
    anchor = read_curve_file(args.anchor, dict([*args.select, *args.select_anchor]))
    test = read_curve_file(args.test, dict([*args.select, *args.select_test]))
    result = bd_rate(
        anchor.curve(args.metric),
        test.curve(args.metric),
        method=args.method,
        higher_is_better=higher_is_better,
        min_overlap=min_overlap,
    )
    remarks = [result.note, *(f"{file.source}: {file.note}" for file in (anchor, test) if file.note)]
    note = "; ".join(filter(None, remarks))
    if args.json:
        record = {
            "anchor": {"file": anchor.source, "name": anchor.name, "points_used": result.anchor_points},
            "test": {"file": test.source, "name": test.name, "points_used": result.test_points},
            "metric": args.metric,
            "method": args.method,
            "higher_is_better": higher_is_better,
            "bd_rate_percent": result.percent,
            "overlap": result.overlap,
            "min_overlap": min_overlap,
            "quality_range": result.quality_range,
            "note": note,
        }
        print(json.dumps(record, indent=1, allow_nan=False))
    elif result.percent is None:
        print(f"n/a: {note}")
    else:
        low, high = result.quality_range or (math.nan, math.nan)
        print(f"{result.percent:+.2f} %")
        print(
            f"{_label(test, result.test_points)} against {_label(anchor, result.anchor_points)}: "
            f"{args.metric} from {low:.4g} to {high:.4g}, overlap {result.overlap:.2f}, {args.method}"
        )
        if note:
            print(f"note: {note}")
    return NO_NUMBER if result.percent is None else 0


def _label(file: "CurveFile", points: int) -> str:
    return f"{file.name or file.source} ({points} points)"


def _direction(metric: str, given: bool | None) -> bool:
    from picobench.analysis.curves import known_direction

    known = known_direction(metric)
    if known is None and given is None:
        raise CurveError(f"{metric}: direction not known; add --higher-is-better or --lower-is-better")
    if known is not None and given is not None and known != given:
        better = "higher" if known else "lower"
        raise CurveError(f"{metric}: {better} is better; leave out the option that says otherwise")
    return bool(known if given is None else given)
