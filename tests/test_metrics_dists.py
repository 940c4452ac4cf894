# SPDX-License-Identifier: BSD-3-Clause
"""DISTS against its authors' package, both with the same random weights: there is no need of real ones."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from metrics_case import DISTS_HEADS, VGG16, definition, jpeg, pattern, read_picture, save, seed_dists

from picobench.errors import MetricError
from picobench.files import sha256_file
from picobench.metrics import Metric, MetricDefinition, availability, load

torch = pytest.importorskip("torch")
pytest.importorskip("pyiqa")


@pytest.fixture(scope="module")
def torch_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("torch")
    seed_dists(home)
    return home


def seeded(torch_home: Path) -> MetricDefinition:
    metric = definition("dists")
    weights = tuple(
        replace(weight, sha256_prefix=sha256_file(torch_home / weight.file)) for weight in metric.weights
    )
    return replace(metric, weights=weights)


@pytest.fixture(scope="module")
def dists(torch_home: Path) -> Metric:
    return load(seeded(torch_home), torch_home)


@pytest.fixture(scope="module")
def authors(torch_home: Path) -> Any:
    package = pytest.importorskip("DISTS_pytorch")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setenv("TORCH_HOME", str(torch_home))
        model = package.DISTS(load_weights=False)
    heads = torch.load(torch_home / DISTS_HEADS, weights_only=True)
    model.alpha.data, model.beta.data = heads["alpha"], heads["beta"]
    return model


def expected(authors: Any, reference: Any, reconstruction: Any) -> float:
    pair = [
        torch.from_numpy(p.transpose(2, 0, 1).copy())[None].float() / 255 for p in (reference, reconstruction)
    ]
    score: float = authors(*pair).item()
    return score


@pytest.mark.parametrize(("picture", "quality"), [("kodim05", 5), ("kodim23", 40)])
def test_dists_is_that_of_its_authors(
    picture: str, quality: int, dists: Metric, authors: Any, kodak: Path
) -> None:
    # Longer than 256 on both sides: nothing is shrunk.
    reference = np.ascontiguousarray(read_picture(kodak / f"{picture}.png")[:301, :277])
    reconstruction = jpeg(reference, quality)
    score = dists.score(reference, reconstruction)
    assert score == pytest.approx(expected(authors, reference, reconstruction), abs=1e-5)
    assert score > 1e-3


def test_dists_of_the_smallest_picture(dists: Metric, authors: Any) -> None:
    pair = pattern(16, 16)
    assert dists.score(*pair) == pytest.approx(expected(authors, *pair), abs=1e-5)
    assert dists.score(pair[0], pair[0]) == pytest.approx(0, abs=1e-5)
    with pytest.raises(MetricError, match="not defined for a picture of 300 x 15"):
        dists.score(*pattern(15, 300))


def test_random_weights_are_not_taken_for_the_published_ones(torch_home: Path) -> None:
    assert availability(definition("dists"), torch_home) == (True, "")
    with pytest.raises(MetricError, match=r"vgg16-397923af\.pth: damaged or another file"):
        load(definition("dists"), torch_home)


def test_heads_that_lack_a_tensor_are_refused(torch_home: Path, tmp_path: Path) -> None:
    # pyiqa draws alpha and beta at random and then loads what is there.
    (tmp_path / VGG16).parent.mkdir(parents=True)
    (tmp_path / VGG16).hardlink_to(torch_home / VGG16)
    heads = torch.load(torch_home / DISTS_HEADS, weights_only=True)
    save(tmp_path, DISTS_HEADS, {"alpha": heads["alpha"]})
    with pytest.raises(MetricError, match=r"dists: weights are partly random \(beta\)"):
        load(seeded(tmp_path), tmp_path)
