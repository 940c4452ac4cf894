# SPDX-License-Identifier: BSD-3-Clause
"""Findings stand beside the codec in every table."""

from pathlib import Path

import pandas as pd

from picobench.stages.marked import SOURCE, with_findings
from picobench.tablefile import write_table

FINDINGS = pd.DataFrame(
    [
        {"codec": "a", "dataset": "d", "point": "p1", "image": "i1", "finding": "truncation"},
        {"codec": "a", "dataset": "d", "point": "p1", "image": "i2", "finding": "bias"},
        {"codec": "a", "dataset": "d", "point": "p2", "image": "", "finding": "duplicate"},
        {"codec": "b", "dataset": "other", "point": "p1", "image": "i1", "finding": "shift"},
    ]
)


def marked(folder: Path, name: str, rows: list[dict[str, str]]) -> pd.DataFrame:
    write_table(folder / f"{SOURCE}.csv", FINDINGS)
    return with_findings({name: pd.DataFrame(rows)}, folder)[name]


def test_without_the_diagnostic_tables_are_as_they_are(tmp_path: Path) -> None:
    table = pd.DataFrame([{"codec": "a", "dataset": "d"}])
    assert with_findings({"rd": table}, tmp_path)["rd"] is table


def test_a_score_has_those_of_its_picture_and_of_all_pictures(tmp_path: Path) -> None:
    rows = [
        {"codec": codec, "dataset": "d", "point": point, "image": image}
        for codec, point, image in [
            ("a", "p1", "i1"),
            ("a", "p1", "i2"),
            ("a", "p2", "i1"),
            ("b", "p1", "i1"),
        ]
    ]
    assert list(marked(tmp_path, "scores", rows)["findings"]) == ["truncation", "bias", "duplicate", ""]


def test_a_point_has_those_of_its_pictures(tmp_path: Path) -> None:
    rows = [{"codec": "a", "dataset": "d", "point": point} for point in ("p1", "p2", "p3")]
    assert list(marked(tmp_path, "rd", rows)["findings"]) == ["bias; truncation", "duplicate", ""]


def test_a_bd_rate_has_those_of_both_sides(tmp_path: Path) -> None:
    rows = [{"dataset": "d", "anchor": "b", "codec": "a"}, {"dataset": "d", "anchor": "a", "codec": "b"}]
    table = marked(tmp_path, "bd_rate", rows)
    assert list(table["findings"]) == ["bias; duplicate; truncation", ""]
    assert list(table["anchor_findings"]) == ["", "bias; duplicate; truncation"]


def test_a_bd_rate_of_an_image_has_those_of_that_image(tmp_path: Path) -> None:
    rows = [{"dataset": "d", "anchor": "b", "codec": "a", "image": image} for image in ("i1", "i3")]
    assert list(marked(tmp_path, "bd_rate_images", rows)["findings"]) == [
        "duplicate; truncation",
        "duplicate",
    ]


def test_a_pair_has_those_of_the_base_too(tmp_path: Path) -> None:
    table = marked(tmp_path, "paired", [{"dataset": "d", "base": "a", "base_point": "p1", "codec": "b"}])
    assert list(table["base_findings"]) == ["bias; duplicate; truncation"]


def test_an_empty_table_gets_the_column(tmp_path: Path) -> None:
    table = pd.DataFrame(columns=["dataset", "codec", "point"])
    write_table(tmp_path / f"{SOURCE}.csv", FINDINGS)
    assert list(with_findings({"rd": table}, tmp_path)["rd"].columns) == [
        "dataset",
        "codec",
        "point",
        "findings",
    ]
