# SPDX-License-Identifier: BSD-3-Clause
"""Definitions, CSV inventories, mirrors, folders; what is there without the net."""

import errno
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from picobench.datasets import Options, check_obtainable, listing, sources_present
from picobench.datasets.fetch import Patience
from picobench.datasets.mirrors import obtain
from picobench.datasets.sources import RemoteFile, remote_files, skimage_file
from picobench.errors import DatasetError, DefinitionError
from picobench.yamlfile import validate

QUICK = Patience(attempts=1, timeout_seconds=2, backoff_seconds=0)
NAMES = sorted(path.stem for path in (Path(__file__).parent.parent / "datasets").glob("*.yaml"))


def read(root: Path, name: str) -> dict[str, Any]:
    value: dict[str, Any] = yaml.safe_load((root / "datasets" / f"{name}.yaml").read_text())
    return value


def remote(content: bytes, file: str = "a.png", url: str = "") -> RemoteFile:
    return RemoteFile(file, url, len(content), hashlib.sha256(content).hexdigest())


def files_definition(folder: Path, rows: str, count: int = 1) -> tuple[dict[str, Any], Options]:
    (folder / "list.csv").write_text(rows)
    source = {"kind": "files", "inventory": "list.csv", "url": "http://127.0.0.1:1/{file}"}
    return {"id": "tiny", "count": count, "source": source}, Options(definition_folder=folder, patience=QUICK)


# Definitions


@pytest.mark.parametrize("name", NAMES)
def test_definitions_follow_the_schema(root: Path, name: str) -> None:
    definition = read(root, name)
    validate(definition, "dataset", name)
    assert definition["id"] == name


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"licence": None}, "licence"),
        ({"homepage": "ftp://x"}, "homepage"),
        ({"licenze": "x"}, "did you mean 'licence'"),
        ({"count": None}, "count"),
        ({"on_refused": "skip"}, "on_refused"),
        ({"max_megapixels": 1000}, "max_megapixels"),
        ({"source": {"kind": "file"}}, "did you mean 'files'"),
        ({"source": {"kind": "files", "inventory": "../x.csv", "url": "http://x/{file}"}}, "inventory"),
        ({"source": {"kind": "files", "inventory": "x.csv", "url": "http://x/y"}}, "url"),
        ({"source": {"kind": "files", "inventory": "x.csv", "url": "ftp://x/{file}"}}, "url"),
        ({"source": {"kind": "files", "url": "http://x/{file}"}}, "'inventory' is missing"),
        ({"source": {"kind": "folder", "path": "x", "paht": "y"}}, "did you mean 'path'"),
        ({"source": {"kind": "skimage", "files": []}}, "files"),
    ],
)
def test_wrong_definitions_are_refused(root: Path, change: dict[str, Any], problem: str) -> None:
    with pytest.raises(DefinitionError, match=problem):
        validate({**read(root, "kodak"), **change}, "dataset", "kodak.yaml")


def test_an_archive_must_say_everything(root: Path) -> None:
    for key in ("file", "url", "size_bytes", "sha256", "members", "count"):
        definition = read(root, "div2k-valid")
        del definition["source"]["archives"][0][key]
        with pytest.raises(DefinitionError, match=f"{key!r} is missing"):
            validate(definition, "dataset", "x.yaml")


@pytest.mark.parametrize("name", ["clic2020-test", "div2k-valid"])
def test_counts_of_archives_add_up(root: Path, name: str) -> None:
    definition = read(root, name)
    assert definition["count"] == sum(entry["count"] for entry in definition["source"]["archives"])


def test_the_sample_is_inside_the_installed_package(root: Path) -> None:
    definition = read(root, "sample")
    ready, why = sources_present(definition, [], Path("nowhere"))
    assert (ready, why) == (True, "9 pictures inside scikit-image")
    assert definition["count"] == len(definition["source"]["files"])


def test_kodak_inventory_is_the_known_set(root: Path, kodak: Path) -> None:
    definition = read(root, "kodak")
    options = Options(definition_folder=root / "datasets")
    files = remote_files(definition, options)
    assert files[0].url == "http://r0k.us/graphics/kodak/kodak/kodim01.png"
    paths = obtain(files, "kodak", [kodak], Path("nowhere"), offline=True, patience=QUICK)
    joined = hashlib.sha1(usedforsecurity=False)
    for path in paths.values():
        joined.update(path.read_bytes())
    assert joined.hexdigest() == "076e2a5fd4515b5fda677f15fe63dd112d266bc5"
    assert joined.hexdigest() in (root / "datasets" / "kodak.yaml").read_text()
    assert sources_present(definition, [kodak], Path("nowhere"), options) == (
        True,
        f"24 of 24 files in {kodak}",
    )


# CSV inventories

