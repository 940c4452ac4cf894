# SPDX-License-Identifier: BSD-3-Clause
"""Reconstructions that are not scored and get their findings all the same, through the whole workflow."""

import json
import sys
from pathlib import Path

import pytest
from published_case import define, make_collection, save, scene
from workflow_case import Case

from picobench.cli import main

NAMES = ("one", "two", "three")
# Eight rows more than its reference, and nothing lost.
PADDED = f"""\
id: padded
label: Padding left in
adapter: command
command:
  runner: native
  input: png
  extension: bin
  encode: [cp, "{{input}}", "{{bitstream}}"]
  decode:
    - {sys.executable}
    - -c
    - "from PIL import Image, ImageOps; ImageOps.expand(Image.open('bitstream.bin'), (0, 0, 0, 8)).save('output.png')"
  version: {{argv: [echo, version 1.0], pattern: 'version (\\S+)'}}
points: {{only: {{}}}}
seconds_per_megapixel: {{encode: 0.1, decode: 0.5}}
homepage: https://example.org
licence: none
citation: "Nobody, 'Nothing', 2026"
"""


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp("fidelity")
    case = Case(folder)
    own = folder / "own"
    collection = make_collection(folder / "mirror" / "made-up")
    for path in (folder / "pictures").glob("*.png"):
        path.unlink()
    for name in NAMES:
        save(folder / "pictures" / f"{name}.png", scene(name))
    define(own, "theirs")
    assert not main([
        "import-reconstructions", str(collection), "--pattern", "{image}/{codec}.png", "--point", "page",
        "--rates", str(collection / "bpp.json"), "--references", str(folder / "pictures"),
        "--manifest", str(own / "codecs" / "manifests" / "made-up.csv"),
    ])  # fmt: skip
    (own / "codecs" / "padded.yaml").write_text(PADDED)
    case.config |= {
        "codecs": [{"id": "jpeg-one", "points": ["q20"]}, "theirs", "padded"],
        "mirrors": {"made-up": [str(folder / "mirror")]},
        "diagnostics": ["fidelity", "tilesize"],
    }
    case.run()
    return case


def test_what_is_refused_for_its_size_has_a_finding(case: Case) -> None:
    rows = case.frame("fidelity").set_index(["codec", "image"])
    two = rows.loc[("theirs", "two")]
    assert (two["findings"], two["reason"]) == ("padding", "")
    assert float(two["psnr_db"]) > 30  # of what is left once the row is cropped
    findings = case.frame("fidelity_findings").set_index(["codec", "image"])
    evidence = findings.loc[("theirs", "two"), "evidence"]
    assert evidence.startswith("56 x 41 where the reference has 56 x 40; cropped from row 0 and column 0")


def test_and_is_not_scored(case: Case) -> None:
    failures = case.frame("failures").set_index(["codec", "image"])["reason"]
    assert failures["theirs", "two"] == "refused: the picture is 56x41, its reference 56x40 pixels"
    assert failures["padded", "one"] == "the reconstruction is 56x48 and not 56x40"
    scores = case.frame("scores").set_index(["codec", "image"])
    assert set(scores.loc["padded"]["psnr_rgb"]) == {""}
    assert scores.loc[("theirs", "two"), "psnr_rgb"] == ""


def test_a_decoder_that_leaves_padding(case: Case) -> None:
    rows = case.frame("fidelity").set_index("codec").loc["padded"]
    assert sorted(zip(rows["image"], rows["findings"], strict=True)) == [
        (name, "padding; exact_copy") for name in sorted(NAMES)
    ]
    # Steps and tiles make no sense in a picture of another size.
    assert set(case.frame("tile_sizes").set_index("codec").loc["padded"]["reason"]) == {
        "the reconstruction is 56x48 and not 56x40"
    }


def test_what_was_never_published_is_absent(case: Case) -> None:
    reasons = case.frame("fidelity").set_index(["codec", "image"])["reason"]
    assert (
        reasons["theirs", "three"]
        == "absent: no published picture: the manifest of made-up has no three at page"
    )
    assert reasons["theirs", "one"] == ""


def test_the_findings_stand_beside_the_codecs(case: Case) -> None:
    front = (case.folder / "results" / "case" / "report" / "index.html").read_text()
    assert 'title="padding"' in front
    assert 'title="padding, exact copy"' in front


def test_diagnoses_keep_what_several_pictures_are_judged_by(case: Case) -> None:
    (path,) = (case.folder / "results" / "diagnostics" / "jpeg-one").rglob("fidelity-*.json")
    for row in json.loads(Path(path).read_text())["images"]:
        errors = row["result"]["mean_errors"]
        assert len(errors["bias"]) == len(errors["means"]) == 3
        # Pictures of 56 x 40 have one area, too few to say how far areas differ.
        assert (errors["rise"], errors["uncertain"]) == (0, "inf")
