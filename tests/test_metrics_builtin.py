# SPDX-License-Identifier: BSD-3-Clause
"""PSNR and MS-SSIM against formulas written out by hand and against pytorch-msssim."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from metrics_case import definition, jpeg, pattern

from picobench.errors import MetricError
from picobench.metrics import Metric, load
from picobench.pixels import RGB8

NOWHERE = Path("/nonexistent")
BLACK = np.zeros((5, 7, 3), np.uint8)


def metric(name: str) -> Metric:
    return load(definition(name), NOWHERE)


def constant(red: int, green: int, blue: int) -> RGB8:
    return np.broadcast_to(np.array([red, green, blue], np.uint8), (5, 7, 3))


@pytest.mark.parametrize(
    ("reference", "reconstruction", "mse"),
    [
        (constant(10, 20, 30), constant(13, 20, 30), 9 / 3),
        (constant(10, 20, 30), constant(11, 18, 33), (1 + 4 + 9) / 3),
        # In eight bits 200 - 10 and 10 - 200 wrap around, to a mean of 4 where 36,100 is right.
        (constant(10, 10, 10), constant(200, 200, 200), 36_100),
        (constant(200, 200, 200), constant(10, 10, 10), 36_100),
        (constant(0, 0, 0), constant(255, 255, 255), 65_025),
    ],
)
def test_psnr_rgb_is_the_formula(reference: RGB8, reconstruction: RGB8, mse: float) -> None:
    score = metric("psnr_rgb").score(reference, reconstruction)
    assert score == pytest.approx(10 * math.log10(255**2 / mse), abs=1e-12)


def test_psnr_rgb_of_a_picture_is_that_of_floating_point() -> None:
    reference, distorted = pattern(203, 331)
    mse = np.mean((reference.astype(np.float64) - distorted.astype(np.float64)) ** 2)
    score = metric("psnr_rgb").score(reference, distorted)
    assert score == pytest.approx(10 * math.log10(255**2 / mse), abs=1e-10)


def test_psnr_y_is_that_of_bt709_luma_in_full_range() -> None:
    reference, distorted = pattern(203, 331)
    weights = np.array([0.2126, 0.7152, 0.0722])
    mse = np.mean((reference @ weights - distorted @ weights) ** 2)
    score = metric("psnr_y_bt709").score(reference, distorted)
    assert score == pytest.approx(10 * math.log10(255**2 / mse), abs=1e-10)
    # One grey level in all channels is one level of luma.
    assert metric("psnr_y_bt709").score(constant(9, 9, 9), constant(10, 10, 10)) == pytest.approx(
        20 * math.log10(255), abs=1e-12
    )


@pytest.mark.parametrize("name", ["psnr_rgb", "psnr_y_bt709"])
def test_psnr_of_identical_pictures_is_infinite(name: str) -> None:
    reference, _ = pattern(16, 16)
    assert metric(name).score(reference, reference.copy()) == math.inf


@pytest.mark.parametrize("name", ["psnr_rgb", "psnr_y_bt709"])
def test_psnr_is_not_capped(name: str) -> None:
    reference = np.zeros((1000, 1000, 3), np.uint8)
    changed = reference.copy()
    changed[500, 500] = 1
    count = {"psnr_rgb": 3 * 10**6 / 3, "psnr_y_bt709": 10**6}[name]
    assert metric(name).score(reference, changed) == pytest.approx(10 * math.log10(255**2 * count), abs=1e-9)


# From pytorch-msssim 1.0.0, ms_ssim(reference, distorted, data_range=255) in float64, on `pattern`. Its window
# and weights are rounded to float32, which accounts for the tolerance.
@pytest.mark.parametrize(
    ("height", "width", "value", "darkened"),
    [
        (192, 256, 0.7059773770228546, 0.4337759499474359),
        (161, 161, 0.8095142891703536, 0.47499544372774816),
        (251, 177, 0.7815026469607801, 0.47054222637977094),  # odd at several scales
    ],
)
def test_ms_ssim_is_that_of_pytorch_msssim(height: int, width: int, value: float, darkened: float) -> None:
    reference, distorted = pattern(height, width)
    ms_ssim = metric("ms_ssim_rgb")
    assert ms_ssim.score(reference, distorted) == pytest.approx(value, abs=3e-6)
    assert ms_ssim.score(reference, distorted // 3) == pytest.approx(darkened, abs=3e-6)


def test_ms_ssim_of_the_negative_is_zero() -> None:
    reference, _ = pattern(192, 256)
    assert metric("ms_ssim_rgb").score(reference, 255 - reference) == 0


def test_ms_ssim_refuses_what_its_window_does_not_fit() -> None:
    reference, distorted = pattern(160, 400)
    with pytest.raises(MetricError, match=r"not defined for a picture of 400 x 160.*at least 161"):
        metric("ms_ssim_rgb").score(reference, distorted)


@pytest.mark.parametrize("name", ["psnr_rgb", "psnr_y_bt709", "ms_ssim_rgb"])
def test_scores_follow_the_distortion_and_repeat(name: str) -> None:
    reference, _ = pattern(200, 240)
    scores = [metric(name).score(reference, jpeg(reference, quality)) for quality in (10, 50, 90)]
    assert scores == sorted(scores)
    assert scores[0] == metric(name).score(reference, jpeg(reference, 10))


@pytest.mark.parametrize(
    ("reference", "reconstruction", "message"),
    [
        (BLACK, BLACK[:, :5], "reference is 7 x 5 and the reconstruction 5 x 5"),
        (BLACK, BLACK.astype(np.float32), "the reconstruction is float32"),
        (BLACK[..., 0], BLACK[..., 0], r"shape \(5, 7\)"),
        (np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), r"shape \(4, 4, 4\)"),
        (BLACK[:0], BLACK[:0], r"shape \(0, 7, 3\)"),
    ],
)
def test_what_is_no_pair_of_pictures_is_refused(reference: RGB8, reconstruction: RGB8, message: str) -> None:
    with pytest.raises(MetricError, match=f"psnr_rgb: .*{message}"):
        metric("psnr_rgb").score(reference, reconstruction)


def test_builtin_metrics_import_neither_torch_nor_scipy_at_start() -> None:
    code = (
        "import sys, pathlib, numpy; from picobench import metrics, definitions;"
        "d = metrics.read_metric(definitions.Definitions(pathlib.Path('.')), 'psnr_rgb', check=False);"
        "z = numpy.zeros((8, 8, 3), numpy.uint8);"
        "print(metrics.load(d, pathlib.Path('/x')).score(z, z + 1));"
        "heavy = {'torch', 'pyiqa', 'torchvision', 'scipy', 'pandas', 'jsonschema'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == pytest.approx(20 * math.log10(255))
