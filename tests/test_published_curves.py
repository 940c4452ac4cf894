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
