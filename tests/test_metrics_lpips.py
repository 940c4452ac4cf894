# SPDX-License-Identifier: BSD-3-Clause
"""LPIPS against the package lpips, and the refusal of every network whose weights are not the declared ones."""

import os
import socket
import urllib.request
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from metrics_case import ALEXNET, LPIPS_HEADS, ROOT, definition, jpeg, pattern, read_picture, save, seed_lpips

from picobench.definitions import Definitions
from picobench.errors import MetricError
from picobench.files import sha256_file
from picobench.metrics import (
    Metric,
    MetricDefinition,
    WeightFile,
    availability,
    fingerprint,
    load,
    read_metric,
)
from picobench.metrics.guard import guarded

torch = pytest.importorskip("torch")
pytest.importorskip("pyiqa")


@pytest.fixture(scope="module")
def torch_home(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Path:
    home = tmp_path_factory.mktemp("torch")
    seed_lpips(home, shared)
    return home


@pytest.fixture(scope="module")
def lpips_alex(torch_home: Path) -> Metric:
    return load(definition("lpips_alex"), torch_home)


@pytest.fixture
def copied(torch_home: Path, tmp_path: Path) -> Path:
    """A folder of weights to spoil."""
    for file in (ALEXNET, LPIPS_HEADS):
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).hardlink_to(torch_home / file)
    return tmp_path


def published(metric: MetricDefinition, torch_home: Path) -> MetricDefinition:
    """The same without a pinned digest, as if the files at hand were the published ones."""
    weights = tuple(
        replace(weight, sha256_prefix=sha256_file(torch_home / weight.file)) for weight in metric.weights
    )
    return replace(metric, weights=weights, weights_digest="")


@pytest.fixture(scope="module")
def lpips_package(torch_home: Path) -> Any:
    package = pytest.importorskip("lpips")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setenv("TORCH_HOME", str(torch_home))
        return package.LPIPS(net="alex", version="0.1", verbose=False)


@pytest.mark.parametrize(("picture", "quality"), [("kodim01", 5), ("kodim13", 20), ("kodim23", 90)])
def test_lpips_is_that_of_the_lpips_package(
    picture: str, quality: int, lpips_alex: Metric, lpips_package: Any, kodak: Path
) -> None:
    reference = read_picture(kodak / f"{picture}.png")
    reconstruction = jpeg(reference, quality)

    def tensor(pixels: Any) -> Any:
        return torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None].float() / 127.5 - 1

    with torch.no_grad():
        expected = lpips_package(tensor(reference), tensor(reconstruction)).item()
    score = lpips_alex.score(reference, reconstruction)
    assert score == pytest.approx(expected, abs=1e-5)
    assert score > 0.01


def test_lpips_repeats_and_sees_full_resolution(lpips_alex: Metric) -> None:
    reference, distorted = pattern(400, 600)
    score = lpips_alex.score(reference, distorted)
    assert score == lpips_alex.score(reference, distorted)
    assert lpips_alex.score(reference, reference) == 0
    assert torch.get_num_threads() == 1
    # Detail that any shrinking by two would remove.
    flat = np.full((256, 256, 3), 128, np.uint8)
    checks = flat.copy()
    checks[::2, ::2], checks[1::2, 1::2] = 148, 148
    checks[1::2, ::2], checks[::2, 1::2] = 108, 108
    assert lpips_alex.score(flat, checks) > 0.1


def test_a_picture_that_vanishes_in_the_network_is_not_computed(lpips_alex: Metric) -> None:
    reference, distorted = pattern(31, 31)
    assert lpips_alex.score(reference, distorted) > 0
    with pytest.raises(MetricError, match=r"lpips_alex: not defined for a picture of 200 x 30"):
        lpips_alex.score(*pattern(30, 200))


def test_the_digest_identifies_the_network_whatever_the_file(lpips_alex: Metric, copied: Path) -> None:
    state = torch.load(copied / ALEXNET, weights_only=True)
    (copied / ALEXNET).unlink()
    save(copied, ALEXNET, dict(reversed(state.items())))
    assert load(definition("lpips_alex"), copied).weights_digest == lpips_alex.weights_digest
    assert lpips_alex.weights_digest == definition("lpips_alex").weights_digest


