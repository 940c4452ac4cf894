# SPDX-License-Identifier: BSD-3-Clause
"""Reading against writing: alignment, kinds of error, what counts as a confident substitution."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picobench.diagnostics.text.errors import (
    Errors,
    Reading,
    compare_line,
    make_reading,
    normalise_text,
    pool,
    wrong_characters,
)


def reading(text: str, confidence: float = 0.99) -> Reading:
    return Reading(text, (confidence,) * len(text))


# Characters


@pytest.mark.parametrize(
    ("written", "read", "confident", "deletions", "insertions"),
    [
        ("castle", "castle", 0, 0, 0),
        ("castle", "cattle", 1, 0, 0),
        ("castle", "cast", 0, 2, 0),
        ("castle", "castles", 0, 0, 1),
        ("castle", "", 0, 6, 0),
        ("", "noise", 0, 0, 5),
        ("two words", "twowords", 0, 1, 0),
    ],
)
def test_kinds_of_character_errors(
    written: str, read: str, confident: int, deletions: int, insertions: int
) -> None:
    found = compare_line(written, reading(read)).characters
    assert found == Errors(len(written), confident, 0, deletions, insertions)


def test_an_uncertain_character_is_no_confident_substitution() -> None:
    unsure = Reading("cattle", (0.99, 0.99, 0.89, 0.99, 0.99, 0.99))
    sure = Reading("cattle", (0.5, 0.5, 0.9, 0.5, 0.5, 0.5))
    assert compare_line("castle", unsure).characters == Errors(6, 0, 1, 0, 0)
    assert compare_line("castle", unsure).substitutions == ()
    assert compare_line("castle", sure).characters == Errors(6, 1, 0, 0, 0)
    assert compare_line("castle", sure).substitutions[0].confidence == 0.9


@given(st.text("abc ", max_size=12).map(normalise_text), st.text("abc ", max_size=12).map(normalise_text))
def test_counts_are_those_of_the_shortest_edit(written: str, read: str) -> None:
    found = compare_line(written, reading(read)).characters
    rows = list(range(len(read) + 1))
    for source in range(len(written)):
        above, rows[0] = rows[0], source + 1
        for target in range(len(read)):
            cost = above + (written[source] != read[target])
            above, rows[target + 1] = rows[target + 1], min(cost, rows[target] + 1, rows[target + 1] + 1)
    assert found.total == rows[-1]
    assert found.length + found.insertions - found.deletions == len(read)


def test_wrong_characters_are_places_in_the_reading() -> None:
    assert wrong_characters("abcd", reading("abXd")) == {2}
    assert wrong_characters("abcd", reading("abcdY")) == {4}
    assert wrong_characters("abcd", reading("acd")) == frozenset()


# Words


@pytest.mark.parametrize("other", ["river", "melon", "lemos"])
def test_a_replaced_word_is_named(other: str) -> None:
    found = compare_line("fresh lemon juice", reading(f"fresh {other} juice"), line=3)
    (item,) = found.substitutions
    assert (item.line, item.word, item.written, item.read) == (3, 1, "lemon", other)
    assert found.words == Errors(3, 1, 0, 0, 0)


def test_a_swap_of_letters_is_a_substitution_of_a_word() -> None:
    # Levenshtein may see a deletion and an insertion here instead of two substitutions.
    assert [item.read for item in compare_line("form", reading("from")).substitutions] == ["from"]


@pytest.mark.parametrize(
    "read",
    [
        "fresh juice",
        "fresh lem juice",
        "fresh lemonjuice",
        "freshlemon juice",
        "fresh",
        "",
        "fresh le mon juice",
    ],
)
def test_lost_letters_and_spaces_are_no_substitution(read: str) -> None:
    found = compare_line("fresh lemon juice", reading(read))
    assert found.substitutions == ()
    assert found.words.confident == 0
    assert found.words.total > 0


def test_a_word_read_without_certainty_is_no_substitution() -> None:
    found = compare_line("fresh lemon juice", reading("fresh river juice", 0.6))
    assert found.substitutions == ()
    assert found.words == Errors(3, 0, 1, 0, 0)
    assert found.misread == {1}


def test_misread_words_are_those_not_read_as_written() -> None:
    assert compare_line("fresh lemon juice", reading("fresh juice")).misread == {1}
    assert compare_line("fresh lemon juice", reading("freshlemon juice")).misread == {0, 1}
    assert compare_line("fresh lemon", reading("fresh lemon juice")).misread == frozenset()


# Readings and sums


def test_readings_are_normalised_with_their_confidences() -> None:
    assert make_reading(" a\u3000 ﬁ４℃ ", (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)) == Reading(
        "a fi4°C", (0.2, 0.3, 0.5, 0.5, 0.6, 0.7, 0.7)
    )
    assert make_reading("  ", (0.9, 0.9)) == Reading("", ())
    assert Reading("", ()).confidence == 0


@given(st.text(max_size=10))
def test_a_reading_is_normalised_like_what_is_written(text: str) -> None:
    made = make_reading(text, [0.5] * len(text))
    assert len(made.confidences) == len(made.text)
    assert " ".join(made.text.split()) == made.text


def test_pooling_adds() -> None:
    total = pool([Errors(10, 1, 2, 3, 4), Errors(30, 0, 0, 0, 0)])
    assert total == Errors(40, 1, 2, 3, 4)
    assert total.rate == 0.25
    assert total.confident_rate == 0.025
    assert Errors().rate is None
    assert Errors().confident_rate is None
