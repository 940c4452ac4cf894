# SPDX-License-Identifier: BSD-3-Clause
"""Published pictures and curves through the whole workflow, beside a codec that is run here."""

import json
import re
from pathlib import Path

import pytest
from published_case import define, make_collection, save, scene
from workflow_case import Case

from picobench.cli import main

CURVE = "codec,bpp,psnr_rgb\n" + "".join(f"x,{0.2 * 2**n},{27 + 3 * n}\n" for n in range(5))


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Case:
    folder = tmp_path_factory.mktemp("published")
    case = Case(folder)
    own = folder / "own"
    collection = make_collection(folder / "mirror" / "made-up")
    for path in (folder / "pictures").glob("*.png"):
        path.unlink()
    for name in ("one", "two", "three"):
        save(folder / "pictures" / f"{name}.png", scene(name))
    for codec in ("ours", "theirs"):
        define(own, codec)
    assert not main([
        "import-reconstructions", str(collection), "--pattern", "{image}/{codec}.png", "--point", "page",
        "--rates", str(collection / "bpp.json"), "--references", str(folder / "pictures"),
        "--manifest", str(own / "codecs" / "manifests" / "made-up.csv"),
    ])  # fmt: skip
    (folder / "mirror" / "rd").mkdir()
    (folder / "mirror" / "rd" / "x.csv").write_text(CURVE)
    assert not main([
        "--root", str(root), "import-curve", str(folder / "mirror" / "rd" / "x.csv"), "--id", "x-curve",
        "--dataset", "folder", "--images", "3", "--source", "https://example.org", "--licence", "none",
        "--note", "Beware of <this> curve.", "--output", str(own / "curves" / "x-curve.yaml"),
    ])  # fmt: skip
    case.config |= {
        "codecs": ["jpeg-one", "ours", "theirs"],
        "curves": ["x-curve"],
        "equal_rate": {"base": "ours", "tolerance": 0.5},
        "mirrors": {"made-up": [str(folder / "mirror")], "rd": [str(folder / "mirror")]},
    }
    case.run()
    return case


def test_scores(case: Case) -> None:
    scores = case.frame("scores").set_index(["codec", "image"])
    assert scores.loc[("ours", "two"), "bpp"] == "0.3"
    assert scores.loc[("ours", "two"), "bytes"] == ""
    theirs = scores.loc["theirs"]["status"]
    assert theirs.to_dict() == {"one": "ok", "two": "failed", "three": "absent"}


def test_refusal_is_listed_and_absence_is_no_failure(case: Case) -> None:
    failures = case.frame("failures")
    assert list(zip(failures["codec"], failures["image"], failures["stage"], strict=True)) == [
        ("theirs", "two", "import")
    ]
    assert failures["reason"][0] == "refused: the picture is 56x41, its reference 56x40 pixels"


def test_no_mean_hides_what_is_missing(case: Case) -> None:
    row = case.frame("rd").set_index("codec").loc["theirs"]
    assert (row["images_used"], row["images_total"]) == (1, 3)
    assert row["note"] == "no published picture: 1 image (three); no result: 1 image (two)"


def test_pictures_are_not_copied(case: Case) -> None:
    results = case.folder / "results"
    pictures = {path.relative_to(results).parts[0] for path in results.rglob("*.png")}
    assert pictures == {"datasets"}
    evidence = case.frame("evidence").set_index(["codec", "image"])
    row = evidence.loc[("ours", "one")]
    assert (row["published_file"], row["bitstream"]) == ("made-up/one/ours.png", "")
    assert len(row["reconstruction_sha256"]) == 64


def test_trust_levels(case: Case) -> None:
    codecs = json.loads((case.folder / "results" / "case" / "run.json").read_text())["codecs"]
    assert {name: codec["trust"] for name, codec in codecs.items()} == {
        "jpeg-one": "decoded", "ours": "published reconstruction", "theirs": "published reconstruction",
        "x-curve": "published curve",
    }  # fmt: skip


def test_equal_rate(case: Case) -> None:
    paired = case.frame("paired").set_index("codec")
    assert set(paired.index) == {"jpeg-one", "theirs"}
    assert paired.loc["theirs", "images_used"] == 1
    assert float(paired.loc["theirs", "rate_difference_percent"]) == pytest.approx(5.0)
    assert float(paired.loc["theirs", "difference"]) < 0
    assert paired.loc["theirs", "ci_low"] == ""


def test_curve_in_tables(case: Case) -> None:
    rd = case.frame("rd")
    assert len(rd[rd["codec"] == "x-curve"]) == 5
    rates = case.frame("bd_rate").set_index("codec")
    row = rates.loc["x-curve"]
    assert row["aggregation"] == "mean curve"
    assert row["bd_rate_percent"] != ""
    assert row["ci_low"] == ""
    assert "Beware" in row["note"]


def test_report(case: Case) -> None:
    text = case.page("published.html")
    assert "pixels theirs, rate theirs, not decoded here" in text
    assert "the picture is 56x41, its reference 56x40 pixels" in text
    assert "no published picture: the manifest of made-up has no three at page" in text
    assert "+5.0" in text
    for name in ("index.html", "published.html", "datasets/folder.html"):
        assert "Beware of <this> curve." in case.page(name), name
    plot = next((case.folder / "results" / "case" / "report" / "plots").glob("*psnr*.svg")).read_text()
    assert "(published curve)" in plot
    assert "(published reconstruction)" in plot


def test_nothing_is_done_twice_and_a_changed_rate_is_noticed(case: Case) -> None:
    assert not case.run()
    manifest = case.folder / "own" / "codecs" / "manifests" / "made-up.csv"
    text = manifest.read_text()
    manifest.write_text(text.replace("ours,one,page,,0.200", "ours,one,page,,0.205"))
    jobs = case.run()
    assert (jobs["encode"], jobs["measure"]) == (1, 1)
    scores = case.frame("scores").set_index(["codec", "image"])
    assert scores.loc[("ours", "one"), "bpp"] == "0.205"


def test_curve_as_anchor(case: Case) -> None:
    case.config["anchor"] = "x-curve"
    case.run()
    rates = case.frame("bd_rate").set_index("codec")
    assert set(rates["anchor"]) == {"x-curve"}
    assert rates.loc["jpeg-one", "aggregation"] == "mean curve"
    assert "BD-rates are against x ." in case.page("index.html")
    case.config["anchor"] = "jpeg-one"


def test_missing_collection_is_one_line(case: Case) -> None:
    mirrors = case.config.pop("mirrors")
    case.run(succeeds=False)
    case.config["mirrors"] = mirrors
    assert "set mirrors: {made-up: [FOLDER]}" in case.output
    assert "Traceback" not in case.output


def test_every_footnote_is_referred_to(case: Case) -> None:
    pages = sorted((case.folder / "results" / "case" / "report").rglob("*.html"))
    noted = 0
    for path in pages:
        html = path.read_text()
        notes = set(re.findall(r'<li id="([^"]+-[0-9]+)"', html))
        assert notes <= set(re.findall(r'href="#([^"]+)"', html)), path
        noted += len(notes)
    assert noted
