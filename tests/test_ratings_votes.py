# SPDX-License-Identifier: BSD-3-Clause
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picobench.errors import RatingsError
from picobench.ratings import read_votes as reader
from picobench.ratings.linking import Separation, require_common_scale, separations, unlinked_groups
from picobench.ratings.read_votes import read_votes
from picobench.ratings.votes import (
    FIRST,
    SECOND,
    TIE,
    Votes,
    resolve_undecided,
    without_raters,
    write_votes,
)

PAIRS = """rater,image,method_a,method_b,winner
ann,one,x,y,x
ann,two,x,y,y
bob,one,y,z,tie
"""


def read(tmp_path: Path, text: str, name: str = "votes.csv", repeats: str = "keep") -> Votes:
    path = tmp_path / name
    path.write_text(text)
    return read_votes(path, repeats)  # type: ignore[arg-type]


def error(tmp_path: Path, text: str, name: str = "votes.csv") -> str:
    with pytest.raises(RatingsError) as caught:
        read(tmp_path, text, name)
    message = str(caught.value)
    assert "\n" not in message
    assert name in message
    return message


def test_pairs_with_a_named_winner(tmp_path: Path) -> None:
    votes = read(tmp_path, PAIRS)
    assert votes.methods == ("x", "y", "z")
    assert votes.raters == ("ann", "bob")
    assert votes.images == ("one", "two")
    assert votes.outcome.tolist() == [FIRST, SECOND, TIE]
    assert votes.first.tolist() == [0, 0, 1]
    assert votes.second.tolist() == [1, 1, 2]
    assert votes.rater.tolist() == [0, 0, 1]


def test_winner_and_loser_with_ties(tmp_path: Path) -> None:
    votes = read(tmp_path, "winner,loser,tie\nb,a,0\na,b,yes\n")
    assert votes.outcome.tolist() == [FIRST, TIE]
    assert votes.first.tolist() == [1, 0]
    assert votes.raters == votes.images == ()


@pytest.mark.parametrize("mark", ["\ufeff", ""])
def test_windows_files_are_read(tmp_path: Path, mark: str) -> None:
    assert len(read(tmp_path, mark + PAIRS.replace("\n", "\r\n") + "\r\n")) == 3


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (PAIRS.replace("rater", "ratter"), ["'ratter'", "did you mean 'rater'?"]),
        (PAIRS.replace("method_b", "methodb"), ["'methodb'", "did you mean 'method_b'?"]),
        ("method_a,method_b\nx,y\n", ["winner"]),
        ("method_a,method_b,winner,loser\nx,y,x,y\n", ["either"]),
        ("winner,winner,loser\nx,x,y\n", ["twice"]),
        (PAIRS + "bob,one,y,z,w\n", ["row 5", "'w'", "'tie'"]),
        (PAIRS + "bob,one,y,z\n", ["row 5", "4 cells"]),
        (PAIRS + ",one,y,z,y\n", ["row 5", "rater is empty"]),
        (PAIRS + "bob,one,,z,z\n", ["row 5", "method is empty"]),
        (PAIRS + "bob,one,tie,z,z\n", ["row 5", "cannot be called 'tie'"]),
        (PAIRS + "bob,one,=cmd(),z,z\n", ["row 5", "formula"]),
        (PAIRS + f"bob,one,{'n' * 201},z,z\n", ["row 5", "longer than 200"]),
        (PAIRS + "bob,one,a\x1b[31mb,z,z\n", ["row 5", "cannot be printed"]),
        (PAIRS + 'bob,one,"y"x,z,z\n', ["row 5", "not CSV"]),
        ("winner,loser,tie\nx,y,maybe\n", ["row 2", "'maybe'"]),
        ("winner,loser\n", ["no votes"]),
        ("", ["empty"]),
        ("winner,loser\nx,x\n", ["no vote between two different methods"]),
    ],
)
def test_wrong_csv_is_refused_with_its_row(tmp_path: Path, text: str, parts: list[str]) -> None:
    message = error(tmp_path, text)
    for part in parts:
        assert part in message