GOOD = "file,size_bytes,sha256\n"


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ("", "wrong first line"),
        ("name,size\n", "wrong first line"),
        (GOOD, "lists 0 files, the definition counts 1"),
        (GOOD + "a.png,12\n", "line 2: wrong row"),
        (GOOD + f"a.png,-1,{'0' * 64}\n", "line 2: wrong row"),
        (GOOD + f"a.png,{'9' * 5000},{'0' * 64}\n", "line 2: wrong row"),
        (GOOD + f"../a.png,1,{'0' * 64}\n", "line 2: wrong or repeated file"),
        (GOOD + f".a.png,1,{'0' * 64}\n", "line 2: wrong or repeated file"),
        (GOOD + f"a.png,1,{'g' * 64}\n", "line 2: wrong or repeated file"),
        (GOOD + f"a.png,1,{'0' * 64}\n" * 2, "line 3: wrong or repeated file"),
        (GOOD + '"a.png', "cannot be read"),
    ],
)
def test_wrong_inventories(tmp_path: Path, rows: str, problem: str) -> None:
    with pytest.raises(DatasetError, match=problem) as caught:
        remote_files(*files_definition(tmp_path, rows))
    assert "list.csv" in str(caught.value)


def test_a_missing_inventory(tmp_path: Path) -> None:
    definition, options = files_definition(tmp_path, GOOD)
    (tmp_path / "list.csv").unlink()
    with pytest.raises(DatasetError, match="belongs beside the dataset's YAML file"):
        remote_files(definition, options)


# Mirrors


@pytest.mark.parametrize("place", ["a.png", "tiny/a.png"])
def test_a_mirror_serves_without_the_net(tmp_path: Path, place: str) -> None:
    (tmp_path / "second" / place).parent.mkdir(parents=True)
    (tmp_path / "second" / place).write_bytes(b"content")
    mirrors = [tmp_path / "absent", tmp_path / "second"]
    paths = obtain([remote(b"content")], "tiny", mirrors, tmp_path / "cache", offline=True, patience=QUICK)
    assert paths == {"a.png": tmp_path / "second" / place}
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("content", [b"other..", b"shorter"])
def test_a_wrong_file_in_a_mirror_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(DatasetError, match=r"a\.png: not the expected file .* replace it or take the folder"):
        obtain([remote(b"content")], "tiny", [tmp_path], tmp_path / "cache", offline=True, patience=QUICK)
    assert (tmp_path / "a.png").read_bytes() == content


def test_without_the_net_one_line_says_where_to_put_the_file(tmp_path: Path) -> None:
    remotes = [remote(b"1", "a.png"), remote(b"2", "b.png")]
    with pytest.raises(DatasetError) as caught:
        obtain(remotes, "tiny", [tmp_path / "m"], tmp_path / "cache", offline=True, patience=QUICK)
    assert str(caught.value) == (
        "dataset tiny: 2 of 2 files are missing (a.png, ...; 0.0 MB), and downloads are off; put a.png into "
        f"{tmp_path}/m, or set mirrors: {{tiny: [FOLDER]}} in the configuration"
    )


def test_a_dead_server_leads_to_the_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    remotes = [remote(b"1", url="http://127.0.0.1:1/a.png")]
    with pytest.raises(DatasetError, match=r"refused.*without that server put a\.png into .*cache/tiny, or"):
        obtain(remotes, "tiny", [], tmp_path / "cache", offline=False, patience=QUICK)
    assert "\n" not in str(tmp_path)


def test_a_damaged_download_is_fetched_again(tmp_path: Path) -> None:
    (tmp_path / "server").write_bytes(b"content")
    (tmp_path / "cache" / "tiny").mkdir(parents=True)
    (tmp_path / "cache" / "tiny" / "a.png").write_bytes(b"c0ntent")
    item = remote(b"content", url=(tmp_path / "server").as_uri())
    paths = obtain([item], "tiny", [], tmp_path / "cache", offline=False, patience=QUICK)
    assert paths["a.png"].read_bytes() == b"content"


def test_an_earlier_download_serves(tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "a.png").write_bytes(b"content")
    paths = obtain([remote(b"content")], "tiny", [], tmp_path, offline=True, patience=QUICK)
    assert paths["a.png"] == tmp_path / "tiny" / "a.png"


def test_an_unreadable_mirror_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: Path) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", denied)
    with pytest.raises(DatasetError, match=r"tiny/a\.png: cannot be read \(Permission denied\); check its"):
        obtain([remote(b"1")], "tiny", [tmp_path], tmp_path / "cache", offline=True, patience=QUICK)


def test_another_scikit_image_is_noticed() -> None:
    with pytest.raises(DatasetError, match=r"astronaut\.png: SHA-256 is .*; install scikit-image"):
        skimage_file("astronaut.png", "0" * 64)
    with pytest.raises(DatasetError, match=r"lena\.png: not in this scikit-image"):
        skimage_file("lena.png", "0" * 64)


