# SPDX-License-Identifier: BSD-3-Clause
"""Published curves: the definitions of the project, `picobench import-curve`, and how runs find the files."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from picobench.cli import main
from picobench.definitions import Definitions, definitions_of
from picobench.errors import DefinitionError, StorageError
from picobench.published_curves import PublishedCurve, read_published_curve

RESULTS = {
    "bpp": [0.1, 0.2, 0.4],
    "psnr-rgb": [28.0, 31.0, 34.0],
    "ms-ssim": [0.9, 0.95, 0.98],
    "time": [1, 2, 3],
}
NOT_COMPARABLE = {"compressai-kodak-vtm", "compressai-kodak-hm", "compressai-kodak-av1"}


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    folder = tmp_path / "mirror" / "curves-of-theirs"
    (folder / "kodak").mkdir(parents=True)
    (folder / "kodak" / "x.json").write_text(json.dumps({"name": "X", "results": RESULTS}))
    (folder / "y.csv").write_text("codec,bpp,psnr_rgb\na,0.1,30\na,0.2,32\nb,0.1,29\nb,0.2,31\n")
    return folder


def import_curve(root: Path, collection: Path, file: str, *more: str) -> int:
    own = collection.parent.parent / "own" / "curves"
    return main([
        "--root", str(root), "import-curve", str(collection / file), "--id", "x", "--dataset", "kodak",
        "--images", "24", "--collection-folder", str(collection), "--source", "https://example.org",
        "--licence", "none", "--output", str(own / "x.yaml"), *more,
    ])  # fmt: skip


def read(root: Path, collection: Path, datasets: Any = None) -> PublishedCurve:
    definitions = Definitions(
        root, (collection.parent.parent / "own",), {"curves-of-theirs": [collection.parent]}
    )
    return read_published_curve(definitions, "x", datasets or {"kodak": "my-kodak"})


def test_import_and_use(root: Path, collection: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert import_curve(root, collection, "kodak/x.json", "--note", "beware") == 0
    assert "psnr_rgb: 3 points, 0.1 to 0.4 bpp" in capsys.readouterr().out
    curve = read(root, collection)
    assert (curve.label, curve.dataset, curve.images) == ("X", "my-kodak", 24)
    assert curve.text["note"] == "beware"
    assert set(curve.metrics) == {"psnr_rgb", "ms_ssim_rgb"}
    assert curve.rows()[1] == {
        "curve": "x", "dataset": "my-kodak", "point": "p02", "images": 24,
        "bpp": 0.2, "psnr_rgb": 31.0, "ms_ssim_rgb": 0.95,
    }  # fmt: skip


def test_one_curve_of_a_table(root: Path, collection: Path) -> None:
    assert import_curve(root, collection, "y.csv") == 2
    assert import_curve(root, collection, "y.csv", "--select", "codec=b") == 0
    assert [row["psnr_rgb"] for row in read(root, collection).rows()] == [29.0, 31.0]


def test_changed_and_missing_files(root: Path, collection: Path) -> None:
    import_curve(root, collection, "kodak/x.json")
    with pytest.raises(DefinitionError, match="which this run has not"):
        read(root, collection, {"clic": "clic"})
    (collection / "kodak" / "x.json").write_text(json.dumps({"results": RESULTS}))
    with pytest.raises(StorageError, match="SHA-256"):
        read(root, collection)
    (collection / "kodak" / "x.json").unlink()
    with pytest.raises(DefinitionError, match="set mirrors"):
        read(root, collection)


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (["--images", "0"], "images"),
        (["--source", "somewhere"], "source"),
        (["--collection-folder", "/nowhere"], "not inside"),
        (["--id", "../x"], "id"),
    ],
)
def test_wrong_imports(
    root: Path, collection: Path, capsys: pytest.CaptureFixture[str], more: list[str], problem: str
) -> None:
    assert import_curve(root, collection, "kodak/x.json", *more) == 2
    assert problem in capsys.readouterr().err


def test_no_metric_of_ours(root: Path, collection: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (collection / "z.csv").write_text("bpp,vmaf\n0.1,80\n")
    assert import_curve(root, collection, "z.csv") == 2
    assert "is a metric of ours" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ("0.1,30,\n0,31,", "at point 2 'bpp' is 0, not above zero"),
        ("-0.1,30,\n0.2,31,", "at point 1 'bpp' is -0.1"),
        ("0.1,30,\ninf,31,", "at point 2 'bpp' is inf"),
        ("0.1,30,\nnan,31,", "at point 2 'bpp' is missing"),
        ("0.1,30,\n,31,", "at point 2 'bpp' is missing"),
        ("0.1,30,\n24.1,31,", "at point 2 'bpp' is 24.1, not above zero and at most 24"),
        ("0.1,30,\n0.2,inf,", "at point 2 'psnr_rgb' is inf, not a finite number"),
        ("0.1,nan,\n0.2,31,", "at point 1 'psnr_rgb' is nan, not a finite number"),
        ("0.1,nan,\n0.2,nan,", "at point 1 'psnr_rgb' is nan"),
        ("0.1,30,\n0.2,high,", "point 2 of 'psnr_rgb' is 'high', not a number"),
        ("0.1,-3,\n0.2,31,", "at point 1 'psnr_rgb' is -3, outside the metric's range of 0 to inf"),
        ("0.1,30,0.9\n0.2,31,14.2", "at point 2 'ms_ssim_rgb' is 14.2, outside the metric's range of 0 to 1"),
    ],
)
def test_points_that_cannot_be(
    root: Path, collection: Path, capsys: pytest.CaptureFixture[str], rows: str, problem: str
) -> None:
    (collection / "bad.csv").write_text(f"bpp,psnr_rgb,ms_ssim_rgb\n{rows}\n")
    assert import_curve(root, collection, "bad.csv") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{collection / 'bad.csv'}: {problem}" in line
    assert "correct it" in line
    assert not (collection.parent.parent / "own" / "curves" / "x.yaml").exists()


def test_missing_values_of_a_metric(root: Path, collection: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (collection / "gaps.csv").write_text("bpp,psnr_rgb,ms_ssim_rgb\n0.1,30,\n0.2,,\n24,50,\n")
    assert import_curve(root, collection, "gaps.csv") == 0
    assert "psnr_rgb: 2 points, 0.1 to 24 bpp" in capsys.readouterr().out
    curve = read(root, collection)
    assert curve.metrics == ("psnr_rgb",)
    assert len(curve.rows()) == 3


def test_the_curves_of_the_project_are_what_the_command_writes(
    root: Path, shared: Path, tmp_path: Path
) -> None:
    names = Definitions(root).ids("curves")
    assert len(names) == 10
    for name in names:
        file = root / "curves" / f"{name}.yaml"
        raw = yaml.safe_load(file.read_text())
        folder = shared / "published" / raw["collection"]
        texts = ("id", "label", "dataset", "images", "source", "licence", "citation", "note")
        assert main([
            "--root", str(root), "import-curve", str(folder / raw["file"]), "--collection-folder", str(folder),
            "--output", str(tmp_path / "x.yaml"), *(f"--{key}={raw[key]}" for key in texts),
        ]) == 0  # fmt: skip
        assert (tmp_path / "x.yaml").read_text() == file.read_text(), name


def test_learned_codecs_are_cited_beside_who_published_the_file(root: Path) -> None:
    definitions = Definitions(root)
    papers = {
        name: definitions.read("curves", name)["citation"]
        for name in definitions.ids("curves")
        if "/paper-" in definitions.read("curves", name)["file"]
    }
    assert len(papers) == 3
    for name, citation in papers.items():
        own, compressai = citation.split("; published with ")
        assert "arXiv 2011.03029" in compressai, name
        assert "arXiv" in own, name
        assert "2011.03029" not in own, name


def test_definitions_of_the_project(root: Path) -> None:
    definitions = Definitions(root)
    names = definitions.ids("curves")
    assert set(names) > NOT_COMPARABLE
    for name in names:
        definition = definitions.read("curves", name)
        assert ("Not comparable" in definition.get("note", "")) == (name in NOT_COMPARABLE), name
        assert set(definition["metrics"]) <= set(definitions.ids("metrics")), name


def test_published_configuration_has_what_it_names(root: Path, shared: Path) -> None:
    config = yaml.safe_load((root / "config" / "pico-published.yaml").read_text())
    config["mirrors"] = {"rd-curves": [str(shared / "published")]}
    definitions = definitions_of(root, config)
    assert sorted(config["curves"]) == definitions.ids("curves")
    for name in config["curves"]:
        curve = read_published_curve(definitions, name, {"kodak": "kodak"})
        assert curve.images == 24
        assert len(curve.rows()) >= 6
