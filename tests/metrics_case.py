# SPDX-License-Identifier: BSD-3-Clause
"""Pictures and folders of weights for the tests of metrics."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from picobench.definitions import Definitions
from picobench.metrics import MetricDefinition, read_metric
from picobench.pixels import RGB8

ROOT = Path(__file__).resolve().parent.parent
DEFINITIONS = Definitions(ROOT)

ALEXNET = "hub/checkpoints/alexnet-owt-7be5be79.pth"
LPIPS_HEADS = "hub/pyiqa/LPIPS_v0.1_alex-df73285e.pth"
VGG16 = "hub/checkpoints/vgg16-397923af.pth"
DISTS_HEADS = "hub/pyiqa/DISTS_weights-f5e65c96.pth"


def definition(name: str) -> MetricDefinition:
    return read_metric(DEFINITIONS, name)


def pattern(height: int, width: int) -> tuple[RGB8, RGB8]:
    """A reference and a distorted picture from integers alone: the same on every machine."""
    r, c = np.mgrid[0:height, 0:width]
    reference = np.stack([r * r // 7 + c * 3, r * 5 + c * c // 11, (r // 9) * (c // 13) * 17], -1) % 256
    distorted = np.roll(reference, 2, axis=1) // 40 * 40 + ((r * 3 + c) % 5)[..., None]
    return reference.astype(np.uint8), distorted.astype(np.uint8)


def read_picture(path: Path) -> RGB8:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def jpeg(pixels: RGB8, quality: int) -> RGB8:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality)
    with Image.open(stream) as picture:
        return np.asarray(picture)


def save(torch_home: Path, file: str, content: Any) -> Path:
    import torch

    path = torch_home / file
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, path)
    return path


def blank(network: Any) -> dict[str, Any]:
    """State of a network with zeros that take no room in a file."""
    import torch

    state = network.state_dict().items()
    return {
        name: torch.zeros(1, dtype=value.dtype, device="cpu").expand(value.shape) for name, value in state
    }


def seed_lpips(torch_home: Path, shared: Path) -> None:
    """The real features of AlexNet and the real heads; the classifier, which LPIPS drops, is zero."""
    import torch
    import torchvision

    arrays = np.load(shared / "weights" / "lpips_alex.npz")
    with torch.device("meta"):
        state = blank(torchvision.models.alexnet(weights=None))
    state |= {name: torch.from_numpy(arrays[name]) for name in arrays if name.startswith("features.")}
    save(torch_home, ALEXNET, state)
    save(
        torch_home,
        LPIPS_HEADS,
        {name: torch.from_numpy(arrays[name]) for name in arrays if name.startswith("lin")},
    )


def seed_dists(torch_home: Path) -> None:
    """Random weights from a fixed seed, scaled so that activations neither vanish nor explode."""
    import torch
    import torchvision

    generator = torch.Generator().manual_seed(20_240_229)
    with torch.device("meta"):
        state = blank(torchvision.models.vgg16(weights=None))
    for name, value in list(state.items()):
        if name.startswith("features.") and name.endswith("weight"):
            scale = (2 / value[0].numel()) ** 0.5
            state[name] = scale * torch.randn(value.shape, generator=generator)
        elif name.startswith("features."):
            state[name] = 0.05 * torch.randn(value.shape, generator=generator)
    save(torch_home, VGG16, state)
    heads = {name: torch.rand((1, 1475, 1, 1), generator=generator) for name in ("alpha", "beta")}
    save(torch_home, DISTS_HEADS, heads)
