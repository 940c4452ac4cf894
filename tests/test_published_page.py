# SPDX-License-Identifier: BSD-3-Clause
"""The nine scenes of PICO's project page: manifest, refusal, and numbers equal to an independent computation."""

import math
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from metrics_case import ROOT, definition, seed_lpips

from picobench.adapters import adapter_for
from picobench.cli import main
from picobench.dataset_request import DatasetRequest
from picobench.definitions import Codec, Definitions, read_codec
from picobench.inventory import read_inventory
from picobench.metrics import load
from picobench.pixels import RGB8, read_rgb8
from picobench.stages.dataset import prepare_dataset

CODECS = {
    "pico": "pico@project-page", "hific": "hific-published@pico-page", "dcvc": "dcvc-rt-published",
    "vvc": "vvc-published", "bpg": "bpg-published",
}  # fmt: skip
DATASET = "pico-project-page"
# As others measured them: kodim04 in dB and LPIPS.
KODIM04 = {
    "pico": (30.32, 0.0567), "hific": (31.31, 0.0437), "dcvc": (35.28, 0.1563), "vvc": (32.39, 0.1818),
    "bpg": (33.26, 0.1882),
}  # fmt: skip


@pytest.fixture(scope="module")
def page(shared: Path) -> Path:
    return shared / "published" / DATASET


@pytest.fixture(scope="module")
def prepared(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder in which the dataset is prepared."""
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        request = DatasetRequest(DATASET, DATASET)
        prepare_dataset(Definitions(ROOT), request, [shared / "published"], offline=True)
    return folder


def codec(shared: Path, name: str) -> Codec:
    return read_codec(Definitions(ROOT, (), {DATASET: [shared / "published"]}), CODECS[name])


def ours(of: Codec, reference: Path, image: str, folder: Path) -> tuple[RGB8 | None, str, float]:
    """Pixels, reason and rate as the workflow gets them."""
    options = of.point_options("page")
    note = folder / f"{image}.published"
    with adapter_for(of).session(10) as session:
        encoded = session.encode(reference, note, options)
        if not encoded.ok:
            return None, encoded.reason, math.nan
        assert encoded.published is not None
        assert session.decode(note, folder / "out.png", options).ok
    return read_rgb8(folder / "out.png"), "", encoded.published.bpp


def independent(path: Path) -> RGB8:
    """The picture by another decoder; of 16 bits a sample the nearest 8-bit value."""
    samples = imagecodecs.png_decode(path.read_bytes())
    if samples.dtype == np.uint16:
        samples = np.rint(samples / 257).astype(np.uint8)
    assert samples.dtype == np.uint8
    assert samples.shape[2] == 3
    return samples


def test_the_manifest_is_what_the_import_gives(page: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "m.csv"
    argv = [
        "import-reconstructions", str(page), "--pattern", "{image}/{codec}.png", "--rates", str(page / "bpp.json"),
        "--point", "page", "--reference-pattern", "{image}/reference.png", "--manifest", str(manifest),
    ]  # fmt: skip
    assert main(argv) == 0
    assert manifest.read_bytes() == (ROOT / "codecs" / "manifests" / f"{DATASET}.csv").read_bytes()


@pytest.mark.parametrize("name", CODECS)
def test_psnr_is_that_of_an_independent_computation(
    shared: Path,
    prepared: Path,
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(prepared)
    metric = load(definition("psnr_rgb"), shared)
    states: Counter[str] = Counter()
    for picture in read_inventory(DATASET).pictures:
        pixels, reason, _ = ours(codec(shared, name), picture.path, picture.image, tmp_path)
        states[reason.partition(":")[0] or "ok"] += 1
        if pixels is None:
            continue
        reference = independent(shared / "published" / DATASET / picture.image / "reference.png").astype(
            np.int64
        )
        other = independent(shared / "published" / DATASET / picture.image / f"{name}.png").astype(np.int64)
        psnr = 10 * math.log10(255**2 / float(np.mean((reference - other) ** 2)))
        assert metric.score(picture.read(), pixels) == pytest.approx(psnr, abs=1e-9)
        if picture.image == "kodak_kodim04":
            assert psnr == pytest.approx(KODIM04[name][0], abs=0.005)
    expected = {
        "vvc": {"ok": 7, "refused": 1, "no published picture": 1},
        "bpg": {"ok": 6, "no published picture": 3},
    }
    assert dict(states) == expected.get(name, {"ok": 9})


def test_the_picture_with_a_row_too_many_is_refused(
    shared: Path, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(prepared)
    picture = read_inventory(DATASET).by_name["todd-quackenbush-222"]
    pixels, reason, _ = ours(codec(shared, "vvc"), picture.path, picture.image, tmp_path)
    assert pixels is None
    assert reason == "refused: the picture is 720x440, its reference 720x439 pixels"


def test_rates_are_as_published(
    shared: Path, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(prepared)
    picture = read_inventory(DATASET).by_name["kodak_kodim04"]
    rates = {name: ours(codec(shared, name), picture.path, picture.image, tmp_path)[2] for name in CODECS}
    assert rates == {"pico": 0.297, "hific": 0.300, "dcvc": 0.327, "vvc": 0.332, "bpg": 0.312}


@pytest.mark.parametrize("name", CODECS)
def test_lpips_is_that_of_the_lpips_package(
    shared: Path, page: Path, tmp_path: Path, name: str, lpips_both: tuple[Any, Any]
) -> None:
    import torch

    metric, package = lpips_both
    compared = 0
    for scene in sorted(path.parent for path in page.glob("*/reference.png")):
        pixels, _, _ = ours(codec(shared, name), scene / "reference.png", scene.name, tmp_path)
        if pixels is None:
            continue
        compared += 1
        tensors = [
            torch.from_numpy(independent(scene / f"{what}.png")).permute(2, 0, 1)[None].float() / 127.5 - 1
            for what in ("reference", name)
        ]
        with torch.no_grad():
            expected = float(package(*tensors))
        assert metric.score(independent(scene / "reference.png"), pixels) == pytest.approx(expected, abs=2e-6)
        if scene.name == "kodak_kodim04":
            assert expected == pytest.approx(KODIM04[name][1], abs=0.0001)
    assert compared == {"vvc": 7, "bpg": 6}.get(name, 9)


@pytest.fixture(scope="module")
def lpips_both(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """LPIPS of picobench, and that of its authors' package."""
    pytest.importorskip("pyiqa")
    package = pytest.importorskip("lpips")
    home = tmp_path_factory.mktemp("torch")
    seed_lpips(home, shared)
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setenv("TORCH_HOME", str(home))
        return load(definition("lpips_alex"), home), package.LPIPS(net="alex", version="0.1", verbose=False)
