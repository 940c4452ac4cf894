# SPDX-License-Identifier: BSD-3-Clause
"""The command `picobench import-reconstructions`."""

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from picobench.errors import DatasetError

if TYPE_CHECKING:
    from picobench.imports.patterns import Pattern
    from picobench.imports.rates import FileList, Key, Rate
    from picobench.imports.reconstructions import Findings

_EPILOG = """\
What a picture shows is said by its path or by a table. The pattern is for the whole path inside the folder or
archive. {image} must be in it; {codec}, {point} and {bpp} may be; * stands for anything but a slash. Rates come from
{bpp} or from a table: JSON {image: {codec: bpp}}, or CSV with the columns image, bpp or bytes, and perhaps codec,
point and sha256 (of the picture's file, which is verified). With a column file, the path inside the folder or
archive, the table takes the place of the pattern, so names may be digests.

  picobench import-reconstructions pico-project-page --pattern '{image}/{codec}.png' --rates bpp.json \\
      --point page --reference-pattern '{image}/reference.png' --manifest codecs/manifests/pico-project-page.csv
  picobench import-reconstructions pico.zip --codec pico --pattern 'rate{point}/{image}_{bpp}.png' --manifest ...
  picobench import-reconstructions hashed.zip --codec ours --rates table.csv --manifest ...

Refused and listed, never resized or repaired: pictures of another size than their reference, pictures that cannot be
read as 8-bit sRGB without guessing, files that are not of their sha256, two different pictures of the same, and rates
that no picture of that size can have: zero or less than one byte, more than 24 bits a pixel, or bytes and bits per
pixel that disagree by over 1 %.
exit codes: 0 a manifest was written; 1 it was written, but with --strict something did not fit; 2 wrong input.
"""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to `picobench`."""
    parser = subparsers.add_parser(
        "import-reconstructions",
        help="make the manifest of published reconstructions",
        description="Match published pictures with their rates and references; write the manifest that a codec "
        "of the adapter reconstructions is defined by. Pictures stay where they are.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", metavar="SOURCE", type=Path, help="folder or zip archive of the pictures")
    parser.add_argument("--pattern", help="paths of reconstructions, unless the table has a column file")
    parser.add_argument("--rates", type=Path, metavar="TABLE", help="published rates, .json or .csv")
    parser.add_argument("--codec", default="", help="codec, where neither the path nor the table names it")
    parser.add_argument(
        "--point", default="published", help="point, where neither names it (default: %(default)s)"
    )
    references = parser.add_mutually_exclusive_group()
    references.add_argument(
        "--references", type=Path, metavar="FOLDER", help="references, IMAGE.png and the like"
    )
    references.add_argument("--reference-pattern", metavar="PATTERN", help="paths of references in SOURCE")
    parser.add_argument("--manifest", type=Path, required=True, metavar="CSV", help="file to write")
    parser.add_argument("--strict", action="store_true", help="exit status 1 if anything did not fit")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the manifest, print what was found; returns the exit status.

    Raises:
        DatasetError: The input cannot be used.
    """
    from picobench.imports.patterns import parse_pattern
    from picobench.imports.rates import Defaults, read_rates
    from picobench.imports.reconstructions import Request, gather
    from picobench.manifest import write_manifest

    defaults = Defaults(args.codec, args.point)
    rates = {} if args.rates is None else read_rates(args.rates, defaults)
    findings = gather(
        Request(
            source=args.source,
            paths=_paths(args, rates),
            rates=rates,
            defaults=defaults,
            reference_pattern=parse_pattern(args.reference_pattern) if args.reference_pattern else None,
            references=args.references,
        )
    )
    write_manifest(args.manifest, findings.rows.values())
    clean = _print(findings, args.manifest)
    return 1 if args.strict and not clean else 0


def _paths(args: argparse.Namespace, rates: "Mapping[Key, Rate]") -> "Pattern | FileList":
    """What says which picture is which: the pattern, or the files that the table names."""
    from picobench.imports.patterns import parse_pattern
    from picobench.imports.rates import FileList

    files = {rate.file: key for key, rate in rates.items() if rate.file}
    if args.pattern is None and not files:
        raise DatasetError(
            "which picture is which? add --pattern, or a column file to a CSV table of --rates"
        )
    if args.pattern is not None and files:
        raise DatasetError(
            f"{args.rates}: has a column file, which --pattern would contradict; give one of them"
        )
    if args.pattern is None:
        if not all(codec for codec, _, _ in files.values()):
            raise DatasetError(f"{args.rates}: which codec? add --codec NAME, or a column codec")
        return FileList(str(args.rates), files)
    pattern = parse_pattern(args.pattern)
    if "{codec}" not in args.pattern and not args.codec:
        raise DatasetError("which codec? add --codec NAME, or {codec} to the pattern")
    if "{bpp}" not in args.pattern and args.rates is None:
        raise DatasetError("which rates? add --rates TABLE, or {bpp} to the pattern")
    return pattern


def _print(findings: "Findings", manifest: Path) -> bool:
    """Print the findings; returns whether everything fitted."""
    usable = Counter((row.codec, row.point) for row in findings.rows.values() if not row.refused)
    for (codec, point), count in sorted(usable.items()):
        print(f"{codec} at {point}: {count} pictures")
    print(
        f"{len(findings.references)} references"
        if findings.references
        else "no references: sizes are unchecked"
    )
    refused = [f"{row.file}: {row.refused}" for row in findings.refused]
    problems = {
        "refused": refused,
        "not matched": findings.unmatched,
        "duplicates": findings.duplicates,
        "pictures without a rate": findings.without_rate,
        "rates without a picture": findings.without_picture,
        "links, not followed": findings.links,
    }
    for title, entries in problems.items():
        _print_list(title, entries)
    _print_list("converted when read", findings.converted)
    print(f"wrote {manifest}: {len(findings.rows)} rows, {len(refused)} of them refused")
    return not any(problems.values())


def _print_list(title: str, entries: Sequence[str]) -> None:
    print(f"{title}: {len(entries) or 'none'}")
    for entry in entries:
        print(f"  {entry}")
