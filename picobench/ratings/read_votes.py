# SPDX-License-Identifier: BSD-3-Clause
"""Reading pairwise comparisons: CSV in two forms, and the JSON in which the HiFiC study was published."""

import csv
import io
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from picobench.columns import columns_problem
from picobench.errors import RatingsError
from picobench.ratings.votes import (
    FIRST,
    SECOND,
    TIE,
    Repeats,
    Row,
    Votes,
    checked_name,
    collect,
)
from picobench.yamlfile import did_you_mean

# A vote takes about 300 bytes in the wordiest form known: this is room for a study of 200,000.
MAX_FILE_BYTES = 64 << 20
MAX_VOTES = 2_000_000

_CONTEXT_COLUMNS = ("rater", "image", "crop", "undecided")
_PAIR_COLUMNS = ("method_a", "method_b", "winner")
_ORDER_COLUMNS = ("winner", "loser", "tie")
_JSON_KEYS = ("greater", "lesser", "image", "crop", "base_url", "random_choice")
_TRUE = frozenset({"1", "true", "yes"})
_FALSE = frozenset({"", "0", "false", "no"})


def read_votes(path: Path, repeats: Repeats = "keep") -> Votes:
    """Read the votes of one study.

    A file that starts with `{` is JSON: `{rater: {vote: {greater, lesser, image, crop, base_url,
    random_choice}}}`, of which `image`, `crop`, `base_url` and `random_choice` may be missing. Everything else
    is CSV with a header and either `method_a, method_b, winner` (the name of one of the two, or `tie`) or
    `winner, loser` and optionally `tie` (0 or 1); `rater`, `image`, `crop` and `undecided` (0 or 1) are optional.
    Other columns are refused, because a misspelt `rater` would otherwise silently remove the clustering.

    Args:
        path: The file, UTF-8, at most `MAX_FILE_BYTES`.
        repeats: What to do with repeats of the same rater, image, crop and pair; see `collect`.

    Raises:
        RatingsError: The file is missing, too large, not of these forms, or a vote in it is wrong; the message
            names the row or vote.
    """
    text = _text(path)
    rows = _json_rows(text, path) if text.lstrip()[:1] == "{" else _csv_rows(text, path)
    if not rows:
        raise RatingsError(f"{path}: no votes in it; check that it is the right file")
    return collect(rows, str(path), repeats)


def read_small_table(
    path: Path, required: Collection[str], optional: Collection[str]
) -> list[tuple[str, dict[str, str]]]:
    """Read a CSV file as pairs of a place for messages (file and row) and that row's stripped cells.

    Raises:
        RatingsError: The file is missing, not CSV, lacks a required column, or has a column that is not known.
    """
    header, records = _csv_table(_text(path), path)
    if problem := columns_problem(header, [*required, *optional]):
        raise RatingsError(f"{path}: {problem}")
    missing = sorted(set(required) - set(header))
    if missing:
        raise RatingsError(f"{path}: the column {missing[0]} is missing; add it to the header")
    return [
        (f"{path}: row {line}", dict(zip(header, (cell.strip() for cell in cells), strict=True)))
        for line, cells in records
    ]


def _text(path: Path) -> str:
    try:
        if not path.is_file():
            raise RatingsError(f"{path}: no such file; give a CSV or JSON file of votes")
        if path.stat().st_size > MAX_FILE_BYTES:
            raise RatingsError(f"{path}: larger than {MAX_FILE_BYTES >> 20} MiB; split the study")
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RatingsError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    except OSError as error:
        raise RatingsError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None


