# SPDX-License-Identifier: BSD-3-Clause
import argparse
import csv
from pathlib import Path

import pytest

from picobench.errors import RatingsError, StorageError
from picobench.ratings import elo_cli
from picobench.ratings.read_votes import read_votes
from picobench.ratings.study import read_methods
from picobench.ratings.tables import DIFFERENCE_COLUMNS, IMAGE_COLUMNS, METHOD_COLUMNS, RATER_COLUMNS

METHODS = """method,label,curve,bpp
ours_gan_high,HiFiC hi,HiFiC,0.359
ours_gan_med,HiFiC mi,HiFiC,0.237
ours_gan_low,HiFiC lo,HiFiC,0.120
bpg_med_3_v2,BPG high,BPG,0.504
bpg_med_2_v2,BPG low,BPG,0.390
minnen_mse_high,M&S hi,M&S,0.405
minnen_mse_med,M&S mi,M&S,0.272
minnen_mse_low,M&S lo,M&S,0.133
ours_lpips_low,no GAN,no GAN,0.118
"""


def run(*words: object) -> int:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    elo_cli.register(commands)
    elo_cli.register_import(commands)
    args = parser.parse_args([str(word) for word in words])
    status: int = args.run(args)
    return status


@pytest.fixture
def small(tmp_path: Path) -> Path:
    rows = [f"{rater},one,a,b,{'a' if k % 3 else 'b'}" for k in range(9) for rater in ("ann", "bob")]
    path = tmp_path / "votes.csv"
    path.write_text(
        "rater,image,method_a,method_b,winner\n" + "\n".join(rows) + "\nann,one,b,c,tie\nann,one,c,b,b\n"
    )
    return path


