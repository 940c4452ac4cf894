# SPDX-License-Identifier: BSD-3-Clause
"""`picobench import-reconstructions` of pictures whose names say nothing; what they show stands in a table."""

from pathlib import Path

import pytest
from published_case import PATTERN, REFERENCES, make_collection, zipped

from picobench.cli import main
from picobench.files import sha256_file
from picobench.manifest import read_manifest


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    return make_collection(tmp_path / "made-up")


@pytest.fixture
def hashed(collection: Path) -> Path:
    """The collection with the digests of its files as names of reconstructions, and `table.csv`."""
    lines = ["image,codec,point,bpp,file,sha256"]
    for path in sorted(collection.glob("*/[ot]*.png")):
        digest = sha256_file(path)
        target = collection / "pictures" / f"{digest[:16]}.png"
        target.parent.mkdir(exist_ok=True)
        path.rename(target)
        codec = "" if path.stem == "ours" else path.stem
        lines.append(f"{path.parent.name},{codec},,0.250,pictures/{target.name},{digest}")
    (collection / "table.csv").write_text("\n".join(lines) + "\n")
    return collection


def run(source: Path, table: Path, *more: str) -> int:
    return main([
        "import-reconstructions", str(source), "--rates", str(table), "--codec", "ours", "--point", "page",
        "--reference-pattern", REFERENCES, "--manifest", str(table.parent / "m.csv"), *more,
    ])  # fmt: skip


def lines_of(hashed: Path) -> list[str]:
    return (hashed / "table.csv").read_text().splitlines()


def write(hashed: Path, *lines: str) -> Path:
    (hashed / "table.csv").write_text("\n".join(lines) + "\n")
    return hashed / "table.csv"


def test_a_folder_and_a_zip_give_the_same(
    hashed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(hashed, hashed / "table.csv") == 0
    printed = capsys.readouterr().out
    assert "ours at page: 3 pictures\ntheirs at page: 1 pictures\n3 references" in printed
    assert "refused: 1\n" in printed
    assert "the picture is 56x41, its reference 56x40 pixels" in printed
    assert "not matched: none" in printed
    manifest = (hashed / "m.csv").read_bytes()
    rows = read_manifest(hashed / "m.csv", "ours")
    assert [row.image for row in rows] == ["one", "three", "two"]
    for row in rows:
        assert (row.point, row.bpp, row.sha256) == ("page", "0.250", sha256_file(hashed / row.file))
    archive = zipped(hashed, tmp_path / "hashed.zip")
    assert run(archive, hashed / "table.csv") == 0
    assert (hashed / "m.csv").read_bytes() == manifest


def test_a_file_that_differs_from_its_checksum_is_refused(
    hashed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header, first, *rest = lines_of(hashed)
    row, sha256 = first.rsplit(",", 1)
    file = row.rsplit(",", 1)[1]
    write(hashed, header, f"{row},{sha256[::-1]}", *rest)
    assert run(hashed, hashed / "table.csv", "--strict") == 1
    assert f"  {file}: its SHA-256 is not that of the table\n" in capsys.readouterr().out
    refused = {row.file: row.refused for row in read_manifest(hashed / "m.csv", "ours")}
    assert refused.pop(file) == "its SHA-256 is not that of the table"
    assert set(refused.values()) == {""}


def test_what_the_table_and_the_folder_do_not_share_is_listed(
    hashed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header, first, *rest = lines_of(hashed)
    unnamed = first.split(",")[4]
    write(hashed, header, "one,,,0.25,pictures/gone.png,", "four,,,0.25,,", *rest)
    assert run(hashed, hashed / "table.csv") == 0
    printed = capsys.readouterr().out
    assert f"not matched: 1\n  {unnamed}\n" in printed
    absent = "rates without a picture: 2\n  ours one page: pictures/gone.png\n  ours four page\n"
    assert absent in printed


def test_a_row_without_a_rate_or_with_an_impossible_one_is_refused(
    hashed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header, first, second, *rest = lines_of(hashed)
    rows = [first.replace("0.250", ""), second.replace("0.250", "99"), *rest]
    assert run(hashed, write(hashed, header, *rows)) == 0
    printed = capsys.readouterr().out
    assert "no rate was published" in printed
    assert "a rate of 99 bpp is more than the 24" in printed


def test_a_checksum_beside_a_pattern_is_verified(collection: Path) -> None:
    digest = sha256_file(collection / "one" / "ours.png")
    table = write(collection, "image,bpp,sha256", f"one,0.2,{digest}", f"two,0.2,{digest}", "three,0.2,")
    assert run(collection, table, "--pattern", "{image}/ours.png") == 0
    refused = {row.image: row.refused for row in read_manifest(collection / "m.csv", "ours")}
    assert refused == {"one": "", "two": "its SHA-256 is not that of the table", "three": ""}


def test_nothing_there(hashed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = write(hashed, "image,bpp,file", "one,0.2,gone.png")
    assert run(hashed, table) == 2
    assert "table.csv' and has a rate" in capsys.readouterr().err


def test_wrong_use(hashed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = hashed / "table.csv"
    plain = hashed / "plain.csv"
    plain.write_text("image,bpp\none,0.2\n")
    for path, more, words in (
        (table, ("--pattern", PATTERN), "which --pattern would contradict"),
        (table, ("--codec", ""), "which codec?"),
        (plain, (), "add --pattern, or a column file"),
        (hashed / "bpp.json", (), "add --pattern, or a column file"),
    ):
        assert run(hashed, path, *more) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert words in line
