# SPDX-License-Identifier: BSD-3-Clause
"""Whole datasets: prepared, prepared again, with pictures that come, go, change or are refused."""

import errno
import hashlib
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from picobench.datasets import Options, check_obtainable, image_names, prepare, read_prepared
from picobench.datasets import references as references_module
from picobench.datasets.fetch import Patience
from picobench.errors import DatasetError, StorageError
from picobench.pixels import pixels_digest, read_rgb8

QUICK = Patience(attempts=1, timeout_seconds=2, backoff_seconds=0)


def picture(path: Path, seed: int, size: tuple[int, int] = (20, 10), mode: str = "RGB") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    width, height = size
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)
    return path


class Bench:
    """A folder dataset and the places that `prepare` needs; counts how often a picture is normalised."""

    def __init__(self, folder: Path, definition: dict[str, Any]) -> None:
        self.folder = folder
        self.definition = definition
        self.pictures = folder / "pictures"
        self.out = folder / "out"
        self.cache = folder / "cache"
        self.mirror = folder / "mirror"
        self.options = Options(definition_folder=folder, path=str(self.pictures), patience=QUICK)
        self.normalised: list[int] = []

    def prepare(self, **options: Any) -> Any:
        self.normalised.clear()
        arguments = {"offline": True, "options": self.options, **options}
        return prepare(self.definition, self.out, self.cache, [self.mirror], **arguments)

    def inventory(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads((self.out / "inventory.json").read_text())
        return value

    def written(self) -> list[str]:
        return sorted(path.name for path in (self.out / "images").iterdir())


@pytest.fixture
def bench(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench(tmp_path, yaml.safe_load((root / "datasets" / "folder.yaml").read_text()))
    made.pictures.mkdir()
    made.mirror.mkdir()
    real = references_module.normalise

    def counted(data: bytes, **options: Any) -> Any:
        made.normalised.append(len(data))
        return real(data, **options)

    monkeypatch.setattr(references_module, "normalise", counted)
    return made


def use_archives(bench: Bench, archives: dict[str, dict[str, bytes]]) -> None:
    entries = []
    for name, members in archives.items():
        path = bench.mirror / name
        with zipfile.ZipFile(path, "w") as archive:
            for member, data in members.items():
                archive.writestr(member, data)
        raw = path.read_bytes()
        entry = {"file": name, "url": "http://127.0.0.1:1/x", "size_bytes": len(raw), "members": "*.png"}
        entries.append({**entry, "sha256": hashlib.sha256(raw).hexdigest(), "count": len(members)})
    bench.definition = {
        "id": "packed",
        "count": sum(entry["count"] for entry in entries),
        "source": {"kind": "archives", "archives": entries},
    }


def png(folder: Path, seed: int, **options: Any) -> bytes:
    return picture(folder / "scratch.png", seed, **options).read_bytes()


# What comes out


def test_the_inventory_says_what_was_done(bench: Bench) -> None:
    source = picture(bench.pictures / "Sub folder" / "b.png", 1)
    picture(bench.pictures / "a.png", 2, mode="L")
    prepared = bench.prepare()
    rows = bench.inventory()["images"]
    assert (
        [row["image"] for row in rows]
        == ["Sub-folder-b", "a"]
        == image_names(bench.definition, bench.options)
    )
    pixels = read_rgb8(bench.out / "images" / "Sub-folder-b.png")
    assert rows[0] == {
        "archive_sha256": None,
        "conversions": [],
        "file": "images/Sub-folder-b.png",
        "height": 10,
        "image": "Sub-folder-b",
        "pixels_sha256": pixels_digest(pixels),
        "source": "Sub folder/b.png",
        "source_format": "PNG",
        "source_sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
        "width": 20,
    }
    assert np.array_equal(pixels, np.asarray(Image.open(source)))
    assert rows[1]["conversions"] == ["grey expanded to RGB"]
    assert {key: bench.inventory()[key] for key in ("format", "rules", "dataset", "refused")} == {
        "format": 1,
        "rules": 1,
        "dataset": "folder",
        "refused": [],
    }
    assert read_prepared(bench.out / "inventory.json") == prepared


def test_references_carry_no_metadata(bench: Bench) -> None:
    exif = Image.Exif()
    exif[0x010F] = "maker"
    Image.new("RGB", (4, 4)).save(bench.pictures / "a.jpg", exif=exif, dpi=(300, 300), comment=b"hello")
    bench.prepare()
    with Image.open(bench.out / "images" / "a.png") as reference:
        assert (reference.mode, reference.info) == ("RGB", {})


def test_the_same_pictures_give_the_same_bytes(bench: Bench, tmp_path: Path) -> None:
    for number in range(3):
        picture(bench.pictures / f"{number}.png", number)
    bench.prepare()
    first = {path.name: path.read_bytes() for path in bench.out.rglob("*.*") if path.is_file()}
    bench.out = tmp_path / "again"
    bench.prepare()
    assert {path.name: path.read_bytes() for path in bench.out.rglob("*.*") if path.is_file()} == first


def test_sample(root: Path, tmp_path: Path) -> None:
    definition = yaml.safe_load((root / "datasets" / "sample.yaml").read_text())
    prepared = prepare(definition, tmp_path / "out", tmp_path / "cache", [], offline=True)
    assert len(prepared.images) == 9
    by_name = {row.image: row for row in prepared.images}
    assert by_name["coffee"].conversions == ()
    assert (by_name["page"].width, by_name["page"].height) == (384, 191)
    assert "Adobe RGB" in by_name["rocket"].conversions[0]
    from skimage import data

    astronaut = read_rgb8(tmp_path / "out" / by_name["astronaut"].file)
    assert np.array_equal(astronaut, data.astronaut())
    assert not (tmp_path / "cache").exists()


def test_kodak(root: Path, kodak: Path, tmp_path: Path) -> None:
    definition = yaml.safe_load((root / "datasets" / "kodak.yaml").read_text())
    options = Options(definition_folder=root / "datasets")
    prepared = prepare(
        definition, tmp_path / "out", tmp_path / "cache", [kodak.parent], offline=True, options=options
    )
    assert [row.image for row in prepared.images] == [f"kodim{number:02d}" for number in range(1, 25)]
    assert {(row.width, row.height) for row in prepared.images} == {(768, 512), (512, 768)}
    assert {row.conversions for row in prepared.images} == {("gAMA chunk ignored",)}


# The second time


def test_only_a_new_picture_is_normalised(bench: Bench) -> None:
    for number in range(3):
        picture(bench.pictures / f"{number}.png", number)
    bench.prepare()
    assert len(bench.normalised) == 3
    before = {path.name: path.stat().st_mtime_ns for path in (bench.out / "images").glob("*.png")}
    bench.prepare()
    assert bench.normalised == []
    (bench.out / "inventory.json").unlink()  # as Snakemake does before it runs the job again
    picture(bench.pictures / "new.png", 9)
    bench.prepare()
    assert len(bench.normalised) == 1
    after = {path.name: path.stat().st_mtime_ns for path in (bench.out / "images").glob("*.png")}
    assert {name: after[name] for name in before} == before
    assert [row["image"] for row in bench.inventory()["images"]] == ["0", "1", "2", "new"]


def test_a_changed_picture_is_normalised_again_and_a_lost_one_removed(bench: Bench) -> None:
    for name in ("changed", "kept", "lost"):
        picture(bench.pictures / f"{name}.png", 1)
    bench.prepare()
    picture(bench.pictures / "changed.png", 2)
    (bench.pictures / "lost.png").unlink()
    bench.prepare()
    assert len(bench.normalised) == 1
    assert bench.written() == [".inventory.json", "changed.png", "kept.png"]
    expected = np.asarray(Image.open(bench.pictures / "changed.png"))
    assert np.array_equal(read_rgb8(bench.out / "images" / "changed.png"), expected)


@pytest.mark.parametrize("damage", ["missing", "cut", "other pixels", "older rules", "no record"])
def test_what_cannot_be_trusted_is_made_again(bench: Bench, damage: str) -> None:
    picture(bench.pictures / "a.png", 1)
    prepared = bench.prepare()
    reference, record = bench.out / "images" / "a.png", bench.out / "images" / ".inventory.json"
    if damage == "missing":
        reference.unlink()
    elif damage == "cut":
        reference.write_bytes(reference.read_bytes()[:50])
    elif damage == "other pixels":
        picture(reference, 2)
    elif damage == "older rules":
        record.write_text(record.read_text().replace('"rules": 1', '"rules": 0'))
    else:
        record.write_text("[]")
    assert bench.prepare() == prepared
    assert len(bench.normalised) == 1


def test_a_killed_run_loses_little(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references_module, "_SAVE_EVERY", 2)
    for number in range(5):
        picture(bench.pictures / f"{number}.png", number)
    real = references_module.normalise

    def killed(data: bytes, **options: Any) -> Any:
        if len(bench.normalised) == 3:
            raise KeyboardInterrupt
        return real(data, **options)

    monkeypatch.setattr(references_module, "normalise", killed)
    with pytest.raises(KeyboardInterrupt):
        bench.prepare()
    assert not (bench.out / "inventory.json").exists()
    monkeypatch.setattr(references_module, "normalise", real)
    monkeypatch.setattr(references_module, "_SAVE_EVERY", 50)
    prepared = bench.prepare()
    assert len(prepared.images) == 5


def test_a_killed_second_run_keeps_what_the_first_made(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references_module, "_SAVE_EVERY", 1)
    for number in range(5):
        picture(bench.pictures / f"{number}.png", number)
    bench.prepare()
    counted = references_module.normalise
    for number in range(2):
        picture(bench.pictures / f"{number}.png", number + 100)

    def killed(data: bytes, **options: Any) -> Any:
        if bench.normalised:
            raise KeyboardInterrupt
        return counted(data, **options)

    monkeypatch.setattr(references_module, "normalise", killed)
    with pytest.raises(KeyboardInterrupt):
        bench.prepare()
    monkeypatch.setattr(references_module, "normalise", counted)
    bench.prepare()
    assert len(bench.normalised) == 1


# Refusals


def test_a_refused_picture_stops_the_run_and_is_named(bench: Bench) -> None:
    picture(bench.pictures / "good.png", 1)
    Image.new("RGBA", (4, 4), (1, 2, 3, 0)).save(bench.pictures / "see through.png")
    (bench.pictures / "torn.jpg").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(DatasetError) as caught:
        bench.prepare()
    assert str(caught.value) == (
        "dataset folder: see through.png: has transparent pixels; flatten it on a background of your choice, "
        "take it away, or set on_refused: skip in the dataset's definition (and 1 more pictures are refused)"
    )
    assert not (bench.out / "inventory.json").exists()
    for name in ("see through.png", "torn.jpg"):
        (bench.pictures / name).unlink()
    bench.prepare()
    assert bench.normalised == []


def test_refused_pictures_can_be_left_out(bench: Bench) -> None:
    bench.definition["on_refused"] = "skip"
    picture(bench.pictures / "good.png", 1)
    (bench.pictures / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic")
    prepared = bench.prepare()
    assert [row.image for row in prepared.images] == ["good"]
    assert bench.inventory()["refused"] == [
        {
            "source": "phone.heic",
            "reason": "not a PNG, JPEG, WebP, TIFF, BMP or PNM picture; convert it to PNG",
        }
    ]


def test_a_folder_without_a_usable_picture(bench: Bench) -> None:
    with pytest.raises(DatasetError, match="no usable picture"):
        bench.prepare()


def test_the_pixel_limit_of_the_definition(bench: Bench) -> None:
    picture(bench.pictures / "a.png", 1)
    bench.prepare()
    bench.definition["max_megapixels"] = 0.0001
    with pytest.raises(DatasetError, match=r"a\.png: more than 0.0001 megapixels"):
        bench.prepare()


def test_two_pictures_of_one_name(bench: Bench) -> None:
    picture(bench.pictures / "a.png", 1)
    picture(bench.pictures / "A.bmp", 2)
    with pytest.raises(DatasetError, match=r"a\.png: would be called 'a' like A\.bmp; rename one of them"):
        bench.prepare()


def test_results_inside_the_folder_are_refused(bench: Bench) -> None:
    bench.out = bench.pictures / "results" / "x"
    with pytest.raises(DatasetError, match="holds the results too"):
        bench.prepare()


def test_hostile_names_stay_on_one_line_and_in_the_folder(bench: Bench) -> None:
    name = os.fsdecode(b"\xff; rm -rf $HOME\n.png")
    picture(bench.pictures / "ok.png", 1).rename(bench.pictures / name)
    (row,) = bench.prepare().images
    assert row.source == "\\udcff; rm -rf $HOME\\n.png"
    assert row.file == f"images/{row.image}.png"
    assert row.image.startswith("rm--rf-HOME-")
    bench.prepare()
    assert bench.normalised == []


# Archives


def test_archives(bench: Bench, tmp_path: Path) -> None:
    one, two, three = (png(tmp_path, seed) for seed in range(3))
    use_archives(bench, {"p.zip": {"set/b.png": one, "set/a.png": two}, "m.zip": {"m/c.png": three}})
    prepared = bench.prepare()
    assert [(row.image, row.source) for row in prepared.images] == [
        ("a", "p.zip/set/a.png"),
        ("b", "p.zip/set/b.png"),
        ("c", "m.zip/m/c.png"),
    ]
    assert prepared.images[2].source_sha256 == hashlib.sha256(three).hexdigest()
    assert {path.name for path in tmp_path.rglob("*.png")} == {"a.png", "b.png", "c.png", "scratch.png"}
    (bench.mirror / "p.zip").unlink()
    (bench.mirror / "m.zip").unlink()
    assert bench.prepare() == prepared  # nothing is asked of the archives again
    assert bench.normalised == []


def test_one_lost_reference_opens_its_archive_only(bench: Bench, tmp_path: Path) -> None:
    use_archives(bench, {"p.zip": {"a.png": png(tmp_path, 1), "b.png": png(tmp_path, 2)}})
    prepared = bench.prepare()
    (bench.out / "images" / "a.png").unlink()
    assert bench.prepare() == prepared
    assert len(bench.normalised) == 1


def test_another_name_changes_no_file(bench: Bench, tmp_path: Path) -> None:
    """Archives are looked up by the definition's id, whatever the run calls the dataset."""
    use_archives(bench, {"p.zip": {"a.png": png(tmp_path, 1)}})
    (bench.mirror / "packed").mkdir()
    (bench.mirror / "p.zip").rename(bench.mirror / "packed" / "p.zip")
    options = Options(name="mine")
    check_obtainable(bench.definition, [bench.mirror], bench.cache, options, offline=True)
    assert image_names(bench.definition, options) is None
    prepared = bench.prepare(options=options)
    assert ([row.image for row in prepared.images], bench.inventory()["dataset"]) == (["a"], "mine")


def test_archives_with_the_same_name_inside(bench: Bench, tmp_path: Path) -> None:
    data = png(tmp_path, 1)
    use_archives(bench, {"p.zip": {"x/a.png": data}, "m.zip": {"y/a.png": data}})
    with pytest.raises(DatasetError, match=r"m\.zip/y/a\.png: would be called 'a' like p\.zip/x/a\.png"):
        bench.prepare()


def test_the_count_of_an_archive_is_checked(bench: Bench, tmp_path: Path) -> None:
    use_archives(bench, {"p.zip": {"a.png": png(tmp_path, 1)}})
    bench.definition["source"]["archives"][0]["count"] = 2
    bench.definition["count"] = 2
    with pytest.raises(DatasetError, match=r"p\.zip: holds 1 pictures \*\.png, expected 2"):
        bench.prepare()
    assert not (bench.out / "inventory.json").exists()


def test_the_count_of_the_dataset_is_checked(bench: Bench, tmp_path: Path) -> None:
    use_archives(bench, {"p.zip": {"a.png": png(tmp_path, 1)}})
    bench.definition["count"] = 3
    with pytest.raises(DatasetError, match="1 pictures where its definition counts 3"):
        bench.prepare()


def test_a_refused_picture_of_an_archive_is_named(bench: Bench, tmp_path: Path) -> None:
    use_archives(bench, {"p.zip": {"a.png": png(tmp_path, 1)[:-20]}})
    with pytest.raises(
        DatasetError, match=r"dataset packed: p\.zip/a\.png: damaged or incomplete PNG.*again$"
    ):
        bench.prepare()


# Single files and storage


def test_a_file_that_changes_after_it_was_verified(
    bench: Bench, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    definition = yaml.safe_load((root / "datasets" / "sample.yaml").read_text())
    other = picture(bench.pictures / "other.png", 1)
    monkeypatch.setattr("picobench.datasets.preparation.skimage_file", lambda name, sha256: other)
    with pytest.raises(DatasetError, match=r"astronaut\.png: changed while it was read; run again"):
        prepare(definition, bench.out, bench.cache, [])


def test_a_file_that_cannot_be_read(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    picture(bench.pictures / "a.png", 1)
    real = Path.read_bytes

    def denied(path: Path) -> bytes:
        if path.parent == bench.pictures:
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(DatasetError, match=r"a\.png: cannot be read \(Permission denied\)"):
        bench.prepare()


def test_a_full_disk(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    picture(bench.pictures / "a.png", 1)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("picobench.files.os.fsync", full)
    with pytest.raises(StorageError, match=r"images/a\.png: no space left on the device: free some"):
        bench.prepare()
    assert bench.written() == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"format": 2}', "format 2 is newer than this picobench reads"),
        ('{"format": 1}', "damaged"),
        ("[1]", "damaged"),
        ("{", "damaged"),
    ],
)
def test_inventories_that_cannot_be_read(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "inventory.json").write_text(text)
    with pytest.raises(StorageError, match=problem):
        read_prepared(tmp_path / "inventory.json")
