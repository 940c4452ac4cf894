# SPDX-License-Identifier: BSD-3-Clause
"""The record of a pairwise comparison study: who preferred which of two reconstructions, of which picture."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from picobench.errors import RatingsError
from picobench.files import write_text

FIRST = 1
TIE = 0
SECOND = -1

Undecided = Literal["as-recorded", "tie", "drop"]
Repeats = Literal["keep", "first"]

# The covariance of the strengths is a dense square matrix of the methods: 512 keep it at two megabytes.
MAX_METHODS = 512
_MAX_NAME_LENGTH = 200
TABLE_COLUMNS = ("rater", "image", "crop", "method_a", "method_b", "winner", "undecided")


class Row(NamedTuple):
    """One vote as it stands in a file. Empty strings: not recorded."""

    rater: str
    image: str
    crop: str
    first: str
    second: str
    outcome: int
    undecided: bool


@dataclass(frozen=True, eq=False)
class Votes:
    """A study, one element per vote in every array.

    Attributes:
        source: Where the votes come from, for messages.
        methods: Names of the methods, sorted; at least two.
        raters: Names of the raters, sorted; empty if the file does not say who voted.
        images: Names of the images, sorted; empty if the file does not say what was shown.
        crops: Descriptions of the part of the image that was shown; empty if not recorded.
        first: int64, index of the first method of the pair.
        second: int64, index of the second method, never equal to `first`.
        outcome: int8, `FIRST`, `TIE` or `SECOND`: the method preferred.
        rater: int64, index into `raters`, all zero if `raters` is empty.
        image: int64, index into `images`, all zero if `images` is empty.
        crop: int64, index into `crops`, all zero if `crops` is empty.
        undecided: bool, the rater could not tell and the outcome was drawn at random by the study's software.
        read: Number of votes that were read, before any was set aside, excluded or dropped.
        notes: What a reader must know about the import, one sentence each.
    """

    source: str
    methods: tuple[str, ...]
    raters: tuple[str, ...]
    images: tuple[str, ...]
    crops: tuple[str, ...]
    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    outcome: npt.NDArray[np.int8]
    rater: npt.NDArray[np.int64]
    image: npt.NDArray[np.int64]
    crop: npt.NDArray[np.int64]
    undecided: npt.NDArray[np.bool_]
    read: int
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return int(self.first.size)


def checked_name(text: str, what: str, place: str) -> str:
    """Return `text` without surrounding blanks if it can name a method, rater or image.

    Raises:
        RatingsError: Empty, too long, with characters that are not printable, or a spreadsheet formula.
    """
    name = text.strip()
    if not name:
        raise RatingsError(f"{place}: the {what} is empty; fill it in or remove the vote")
    if len(name) > _MAX_NAME_LENGTH:
        raise RatingsError(f"{place}: the {what} is longer than {_MAX_NAME_LENGTH} characters; shorten it")
    if not name.isprintable():
        raise RatingsError(f"{place}: the {what} {name!a} has characters that cannot be printed; rename it")
    if name[0] in "=+@":
        # Results are tables that people open in spreadsheet programs.
        raise RatingsError(f"{place}: the {what} {name!a} starts like a spreadsheet formula; rename it")
    return name


def collect(rows: Sequence[Row], source: str, repeats: Repeats = "keep") -> Votes:
    """Make the record of a study from its rows.

    Comparisons of a method with itself say nothing about a difference and are set aside with a note. A repeat
    is a vote of the same rater on the same image, crop and pair; it may be meant (a control) or an export
    written twice, so it is always noted, and `repeats` says whether all or only the first is used.

    Raises:
        RatingsError: No usable vote, or more than `MAX_METHODS` methods.
    """
    usable = [row for row in rows if row.first != row.second]
    notes = []
    if len(usable) < len(rows):
        notes.append(f"{len(rows) - len(usable)} comparisons of a method with itself are set aside")
    if not usable:
        raise RatingsError(f"{source}: no vote between two different methods; nothing can be estimated")
    methods, first_second = _index([row.first for row in usable] + [row.second for row in usable])
    if len(methods) > MAX_METHODS:
        raise RatingsError(
            f"{source}: {len(methods)} methods, at most {MAX_METHODS} are taken; split the study"
        )
    raters, rater = _index([row.rater for row in usable])
    images, image = _index([row.image for row in usable])
    if "" in images:
        raise RatingsError(
            f"{source}: the image is recorded for some votes only; fill it in or remove it everywhere"
        )
    crops, crop = _index([row.crop for row in usable])
    votes = Votes(
        source,
        methods,
        raters,
        images,
        crops,
        first_second[: len(usable)],
        first_second[len(usable) :],
        np.array([row.outcome for row in usable], dtype=np.int8),
        rater,
        image,
        crop,
        np.array([row.undecided for row in usable], dtype=np.bool_),
        len(rows),
    )
    repeated = _repeats(votes)
    if repeated.any():
        action = "used" if repeats == "keep" else "set aside"
        notes.append(f"{repeated.sum()} votes repeat an earlier rater, image and pair; they are {action}")
        votes = votes if repeats == "keep" else select(votes, ~repeated)
    return replace(votes, notes=tuple(notes))


def select(votes: Votes, chosen: npt.NDArray[np.bool_]) -> Votes:
    """Keep the chosen votes; the lists of names stay, so that indices keep their meaning."""
    return replace(
        votes,
        first=votes.first[chosen],
        second=votes.second[chosen],
        outcome=votes.outcome[chosen],
        rater=votes.rater[chosen],
        image=votes.image[chosen],
        crop=votes.crop[chosen],
        undecided=votes.undecided[chosen],
    )


def compacted(votes: Votes) -> Votes:
    """Forget the names of methods, raters, images and crops that no vote has any more."""
    pair = np.concatenate([votes.first, votes.second])
    methods, pair = _used(votes.methods, pair)
    raters, rater = _used(votes.raters, votes.rater)
    images, image = _used(votes.images, votes.image)
    crops, crop = _used(votes.crops, votes.crop)
    return replace(
        votes,
        methods=methods,
        raters=raters,
        images=images,
        crops=crops,
        first=pair[: len(votes)],
        second=pair[len(votes) :],
        rater=rater,
        image=image,
        crop=crop,
    )


def resolve_undecided(votes: Votes, undecided: Undecided) -> Votes:
    """Decide what becomes of votes whose outcome was drawn at random because the rater could not tell.

    `as-recorded` keeps the drawn outcome, as the study was published; `tie` is what the rater said; `drop`
    leaves them out, which biases towards pairs that are easy to tell apart.

    Raises:
        RatingsError: No vote is left.
    """
    if not votes.undecided.any() or undecided == "as-recorded":
        return votes
    if undecided == "drop":
        if votes.undecided.all():
            raise RatingsError(f"{votes.source}: every vote is undecided; count them as ties")
        note = f"{votes.undecided.sum()} votes that raters left undecided are dropped by request"
        return replace(compacted(select(votes, ~votes.undecided)), notes=(*votes.notes, note))
    return replace(votes, outcome=np.where(votes.undecided, TIE, votes.outcome).astype(np.int8))


def without_raters(votes: Votes, excluded: Sequence[str]) -> Votes:
    """Leave out the votes of some raters, with a note.

    Raises:
        RatingsError: A name is not a rater of this study, or no vote is left.
    """
    unknown = sorted(set(excluded) - set(votes.raters))
    if unknown:
        raise RatingsError(f"{votes.source}: no rater is called {unknown[0]!a}; see the column rater")
    out = np.isin(votes.rater, [votes.raters.index(name) for name in excluded])
    if out.all():
        raise RatingsError(f"{votes.source}: no vote is left without these raters; exclude fewer")
    note = f"{out.sum()} votes of {len(set(excluded))} raters are excluded by request"
    return replace(compacted(select(votes, ~out)), notes=(*votes.notes, note)) if excluded else votes


def write_votes(votes: Votes, target: Path) -> None:
    """Write the votes as CSV with `TABLE_COLUMNS`, which `read_votes` takes again."""
    winner = {FIRST: votes.first, SECOND: votes.second}
    absent = {"rater": not votes.raters, "image": not votes.images, "crop": not votes.crops}
    columns = [name for name in TABLE_COLUMNS if not absent.get(name)]
    text = io.StringIO()
    table = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    table.writeheader()
    for k in range(len(votes)):
        outcome = int(votes.outcome[k])
        table.writerow(
            {
                "rater": votes.raters[votes.rater[k]] if votes.raters else "",
                "image": votes.images[votes.image[k]] if votes.images else "",
                "crop": votes.crops[votes.crop[k]] if votes.crops else "",
                "method_a": votes.methods[votes.first[k]],
                "method_b": votes.methods[votes.second[k]],
                "winner": "tie" if outcome == TIE else votes.methods[winner[outcome][k]],
                "undecided": int(votes.undecided[k]),
            }
        )
    write_text(target, text.getvalue())


def _index(names: Sequence[str]) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    known = tuple(sorted(set(names)))
    if known == ("",):
        return (), np.zeros(len(names), dtype=np.int64)
    place = {name: k for k, name in enumerate(known)}
    return known, np.fromiter((place[name] for name in names), dtype=np.int64, count=len(names))


def _used(
    names: tuple[str, ...], index: npt.NDArray[np.int64]
) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    if not names:
        return names, index
    used, place = np.unique(index, return_inverse=True)
    return tuple(names[k] for k in used), place.astype(np.int64)


def _repeats(votes: Votes) -> npt.NDArray[np.bool_]:
    if not votes.raters or not votes.images:
        return np.zeros(len(votes), dtype=np.bool_)  # without them, equal rows are what any study has
    low, high = np.minimum(votes.first, votes.second), np.maximum(votes.first, votes.second)
    key = np.column_stack([votes.rater, votes.image, votes.crop, low, high])
    _, earliest = np.unique(key, axis=0, return_index=True)
    repeated = np.ones(len(votes), dtype=np.bool_)
    repeated[earliest] = False
    return repeated
