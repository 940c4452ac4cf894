# SPDX-License-Identifier: BSD-3-Clause
"""Pictures with known text: the same everywhere, as their definition says, with the truth beside them."""

import copy
import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from fontTools.ttLib import TTFont

from picobench.datasets import Options, prepare, sources_present
from picobench.datasets.rendered import RenderedPicture, draw_pictures, set_digest
from picobench.datasets.truth import TruthLine, read_truth
from picobench.datasets.typeset import font_file, ink, stamp
from picobench.errors import DatasetError, DefinitionError, StorageError
from picobench.pixels import read_rgb8
from picobench.yamlfile import validate


@pytest.fixture(scope="module")
def definition(root: Path) -> dict[str, Any]:
    value: dict[str, Any] = yaml.safe_load((root / "datasets" / "text.yaml").read_text())
    return value


@pytest.fixture(scope="module")
def pictures(definition: dict[str, Any]) -> list[RenderedPicture]:
    return draw_pictures(definition)


def changed(definition: dict[str, Any], **source: Any) -> dict[str, Any]:
    value = copy.deepcopy(definition)
    value["source"].update(source)
    return value


def small(definition: dict[str, Any], count: int = 3) -> dict[str, Any]:
    """The first pictures only, with the digest that they have."""
    value = changed(definition)
    value["count"] = count
    with pytest.raises(DatasetError) as caught:
        draw_pictures(value)
    value["source"]["sha256"] = str(caught.value).rsplit(" ", 1)[1]
    return value


# What is drawn


def test_the_digest_of_the_definition_holds(
    pictures: list[RenderedPicture], definition: dict[str, Any]
) -> None:
    assert len(pictures) == 100
    assert set_digest(pictures) == definition["source"]["sha256"]
    assert {picture.pixels.shape for picture in pictures} == {(288, 448, 3)}


def test_lines_lie_apart_inside_their_picture(pictures: list[RenderedPicture]) -> None:
    for picture in pictures:
        for number, line in enumerate(picture.lines):
            left, top, right, bottom = line.box
            assert 0 < left < right < 448
            assert 0 < top < bottom < 288
            for other in picture.lines[:number]:
                apart = max(
                    other.box[0] - right, left - other.box[2], other.box[1] - bottom, top - other.box[3]
                )
                assert apart > 0, (picture.name, line, other)


def test_sizes_contrasts_and_scripts_are_balanced(
    pictures: list[RenderedPicture], definition: dict[str, Any]
) -> None:
    lines = [line for picture in pictures for line in picture.lines]
    source = definition["source"]
    assert len(lines) > 650
    for name, values in (("x_height", source["x_heights"]), ("contrast", source["contrasts"])):
        counts = [sum(getattr(line, name) == value for line in lines) for value in values]
        assert min(counts) > 0.95 * len(lines) / len(values)
    assert {line.script for line in lines} == {"english", "accents", "figures"}
    assert 0.3 < sum(line.plate for line in lines) / len(lines) < 0.7


def test_ink_has_the_contrast_that_the_truth_states(pictures: list[RenderedPicture]) -> None:
    luma_weights = np.array([0.299, 0.587, 0.114])
    checked = 0
    for picture in pictures:
        for line in picture.lines:
            if not line.plate or line.x_height < 12:
                continue
            left, top, right, bottom = line.box
            luma = picture.pixels[top - 2 : bottom + 2, left - 2 : right + 2] @ luma_weights
            ground = luma[0, 0]
            # Tints are cut off at 0 and 255, which moves luma by some levels.
            assert np.abs(luma - ground).max() == pytest.approx(line.contrast, abs=18)
            checked += 1
    assert checked > 30


def test_the_box_is_that_of_the_ink(definition: dict[str, Any]) -> None:
    entry = definition["source"]["fonts"][0]
    cover = ink(font_file(entry["file"], entry["sha256"]), 9, "Hxp")
    assert cover[0].max() > 0
    assert cover[-1].max() > 0
    assert cover[:, 0].max() > 0
    assert cover[:, -1].max() > 0
    picture = np.full((40, 60, 3), 200, np.int64)
    stamp(picture, cover, 5, 6, (10, 20, 30))
    rows, columns = np.nonzero((picture != 200).any(axis=2))
    assert (rows.min(), rows.max() + 1) == (6, 6 + cover.shape[0])
    assert (columns.min(), columns.max() + 1) == (5, 5 + cover.shape[1])
    assert picture[cover.argmax() // cover.shape[1] + 6, cover.argmax() % cover.shape[1] + 5].tolist() == [
        10,
        20,
        30,
    ]


def test_x_height_is_as_asked(definition: dict[str, Any]) -> None:
    for entry in definition["source"]["fonts"]:
        path = font_file(entry["file"], entry["sha256"])
        for x_height in definition["source"]["x_heights"]:
            assert abs(ink(path, x_height, "x").shape[0] - x_height) <= 1


