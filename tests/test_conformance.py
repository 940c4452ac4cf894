# SPDX-License-Identifier: BSD-3-Clause
"""Every registered codec, dataset and metric keeps its contract. A new definition is tested without a test."""

import json
import math
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from picobench import datasets, metrics
from picobench.conformance import Check, _quality, check_codec, ready_codecs
from picobench.dataset_request import DatasetRequest, dataset_options
from picobench.definitions import Definitions, read_codec
from picobench.errors import DatasetError, MetricError
from picobench.pixels import RGB8, pixels_digest

DEFINITIONS = Definitions(Path(__file__).resolve().parent.parent)
CODECS = ready_codecs(DEFINITIONS)
# A folder is the user's own.
DATASETS = [name for name in DEFINITIONS.ids("datasets") if name != "folder"]


@pytest.mark.parametrize("name", CODECS)
def test_codec(name: str) -> None:
    if CODECS[name]:
        pytest.skip(CODECS[name])
    results = list(check_codec(read_codec(DEFINITIONS, name)))
    assert len(results) > 10
    assert [f"{check.name}: {check.detail}" for check in results if not check.passed] == []


@pytest.mark.parametrize("name", ["tiled:jpeg:24+4", "tiled:svt-av1:64"])
def test_codecs_keep_their_contract_in_tiles(name: str) -> None:
    results = list(check_codec(read_codec(DEFINITIONS, name)))
    assert [f"{check.name}: {check.detail}" for check in results if not check.passed] == []


# Sends the size and some padding, so that its rate is right, and comes back with one colour. Standard library only.
FLAT_ENCODER = """
import sys
data = open(sys.argv[1], "rb").read()
open(sys.argv[2], "wb").write(data[16:24] + bytes(int(sys.argv[3])))
"""
FLAT_DECODER = """
import struct, sys, zlib
data = open(sys.argv[1], "rb").read()
width, height = struct.unpack(">2I", data[:8])
def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
rows = zlib.compress((b"\\0" + b"\\x80" * 3 * width) * height)
picture = chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)) + chunk(b"IDAT", rows)
open(sys.argv[2], "wb").write(b"\\x89PNG\\r\\n\\x1a\\n" + picture + chunk(b"IEND", b""))
"""


def checks_of(folder: Path, command: dict[str, Any], until: str = "", **more: Any) -> dict[str, Check]:
    """The checks of a codec that is defined in a folder of the user's own, up to the one named."""
    definition = {
        **{"id": "mine", "label": "Mine", "adapter": "command", "homepage": "https://example.org"},
        **{"licence": "none", "citation": "none", "seconds_per_megapixel": {"encode": 1, "decode": 1}},
        "command": {
            **{"runner": "native", "input": "png", "extension": "bin"},
            "encode": ["cp", "{input}", "{bitstream}"],
            "decode": ["cp", "{bitstream}", "{output}"],
            "version": {"argv": ["echo", "version 1.2"], "pattern": "version (.+)"},
            **command,
        },
        "points": {"only": {}},
        **more,
    }
    (folder / "codecs").mkdir()
    (folder / "codecs" / "mine.yaml").write_text(json.dumps(definition))
    definitions = Definitions(DEFINITIONS.root, (folder,))
    seen: dict[str, Check] = {}
    for check in check_codec(read_codec(definitions, "mine")):
        seen[check.name] = check
        if check.name == until:
            break
    return seen


def test_a_codec_of_one_flat_colour_fails(tmp_path: Path) -> None:
    (tmp_path / "encoder.py").write_text(FLAT_ENCODER)
    (tmp_path / "decoder.py").write_text(FLAT_DECODER)
    python = [sys.executable, "-I", "-S"]
    command = {
        "parameters": {"bytes": {"type": "integer"}},
        "encode": [*python, str(tmp_path / "encoder.py"), "{input}", "{bitstream}", "{bytes}"],
        "decode": [*python, str(tmp_path / "decoder.py"), "{bitstream}", "{output}"],
    }
    seen = checks_of(tmp_path, command, points={"high": {"bytes": 4000}, "low": {"bytes": 1000}})
    assert seen["rate follows the points"].passed
    assert not seen["quality follows the rate"].passed
    assert "this is not the picture" in seen["quality follows the rate"].detail
    assert not seen["round trip 200x133"].passed
    assert not seen["colours are kept"].passed


@pytest.mark.parametrize(
    ("points", "passed"),
    [
        ([(100, 30.0), (200, 35.0), (300, 36.0)], True),
        ([(300, 36.0), (200, 36.05), (100, 30.0)], True),
        ([(100, 30.0), (100, 26.0), (300, 36.0)], True),
        ([(300, 36.0)], True),
        ([(300, 24.9)], False),
        ([(100, 30.0), (200, 36.0), (300, 35.0)], False),
        ([(100, 36.0), (200, 36.0)], False),
        ([(100, 14.0), (200, 20.0)], False),
    ],
)
def test_quality_must_follow_the_rate(points: list[tuple[int, float]], passed: bool) -> None:
    bench: Any = SimpleNamespace(
        by_rate=[(size, str(number)) for number, (size, _) in enumerate(points)],
        psnr_db={str(number): psnr_db for number, (_, psnr_db) in enumerate(points)},
    )
    assert _quality(bench)[0] is passed


def test_a_picture_better_than_its_colour_path_fails(tmp_path: Path) -> None:
    inner = {"matrix": "bt709", "range": "full", "depth": 8, "chroma": "444"}
    ceiling = checks_of(tmp_path, {"inner_colour": inner}, "colour ceiling")["colour ceiling"]
    assert not ceiling.passed
    assert ceiling.detail.startswith("only: PSNR of inf dB is above 5")


