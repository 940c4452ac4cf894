# SPDX-License-Identifier: BSD-3-Clause
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picobench.datasets.names import ImageNames, image_name, is_picture, printable, slug
from picobench.errors import DatasetError

SAFE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")


@given(st.text())
def test_any_text_becomes_a_safe_name(text: str) -> None:
    name = slug(text)
    assert SAFE.fullmatch(name)
    assert ".." not in name
    assert slug(name) == name


@given(st.text(alphabet=st.characters(categories=["Lo"]), min_size=1, max_size=80))
def test_names_in_other_scripts_stay_apart(text: str) -> None:
    assert slug(text) != slug(text + "a")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("kodim01.png", "kodim01"),
        ("IMG_0001.JPG", "IMG_0001"),
        ("summer 2019/the beach.jpeg", "summer-2019-the-beach"),
        ("../../etc/passwd.png", "etc-passwd"),
        ("café crème.png", "cafe-creme"),
        ("archive.tar.png", "archive.tar"),
        ("=cmd|' /C calc'!A0.png", "cmd-C-calc-A0"),
        ("version 1.2", "version-1.2"),
    ],
)
def test_image_names(source: str, expected: str) -> None:
    assert image_name(source) == expected


def test_long_names_are_cut_and_stay_apart() -> None:
    first, second = image_name("x" * 200 + "1.png"), image_name("x" * 200 + "2.png")
    assert len(first) == len(second) == 64
    assert first != second


@pytest.mark.parametrize("other", ["A b.png", "a-b.jpg", "A B.PNG"])
def test_a_second_picture_of_the_same_name_is_refused(other: str) -> None:
    names = ImageNames()
    names.claim(image_name("a b.png"), "a b.png")
    with pytest.raises(DatasetError, match=r"would be called .* like a b\.png; rename"):
        names.claim(image_name(other), other)


@given(st.text())
def test_printable_is_one_line(text: str) -> None:
    assert printable(text).isprintable()


def test_undecodable_file_names_are_shown() -> None:
    assert printable("a\udcff\n.png") == "a\\udcff\\n.png"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.PNG", True),
        ("phone.heic", True),  # met, to be refused by name
        ("notes.txt", False),
        (".DS_Store", False),
        ("sub/._a.png", False),
        (".thumbnails/a.png", False),
        ("__MACOSX/a.png", False),
    ],
)
def test_what_counts_as_a_picture(name: str, expected: bool) -> None:
    assert is_picture(name) is expected