def test_published_files_are_accepted_without_a_pinned_digest(lpips_alex: Metric, torch_home: Path) -> None:
    metric = load(published(definition("lpips_alex"), torch_home), torch_home)
    pair = pattern(64, 64)
    assert metric.score(*pair) == lpips_alex.score(*pair)
    assert metric.weights_digest == lpips_alex.weights_digest


def test_changed_weights_are_refused(copied: Path) -> None:
    heads = torch.load(copied / LPIPS_HEADS, weights_only=True)
    heads["lin3.model.1.weight"][0, 17, 0, 0] += 1e-6
    (copied / LPIPS_HEADS).unlink()
    save(copied, LPIPS_HEADS, heads)
    with pytest.raises(MetricError, match=r"damaged or another file: its SHA-256 begins with"):
        load(definition("lpips_alex"), copied)


def test_a_truncated_file_is_refused(copied: Path) -> None:
    content = (copied / LPIPS_HEADS).read_bytes()
    (copied / LPIPS_HEADS).unlink()
    (copied / LPIPS_HEADS).write_bytes(content[: len(content) // 2])
    with pytest.raises(MetricError, match=r"lpips_alex: pyiqa cannot build it"):
        load(definition("lpips_alex"), copied)


def test_missing_tensors_are_not_replaced_by_random_ones(copied: Path) -> None:
    # pyiqa loads the heads with strict=False: it says nothing about this file.
    heads = torch.load(copied / LPIPS_HEADS, weights_only=True)
    del heads["lin2.model.1.weight"]
    (copied / LPIPS_HEADS).unlink()
    save(copied, LPIPS_HEADS, heads)
    with pytest.raises(MetricError, match=r"weights are partly random \(lin2\.model\.1\.weight\)"):
        load(published(definition("lpips_alex"), copied), copied)


def test_renamed_tensors_are_not_replaced_by_random_ones(copied: Path) -> None:
    heads = torch.load(copied / LPIPS_HEADS, weights_only=True)
    (copied / LPIPS_HEADS).unlink()
    save(copied, LPIPS_HEADS, {"params": heads})
    with pytest.raises(MetricError, match=r"weights are partly random .* and 2 more"):
        load(published(definition("lpips_alex"), copied), copied)


def test_an_option_that_skips_the_weights_is_refused(torch_home: Path) -> None:
    metric = published(definition("lpips_alex"), torch_home)
    with pytest.raises(MetricError, match="weights are partly random"):
        load(replace(metric, options={"pretrained": False}), torch_home)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"version": 0.1}, r"option 'version' is 0\.1 where str is needed, such as '0\.1'"),
        ({"nett": "alex"}, r"no option 'nett'; did you mean 'net'\?"),
        ({"net": "alexx"}, "pyiqa cannot build it"),
        ({"spatial": True}, "something other than one number"),
    ],
)
def test_options_that_pyiqa_would_swallow_are_refused(
    options: dict[str, Any], message: str, torch_home: Path
) -> None:
    with pytest.raises(MetricError, match=message):
        load(replace(definition("lpips_alex"), options=options), torch_home)


def test_undeclared_files_are_neither_fetched_nor_read(torch_home: Path, tmp_path: Path) -> None:
    metric = definition("lpips_alex")
    only_trunk = replace(metric, weights=metric.weights[:1])
    with pytest.raises(MetricError, match=r"reads weights that the definition does not declare.*LPIPS_v0"):
        load(only_trunk, torch_home)
    (tmp_path / ALEXNET).parent.mkdir(parents=True)
    (tmp_path / ALEXNET).hardlink_to(torch_home / ALEXNET)
    with pytest.raises(MetricError, match=r"does not declare; it tried to reach .*LPIPS_v0\.1_alex"):
        load(only_trunk, tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [Path(ALEXNET).name]


class _Hostile:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.target),)


def test_code_in_a_file_of_weights_does_not_run(copied: Path) -> None:
    target = copied / "ran"
    (copied / LPIPS_HEADS).unlink()
    save(copied, LPIPS_HEADS, {"lin0.model.1.weight": _Hostile(target)})
    with pytest.raises(MetricError, match="pyiqa cannot build it"):
        load(published(definition("lpips_alex"), copied), copied)
    assert not target.exists()
    # pyiqa alone would run it.
    torch.load(copied / LPIPS_HEADS, weights_only=False)
    assert target.exists()


