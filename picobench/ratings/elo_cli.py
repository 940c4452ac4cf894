# SPDX-License-Identifier: BSD-3-Clause
"""The commands `picobench elo` and `picobench import-votes`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from picobench.analysis.bdrate import MIN_POINTS
from picobench.arguments import number, whole_number
from picobench.errors import RatingsError
from picobench.files import write_text
from picobench.ratings.bradley_terry import ELO_PER_NAT, Prior
from picobench.ratings.per_image import analyse_images
from picobench.ratings.perceptual import DRAWS, PerceptualBdRate, perceptual_bd_rates
from picobench.ratings.posterior import thinned
from picobench.ratings.raters import summary
from picobench.ratings.read_votes import read_votes
from picobench.ratings.study import (
    MethodInfo,
    Study,
    analyse_study,
    rated_curves,
    read_methods,
)
from picobench.ratings.tables import (
    differences_csv,
    images_csv,
    label_of,
    methods_csv,
    raters_csv,
    separation_words,
)
from picobench.ratings.votes import Votes, resolve_undecided, without_raters, write_votes

# A narrower prior leaves the votes no say (0.001 nats are 0.2 Elo); the upper end is that of definitions of studies.
_PRIOR_SD_NATS = (0.001, 100.0)

_EPILOG = """\
VOTES is CSV with a header, either method_a,method_b,winner (a name, or tie) or winner,loser[,tie], and
optionally rater, image, crop, undecided; or the JSON of the HiFiC study. See docs/ratings.md.

A table of methods (--methods) has the columns method and optionally label, curve and bpp:

  picobench elo votes.json --methods methods.csv --anchor BPG
