# SPDX-License-Identifier: BSD-3-Clause
"""What was read against what is written: Levenshtein alignment, counted by kind of error.

Character and word error rates are (substitutions + deletions + insertions) / length of what is written, as in
speech and text recognition; they can exceed 1. Two kinds are kept apart that a plain rate mixes: text that was
lost, and text that came out crisp and says something else. The first is seen by whoever reads it, the second
misleads him.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

CONFIDENT = 0.9
"""Confidence from which on a character counts as read with certainty; docs/text.md says how often it is wrong."""

Operation = tuple[str, int, int]
"""An edit: replace, delete or insert; place in what is written; place in what was read."""


@dataclass(frozen=True)
class Reading:
    """What the recogniser made of one line.

    Attributes:
        text: Normalised by `normalise_text`; empty if nothing was made out.
        confidences: One per character of `text`, from 0 to 1.
    """

    text: str
    confidences: tuple[float, ...]

    @property
    def confidence(self) -> float:
        """Mean over the characters; 0 without any."""
        return sum(self.confidences) / len(self.confidences) if self.confidences else 0.0


@dataclass(frozen=True)
class Errors:
    """Errors of one or more lines, in characters or in words.

    Attributes:
        length: Characters or words that are written.
        confident: Substitutions that were read with certainty: crisp and wrong.
        unsure: The other substitutions.
        deletions: Written and not read.
        insertions: Read and not written.
    """

    length: int = 0
    confident: int = 0
    unsure: int = 0
    deletions: int = 0
    insertions: int = 0

    @property
    def total(self) -> int:
        """All errors."""
        return self.confident + self.unsure + self.deletions + self.insertions

    @property
    def rate(self) -> float | None:
        """Errors by length; None where nothing is written."""
        return self.total / self.length if self.length else None

    @property
    def confident_rate(self) -> float | None:
        """Confident substitutions by length; None where nothing is written."""
        return self.confident / self.length if self.length else None

    @property
    def deletion_rate(self) -> float | None:
        """Deletions by length; None where nothing is written."""
        return self.deletions / self.length if self.length else None


@dataclass(frozen=True)
class Substitution:
    """A word that reads as another one, with certainty.

    Attributes:
        line: Which line of the picture, from 0.
        word: Which word of the line as it is written, from 0.
        written: The word.
        read: What was read.
        confidence: Lowest among its characters that are not as written and were read with certainty.
    """

    line: int
    word: int
    written: str
    read: str
    confidence: float


@dataclass(frozen=True)
class LineErrors:
    """Errors of one line.

    Attributes:
        characters, words: Counted.
        substitutions: Confident substitutions of words.
        misread: Words as they are written that were read otherwise, surely or not, or not at all.
    """

    characters: Errors
    words: Errors
    substitutions: tuple[Substitution, ...]
    misread: frozenset[int]


def normalise_text(text: str) -> str:
    """NFKC, so that a recogniser's full-width or composed forms equal the plain ones; single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def make_reading(text: str, confidences: Sequence[float]) -> Reading:
    """Normalise a recogniser's output; a character that becomes several hands its confidence to each."""
    characters: list[str] = []
    kept: list[float] = []
    for character, confidence in zip(text, confidences, strict=True):
        for part in unicodedata.normalize("NFKC", character):
            space = part.isspace()
            if space and (not characters or characters[-1] == " "):
                continue
            characters.append(" " if space else part)
            kept.append(confidence)
    if characters and characters[-1] == " ":
        characters.pop()
        kept.pop()
    return Reading("".join(characters), tuple(kept))


def compare_line(written: str, reading: Reading, line: int = 0) -> LineErrors:
    """Errors of a reading.

    A wrong word is a confident substitution if a character in it that is not as written was read with
    certainty; a word that lost letters, or runs into its neighbour, is none.

    Args:
        written: What the line says, normalised.
        reading: What was read.
        line: Number to give in `substitutions`.
    """
    certain = [confidence >= CONFIDENT for confidence in reading.confidences]
    operations = _align(written, reading.text)
    wrong: dict[int, float] = {}
    confident = 0
    for kind, source, target in operations:
        if kind == "delete" or not certain[target] or reading.text[target] == " ":
            continue
        wrong[target] = reading.confidences[target]
        confident += kind == "replace" and written[source] != " "
    return _compare_words(
        written, reading, wrong, line, characters=_count(len(written), operations, confident)
    )


def wrong_characters(written: str, reading: Reading) -> frozenset[int]:
    """Places in the reading of characters that are not written there: replaced or inserted."""
    return frozenset(target for kind, _, target in _align(written, reading.text) if kind != "delete")


def _align(written: str | list[str], read: str | list[str]) -> list[Operation]:
    return [(item.tag, item.src_pos, item.dest_pos) for item in Levenshtein.editops(written, read)]


def _compare_words(
    written: str, reading: Reading, wrong: dict[int, float], line: int, characters: Errors
) -> LineErrors:
    expected, found = written.split(), reading.text.split()
    starts = [0]
    for word in found:
        starts.append(starts[-1] + len(word) + 1)
    operations = _align(expected, found)
    substitutions = []
    for kind, source, target in operations:
        if kind != "replace":
            continue
        places = range(starts[target], starts[target] + len(found[target]))
        proof = [wrong[place] for place in places if place in wrong]
        if proof:
            substitutions.append(
                Substitution(line, source, expected[source], found[target], round(min(proof), 4))
            )
    return LineErrors(
        characters,
        _count(len(expected), operations, len(substitutions)),
        tuple(substitutions),
        frozenset(source for kind, source, _ in operations if kind != "insert"),
    )


def _count(length: int, operations: Iterable[Operation], confident: int) -> Errors:
    kinds = [kind for kind, _, _ in operations]
    return Errors(
        length, confident, kinds.count("replace") - confident, kinds.count("delete"), kinds.count("insert")
    )


def pool(errors: Iterable[Errors]) -> Errors:
    """Sums over lines or pictures: its rate weighs every character (or word) alike."""
    total = Errors()
    for one in errors:
        total = Errors(
            total.length + one.length,
            total.confident + one.confident,
            total.unsure + one.unsure,
            total.deletions + one.deletions,
            total.insertions + one.insertions,
        )
    return total
