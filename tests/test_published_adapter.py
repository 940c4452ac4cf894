# SPDX-License-Identifier: BSD-3-Clause
"""Published reconstructions as codecs: looked up, verified, never copied; absent and refused pictures."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from published_case import define, degraded, make_collection, save, scene, zipped

from picobench.adapters import Outcome, adapter_for
from picobench.cli import main
from picobench.conformance import check_codec
from picobench.definitions import Codec, Definitions, read_codec
from picobench.errors import CodecError, DefinitionError
from picobench.manifest import read_manifest, write_manifest
from picobench.pixels import read_rgb8


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    collection = make_collection(tmp_path / "mirror" / "made-up")
    for codec in ("ours", "theirs"):
        define(tmp_path / "own", codec)
    argv = [
        "import-reconstructions", str(collection), "--pattern", "{image}/{codec}.png",
        "--rates", str(collection / "bpp.json"), "--point", "page",
        "--reference-pattern", "{image}/reference.png",
        "--manifest", str(tmp_path / "own" / "codecs" / "manifests" / "made-up.csv"),
    ]  # fmt: skip
    assert main(argv) == 0
    return tmp_path / "mirror"


def codec(root: Path, mirror: Path, name: str = "ours") -> Codec:
    return read_codec(Definitions(root, (mirror.parent / "own",), {"made-up": [mirror]}), name)


def encode(of: Codec, image: str, mirror: Path) -> tuple[Outcome, Path]:
    target = mirror.parent / f"{image}.published"
    with adapter_for(of).session(10) as session:
        reference = mirror / "made-up" / image.partition("@")[0] / "reference.png"
        return session.encode(reference, target, of.point_options("page")), target


def test_rate_is_as_published_and_pixels_are_theirs(root: Path, mirror: Path, tmp_path: Path) -> None:
    ours = codec(root, mirror)
    assert ours.trust == "published reconstruction"
    outcome, note = encode(ours, "two", mirror)
    assert outcome.ok
    assert outcome.published is not None
    assert (outcome.published.bpp, outcome.published.size_bytes) == (0.3, None)
    assert outcome.published.file == "made-up/two/ours.png"
    assert set(json.loads(note.read_text())) == {"collection", "file", "sha256"}
    with adapter_for(ours).session(10) as session:
        assert session.decode(note, tmp_path / "out.png", ours.point_options("page")).ok
    assert np.array_equal(read_rgb8(tmp_path / "out.png"), degraded(scene("two"), 8))


def test_archive(root: Path, mirror: Path, tmp_path: Path) -> None:
    zipped(mirror / "made-up", mirror / "made-up.zip")
    define(mirror.parent / "own", "ours", "  archive: made-up.zip\n")
    for path in (mirror / "made-up").rglob("ours.png"):
        path.unlink()
    ours = codec(root, mirror)
    outcome, note = encode(ours, "one", mirror)
    assert outcome.ok
    with adapter_for(ours).session(10) as session:
        assert session.decode(note, tmp_path / "out.png", ours.point_options("page")).ok
    assert np.array_equal(read_rgb8(tmp_path / "out.png"), degraded(scene("one"), 8))


def test_what_was_not_published_is_absent_and_no_failure(root: Path, mirror: Path) -> None:
    outcome, note = encode(codec(root, mirror, "theirs"), "three", mirror)
    assert outcome.absent
    assert outcome.reason == "no published picture: the manifest of made-up has no three at page"
    assert not note.exists()


def test_wrong_size_is_refused(root: Path, mirror: Path) -> None:
    outcome, note = encode(codec(root, mirror, "theirs"), "two", mirror)
    assert outcome.reason == "refused: the picture is 56x41, its reference 56x40 pixels"
    assert not outcome.absent
    assert not note.exists()


def test_wrong_size_is_refused_without_references_at_import(root: Path, mirror: Path) -> None:
    manifest = mirror.parent / "own" / "codecs" / "manifests" / "made-up.csv"
    rows = [replace(row, refused="", reference_sha256="") for row in read_manifest(manifest, "theirs")]
    write_manifest(manifest, rows)
    outcome, _ = encode(codec(root, mirror, "theirs"), "two", mirror)
    assert outcome.reason == "refused: the published picture is 56x41, the reference 56x40 pixels"


def test_another_picture_of_the_same_name_is_refused(root: Path, mirror: Path) -> None:
    save(mirror / "made-up" / "one" / "reference.png", scene("two"))
    outcome, _ = encode(codec(root, mirror), "one", mirror)
    assert outcome.reason == "refused: it was published for another picture that is also called one"


def test_a_changed_or_missing_file_ends_the_job(root: Path, mirror: Path) -> None:
    ours = codec(root, mirror)
    save(mirror / "made-up" / "two" / "ours.png", scene("two"))
    with pytest.raises(CodecError, match="the manifest says"):
        encode(ours, "two", mirror)
    (mirror / "made-up" / "two" / "ours.png").unlink()
    with pytest.raises(CodecError, match="not here"):
        encode(ours, "two", mirror)


def test_collection_that_is_not_here(root: Path, mirror: Path) -> None:
    ours = read_codec(Definitions(root, (mirror.parent / "own",)), "ours")
    with pytest.raises(CodecError, match=r"not here .* set mirrors: \{made-up: \[FOLDER\]\}"):
        adapter_for(ours).environment()


def test_no_manifest_yet(root: Path, mirror: Path) -> None:
    (mirror.parent / "own" / "codecs" / "manifests" / "made-up.csv").unlink()
    ours = codec(root, mirror)
    assert ours.points == {}
    with pytest.raises(CodecError, match="picobench import-reconstructions"):
        adapter_for(ours)


def test_points_carry_what_the_manifest_says(root: Path, mirror: Path) -> None:
    before = codec(root, mirror).points
    manifest = mirror.parent / "own" / "codecs" / "manifests" / "made-up.csv"
    text = manifest.read_text()
    manifest.write_text(text.replace("theirs,one,page,,0.210", "theirs,one,page,,0.211"))
    assert codec(root, mirror).points == before
    manifest.write_text(text.replace("ours,one,page,,0.200", "ours,one,page,,0.201"))
    assert codec(root, mirror).points != before


def test_options_are_refused(root: Path, mirror: Path) -> None:
    with pytest.raises(DefinitionError, match="take no option 'quality'"):
        adapter_for(codec(root, mirror)).check({"quality": 3})


def test_conformance_does_not_apply(root: Path, mirror: Path) -> None:
    with pytest.raises(CodecError, match="nothing is coded"):
        next(check_codec(codec(root, mirror)))


def test_versions_of_pico(root: Path) -> None:
    definitions = Definitions(root)
    page, native = read_codec(definitions, "pico@project-page"), read_codec(definitions, "pico@native")
    assert page.trust == "published reconstruction"
    assert list(page.points) == ["page"]
    assert page.command == {}
    assert native.trust == "decoded"
    assert native.options == {"tile": 504}
    assert len(native.points) == 8
    assert native.command["runner"] == "native"
    assert read_codec(definitions, "pico@container").command["runner"] == "docker"