def _csv_table(text: str, path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    records: list[tuple[int, list[str]]] = []
    try:
        for cells in reader:
            if not cells:
                continue
            if not header:
                header = [cell.strip() for cell in cells]
            elif len(cells) != len(header):
                raise RatingsError(
                    f"{path}: row {reader.line_num} has {len(cells)} cells, the header has {len(header)}; "
                    "quote names that contain a comma"
                )
            elif len(records) == MAX_VOTES:
                raise RatingsError(f"{path}: more than {MAX_VOTES} rows; split the file")
            else:
                records.append((reader.line_num, cells))
    except csv.Error as error:
        raise RatingsError(
            f"{path}: row {reader.line_num} is not CSV ({error}); correct the quotes"
        ) from None
    if not header:
        raise RatingsError(f"{path}: empty; the first row must name the columns")
    return header, records


def _csv_rows(text: str, path: Path) -> list[Row]:
    header, records = _csv_table(text, path)
    known = list(dict.fromkeys((*_CONTEXT_COLUMNS, *_PAIR_COLUMNS, *_ORDER_COLUMNS)))
    if problem := columns_problem(header, known):
        raise RatingsError(f"{path}: {problem}")
    by_pair = set(_PAIR_COLUMNS) <= set(header) and "loser" not in header and "tie" not in header
    by_order = {"winner", "loser"} <= set(header) and "method_a" not in header and "method_b" not in header
    if not (by_pair or by_order):
        raise RatingsError(
            f"{path}: needs either the columns method_a, method_b, winner or winner, loser (and tie); "
            f"it has {', '.join(header)}"
        )
    convert = _pair_row if by_pair else _order_row
    return [convert(dict(zip(header, cells, strict=True)), f"{path}: row {line}") for line, cells in records]


def _context(record: Mapping[str, str], place: str) -> tuple[str, str, str]:
    rater, image, crop = (
        checked_name(record[name], name, place) if name in record else ""
        for name in ("rater", "image", "crop")
    )
    return rater, image, crop


def _pair_row(record: Mapping[str, str], place: str) -> Row:
    first = _method(record["method_a"], place)
    second = _method(record["method_b"], place)
    winner = record["winner"].strip()
    if winner not in (first, second, "tie"):
        raise RatingsError(f"{place}: the winner {winner[:80]!a} must be {first!a}, {second!a} or 'tie'")
    outcome = TIE if winner == "tie" else FIRST if winner == first else SECOND
    undecided = _flag(record.get("undecided", ""), "undecided", place)
    return Row(*_context(record, place), first, second, outcome, undecided)


def _order_row(record: Mapping[str, str], place: str) -> Row:
    outcome = TIE if _flag(record.get("tie", ""), "tie", place) else FIRST
    undecided = _flag(record.get("undecided", ""), "undecided", place)
    first, second = _method(record["winner"], place), _method(record["loser"], place)
    return Row(*_context(record, place), first, second, outcome, undecided)


def _method(text: str, place: str) -> str:
    name = checked_name(text, "method", place)
    if name == "tie":
        raise RatingsError(f"{place}: a method cannot be called 'tie'; use the column tie, or rename it")
    return name


def _flag(text: str, what: str, place: str) -> bool:
    value = text.strip().lower()
    if value not in _TRUE | _FALSE:
        raise RatingsError(f"{place}: {what} is {text[:80]!a}; write 0 or 1")
    return value in _TRUE


def _json_rows(text: str, path: Path) -> list[Row]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        record: dict[str, Any] = {}
        for name, value in pairs:
            if name in record:
                raise RatingsError(f"{path}: {name[:80]!a} is there twice in one object; remove one")
            record[name] = value
        return record

    try:
        study = json.loads(text, object_pairs_hook=unique)
    except RecursionError:
        raise RatingsError(f"{path}: nested too deeply; expected rater, vote, record") from None
    except ValueError as error:
        raise RatingsError(f"{path}: not JSON ({error}); export it again") from None
    rows: list[Row] = []
    for rater, cast in study.items():
        if not isinstance(cast, dict):
            raise RatingsError(f"{path}: rater {rater[:80]!a} has no votes object; see docs/ratings.md")
        rows.extend(
            _json_row(rater, vote, f"{path}: rater {rater[:80]!a}, vote {key[:80]!a}")
            for key, vote in cast.items()
        )
        if len(rows) > MAX_VOTES:
            raise RatingsError(f"{path}: more than {MAX_VOTES} votes; split the study")
    return rows


def _json_row(rater: str, vote: Any, place: str) -> Row:
    if not isinstance(vote, dict):
        raise RatingsError(f"{place}: not an object with greater and lesser; see docs/ratings.md")
    for key in vote:
        if key not in _JSON_KEYS:
            raise RatingsError(f"{place}: unknown key {key[:80]!a}{did_you_mean(key[:80], list(_JSON_KEYS))}")
    for key in ("greater", "lesser"):
        if not isinstance(vote.get(key), str):
            raise RatingsError(f"{place}: {key} must be the name of a method")
    image, crop, undecided = vote.get("image", ""), vote.get("crop", []), vote.get("random_choice", False)
    numbers = isinstance(crop, list) and all(type(value) is int for value in crop) and len(crop) in (0, 4)
    if not isinstance(image, str) or not numbers or not isinstance(undecided, bool):
        raise RatingsError(
            f"{place}: image must be text, crop four whole numbers, random_choice true or false"
        )
    return Row(
        checked_name(rater, "rater", place),
        checked_name(image, "image", place) if "image" in vote else "",
        " ".join(str(value) for value in crop),
        _method(vote["greater"], place),
        _method(vote["lesser"], place),
        FIRST,
        undecided,
    )
