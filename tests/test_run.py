# SPDX-License-Identifier: BSD-3-Clause
"""What a configuration is checked for before anything is computed, and how its problems are said."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from picobench import layout, workflow
from picobench import run as run_module
from picobench.dataset_request import DatasetRequest
from picobench.datasets.inventory import record_file
from picobench.definitions import Codec, Definitions
from picobench.errors import CodecError, DatasetError, DefinitionError
from picobench.run import Run, check_datasets, load_run
from picobench.stages.dataset import prepare_dataset


@pytest.fixture(autouse=True)
def nothing_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without mirrors, in a folder without results."""
    monkeypatch.delenv("PICOBENCH_MIRRORS", raising=False)
    monkeypatch.chdir(tmp_path)


def configuration(**changes: Any) -> dict[str, Any]:
    """A valid configuration with some changes."""
    config = {
        "run": "x",
        "datasets": ["sample"],
        "codecs": ["jpeg"],
        "metrics": ["psnr_rgb"],
        "anchor": "jpeg",
    }
    return {**config, **changes}


def loaded(root: Path, **changes: Any) -> Run:
    return load_run(configuration(**changes), root, "my.yaml")


def problems(root: Path, **changes: Any) -> list[str]:
    """The lines with which a configuration is refused."""
    with pytest.raises((DefinitionError, DatasetError)) as caught:
        check_datasets(loaded(root, **changes))
    return str(caught.value).splitlines()


