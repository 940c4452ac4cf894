# SPDX-License-Identifier: BSD-3-Clause
"""Curve files, and the command that compares two of them."""

import argparse
import json
import math
from pathlib import Path

import pytest

from picobench.analysis import bdrate_cli
from picobench.analysis.bdrate import METHODS, Curve
from picobench.analysis.curves import CurveFile, known_direction, read_curve_file
from picobench.errors import CurveError

TABLE = """\
dataset,codec,version,point,images_used,images_total,bpp,psnr_rgb,lpips_alex,note
kodak,jpeg,,q1,24,24,0.2,28,0.4,
kodak,jpeg,,q2,24,24,0.4,31,0.2,
kodak,jpeg,,q3,23,24,0.8,34,0.1,"1 image without a result (kodim03)"
kodak,jpeg,,q4,24,24,1.6,37,0.05,
kodak,webp,1.5,q1,24,24,0.1,28,0.4,
kodak,webp,1.5,q2,24,24,0.2,31,0.2,
kodak,webp,1.5,q3,24,24,0.4,34,0.1,
kodak,webp,1.5,q4,24,24,0.8,37,,
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "rd.csv"
    path.write_text(TABLE)
    return path


def bd_rate(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    bdrate_cli.register(parser.add_subparsers(required=True))
    args = parser.parse_args(["bd-rate", *map(str, arguments)])
    code: int = args.run(args)
    return code


def test_reads_one_codec_of_a_table(table: Path) -> None:
    jpeg = read_curve_file(table, {"codec": "jpeg"})
    assert jpeg.curve("psnr_rgb") == Curve((0.2, 0.4, 0.8, 1.6), (28.0, 31.0, 34.0, 37.0))
    assert jpeg.name == "jpeg"
    assert jpeg.note == "1 of 4 points are means over fewer images than the dataset has"
    webp = read_curve_file(table, {"codec": "webp", "version": "1.5"})
    assert (webp.name, webp.note) == ("webp@1.5", "")
    assert math.isnan(webp.curve("lpips_alex").qualities[3])


def test_reads_compressai_results(tmp_path: Path) -> None:
    path = tmp_path / "codec.json"
    results = {"bpp": [0.1, 0.2], "psnr": [30, 33.5], "ms-ssim-rgb": [0.9, 1.0], "device": "cpu"}
    path.write_text(json.dumps({"name": "A codec", "description": "of ours", "results": results}))
    file = read_curve_file(path)
    assert file.name == "A codec"
    assert file.curve("psnr_rgb") == file.curve("psnr") == Curve((0.1, 0.2), (30.0, 33.5))
    assert file.curve("ms_ssim_rgb").qualities == (0.9, 1.0)
    assert file.curve("ms_ssim_rgb_db").qualities == (pytest.approx(10.0), math.inf)


def test_known_directions() -> None:
    metrics = ("psnr_rgb", "psnr-rgb", "psnr", "ms_ssim_rgb_db", "lpips_alex", "dists", "vmaf", "psnrhvs")
    assert [known_direction(metric) for metric in metrics] == [True] * 4 + [False] * 2 + [None] * 2


CSV_ERRORS = [
    ("", "empty; it needs a header"),
    ("rate,psnr_rgb\n1,2\n", "no 'bpp'; known: rate, psnr_rgb"),
    ("bpps,psnr_rgb\n1,2\n", "no 'bpp'; did you mean 'bpps'"),
    ("bpp,psnr_rgb\n", "0 points"),
    ("bpp,psnr_rgb\n" + "1,2\n" * 1001, "1001 points"),
    ("bpp,psnr_rgb\n1,2\n3\n", "line 3: 1 cells under 2 columns"),
    ("bpp,psnr_rgb\n1,2,3\n", "line 2: 3 cells under 2 columns"),
    ("bpp,psnr_rgb,bpp\n1,2,3\n", "'bpp' is there twice"),
    ('bpp,"psnr\nrgb"\n1,2\n', r"'psnr\nrgb' is no name of a column"),
    (f"bpp,{'x' * 200}\n1,2\n", "is no name of a column"),
    ('bpp,psnr_rgb\n1,"2\n', "not valid CSV"),
    (f"bpp,psnr_rgb\n1,{'9' * 200_000}\n", "not valid CSV"),
    ("bpp,psnr_rgb\n1,30 dB\n", "point 1 of 'psnr_rgb' is '30 dB', not a number"),
    ("bpp,psnr_rgb\n0.5;1,30\n", "point 1 of 'bpp' is '0.5;1', not a number"),
    ("bpp,psnr_rbg\n1,30\n", "no metric 'psnr_rgb'; did you mean 'psnr_rbg'"),
    ("codec,bpp,psnr_rgb\njpeg,1,30\nwebp,1,30\n", "choose the codec with codec=..., one of jpeg, webp"),
    ('codec,bpp,psnr_rgb\njpeg,1,30\n"we\nbp",1,30\n', r"one of jpeg, 'we\nbp'"),
]


@pytest.mark.parametrize(("text", "words"), CSV_ERRORS)
def test_a_wrong_table_gives_one_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "wrong.csv"
    path.write_text(text)
    assert_one_line(path, words)


JSON_ERRORS = [
    ("", "not valid JSON"),
    ("[" * 200_000, "not valid JSON"),
    ("[]", "no 'results'"),
    ('{"results": []}', "no 'results'"),
    ('{"results": {}}', "no 'bpp'"),
    ('{"results": {"bpp": 1}}', "no 'bpp'"),
    ('{"results": {"bpp": [], "psnr": []}}', "0 points"),
    ('{"results": {"bpp": [1, 2], "psnr-rgb": [30]}}', "2 values of 'bpp' but 1 of 'psnr_rgb'"),
    ('{"results": {"bpp": [1], "psnr": [30], "psnr-rgb": [31]}}', "'psnr_rgb' is there twice"),
    ('{"results": {"bpp": [true], "psnr": [30]}}', "point 1 of 'bpp' is True, not a number"),
    ('{"results": {"bpp": [[1]], "psnr": [30]}}', "is [1], not a number"),
    ('{"results": {"bpp": [1], "psnr": [{"a": 1}]}}', "is {'a': 1}, not a number"),
    ('{"results": {"bpp": [1' + "0" * 400 + '], "psnr": [30]}}', "not a number"),
    ('{"results": {"bpp": [1' + "0" * 9000 + '], "psnr": [30]}}', "not valid JSON"),
    ('{"results": {"bpp": [1], "ms-ssim": [0.9]}}', "no metric 'psnr_rgb'; known: ms_ssim_rgb"),
]


@pytest.mark.parametrize(("text", "words"), JSON_ERRORS)
def test_wrong_results_give_one_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(text)
    assert_one_line(path, words)


def assert_one_line(path: Path, words: str) -> None:
    with pytest.raises(CurveError) as caught:
        read_curve_file(path).curve("psnr_rgb")
    message = str(caught.value)
    assert words in message
    assert path.name in message
    assert "\n" not in message
    assert len(message) < 600


def test_files_that_are_no_curve_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content, words in (
        ("a.txt", b"bpp", "unknown kind of file"),
        ("a.csv", b"bpp\xff", "not UTF-8"),
        ("b.csv", None, "no such file"),
        ("c\n.csv", None, "no such file"),
        ("d\0.csv", None, "no such file"),
        ("e" * 300 + ".csv", None, "no such file|cannot be read"),
    ):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(CurveError, match=words) as caught:
            read_curve_file(path)
        assert "\n" not in str(caught.value)
    with pytest.raises(CurveError, match="no such file"):
        read_curve_file(Path("/dev/null.csv"))
    folder = tmp_path / "folder.csv"
    folder.mkdir()
    with pytest.raises(CurveError, match="no such file"):
        read_curve_file(folder)
    monkeypatch.setattr("picobench.analysis.curves._MAXIMUM_BYTES", 10)
    big = tmp_path / "big.csv"
    big.write_text(TABLE)
    with pytest.raises(CurveError, match="larger than"):
        read_curve_file(big)


def test_wrong_selections(table: Path, tmp_path: Path) -> None:
    for select, words in (
        ({"codecs": "jpeg"}, "no column 'codecs'; did you mean 'codec'"),
        ({"codec": "jpg"}, "no row has codec 'jpg'; there is jpeg, webp"),
        ({"dataset": "kodak"}, "choose the codec with codec=..."),
    ):
        with pytest.raises(CurveError, match=words):
            read_curve_file(table, select)
    path = tmp_path / "a.json"
    path.write_text('{"results": {"bpp": [1]}}')
    with pytest.raises(CurveError, match="holds one curve only"):
        read_curve_file(path, {"codec": "jpeg"})


def test_ms_ssim_above_one_is_no_ms_ssim() -> None:
    file = CurveFile("x.csv", "", "", {"bpp": ["1"], "ms_ssim_rgb": ["14.2"]})
    assert file.curve("ms_ssim_rgb").qualities == (14.2,)
    with pytest.raises(CurveError, match="in decibels already"):
        file.curve("ms_ssim_rgb_db")


def test_the_command_prints_the_figure(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    selection = ("--select-anchor", "codec=jpeg", "--select-test", "codec=webp", "--select", "dataset=kodak")
    assert bd_rate(table, table, "--metric", "psnr_rgb", *selection) == 0
    first, second, note = capsys.readouterr().out.splitlines()
    assert first == "-50.00 %"
    assert (
        second == "webp@1.5 (4 points) against jpeg (4 points): psnr_rgb from 28 to 37, overlap 1.00, pchip"
    )
    assert note.startswith("note: ")
    assert note.endswith("rd.csv: 1 of 4 points are means over fewer images than the dataset has")


def test_the_command_says_why_there_is_no_figure(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    selection = ("--select-anchor", "codec=jpeg", "--select-test", "codec=webp")
    assert bd_rate(table, table, "--metric", "lpips_alex", *selection) == bdrate_cli.NO_NUMBER == 3
    assert capsys.readouterr().out.startswith(
        "n/a: fewer than 4 usable points (anchor has 4, test has 3); test: "
    )

    assert bd_rate(table, table, "--metric", "lpips_alex", *selection, "--json") == bdrate_cli.NO_NUMBER
    record = json.loads(capsys.readouterr().out)
    assert record["bd_rate_percent"] is None
    assert record["higher_is_better"] is False
    assert record["test"]["points_used"] == 3
    assert "fewer than 4 usable points" in record["note"]


def test_the_direction_must_be_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.csv"
    path.write_text("bpp,loss\n1,4\n2,3\n3,2\n4,1\n")
    with pytest.raises(CurveError, match="add --higher-is-better or --lower-is-better"):
        bd_rate(path, path, "--metric", "loss")
    assert bd_rate(path, path, "--metric", "loss", "--lower-is-better") == 0
    assert capsys.readouterr().out.startswith("+0.00 %\n")
    with pytest.raises(CurveError, match="higher is better"):
        bd_rate(path, path, "--metric", "psnr_rgb", "--lower-is-better")


@pytest.mark.parametrize(
    "option",
    [
        ("--select", "codec"),
        ("--select", "=x"),
        ("--method", "linear"),
        ("--min-overlap", "1.5"),
        ("--min-overlap", "-0.1"),
        ("--min-overlap", "nan"),
        ("--min-overlap", "half"),
    ],
)
def test_wrong_usage(table: Path, option: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        bd_rate(table, table, "--metric", "psnr_rgb", *option)
    assert caught.value.code == 2
    assert option[1] in capsys.readouterr().err


def test_the_help_offers_all_methods_and_documents_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bd_rate("--help")
    text = capsys.readouterr().out
    assert "{" + ",".join(METHODS) + "}" in text
    assert f"{bdrate_cli.NO_NUMBER} n/a" in text


PUBLISHED = [
    ("bpg_444_x265_ycbcr", "jpeg", "psnr_rgb", 143.0),
    ("bpg_444_x265_ycbcr", "jpeg2000", "psnr_rgb", 55.8),
    ("bpg_444_x265_ycbcr", "webp", "psnr_rgb", 44.2),
    ("bpg_444_x265_ycbcr", "hm", "psnr_rgb", 0.8),
    ("bpg_444_x265_ycbcr", "av1", "psnr_rgb", -6.2),
    ("bpg_444_x265_ycbcr", "vtm", "psnr_rgb", -18.0),
    ("jpeg", "jpeg2000", "psnr_rgb", -35.9),
    ("jpeg", "webp", "psnr_rgb", -36.2),
    ("jpeg", "bpg_444_x265_ycbcr", "psnr_rgb", -58.9),
    ("jpeg", "vtm", "psnr_rgb", -67.6),
    ("vtm", "jpeg", "psnr_rgb", 208.5),
    ("vtm", "paper-mbt2018", "psnr_rgb", 11.0),
    ("vtm", "paper-elic2022_mse", "psnr_rgb", -7.0),
    ("bpg_444_x265_ycbcr", "jpeg", "ms_ssim_rgb_db", 91.7),
    ("bpg_444_x265_ycbcr", "vtm", "ms_ssim_rgb_db", -17.7),
]


@pytest.mark.parametrize("case", PUBLISHED, ids=str)
def test_published_curves_of_kodak(
    shared: Path, capsys: pytest.CaptureFixture[str], case: tuple[str, str, str, float]
) -> None:
    anchor, test, metric, percent = case
    folder = shared / "published" / "rd-curves" / "kodak"
    assert bd_rate(folder / f"{anchor}.json", folder / f"{test}.json", "--metric", metric) == 0
    figure, unit = capsys.readouterr().out.splitlines()[0].split()
    assert unit == "%"
    assert float(figure) == pytest.approx(percent, abs=0.06)
