# SPDX-License-Identifier: BSD-3-Clause
"""Every registered codec, dataset and metric keeps its contract. A new definition is tested without a test."""

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from picobench import datasets, metrics
from picobench.conformance import check_codec, ready_codecs
from picobench.definitions import Definitions, read_codec
from picobench.errors import DatasetError, MetricError
from picobench.pixels import RGB8, pixels_digest
from picobench.stages.dataset import dataset_options

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
    options = dataset_options(DEFINITIONS, name, None)
    try:
        prepared = datasets.prepare(
            definition, tmp_path / name, tmp_path / "downloads", mirrors, offline=True, options=options
        )
    except DatasetError as error:
        pytest.skip(f"not here: {error}")
    assert len(prepared.images) + len(prepared.refused) == definition["count"]
    assert len({row.image for row in prepared.images}) == len(prepared.images)
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