def write_pictures(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.fromarray(np.full((8, 12, 3), len(name), np.uint8)).save(folder / f"{name}.png")
    return folder


def prepare(root: Path, request: DatasetRequest) -> None:
    prepare_dataset(Definitions(root), request, [], offline=True)


# Configuration


def test_one_problem_of_several_codecs_is_one_line(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = run_module.adapter_for

    def without_engine(codec: Codec) -> Any:
        if codec.id != "jpeg":
            raise CodecError("no container engine answers; start Docker and run again")
        return real(codec)

    monkeypatch.setattr(run_module, "adapter_for", without_engine)
    codecs = ["webp", "jpeg", {"id": "avif", "points": ["q60"]}, "wepb"]
    assert problems(root, codecs=codecs) == [
        "my.yaml: unknown codec 'wepb'; did you mean 'webp'?",
        "my.yaml: webp, avif: no container engine answers; start Docker and run again",
    ]


def test_two_datasets_of_one_name(root: Path, tmp_path: Path) -> None:
    folders = [{"id": "folder", "path": str(write_pictures(tmp_path / name, "p"))} for name in "ab"]
    (line,) = problems(root, datasets=folders)
    assert line == (
        "my.yaml: two datasets are called 'folder'; give one another name, with {id: ..., name: ...}"
    )
    folders[1]["name"] = "other"
    assert list(loaded(root, datasets=folders).datasets) == ["folder", "other"]


def test_the_folder_of_a_definition_is_checked(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "own" / "datasets" / "mine.yaml"
    path.parent.mkdir(parents=True)
    text = (root / "datasets" / "folder.yaml").read_text().replace("id: folder\n", "id: mine\n")
    path.write_text(f"{text}  path: {tmp_path}/pictures\n")
    changes: dict[str, Any] = {"datasets": ["mine"], "definitions": [str(tmp_path / "own")]}
    assert problems(root, **changes) == [
        f"my.yaml: dataset mine: no such folder: {tmp_path}/pictures; correct source.path in {path}"
    ]
    write_pictures(tmp_path / "pictures", "a")
    check_datasets(loaded(root, **changes))


# Data


@pytest.mark.parametrize("offline", [True, False])
def test_missing_data_are_announced(root: Path, tmp_path: Path, offline: bool) -> None:
    changes: dict[str, Any] = {"datasets": ["sample", "clic2020-test", "kodak"], "offline": offline}
    if not offline:
        check_datasets(loaded(root, **changes))
        return
    clic, kodak = problems(root, **changes)
    assert clic == (
        "dataset clic2020-test: 2 of 2 files are missing (CLIC2020Professional_test.zip, ...; 1613.4 MB), and "
        "downloads are off; put CLIC2020Professional_test.zip into results/downloads/clic2020-test, or set mirrors: "
        "{clic2020-test: [FOLDER]} in the configuration"
    )
    assert kodak.startswith("dataset kodak: 24 of 24 files are missing")
    # What was prepared once needs no files, also where Snakemake deleted the inventory to make it anew.
    for name in ("clic2020-test", "kodak"):
        record_file(layout.dataset_folder(name)).parent.mkdir(parents=True)
        record_file(layout.dataset_folder(name)).touch()
    check_datasets(loaded(root, **changes))


def test_files_without_an_address_are_announced(root: Path) -> None:
    (line,) = problems(root, datasets=["pico-project-page"])
    assert "and no address is known to download them from; put " in line


def test_a_folder_without_pictures(root: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (line,) = problems(root, datasets=[{"id": "folder", "path": str(tmp_path / "empty"), "name": "mine"}])
    assert line == f"mine: dataset folder: no picture in {tmp_path}/empty; add pictures or correct its path"


def test_unknown_pictures_are_named(root: Path, tmp_path: Path) -> None:
    own = {"id": "folder", "path": str(write_pictures(tmp_path / "pictures", "a b")), "name": "mine"}
    requests = [
        {"id": "sample", "images": ["rocket", "rokcet"]},
        {"id": "kodak", "images": ["kodim25"]},
        {"id": "text", "images": ["text-001", "text-101"]},
        {**own, "images": ["a-b", "a"]},
    ]
    sample, kodak, text, mine = problems(root, datasets=requests)
    assert sample == "dataset sample: no picture 'rokcet'; did you mean 'rocket'?"
    assert kodak.startswith("dataset kodak: no picture 'kodim25'; did you mean 'kodim2")
    assert text.startswith("dataset text: no picture 'text-101'; did you mean 'text-1")
    assert mine == "dataset mine: no picture 'a'; known: a-b"


# Start of a run


def start(root: Path, config: dict[str, Any], *, file: str = "", dry_run: bool = True) -> workflow.Planner:
    path = Path("my.yaml")
    path.write_text(file or json.dumps(config))
    return workflow.open_run(config, root=root, sources=[path], main=True, dry_run=dry_run)[1]


def refused(capsys: pytest.CaptureFixture[str], status: pytest.ExceptionInfo[SystemExit]) -> list[str]:
    assert status.value.code == 1
    return capsys.readouterr().err.splitlines()


def test_a_repeated_key_ends_it(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = configuration(codecs=["webp"], anchor="webp")
    text = "run: x\ndatasets: [sample]\ncodecs: [jpeg]\ncodecs: [webp]\nmetrics: [psnr_rgb]\nanchor: webp\n"
    with pytest.raises(SystemExit) as status:
        start(root, config, file=text)
    assert refused(capsys, status) == [
        "picobench: error: my.yaml, line 4: not valid YAML (key 'codecs' is given twice); correct that line"
    ]
    start(root, config)


def test_missing_data_end_it_before_results_are_taken(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as status:
        start(root, configuration(datasets=["sample", "kodak"], offline=True), dry_run=False)
    (line,) = refused(capsys, status)
    assert line.startswith("picobench: error: dataset kodak: 24 of 24 files are missing")
    assert not layout.RESULTS.exists()


@pytest.mark.parametrize("damage", ["gone", "cut", "other"])
def test_a_damaged_reference_ends_it_with_advice_that_helps(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    folder = write_pictures(tmp_path / "pictures", "a", "bb")
    own = {"id": "folder", "path": str(folder), "name": "mine"}
    request = DatasetRequest("mine", "folder", folder)
    prepare(root, request)
    planner = start(root, configuration(datasets=[own]))
    before = planner.refresh().files()
    reference = layout.dataset_folder("mine") / "images" / "a.png"
    inventory = layout.inventory_file("mine")
    if damage == "gone":
        reference.unlink()
    elif damage == "cut":
        os.truncate(reference, reference.stat().st_size // 2)
    else:
        reference.write_bytes(reference.with_name("bb.png").read_bytes())
    if damage != "gone":
        later_ns = inventory.stat().st_mtime_ns + 1
        os.utime(reference, ns=(later_ns, later_ns))
    planner = start(root, configuration(datasets=[own]))
    with pytest.raises(SystemExit) as status:
        planner.refresh()
    (line,) = refused(capsys, status)
    assert line.startswith(f"picobench: error: {reference}: ")
    assert line.endswith("; delete results/datasets/mine and run again")
    for path in [*reference.parent.iterdir(), inventory]:
        path.unlink()
    prepare(root, request)
    assert planner.refresh().files() == before


def test_a_dataset_by_another_name_has_the_mirrors_of_its_definition(root: Path, tmp_path: Path) -> None:
    changes = {"datasets": [{"id": "kodak", "name": "few"}], "mirrors": {"kodak": [str(tmp_path)]}}
    arguments = workflow.dataset_arguments(loaded(root, **changes), "few").split()
    assert {"--dataset=few", "--id=kodak", f"--mirror={tmp_path}"} <= set(arguments)


def test_a_folder_that_cannot_be_read_ends_it_in_one_line(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_pictures(tmp_path / "pictures", "a")
    run = loaded(root, datasets=[{"id": "folder", "path": str(folder)}])
    assert f"--path={folder}" in workflow.dataset_arguments(run, "folder")
    (folder / "a.png").unlink()
    folder.rmdir()
    with pytest.raises(SystemExit) as status:
        workflow.dataset_arguments(run, "folder")
    assert refused(capsys, status) == [
        f"picobench: error: dataset folder: {folder} is no folder; correct its path"
    ]


def test_pictures_known_only_afterwards_end_it_in_one_line(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_pictures(tmp_path / "pictures", "a", "bb")
    prepare(root, DatasetRequest("mine", "folder", folder))
    run = loaded(root, datasets=[{"id": "folder", "path": str(folder), "name": "mine", "images": ["aa"]}])
    with pytest.raises(SystemExit) as status:
        workflow.Planner(run, main=True).refresh()
    assert refused(capsys, status) == ["picobench: error: dataset mine: no picture 'aa'; did you mean 'a'?"]