def test_scikit_image_is_found_without_importing_it(root: Path) -> None:
    program = (
        "import sys; from picobench.datasets.sources import skimage_file\n"
        "try: skimage_file('astronaut.png', '')\n"
        "except Exception: pass\n"
        "sys.exit(any(name in sys.modules for name in ('skimage', 'scipy', 'torch', 'pandas', 'imagecodecs')))"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=root)


# Presence


def test_presence_of_single_files(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"content").hexdigest()
    definition, options = files_definition(tmp_path, GOOD + f"a.png,7,{digest}\n")
    ready, why = sources_present(definition, [tmp_path], tmp_path / "cache", options)
    assert not ready
    assert why.startswith("1 of 1 files are missing (a.png, ...; 0.0 MB): they are downloaded from 127.0.0.1")
    assert f"put a.png into {tmp_path}, or set mirrors" in why
    (tmp_path / "a.png").write_bytes(b"too long")
    ready, why = sources_present(definition, [tmp_path], tmp_path / "cache", options)
    assert (ready, why) == (False, f"{tmp_path}/a.png: 8 bytes, expected 7; replace it")
    (tmp_path / "a.png").write_bytes(b"content")
    assert sources_present(definition, [tmp_path], tmp_path / "cache", options)[0]


def test_what_prepare_could_not_get_is_refused_beforehand(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"content").hexdigest()
    definition, options = files_definition(tmp_path, GOOD + f"a.png,7,{digest}\n")

    def check(*mirrors: Path, offline: bool) -> None:
        check_obtainable(definition, mirrors, tmp_path / "cache", options, offline=offline)

    check(offline=False)
    with pytest.raises(
        DatasetError, match=r"1 of 1 files are missing .*, and downloads are off; put a\.png into"
    ):
        check(offline=True)
    # A download that is damaged is fetched again; a mirror is the user's.
    (tmp_path / "cache" / "tiny").mkdir(parents=True)
    (tmp_path / "cache" / "tiny" / "a.png").write_bytes(b"too long")
    check(offline=False)
    with pytest.raises(DatasetError, match="downloads are off"):
        check(offline=True)
    (tmp_path / "a.png").write_bytes(b"too long")
    with pytest.raises(DatasetError, match=r"a\.png: 8 bytes, expected 7; replace it"):
        check(tmp_path, offline=False)
    (tmp_path / "a.png").write_bytes(b"content")
    check(tmp_path, offline=True)
    del definition["source"]["url"]
    with pytest.raises(DatasetError, match="no address is known"):
        check(offline=False)


def test_presence_of_a_folder(root: Path, tmp_path: Path) -> None:
    definition = read(root, "folder")
    ready, why = sources_present(definition, [], tmp_path)
    assert (ready, why) == (
        False,
        "dataset folder: no folder is given; write {id: folder, path: FOLDER} under datasets in the configuration",
    )
    absent = sources_present(definition, [], tmp_path, Options(path=str(tmp_path / "absent")))
    assert absent == (False, f"dataset folder: {tmp_path}/absent is no folder; correct its path")
    (tmp_path / "a.png").touch()
    present = sources_present(definition, [], tmp_path, Options(path=str(tmp_path)))
    assert present == (True, f"1 pictures in {tmp_path}")


# Folders


def test_listing_of_a_folder(root: Path, tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    for name in ("b.png", "a.JPG", "deep/er/c.tif", "x.heic", "notes.txt", ".hidden.png", ".cache/d.png"):
        (pictures / name).parent.mkdir(parents=True, exist_ok=True)
        (pictures / name).write_bytes(b"123")
    os.mkfifo(pictures / "pipe.png")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "e.png").touch()
    (pictures / "linked").symlink_to(tmp_path / "elsewhere")
    (pictures / "dangling.png").symlink_to(tmp_path / "nothing")
    (pictures / "linked.png").symlink_to(pictures / "b.png")
    os.utime(pictures / "b.png", ns=(5, 5))
    definition = read(root, "folder")
    found = listing(definition, Options(path=str(pictures)))
    assert [name for name, _, _ in found] == ["a.JPG", "b.png", "deep/er/c.tif", "linked.png", "x.heic"]
    assert found[1] == ("b.png", 3, 5)
    assert listing(read(root, "kodak")) == []


def test_listing_shows_undecodable_names(root: Path, tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff\n.png")).touch()
    (name, _, _), *_ = listing(read(root, "folder"), Options(path=str(tmp_path)))
    assert name == "\\udcff\\n.png"


def test_the_path_of_the_run_goes_before_that_of_the_definition(root: Path, tmp_path: Path) -> None:
    definition = read(root, "folder")
    definition["source"]["path"] = str(tmp_path / "absent")
    assert listing(definition, Options(path=str(tmp_path))) == []
    with pytest.raises(DatasetError, match="absent is no folder"):
        listing(definition)