def test_missing_large_and_binary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RatingsError, match="no such file"):
        read_votes(tmp_path / "absent.csv")
    with pytest.raises(RatingsError, match="no such file"):
        read_votes(tmp_path)
    (tmp_path / "binary.csv").write_bytes(b"winner,loser\n\xff\xfe,x\n")
    with pytest.raises(RatingsError, match="not UTF-8 at byte 13"):
        read_votes(tmp_path / "binary.csv")
    monkeypatch.setattr(reader, "MAX_VOTES", 2)
    assert "more than 2" in error(tmp_path, PAIRS)
    monkeypatch.setattr(reader, "MAX_FILE_BYTES", 10)
    assert "larger than" in error(tmp_path, PAIRS)


def study(**changes: object) -> dict[str, dict[str, dict[str, object]]]:
    vote = {"greater": "x", "lesser": "y", "image": "one.png", "crop": [1, 2, 3, 4], "base_url": "u"}
    return {"ann": {"v1": vote | changes}}


def test_hific_json(tmp_path: Path) -> None:
    votes = read(tmp_path, json.dumps(study(random_choice=True)), "votes.json")
    assert (votes.methods, votes.raters, votes.images) == (("x", "y"), ("ann",), ("one.png",))
    assert votes.crops == ("1 2 3 4",)
    assert votes.outcome.tolist() == [FIRST]
    assert votes.undecided.tolist() == [True]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (json.dumps(study(greaterr="x")), "did you mean 'greater'?"),
        (json.dumps(study(greater=3)), "greater must be the name"),
        (json.dumps(study(crop=[1, 2])), "crop four whole numbers"),
        (json.dumps(study(random_choice="no")), "random_choice"),
        (json.dumps(study(image="\ud800")), "cannot be printed"),
        ('{"ann": {"v": {"greater": "x", "greater": "y"}}}', "twice"),
        ('{"ann": [1]}', "no votes object"),
        ('{"ann": {"v": 1}}', "vote 'v'"),
        ('{"ann": ', "not JSON"),
        ('{"a":' * 100_000, "nested too deeply"),
        ("{}", "no votes"),
    ],
)
def test_wrong_json_is_refused(tmp_path: Path, text: str, part: str) -> None:
    assert part in error(tmp_path, text, "votes.json")


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.lists(
            st.sampled_from([*'abxy,\n"\r', "winner,loser\n", "rater", "tie", "{", "}", ":", "[", "0"])
        ).map(lambda parts: "".join(parts).encode()),
    )
)
def test_any_file_gives_votes_or_one_line(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "votes"
    path.write_bytes(content)
    message, count = "", 0
    try:
        count = len(read_votes(path))
    except RatingsError as caught:
        message = str(caught)
    assert "\n" not in message
    assert (count > 0) == (message == "")


def test_images_on_some_votes_only_are_refused(tmp_path: Path) -> None:
    votes = study()
    votes["ann"]["v2"] = {"greater": "x", "lesser": "y"}
    assert "image is recorded for some votes only" in error(tmp_path, json.dumps(votes), "votes.json")


def test_self_comparisons_are_set_aside_with_a_note(tmp_path: Path) -> None:
    votes = read(tmp_path, PAIRS + "bob,one,z,z,z\n")
    assert (votes.read, len(votes)) == (4, 3)
    assert votes.notes == ("1 comparisons of a method with itself are set aside",)


def test_repeats_are_noted_and_dropped_only_on_request(tmp_path: Path) -> None:
    text = PAIRS + "ann,one,y,x,y\n"  # the pair of the first vote, the other way round
    kept = read(tmp_path, text)
    assert len(kept) == 4
    assert "1 votes repeat" in kept.notes[0]
    assert "are used" in kept.notes[0]
    first = read(tmp_path, text, repeats="first")
    assert first.outcome.tolist() == read(tmp_path, PAIRS).outcome.tolist()
    assert "set aside" in first.notes[0]
    assert (first.read, len(first)) == (4, 3)
    # Without rater and image, equal rows are what every study has.
    assert read(tmp_path, "winner,loser\nx,y\nx,y\n").notes == ()


def test_undecided_votes(tmp_path: Path) -> None:
    votes = read(tmp_path, "winner,loser,undecided\nx,y,1\ny,z,0\n")
    assert resolve_undecided(votes, "as-recorded") is votes
    assert resolve_undecided(votes, "tie").outcome.tolist() == [TIE, FIRST]
    dropped = resolve_undecided(votes, "drop")
    assert (dropped.read, len(dropped)) == (2, 1)
    assert dropped.notes == ("1 votes that raters left undecided are dropped by request",)
    assert dropped.methods == ("y", "z")
    with pytest.raises(RatingsError, match="every vote is undecided"):
        resolve_undecided(read(tmp_path, "winner,loser,undecided\nx,y,1\n"), "drop")


def test_raters_can_be_left_out(tmp_path: Path) -> None:
    votes = without_raters(read(tmp_path, PAIRS), ["bob"])
    assert votes.methods == ("x", "y")
    assert votes.raters == ("ann",)
    assert "1 votes of 1 raters are excluded" in votes.notes[0]
    with pytest.raises(RatingsError, match="no rater is called 'carl'"):
        without_raters(read(tmp_path, PAIRS), ["carl"])
    with pytest.raises(RatingsError, match="no vote is left"):
        without_raters(read(tmp_path, PAIRS), ["ann", "bob"])


def test_no_common_scale_is_refused(tmp_path: Path) -> None:
    split = read(tmp_path, "winner,loser\na,b\nb,c\nx,y\n")
    assert unlinked_groups(split) == [["a", "b", "c"], ["x", "y"]]
    with pytest.raises(RatingsError, match=r"no common scale.*a, b, c \| x, y"):
        require_common_scale(split)
    require_common_scale(read(tmp_path, "winner,loser\na,b\nb,c\nx,y\ny,a\n"))


def test_separation_is_seen_and_a_tie_ends_it(tmp_path: Path) -> None:
    ahead = separations(read(tmp_path, "winner,loser\na,b\nb,c\nc,b\n"))
    assert ahead == [Separation(("a",), True)]
    both = separations(read(tmp_path, "winner,loser\na,b\nb,c\nc,b\nb,z\na,x\nx,b\nb,x\n"))
    assert both == [Separation(("a",), True), Separation(("z",), False)]
    assert separations(read(tmp_path, "winner,loser\na,b\n")) == [
        Separation(("a",), True),
        Separation(("b",), False),
    ]
    assert separations(read(tmp_path, "winner,loser\na,b\nb,c\nc,a\n")) == []
    assert separations(read(tmp_path, "winner,loser,tie\na,b,1\nb,c,0\nc,b,0\n")) == []


def test_written_votes_read_back_the_same(tmp_path: Path) -> None:
    votes = read(tmp_path, PAIRS.replace("x", '"one, two"'))
    target = tmp_path / "out" / "again.csv"
    write_votes(votes, target)
    again = read_votes(target)
    assert (again.methods, again.raters, again.images) == (votes.methods, votes.raters, votes.images)
    for name in ("first", "second", "outcome", "rater", "image", "undecided"):
        assert np.array_equal(getattr(again, name), getattr(votes, name))


def test_the_hific_study(shared: Path) -> None:
    votes = read_votes(shared / "published" / "hific-userstudy" / "votes.json")
    assert (votes.read, len(votes)) == (5220, 5218)
    assert (len(votes.methods), len(votes.raters), len(votes.images)) == (9, 20, 20)
    assert votes.undecided.sum() == 231 - 2
    assert votes.notes == ("2 comparisons of a method with itself are set aside",)
    require_common_scale(votes)
    assert separations(votes) == []
