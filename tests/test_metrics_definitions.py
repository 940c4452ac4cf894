# SPDX-License-Identifier: BSD-3-Clause
"""Metric definitions: the schema, what is available and why not, what determines a number."""

import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from metrics_case import ALEXNET, DEFINITIONS, LPIPS_HEADS, ROOT, definition

from picobench.errors import DefinitionError, MetricError
from picobench.files import content_key
from picobench.metrics import availability, default_torch_home, fingerprint, load, metric_from_mapping
from picobench.metrics.pyiqa_catalogue import PYIQA_VERSION
from picobench.yamlfile import validate

IDS = DEFINITIONS.ids("metrics")


def changed(name: str, **changes: Any) -> dict[str, Any]:
    return DEFINITIONS.read("metrics", name) | changes


@pytest.mark.parametrize("name", IDS)
def test_every_definition_is_read_and_consistent(name: str) -> None:
    metric = definition(name)
    assert metric.id == name
    assert metric.low <= metric.identical <= metric.high
    # A picture identical to its reference is as good as a picture can be.
    assert (
        metric.identical == (metric.high if metric.direction == "higher" else metric.low)
        or name == "vif_y_bt601"
    )
    assert metric.text["licence"]
    if metric.backend == "pyiqa":
        assert "pyiqa" in metric.text["licence"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"direktion": "lower"}, "unknown key 'direktion'; did you mean 'direction'?"),
        ({"backend": "pyqia"}, "'pyqia' is not known; did you mean 'pyiqa'?"),
        ({"direction": "down"}, "'down' is not known"),
        ({"id": "PSNR"}, "id"),
        ({"options": {"channels": ["r"]}}, "options.channels"),
        ({"minimum_side": 0}, "minimum_side"),
        ({"range": [0]}, "range"),
        ({"weights": [{"file": "a.pth", "url": "https://x/a", "sha256_prefix": "0123abcd"}]}, "weights"),
        ({"weights_digest": "0" * 64}, "weights"),
    ],
)
def test_wrong_definitions_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        validate(changed("psnr_rgb", **changes), "metric", "psnr_rgb.yaml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("file", ["../a.pth", "/etc/passwd", "hub/../../a.pth", "hub\\a"])
def test_weights_stay_under_torch_home(file: str) -> None:
    weight = {"file": file, "url": "https://x/a", "sha256_prefix": "0123abcd"}
    with pytest.raises(DefinitionError, match="file"):
        validate(changed("lpips_alex", weights=[weight]), "metric", "lpips_alex.yaml")


def test_missing_weights_are_named_with_their_address(tmp_path: Path) -> None:
    ready, why = availability(definition("dists"), tmp_path)
    assert not ready
    assert why == (
        f"weights vgg16-397923af.pth not found in {tmp_path}/hub/checkpoints; "
        "get them with `picobench weights dists`, or from https://download.pytorch.org/models/vgg16-397923af.pth"
    )
    with pytest.raises(MetricError, match=r"dists: weights vgg16-397923af\.pth not found"):
        load(definition("dists"), tmp_path)


def test_an_empty_file_of_weights_is_no_weights(tmp_path: Path) -> None:
    for file in (ALEXNET, LPIPS_HEADS):
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).touch()
    ready, why = availability(definition("lpips_alex"), tmp_path)
    assert not ready
    assert "is an empty file" in why


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("psnr_rgb", {"function": "psrn"}, "picobench has no metric 'psrn'; did you mean 'psnr'?"),
        ("psnr_rgb", {"options": {"channels": "y_bt601"}}, "'y_bt601'; did you mean 'y_bt709'?"),
        ("psnr_rgb", {"options": {"chanels": "rgb"}}, "no option 'chanels'; did you mean 'channels'?"),
        ("psnr_rgb", {"options": {}}, "the option 'channels' is missing"),
        ("lpips_alex", {"function": "lpip"}, "pyiqa has no metric 'lpip'; did you mean 'lpips'?"),
        ("lpips_alex", {"function": "niqe"}, "compares no pair of pictures"),
        ("lpips_alex", {"direction": "higher"}, "direction is 'higher' where pyiqa says 'lower'"),
    ],
)
def test_what_cannot_work_is_unavailable_and_says_why(
    name: str, changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    metric = metric_from_mapping(changed(name, **changes))
    ready, why = availability(metric, tmp_path)
    assert not ready
    assert message in why
    with pytest.raises(MetricError, match=r"^" + metric.id):
        load(metric, tmp_path)


def test_asking_for_availability_and_fingerprint_imports_nothing_heavy() -> None:
    code = (
        "import sys, pathlib; from picobench import metrics, definitions;"
        "home = pathlib.Path('/nonexistent');"
        "all = definitions.Definitions(pathlib.Path('.'));"
        "read = [metrics.read_metric(all, name, check=False) for name in all.ids('metrics')];"
        "print(sum(metrics.availability(each, home)[0] for each in read));"
        "[metrics.fingerprint(each, home) for each in read if not each.weights];"
        "heavy = {'torch', 'torchvision', 'pyiqa', 'scipy', 'pandas'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 3


def test_the_fingerprint_holds_what_determines_the_number_and_nothing_else(tmp_path: Path) -> None:
    base = definition("psnr_rgb")
    key = content_key(fingerprint(base, tmp_path))
    relabelled = metric_from_mapping(
        changed("psnr_rgb", label="PSNR", range=[0, 100], licence="none", seconds_per_megapixel=7)
    )
    assert content_key(fingerprint(relabelled, tmp_path)) == key
    other = replace(base, options={"channels": "y_bt709"})
    assert content_key(fingerprint(other, tmp_path)) != key
    assert content_key(fingerprint(replace(base, minimum_side=2), tmp_path)) != key
    assert set(fingerprint(definition("ms_ssim_rgb"), tmp_path)["libraries"]) == {"numpy", "scipy"}


def test_the_fingerprint_follows_the_bytes_of_the_weights(tmp_path: Path) -> None:
    metric = definition("lpips_alex")
    with pytest.raises(MetricError, match="cannot be read"):
        fingerprint(metric, tmp_path)
    for file in (ALEXNET, LPIPS_HEADS):
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).write_bytes(b"one")
    first = fingerprint(metric, tmp_path)
    assert first == fingerprint(metric, tmp_path)
    assert first["libraries"].keys() == {"numpy", "pyiqa", "torch", "torchvision"}
    (tmp_path / LPIPS_HEADS).write_bytes(b"another")
    assert content_key(fingerprint(metric, tmp_path)) != content_key(first)


def test_the_version_of_pyiqa_is_pinned_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"pyiqa=={PYIQA_VERSION}" in project["optional-dependencies"]["metrics"]


def test_torch_home_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert default_torch_home() == tmp_path
    monkeypatch.delenv("TORCH_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert default_torch_home() == tmp_path / "cache" / "torch"


def test_without_pyiqa_the_builtin_metrics_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, package=None: None if name in {"torch", "pyiqa"} else real(name, package),
    )
    assert availability(definition("lpips_alex"), tmp_path) == (
        False,
        "torch is not installed; install picobench with the extra 'metrics'",
    )
    picture = np.zeros((8, 8, 3), np.uint8)
    assert load(definition("psnr_rgb"), tmp_path).score(picture, picture + 255) == 0