def test_every_font_has_every_character(definition: dict[str, Any]) -> None:
    source = definition["source"]
    text = "".join(script["words"] for script in source["scripts"].values())
    characters = set(text + text.upper() + "0123456789") - set(" \n")
    for entry in source["fonts"]:
        with TTFont(font_file(entry["file"], entry["sha256"])) as font:
            assert characters - set(map(chr, font.getBestCmap())) == set(), entry["file"]


# Errors


def test_other_pixels_are_an_error_that_names_the_versions(
    definition: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("picobench.datasets.rendered.pillow_version", "11.9")
    with pytest.raises(
        DatasetError, match=r"Pillow 11\.9 with FreeType [0-9.]+ draws other pixels .*sha256 to [0-9a-f]{64}$"
    ):
        draw_pictures(changed(definition, seed=1))


def test_a_missing_or_other_font_is_named(
    definition: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DatasetError, match=r"Nothing\.ttf: not in this Matplotlib"):
        font_file("Nothing.ttf", "0" * 64)
    with pytest.raises(DatasetError, match=r"DejaVuSans\.ttf: SHA-256 is 3fdf.*expected 0000"):
        font_file("DejaVuSans.ttf", "0" * 64)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DatasetError, match="Matplotlib is not installed"):
        font_file("DejaVuSans.ttf", "0" * 64)


def test_a_photograph_that_is_too_small(definition: dict[str, Any]) -> None:
    with pytest.raises(DatasetError, match=r"photograph of \d+x\d+ is smaller than the pictures"):
        draw_pictures(changed(definition, width=2000))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x_height": [5]}, "x_height.*did you mean 'x_heights'"),
        ({"plate_percent": 101}, "plate_percent"),
        ({"fonts": [{"file": "../x.ttf", "sha256": "0" * 64}]}, "fonts"),
        ({"scripts": {}}, "scripts"),
        ({"scripts": {"a": {"most": 1, "capitals_percent": 0, "words": " "}}}, "words"),
        ({"tints": [[0, 0]]}, "tints"),
    ],
)
def test_schema_refuses(definition: dict[str, Any], change: dict[str, Any], message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        validate(changed(definition, **change), "dataset", "text.yaml")


# Prepared


def test_prepared_with_its_truth(
    definition: dict[str, Any], pictures: list[RenderedPicture], tmp_path: Path
) -> None:
    part = small(definition)
    out = tmp_path / "out"
    prepared = prepare(part, out, tmp_path / "cache", [], offline=True)
    assert [row.image for row in prepared.images] == ["text-001", "text-002", "text-003"]
    assert {row.conversions for row in prepared.images} == {()}
    truth = read_truth(out / "truth.json")
    for row, picture in zip(prepared.images, pictures, strict=False):
        assert np.array_equal(read_rgb8(out / row.file), picture.pixels)
        assert truth[row.image] == picture.lines
    before = {path: path.read_bytes() for path in out.rglob("*.*") if path.is_file()}
    (out / "truth.json").unlink()
    assert prepare(part, out, tmp_path / "cache", [], offline=True) == prepared
    assert {path: path.read_bytes() for path in out.rglob("*.*") if path.is_file()} == before


def test_another_name_draws_the_same(definition: dict[str, Any], tmp_path: Path) -> None:
    prepared = prepare(small(definition), tmp_path / "out", tmp_path, [], options=Options(name="mine"))
    assert (prepared.dataset, prepared.images[0].image) == ("mine", "text-001")


def test_it_needs_no_network(definition: dict[str, Any], tmp_path: Path) -> None:
    present, why = sources_present(definition, [], tmp_path)
    assert (present, why) == (True, "100 pictures, drawn with fonts of Matplotlib")
    fonts = [{"file": "Nothing.ttf", "sha256": "0" * 64}]
    present, why = sources_present(changed(definition, fonts=fonts), [], tmp_path)
    assert not present
    assert "Nothing.ttf" in why


@pytest.mark.parametrize(
    "text", ["[]", "{}", '{"format": 1, "images": {"a": [{}]}}', '{"format": 1, "images": []}', "x"]
)
def test_a_damaged_truth(tmp_path: Path, text: str) -> None:
    (tmp_path / "truth.json").write_text(text)
    with pytest.raises(StorageError, match=r"truth\.json: damaged"):
        read_truth(tmp_path / "truth.json")


def test_a_truth_of_a_later_version(tmp_path: Path) -> None:
    (tmp_path / "truth.json").write_text(json.dumps({"format": 2, "images": {}}))
    with pytest.raises(StorageError, match="newer"):
        read_truth(tmp_path / "truth.json")
    assert TruthLine("a", (0, 0, 1, 1), "x", 5, 80, plate=False).box == (0, 0, 1, 1)