@pytest.mark.parametrize(
    ("version", "detail"),
    [
        ({"argv": ["echo", "hello"], "pattern": "v([0-9]+)"}, "no version in its output"),
        ({"argv": ["echo", "version none"], "pattern": "version (.*)"}, "cp: 'none' is no version"),
        ({"argv": ["date", "+%N"], "pattern": "([0-9]+)"}, "asking again gives another version"),
    ],
)
def test_a_version_that_is_none_fails(version: dict[str, Any], detail: str, tmp_path: Path) -> None:
    seen = checks_of(tmp_path, {"version": version}, "version")["version"]
    assert not seen.passed
    assert detail in seen.detail


def test_checks_keep_the_definitions_time_limit(tmp_path: Path) -> None:
    command = {"encode": ["sh", "-c", "sleep 60; cp {input} {bitstream}"]}
    seen = checks_of(tmp_path, command, "round trip 1x17", timeout_seconds=0.2)
    assert "encoding failed: sh gave no result within 0.2 s" in seen["round trip 1x17"].detail


def test_in_process_codecs_are_never_skipped() -> None:
    native = {name for name in CODECS if read_codec(DEFINITIONS, name).adapter == "python"}
    assert len(native) >= 7
    assert {name: CODECS[name] for name in native if CODECS[name]} == {}


def picture(height: int, width: int) -> RGB8:
    """Shapes, colours and some texture, so that every metric has something to see."""
    y, x = np.mgrid[0:height, 0:width].astype(float)
    planes = [
        128 + 90 * np.sin(x / 9) * np.cos(y / 13),
        128 + 70 * np.cos((x + y) / 17),
        96 + 64 * ((x // 24 + y // 24) % 2),
    ]
    texture = np.random.default_rng(5).normal(0, 6, (height, width, 3))
    return np.clip(np.stack(planes, axis=2) + texture, 0, 255).astype(np.uint8)


# On one worker: torch is imported once.
@pytest.mark.xdist_group("metrics")
@pytest.mark.parametrize("name", DEFINITIONS.ids("metrics"))
def test_metric(name: str) -> None:
    definition = metrics.read_metric(DEFINITIONS, name)
    home = metrics.default_torch_home()
    available, why = metrics.availability(definition, home)
    if not available:
        pytest.skip(f"not here: {why}")
    metric = metrics.load(definition, home)
    height, width = definition.minimum_side + 150, definition.minimum_side + 111
    reference = picture(height, width)
    noise = np.random.default_rng(6).normal(0, 1, reference.shape)
    damaged = [np.clip(reference + level * noise, 0, 255).astype(np.uint8) for level in (2, 8, 32)]

    identical = metric.score(reference, reference)
    expected = math.inf if definition.identical == "infinite" else float(definition.identical)
    assert identical == pytest.approx(expected, abs=1e-4)
    scores = [metric.score(reference, pixels) for pixels in damaged]
    falling = (
        [identical, *scores] if definition.direction == "higher" else [-identical, *(-s for s in scores)]
    )
    assert falling == sorted(falling, reverse=True)
    assert len(set(falling)) == 4
    assert metric.score(reference, damaged[1]) == scores[1]
    with pytest.raises(MetricError):
        metric.score(reference, damaged[0][:-1])


@pytest.mark.parametrize("name", DATASETS)
def test_dataset(name: str, tmp_path: Path) -> None:
    definition = DEFINITIONS.read("datasets", name)
    mirrors = DEFINITIONS.mirrors_of(name)
    options = dataset_options(DEFINITIONS, DatasetRequest(name, name))
    try:
        prepared = datasets.prepare(
            definition, tmp_path / name, tmp_path / "downloads", mirrors, offline=True, options=options
        )
    except DatasetError as error:
        pytest.skip(f"not here: {error}")
    assert len(prepared.images) + len(prepared.refused) == definition["count"]
    assert len({row.image for row in prepared.images}) == len(prepared.images)
    names = datasets.image_names(definition, options)
    assert names is None or names == [row.image for row in prepared.images]
    for row in prepared.images:
        with Image.open(tmp_path / name / row.file) as shown:
            assert (shown.format, shown.mode, shown.size) == ("PNG", "RGB", (row.width, row.height))
            assert not shown.info.keys() & {"icc_profile", "gamma", "exif", "transparency"}
            assert pixels_digest(np.asarray(shown)) == row.pixels_sha256
    before = (tmp_path / name / "inventory.json").read_bytes()
    assert json.loads(before)
    datasets.prepare(
        definition, tmp_path / name, tmp_path / "downloads", mirrors, offline=True, options=options
    )
    assert (tmp_path / name / "inventory.json").read_bytes() == before


def test_datasets_that_need_no_download_are_never_skipped() -> None:
    kinds = {name: DEFINITIONS.read("datasets", name)["source"]["kind"] for name in DATASETS}
    assert {"sample", "text"} <= {name for name, kind in kinds.items() if kind not in {"files", "archives"}}
    if os.environ.get("PICOBENCH_REQUIRE_ALL"):
        assert any((mirror / "kodak").is_dir() for mirror in DEFINITIONS.mirrors_of("kodak"))


@pytest.mark.parametrize("kind", ["codecs", "datasets", "metrics"])
def test_definitions_are_valid_and_attributed(kind: str) -> None:
    for name in DEFINITIONS.ids(kind):
        definition = DEFINITIONS.read(kind, name)
        assert definition["licence"], name
        assert len(definition["label"]) < 121, name