def test_the_hific_study_at_a_shell(shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "methods.csv").write_text(METHODS)
    votes = shared / "published" / "hific-userstudy" / "votes.json"
    options = ["--methods", tmp_path / "methods.csv", "--anchor", "M&S", "--minimum-points", 3]
    tables = [
        "--csv",
        tmp_path / "m.csv",
        "--raters-csv",
        tmp_path / "r.csv",
        "--per-image",
        tmp_path / "i.csv",
        "--differences-csv",
        tmp_path / "d.csv",
    ]
    assert run("elo", votes, *options, *tables) == 0
    printed = capsys.readouterr().out
    assert "5,218 of 5,220 votes on 9 methods by 20 raters on 20 images" in printed
    assert "2 comparisons of a method with itself" in printed
    assert "16 of 20 raters tested, none flagged" in printed
    assert "40,000 draws from the exact posterior, ends known to within" in printed
    assert "rests on the prior" not in printed
    lines = printed.splitlines()
    start = next(k for k, line in enumerate(lines) if line.startswith("method "))
    assert [line[:8].strip() for line in lines[start + 1 : start + 4]] == ["HiFiC hi", "HiFiC mi", "BPG high"]
    assert "HiFiC: n/a, the curves share no range of Elo; change of rate at most" in printed
    assert "BPG: n/a, a curve needs 3 operating points and BPG has 2" in printed
    with (tmp_path / "m.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == METHOD_COLUMNS
    assert [row["method"] for row in rows][::8] == ["ours_gan_high", "minnen_mse_low"]
    assert (float(rows[0]["score"]), float(rows[-1]["score"])) == (0, 1)
    assert rows[0]["bpp"] == "0.359"
    assert rows[-1]["probability_above_next"] == ""
    for row in rows:
        assert (
            float(row["clustered_low"]) < float(row["elo_low"]) < float(row["elo"]) < float(row["elo_high"])
        )
    assert sum(int(row["votes"]) for row in rows) == 2 * 5218
    with (tmp_path / "r.csv").open(newline="") as stream:
        raters = list(csv.DictReader(stream))
    assert tuple(raters[0]) == RATER_COLUMNS
    assert {row["flagged"] for row in raters} == {"no", "fewer than 30 votes", "fewer than 5 images"}
    with (tmp_path / "i.csv").open(newline="") as stream:
        images = list(csv.DictReader(stream))
    assert tuple(images[0]) == IMAGE_COLUMNS
    assert len(images) == 20 * 9
    assert sum(int(row["votes"]) for row in images) == 2 * 5218
    assert {row["note"] for row in images} == {"", "never won"}
    for row in images:
        assert float(row["elo_low"]) < float(row["elo"]) < float(row["elo_high"])
    with (tmp_path / "d.csv").open(newline="") as stream:
        differences = {(row["method"], row["other"]): row for row in csv.DictReader(stream)}
    assert tuple(next(iter(differences.values()))) == DIFFERENCE_COLUMNS
    assert len(differences) == 9 * 8
    # The interval of the difference, not what two intervals of their own would give, which is from -70 to 162.
    against_bpg = differences["ours_gan_med", "bpg_med_3_v2"]
    assert float(against_bpg["clustered_low"]) == pytest.approx(-50, abs=5)
    assert float(against_bpg["clustered_high"]) == pytest.approx(144, abs=5)


def test_a_small_study_says_what_it_cannot_know(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("elo", small) == 0
    printed = capsys.readouterr().out
    assert "with Davidson ties" in printed
    assert "Interval over raters and images: n/a, needs at least 5 raters or 5 images" in printed
    assert "Raters: not compared" in printed
    assert "votes repeat an earlier rater, image and pair; they are used" in printed


def test_a_method_that_never_lost_is_pointed_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "votes.csv"
    path.write_text("winner,loser\na,b\na,b\nb,c\nc,b\n")
    assert run("elo", path) == 0
    expected = "a never lost to the others: how far it is ahead rests on the prior."
    assert expected in capsys.readouterr().out


def test_options_reach_the_analysis(small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outputs = []
    for options in ([], ["--prior-sd", "0.5"], ["--exclude-rater", "bob"]):
        assert run("elo", small, "--csv", tmp_path / "m.csv", *options) == 0
        outputs.append((tmp_path / "m.csv").read_text())
    assert len(set(outputs)) == 3
    assert "9 votes of 1 raters are excluded" in capsys.readouterr().out


def test_same_input_same_bytes(small: Path, tmp_path: Path) -> None:
    for number in (1, 2):
        run("elo", small, "--csv", tmp_path / f"m{number}.csv", "--per-image", tmp_path / f"i{number}.csv")
    for kind in ("m", "i"):
        assert (tmp_path / f"{kind}1.csv").read_bytes() == (tmp_path / f"{kind}2.csv").read_bytes()


def test_wrong_use_is_said(small: Path, tmp_path: Path) -> None:
    methods = tmp_path / "methods.csv"
    methods.write_text("method,curve,bpp\na,one,0.1\nb,two,0.2\n")
    with pytest.raises(RatingsError, match="--anchor needs --methods"):
        run("elo", small, "--anchor", "one")
    with pytest.raises(RatingsError, match=r"no curve 'three'.*one, two"):
        run("elo", small, "--methods", methods, "--anchor", "three")
    (tmp_path / "bare.csv").write_text("winner,loser\na,b\n")
    with pytest.raises(RatingsError, match="no column image"):
        run("elo", tmp_path / "bare.csv", "--per-image", tmp_path / "i.csv")
    methods.write_text("method\nq\n")
    with pytest.raises(RatingsError, match="no votes on 'q'"):
        run("elo", small, "--methods", methods)
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError):
        run("elo", small, "--csv", tmp_path / "folder")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--seed", "-1"),
        ("--seed", "1.5"),
        ("--minimum-points", "0"),
        ("--minimum-points", "1"),
        ("--prior-sd", "0"),
        ("--prior-sd", "-3"),
        ("--prior-sd", "1e-300"),
        ("--prior-sd", "1e9"),
        ("--prior-sd", "nan"),
        ("--prior-sd", "inf"),
    ],
)
def test_numbers_out_of_range(
    small: Path, option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        run("elo", small, option, value)
    assert caught.value.code == 2
    assert f"argument {option}: {value!r} is not a" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value"),
    [("--seed", "0"), ("--minimum-points", "2"), ("--prior-sd", "0.001"), ("--prior-sd", "100")],
)
def test_ends_of_the_ranges(small: Path, option: str, value: str) -> None:
    assert run("elo", small, option, value) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("method,bbp\na,1\n", "unknown column 'bbp'; did you mean 'bpp'"),
        ("label\na\n", "column method is missing"),
        ("method,bpp\na,0\n", "row 2: bpp is '0'"),
        ("method,bpp\na,one\n", "row 2: bpp is 'one'"),
        ("method\na\na\n", "row 3: 'a' is there twice"),
    ],
)
def test_wrong_tables_of_methods(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "methods.csv"
    path.write_text(text)
    with pytest.raises(RatingsError, match=message):
        read_methods(path)


def test_import_votes(small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "plain.csv"
    assert run("import-votes", small, target, "--repeats", "first") == 0
    assert f"written: {target}" in capsys.readouterr().out
    assert len(read_votes(target)) == 3  # ann and bob on a, b; ann on b, c
