# SPDX-License-Identifier: BSD-3-Clause
"""`picobench import-reconstructions`: what matches, what does not, and what is refused."""

import errno
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from published_case import PATTERN, REFERENCES, degraded, make_collection, save, scene, zipped

from picobench.cli import main
from picobench.errors import DatasetError, DefinitionError
from picobench.imports.patterns import parse_pattern
from picobench.imports.rates import Defaults, Rate, read_rates
from picobench.imports.reconstructions import Findings, Request, gather
from picobench.manifest import Published, published_points, rate_problem, read_manifest, write_manifest

DEFAULTS = Defaults("ours", "page")


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    return make_collection(tmp_path / "made-up")


def run_gather(source: Path, table: Path | None, pattern: str = PATTERN) -> Findings:
    rates = {} if table is None else read_rates(table, DEFAULTS)
    return gather(Request(source, parse_pattern(pattern), rates, DEFAULTS, parse_pattern(REFERENCES)))


class TestMatching:
    def test_folder(self, collection: Path) -> None:
        findings = run_gather(collection, collection / "bpp.json")
        assert sorted(findings.rows) == [
            ("ours", "one", "page"), ("ours", "three", "page"), ("ours", "two", "page"),
            ("theirs", "one", "page"), ("theirs", "two", "page"),
        ]  # fmt: skip
        assert findings.rows["ours", "one", "page"].bpp == "0.200"
        assert findings.without_picture == ["theirs three page"]
        assert sorted(findings.references) == ["one", "three", "two"]
        assert findings.unmatched == findings.duplicates == findings.without_rate == findings.links == []

    def test_another_size_is_refused_and_listed(self, collection: Path) -> None:
        (refused,) = run_gather(collection, collection / "bpp.json").refused
        assert refused.file == "two/theirs.png"
        assert refused.refused == "the picture is 56x41, its reference 56x40 pixels"

    def test_zip_gives_the_same(self, collection: Path, tmp_path: Path) -> None:
        archive = zipped(collection, tmp_path / "made-up.zip")
        assert run_gather(archive, collection / "bpp.json") == run_gather(collection, collection / "bpp.json")

    def test_rates_in_names_and_points(self, tmp_path: Path) -> None:
        for point, bpp in (("1", "0.25"), ("2", "0.5")):
            save(tmp_path / "x" / f"rate{point}" / f"a_b_{bpp}bpp.png", scene("a"))
        findings = run_gather(tmp_path / "x", None, "rate{point}/{image}_{bpp}bpp.png")
        rows = {(row.image, row.point, row.bpp) for row in findings.rows.values()}
        assert rows == {("a_b", "1", "0.25"), ("a_b", "2", "0.5")}

    def test_name_and_table_that_disagree_are_refused(self, collection: Path) -> None:
        (collection / "one" / "ours.png").rename(collection / "one_0.3.png")
        findings = gather(
            Request(
                collection,
                parse_pattern("{image}_{bpp}.png"),
                {("ours", "one", "page"): Rate("0.200")},
                DEFAULTS,
            )
        )
        (row,) = findings.rows.values()
        assert row.refused == "its name says 0.3 bpp, the table 0.200"

    def test_what_fits_nothing_is_listed(self, collection: Path) -> None:
        save(collection / "thumb.png", scene("x"))
        save(collection / "one" / "other.png", scene("x"))
        findings = run_gather(collection, collection / "bpp.json")
        assert findings.unmatched == ["thumb.png"]
        assert findings.without_rate == ["one/other.png"]

    def test_duplicates(self, tmp_path: Path) -> None:
        for folder in ("a", "b"):
            save(tmp_path / "x" / folder / "one_0.2.png", degraded(scene("one"), 8))
        findings = run_gather(tmp_path / "x", None, "*/{image}_{bpp}.png")
        assert findings.duplicates == ["b/one_0.2.png: like a/one_0.2.png"]
        assert findings.rows["ours", "one", "page"].refused == ""
        save(tmp_path / "x" / "b" / "one_0.2.png", degraded(scene("one"), 9))
        findings = run_gather(tmp_path / "x", None, "*/{image}_{bpp}.png")
        refused = findings.rows["ours", "one", "page"].refused
        assert refused == "two different pictures: a/one_0.2.png, b/one_0.2.png"

    def test_damaged_and_transparent_pictures_are_refused(self, collection: Path) -> None:
        (collection / "one" / "ours.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
        Image.new("RGBA", (56, 40), (1, 2, 3, 4)).save(collection / "three" / "ours.png")
        refused = {row.file: row.refused for row in run_gather(collection, collection / "bpp.json").refused}
        assert "damaged" in refused["one/ours.png"]
        assert set(refused) == {"one/ours.png", "three/ours.png", "two/theirs.png"}

    def test_nothing_matched(self, collection: Path) -> None:
        with pytest.raises(DatasetError, match="no picture matches"):
            run_gather(collection, None, "{image}.tiff")


class TestHostile:
    def test_links_are_not_followed(self, collection: Path, tmp_path: Path) -> None:
        save(tmp_path / "outside" / "ours.png", scene("one"))
        (collection / "four").symlink_to(tmp_path / "outside")
        (collection / "one" / "linked.png").symlink_to(tmp_path / "outside" / "ours.png")
        findings = run_gather(collection, collection / "bpp.json")
        assert sorted(findings.links) == ["four", "one/linked.png"]
        assert len(findings.rows) == 5

    @pytest.mark.parametrize("name", ["../one/ours.png", "/one/ours.png", "a\\b.png"])
    def test_paths_out_of_the_archive(self, tmp_path: Path, name: str) -> None:
        with zipfile.ZipFile(tmp_path / "bad.zip", "w") as opened:
            opened.writestr(name, b"x")
        with pytest.raises(DatasetError, match="do not use this archive"):
            run_gather(tmp_path / "bad.zip", None, "{image}_{bpp}.png")

    def test_bomb(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as opened:
            opened.writestr("a_0.1.png", bytes(50_000_000))
        with pytest.raises(DatasetError, match="would grow"):
            run_gather(tmp_path / "bomb.zip", None, "{image}_{bpp}.png")

    def test_link_in_an_archive(self, tmp_path: Path) -> None:
        entry = zipfile.ZipInfo("a_0.1.png")
        entry.external_attr = 0o120777 << 16
        with zipfile.ZipFile(tmp_path / "link.zip", "w") as opened:
            opened.writestr(entry, "/etc/passwd")
        with pytest.raises(DatasetError, match="link"):
            run_gather(tmp_path / "link.zip", None, "{image}_{bpp}.png")

    def test_unreadable_folder(self, collection: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        scandir = os.scandir

        def refuse(folder: Path | str) -> Any:  # root may read everything, whatever its mode
            if Path(folder).name == "one":
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
            return scandir(folder)

        monkeypatch.setattr(os, "scandir", refuse)
        with pytest.raises(DatasetError, match="permissions"):
            run_gather(collection, collection / "bpp.json")


@pytest.mark.parametrize(
    ("size", "bpp", "problem"),
    [
        ("", "0.25", ""),
        ("280", "", ""),
        ("280", "1.0", ""),
        ("281", "1.00", ""),
        ("6720", "24", ""),
        ("1", "", ""),
        ("", "", "no rate"),
        ("", "0", "less than one byte"),
        ("0", "", "less than one byte"),
        ("", "0.003", "less than one byte"),
        ("", "24.1", "without compression"),
        ("6750", "", "without compression"),
        ("", "-0.2", "no number above zero"),
        ("", "nan", "no number above zero"),
        ("", "1e3", "no number above zero"),
        ("2.5", "", "whole number"),
        ("280", "1.20", "280 bytes are 1 bpp and not 1.20"),
    ],
)
def test_rates_that_no_picture_can_have(size: str, bpp: str, problem: str) -> None:
    found = rate_problem(size, bpp, 56, 40)
    assert problem in found
    assert bool(found) == bool(problem)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{codec}.png", "{image} is missing"),
        ("{image}{imgae}", "did you mean 'image'"),
        ("{image}{image}", "twice"),
    ],
)
def test_wrong_patterns(text: str, problem: str) -> None:
    with pytest.raises(DatasetError, match=problem):
        parse_pattern(text)


class TestTables:
    def test_csv(self, tmp_path: Path) -> None:
        path = tmp_path / "rates.csv"
        path.write_text("image,point,bytes\na,p1,100\nb,,200\n")
        rates = read_rates(path, DEFAULTS)
        assert rates == {("ours", "a", "p1"): Rate("", "100"), ("ours", "b", "page"): Rate("", "200")}

    def test_json_keeps_digits(self, tmp_path: Path) -> None:
        path = tmp_path / "rates.json"
        path.write_text('{"a": {"x": 0.440}, "b": 1}')
        assert read_rates(path, DEFAULTS) == {
            ("x", "a", "page"): Rate("0.440"),
            ("ours", "b", "page"): Rate("1"),
        }

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("x.json", '{"a": 1, "a": 2}'), ("x.json", "[1]"), ("x.json", '{"a": [1]}'), ("x.json", "{"),
            ("x.csv", "image,bpp\na,1\na,2\n"), ("x.csv", "image\na\n"), ("x.csv", "image,bpp\na\n"), ("x.txt", ""),
            ("x.csv", "image,bpp,bpp\na,1,2\n"), ("x.csv", "image,bpp\n,1\n"),
        ],
    )  # fmt: skip
    def test_wrong_tables(self, tmp_path: Path, name: str, text: str) -> None:
        (tmp_path / name).write_text(text)
        with pytest.raises(DatasetError, match=name):
            read_rates(tmp_path / name, DEFAULTS)

    def test_files(self, tmp_path: Path) -> None:
        path = tmp_path / "rates.csv"
        path.write_text(f"image,bpp,file,sha256\na,1,x/{'0' * 8}.png,{'AB' * 32}\nb,2,,\n")
        assert read_rates(path, DEFAULTS) == {
            ("ours", "a", "page"): Rate("1", "", "x/00000000.png", "ab" * 32),
            ("ours", "b", "page"): Rate("2"),
        }

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("image,bpp,fil\na,1,x.png\n", "unknown column 'fil'; did you mean 'file'"),
            ("image,bpp,colour\na,1,red\n", "unknown column 'colour'; known: image, codec, point"),
            ("image,bpp,file\na,1,a.png\nb,1,../b.png\n", r"line 3: file is '\.\./b\.png'"),
            ("image,bpp,file\na,1,/a.png\n", "line 2: file is '/a.png'; give a plain path"),
            ("image,bpp,file\na,1,x\\a.png\n", "line 2: file is"),
            ("image,bpp,file\na,1,a\n", "line 2: file is 'a', which by its name is no picture"),
            ("image,bpp,file\na,1,x.png\nb,1,y.png\nc,1,x.png\n", "line 4: line 2 names 'x.png' too"),
            (f"image,bpp,file,sha256\na,1,x.png,{'0' * 63}\n", "line 2: sha256 is .* 64 hexadecimal digits"),
            (f"image,bpp,file,sha256\na,1,x.png,{'0' * 63}g\n", "line 2: sha256 is"),
        ],
    )
    def test_wrong_files(self, tmp_path: Path, text: str, problem: str) -> None:
        path = tmp_path / "rates.csv"
        path.write_text(text)
        with pytest.raises(DatasetError, match=problem) as caught:
            read_rates(path, DEFAULTS)
        assert "\n" not in str(caught.value)


