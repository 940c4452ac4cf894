# SPDX-License-Identifier: BSD-3-Clause
"""JPEG, PSNR and MS-SSIM against the curve that CompressAI publishes for JPEG on Kodak.

That curve was made with Pillow 7.1.2, whose wheels hold the IJG's libjpeg 9. Unlike libjpeg-turbo in today's
wheels, it halves and doubles the chroma planes in the DCT domain. Pictures as it decodes them are made here
from the definition of JPEG, so that what is compared are the metrics and not two decoders.
"""

import io
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from metrics_case import definition, read_picture
from PIL import Image
from scipy.fft import dctn, idctn

from picobench import bindings
from picobench.definitions import Definitions, read_codec
from picobench.metrics import load
from picobench.pixels import RGB8

Plane = npt.NDArray[np.float64]
# Full-range BT.601, as in JFIF.
TO_YCC = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
QUALITIES = [5, 75]


def quantisation(quality: int) -> tuple[Plane, Plane]:
    stream = io.BytesIO()
    Image.new("RGB", (16, 16)).save(stream, "JPEG", quality=quality)
    with Image.open(stream) as picture:
        tables: dict[int, list[int]] = picture.quantization  # type: ignore[attr-defined]
    luma, chroma = (np.reshape(tables[index], (8, 8)).astype(np.float64) for index in (0, 1))
    return luma, chroma


def coded(plane: Plane, table: Plane, side: int) -> Plane:
    """A plane through the quantiser in blocks of `side`, of which the lowest 8 x 8 coefficients are kept."""
    height, width = plane.shape
    blocks = plane.reshape(height // side, side, width // side, side).swapaxes(1, 2)
    spectrum = dctn(blocks, axes=(2, 3), norm="ortho")[..., :8, :8] * (8 / side)
    kept = np.zeros_like(blocks)
    kept[..., :8, :8] = np.round(spectrum / table) * table * (side / 8)
    pixels = idctn(kept, axes=(2, 3), norm="ortho").swapaxes(1, 2).reshape(height, width)
    return np.clip(np.round(pixels), -128, 127)


def libjpeg9(pixels: RGB8, quality: int) -> RGB8:
    luma_table, chroma_table = quantisation(quality)
    y, cb, cr = np.moveaxis(np.round(pixels @ TO_YCC.T), 2, 0)
    planes = (coded(y - 128, luma_table, 8) + 128, coded(cb, chroma_table, 16), coded(cr, chroma_table, 16))
    rgb = np.stack(planes, axis=-1) @ np.linalg.inv(TO_YCC).T
    return np.clip(np.round(rgb), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def measured(shared: Path, kodak: Path) -> dict[int, dict[str, float]]:
    metrics = [load(definition(name), shared) for name in ("psnr_rgb", "ms_ssim_rgb")]
    sums = {quality: {metric.definition.id: 0.0 for metric in metrics} for quality in QUALITIES}
    paths = sorted(kodak.glob("*.png"))
    assert len(paths) == 24
    for path in paths:
        reference = read_picture(path)
        for quality in QUALITIES:
            reconstruction = libjpeg9(reference, quality)
            for metric in metrics:
                sums[quality][metric.definition.id] += metric.score(reference, reconstruction) / len(paths)
    return sums


@pytest.mark.parametrize("quality", QUALITIES)
def test_jpeg_on_kodak_is_as_published(
    quality: int, shared: Path, measured: dict[int, dict[str, float]]
) -> None:
    published = json.loads((shared / "published" / "rd-curves" / "kodak" / "jpeg.json").read_text())[
        "results"
    ]
    point = list(range(5, 100, 5)).index(quality)
    assert measured[quality]["psnr_rgb"] == pytest.approx(published["psnr-rgb"][point], abs=0.005)
    # Narrow enough for the variant: the order of averaging over channels and multiplying over scales that
    # pyiqa has is 1.4e-4 away at quality 5.
    assert measured[quality]["ms_ssim_rgb"] == pytest.approx(published["ms-ssim-rgb"][point], abs=5e-5)


@pytest.mark.parametrize("point", [f"q{quality:02}" for quality in range(5, 100, 5)])
def test_jpeg_as_it_is_coded_here_is_as_published(point: str, root: Path, shared: Path, kodak: Path) -> None:
    """Within 0.3 % in rate and 0.15 dB at every quality."""
    codec = read_codec(Definitions(root), "jpeg-420")
    binding = bindings.get(codec.binding)
    psnr = load(definition("psnr_rgb"), shared)
    options = codec.point_options(point)
    rates, qualities = [], []
    for path in sorted(kodak.glob("*.png")):
        reference = read_picture(path)
        bitstream = binding.encode(reference, options)
        rates.append(8 * len(bitstream) / (reference.shape[0] * reference.shape[1]))
        qualities.append(psnr.score(reference, binding.decode(bitstream)))
    published = json.loads((shared / "published" / "rd-curves" / "kodak" / "jpeg.json").read_text())[
        "results"
    ]
    index = list(range(5, 100, 5)).index(options["quality"])
    assert len(rates) == 24
    assert np.mean(rates) == pytest.approx(published["bpp"][index], rel=0.003)
    assert np.mean(qualities) == pytest.approx(published["psnr-rgb"][index], abs=0.15)