def test_loading_leaves_environment_and_random_numbers_as_they_were(torch_home: Path) -> None:
    torch.manual_seed(3)
    expected = torch.rand(1).item()
    torch.manual_seed(3)
    before = dict(os.environ)
    load(definition("lpips_alex"), torch_home)
    assert torch.rand(1).item() == expected
    assert dict(os.environ) == before


@pytest.mark.parametrize("name", ["vif_y_bt601", "fsimc", "nlpd_y_bt601"])
def test_a_metric_of_pyiqa_needs_its_definition_alone(name: str, tmp_path: Path) -> None:
    metric = load(definition(name), tmp_path)
    side = metric.definition.minimum_side
    reference, _ = pattern(side, side + 5)
    scores = [metric.score(reference, jpeg(reference, quality)) for quality in (5, 95)]
    assert metric.definition.better(scores[1], scores[0])
    assert metric.score(reference, reference) == pytest.approx(metric.definition.identical, abs=1e-5)


def test_adding_a_metric_of_pyiqa_is_one_file(tmp_path: Path) -> None:
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / "gmsd_y_bt601.yaml").write_text(
        """
        id: gmsd_y_bt601
        label: GMSD (Y)
        backend: pyiqa
        function: gmsd
        options: {test_y_channel: true}
        direction: lower
        unit: ""
        range: [0, null]
        identical: 0
        input: luma
        minimum_side: 16
        seconds_per_megapixel: 0.2
        memory_megabytes_per_megapixel: 100
        homepage: https://example.org
        licence: pyiqa's
        """
    )
    metric = read_metric(Definitions(ROOT, (tmp_path,)), "gmsd_y_bt601")
    assert availability(metric, tmp_path) == (True, "")
    assert fingerprint(metric, tmp_path)["function"] == "gmsd"
    reference, _ = pattern(64, 80)
    scores = [load(metric, tmp_path).score(reference, jpeg(reference, quality)) for quality in (95, 30, 5)]
    assert 0 < scores[0] < scores[1] < scores[2]


def test_parameters_that_no_declared_file_holds_are_refused_until_pinned(tmp_path: Path) -> None:
    path = save(tmp_path, "hub/other.pth", {"weight": torch.ones(3)})
    weight = WeightFile("hub/other.pth", "https://example.org/other.pth", sha256_file(path))
    metric = replace(definition("nlpd_y_bt601"), weights=(weight,))
    with pytest.raises(MetricError, match="parameters stand in none of the declared files") as caught:
        load(metric, tmp_path)
    digest = str(caught.value).rpartition("weights_digest: ")[2].strip("'")
    assert load(replace(metric, weights_digest=digest), tmp_path).weights_digest == digest


def test_the_reference_is_the_reference(tmp_path: Path) -> None:
    # VIF exceeds 1 where the reconstruction, and not the reference, has the higher contrast.
    pale = pattern(96, 96)[0] // 2 + 64
    strong = ((pale.astype(np.int64) - 128) * 3 // 2 + 128).astype(np.uint8)
    vif = load(definition("vif_y_bt601"), tmp_path)
    assert vif.score(pale, strong) > 1 > vif.score(strong, pale)


def test_a_wrong_statement_about_identical_pictures_is_found(tmp_path: Path) -> None:
    metric = replace(definition("nlpd_y_bt601"), identical=1.0)
    with pytest.raises(MetricError, match=r"identical pictures score 0\.0 where the definition says 1\.0"):
        load(metric, tmp_path)


def test_an_impossible_score_is_no_result(tmp_path: Path) -> None:
    metric = load(replace(definition("nlpd_y_bt601"), high=0.5), tmp_path)
    black = np.zeros((64, 64, 3), np.uint8)
    with pytest.raises(MetricError, match=r"outside the range 0 to 0\.5"):
        metric.score(pattern(64, 64)[0], black)


@pytest.fixture
def unguarded() -> Iterator[socket.socket]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(1)
        yield server


def test_the_guard_refuses_the_network_and_then_lets_go(unguarded: socket.socket) -> None:
    address = unguarded.getsockname()
    with guarded() as observed:
        with pytest.raises(MetricError, match="network access refused"):
            socket.create_connection(address, timeout=1)
        with pytest.raises(MetricError, match="network access refused"):
            urllib.request.urlopen("https://example.invalid/weights.pth", timeout=1)
    assert len(observed.network) == 2
    socket.create_connection(address, timeout=1).close()