class TestManifest:
    def rows(self, **changes: str) -> list[Published]:
        values = {"bytes": "", "bpp": "0.25", "file": "a/x.png", "sha256": "0" * 64, **changes}
        return [Published("x", "a", "p", width=56, height=40, **values)]

    def test_round_trip(self, tmp_path: Path) -> None:
        write_manifest(tmp_path / "m.csv", self.rows())
        assert read_manifest(tmp_path / "m.csv", "x") == self.rows()

    def test_digest_of_a_point_follows_its_rows_only(self, tmp_path: Path) -> None:
        def key(*rows: Published) -> str:
            write_manifest(tmp_path / "m.csv", rows)
            return published_points(tmp_path / "m.csv", "x")["p"]["rows"]

        (row,) = self.rows()
        other = Published("y", "a", "p", "", "9", "a/y.png", "1" * 64, 56, 40)
        assert key(row) == key(row, other)
        assert key(row) != key(*self.rows(bpp="0.26"))
        assert key(row) != key(*self.rows(sha256="2" * 64))

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("a/x.png", "../x.png"), ("a/x.png", "/x.png"), ("a/x.png", ""), ("0" * 64, "0"), ("0.25", "99"),
            (",56,", ",0,"), ("x,a,p", "x,.a,p"), ("codec", "kodek"), (",56,40,,", ",56,40,"),
        ],
    )  # fmt: skip
    def test_wrong_manifests(self, tmp_path: Path, old: str, new: str) -> None:
        write_manifest(tmp_path / "m.csv", self.rows())
        text = (tmp_path / "m.csv").read_text()
        (tmp_path / "m.csv").write_text(text.replace(old, new))
        assert (tmp_path / "m.csv").read_text() != text
        with pytest.raises(DefinitionError, match=r"m\.csv"):
            read_manifest(tmp_path / "m.csv", "x")

    def test_unknown_codec_and_unwritable_row(self, tmp_path: Path) -> None:
        write_manifest(tmp_path / "m.csv", self.rows())
        with pytest.raises(DefinitionError, match="known: x"):
            read_manifest(tmp_path / "m.csv", "z")
        with pytest.raises(DefinitionError, match="rename"):
            write_manifest(tmp_path / "m.csv", self.rows(file="a:x.png"))


class TestCommand:
    def argv(self, collection: Path, *more: str) -> list[str]:
        return [
            "import-reconstructions", str(collection), "--pattern", PATTERN, "--rates", str(collection / "bpp.json"),
            "--point", "page", "--reference-pattern", REFERENCES, "--manifest", str(collection / "m.csv"), *more,
        ]  # fmt: skip

    def test_writes_and_reports(self, collection: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(self.argv(collection)) == 0
        text = capsys.readouterr().out
        assert "refused: 1\n  two/theirs.png: the picture is 56x41, its reference 56x40 pixels" in text
        assert "rates without a picture: 1\n  theirs three page" in text
        assert len(read_manifest(collection / "m.csv", "ours")) == 3

    def test_strict(self, collection: Path) -> None:
        assert main(self.argv(collection, "--strict")) == 1

    def test_wrong_use(self, collection: Path, capsys: pytest.CaptureFixture[str]) -> None:
        argv = [
            "import-reconstructions",
            str(collection),
            "--pattern",
            "{image}/x.png",
            "--manifest",
            "m.csv",
        ]
        assert main(argv) == 2
        assert main([*argv, "--codec", "x"]) == 2
        assert "--rates" in capsys.readouterr().err
