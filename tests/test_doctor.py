# SPDX-License-Identifier: BSD-3-Clause
"""`picobench doctor` says of every definition whether it is ready, and if not, what to do."""

import json
from pathlib import Path

import pytest

from picobench import doctor
from picobench.cli import main
from picobench.definitions import Definitions


@pytest.fixture(autouse=True)
def nothing_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without mirrors or weights."""
    monkeypatch.delenv("PICOBENCH_MIRRORS", raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.chdir(tmp_path)


def run(root: Path, tmp_path: Path, config: dict[str, object]) -> int:
    path = tmp_path / "config.yaml"
    path.write_text(
        json.dumps({"run": "x", "anchor": "jpeg", "metrics": ["psnr_rgb"], "datasets": ["sample"], **config})
    )
    return main(["--root", str(root), "doctor", "--config", str(path)])


def test_everything_that_is_defined_is_listed(root: Path) -> None:
    definitions = Definitions(root)
    found = list(doctor.examine(root, {}))
    for kind in ("datasets", "metrics", "curves", "studies"):
        assert [one.name for one in found if one.kind == kind] == definitions.ids(kind)
    codecs = {one.name: one for one in found if one.kind == "codecs"}
    assert {name.partition("@")[0] for name in codecs} == set(definitions.ids("codecs"))
    assert codecs["jpeg"].ready
    assert "libjpeg-turbo" in codecs["jpeg"].note
    assert all(one.note for one in found if not one.ready)
    assert all("\n" not in one.note for one in found)


def test_ready(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, tmp_path, {"codecs": ["jpeg", "tiled:webp:504+4"]}) == 0
    printed = capsys.readouterr().out
    assert "4 ready, 0 not ready" in printed
    assert "504x504 px, 4 px of context" in printed


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"codecs": ["pico@native"]}, "install it"),
        ({"codecs": ["jpg"]}, "did you mean 'jpeg'?"),
        ({"codecs": ["jpeg"], "datasets": ["kodak"]}, "mirrors"),
        ({"codecs": ["jpeg"], "metrics": ["dists"]}, "picobench weights dists"),
        ({"codecs": ["jpeg"], "curves": ["compressai-kodak-jpeg"]}, "PICOBENCH_MIRRORS"),
        ({"codecs": ["jpeg"], "studies": ["hific"]}, "PICOBENCH_MIRRORS"),
    ],
)
def test_what_is_missing_is_named_with_what_to_do(
    root: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    config: dict[str, object],
    words: str,
) -> None:
    assert run(root, tmp_path, config) == 1
    printed = capsys.readouterr().out
    assert "1 not ready" in printed
    line = next(line for line in printed.splitlines() if "not ready  " in line)
    assert words in line


def test_a_folder_of_the_users_own(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").touch()
    own = {"id": "folder", "path": str(tmp_path / "pictures"), "name": "mine"}
    assert run(root, tmp_path, {"codecs": ["jpeg"], "datasets": ["sample", own]}) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("  mine "))
    assert line.split(maxsplit=2)[1:] == ["ready", f"1 pictures in {tmp_path}/pictures"]
    assert run(root, tmp_path, {"codecs": ["jpeg"], "datasets": [{**own, "images": ["b"]}]}) == 1
    assert "dataset mine: no picture 'b'; known: a" in capsys.readouterr().out


def test_a_dataset_by_another_name_is_found_in_mirrors(
    root: Path, tmp_path: Path, kodak: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    datasets = [{"id": "kodak", "name": "few", "images": ["kodim01"]}]
    changes: dict[str, object] = {"codecs": ["jpeg"], "datasets": datasets}
    assert run(root, tmp_path, {**changes, "mirrors": {"kodak": [str(kodak.parent)]}}) == 0
    assert f"24 of 24 files in {kodak}" in capsys.readouterr().out


def test_an_unknown_key_ends_it(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, tmp_path, {"codecs": ["jpeg"], "codec": []}) == 2
    assert "did you mean 'codecs'?" in capsys.readouterr().err