"""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `picobench elo`; its arguments go to `run`."""
    parser = subparsers.add_parser(
        "elo",
        help="Elo of methods from pairwise votes of people",
        description="Bayesian Bradley-Terry scores of a pairwise comparison study, with 95 % intervals.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_votes(parser)
    parser.add_argument("--csv", type=Path, metavar="OUT", help="write the table of methods")
    parser.add_argument(
        "--differences-csv", type=Path, metavar="OUT", help="write the difference of every two methods"
    )
    parser.add_argument("--raters-csv", type=Path, metavar="OUT", help="write the table of raters")
    parser.add_argument(
        "--per-image", type=Path, metavar="OUT", help="write the Elo of methods on each image"
    )
    parser.add_argument(
        "--exclude-rater",
        action="append",
        default=[],
        metavar="NAME",
        help="leave out a rater; may be repeated",
    )
    parser.add_argument(
        "--prior-sd",
        type=number(*_PRIOR_SD_NATS),
        default=Prior().strength_sd,
        metavar="NATS",
        help="prior standard deviation of a log-strength, 0.001 to 100, 1 nat = 174 Elo (default: %(default)s)",
    )
    parser.add_argument("--methods", type=Path, metavar="CSV", help="labels, curves and rates of the methods")
    parser.add_argument("--anchor", metavar="CURVE", help="print BD-rates at equal Elo against this curve")
    parser.add_argument(
        "--minimum-points",
        type=whole_number(2),
        default=MIN_POINTS,
        metavar="N",
        help="operating points that a curve needs for a BD-rate, at least 2; fewer than %(default)s is an "
        "exception that is printed with the result (default: %(default)s)",
    )
    parser.add_argument(
        "--seed", type=whole_number(0), default=0, help="of posterior draws, from 0 (default: %(default)s)"
    )
    parser.set_defaults(run=run)


def register_import(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `picobench import-votes`; its arguments go to `run_import`."""
    parser = subparsers.add_parser(
        "import-votes",
        help="check votes of people and write them as one plain CSV file",
        description="Read a study in any known form, check it and write it as CSV.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_votes(parser)
    parser.add_argument("output", type=Path, metavar="OUT", help="CSV file to write")
    parser.set_defaults(run=run_import)


def run(args: argparse.Namespace) -> int:
    """Print the scores, the raters flagged and the BD-rates asked for; returns 0.

    Raises:
        RatingsError: The votes or the table of methods cannot be used.
        StorageError: A table cannot be written.
    """
    if args.anchor is not None and args.methods is None:
        raise RatingsError("--anchor needs --methods, a table that gives each method's curve and bpp")
    prior = Prior(strength_sd=args.prior_sd)
    info = read_methods(args.methods) if args.methods else {}
    votes = resolve_undecided(
        without_raters(read_votes(args.votes, args.repeats), args.exclude_rater), args.undecided
    )
    absent = sorted(set(info) - set(votes.methods))
    if absent:
        raise RatingsError(f"{args.methods}: no votes on {absent[0]!a}; check the name of the method")
    study = analyse_study(votes, prior, args.seed)
    for line in (*_summary(votes, args.undecided), "", *_scores(study, info), "", *_raters(study)):
        print(line)
    if args.anchor is not None:
        print()
        for line in _bd_rates(study, info, args.anchor, args.minimum_points):
            print(line)
    if args.csv:
        write_text(args.csv, methods_csv(study, info))
    if args.differences_csv:
        write_text(args.differences_csv, differences_csv(study))
    if args.raters_csv:
        write_text(args.raters_csv, raters_csv(study))
    if args.per_image:
        images = analyse_images(votes, prior, args.seed)
        write_text(args.per_image, images_csv(images))
        print(
            f"\nPer image: {len(images)} of {len(votes.images)} have votes that link all methods seen on them."
        )
    return 0


def run_import(args: argparse.Namespace) -> int:
    """Write the votes as CSV and say what was read; returns 0.

    Raises:
        RatingsError: The votes cannot be used.
        StorageError: The file cannot be written.
    """
    votes = resolve_undecided(read_votes(args.votes, args.repeats), args.undecided)
    write_votes(votes, args.output)
    for line in _summary(votes, args.undecided):
        print(line)
    print(f"written: {args.output}")
    return 0


def _add_votes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("votes", type=Path, metavar="VOTES", help="CSV or JSON file of pairwise votes")
    parser.add_argument(
        "--undecided",
        choices=("as-recorded", "tie", "drop"),
        default="as-recorded",
        help="what votes count as whose outcome was drawn because the rater could not tell (default: %(default)s)",
    )
    parser.add_argument(
        "--repeats",
        choices=("keep", "first"),
        default="keep",
        help="use every vote of a rater on the same image, crop and pair, or the first (default: %(default)s)",
    )


def _summary(votes: Votes, undecided: str) -> list[str]:
    by = f" by {len(votes.raters)} raters" if votes.raters else ""
    on = f" on {len(votes.images)} images" if votes.images else ""
    used = f"{len(votes):,} votes" if len(votes) == votes.read else f"{len(votes):,} of {votes.read:,} votes"
    lines = [f"{votes.source}: {used} on {len(votes.methods)} methods{by}{on}"]
    lines += [f"note: {note}" for note in votes.notes]
    if votes.undecided.any():
        meaning = "as recorded" if undecided == "as-recorded" else "as ties"
        lines.append(
            f"note: in {votes.undecided.sum()} votes the rater could not tell and the outcome was drawn; "
            f"they count {meaning} (--undecided)"
        )
    return lines


def _scores(study: Study, info: dict[str, MethodInfo]) -> list[str]:
    header = ["method", "Elo", "95 % if independent", "95 % raters, images", "score", "P(above next)"]
    rows = [
        [
            label_of(info, m.method),
            f"{m.elo:.1f}",
            f"{m.low:.1f} to {m.high:.1f}",
            "n/a" if m.clustered_low is None else f"{m.clustered_low:.1f} to {m.clustered_high:.1f}",
            f"{m.score:.3f}",
            _probability(m.above_next),
        ]
        for m in study.methods
    ]
    prior_sd = study.fit.prior.strength_sd
    lines = _aligned([header, *rows])
    lines.append("")
    lines.append("Elo 0 is the mean of the methods. Score: 0 best, 1 worst.")
    lines.append(
        f"Bradley-Terry{' with Davidson ties' if study.fit.log_tie is not None else ''}, "
        f"prior sd {prior_sd:g} nats ({prior_sd * ELO_PER_NAT:.0f} Elo); intervals of "
        f"{len(study.posterior.parameters):,} draws from the exact posterior, ends known to within "
        f"{study.interval_error_elo:.1f} Elo."
    )
    if isinstance(study.spread, str):
        lines.append(f"Interval over raters and images: n/a, {study.spread}.")
    else:
        freedom = study.spread.degrees_of_freedom
        lines.append(
            f"P(above next) and the wider interval allow for {' and '.join(study.spread.factors)} "
            f"(clustered, t with {freedom} degrees of freedom)."
        )
    lines += [f"{separation_words(one, info)}." for one in study.separations]
    return lines


def _probability(value: float | None) -> str:
    if value is None:
        return ""
    return ">0.999" if value > 0.999 else f"{value:.3f}"


def _raters(study: Study) -> list[str]:
    return [summary([rater.verdict for rater in study.raters])] + [
        f"flagged: {rater.rater} agrees with the others in {rater.agreement:.0%} of {rater.votes} votes, expected "
        f"{rater.expected_agreement:.0%} (corrected p = {rater.p_value:.2g})"
        for rater in study.raters
        if rater.flagged
    ]


def _bd_rates(study: Study, info: dict[str, MethodInfo], anchor: str, minimum_points: int) -> list[str]:
    draws = thinned(study.draws, DRAWS)
    rates = perceptual_bd_rates(study.fit, draws, rated_curves(info), anchor, minimum_points=minimum_points)
    lines = [f"BD-rate at equal Elo against {anchor} (negative saves bits):"]
    lines += [f"{rate.test}: {_bd_text(rate)}" for rate in rates]
    return lines


def _bd_text(result: PerceptualBdRate) -> str:
    note = f" [{result.note}]" if result.note else ""
    if result.percent is None:
        bound = ""
        if result.bound_percent is not None:
            bound = f"; change of rate {result.bound_words} {result.bound_percent:+.1f} % with a probability of 97.5 %"
        return f"n/a, {result.reason}{bound}{note}"
    interval = (
        f", {result.reason}" if result.low is None else f" (95 %: {result.low:+.1f} to {result.high:+.1f})"
    )
    return f"{result.percent:+.1f} %{interval}{note}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if k == 0 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
