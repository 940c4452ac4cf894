# SPDX-License-Identifier: BSD-3-Clause
"""CDC's bitstream, which is the project's own work: written and read with made-up networks."""

import importlib.util
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("compressai", reason="the package 'compressai' is not installed")
torch = pytest.importorskip("torch")

CODEC = Path(__file__).parent.parent / "containers" / "cdc" / "codec.py"
CHANNELS = 3


@pytest.fixture(scope="module")
def codec() -> ModuleType:
    spec = importlib.util.spec_from_file_location("cdc_codec", CODEC)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Prior:
    """Logistic, with its medians off the integers."""

    def __init__(self) -> None:
        self.medians = torch.tensor([0.0, 0.25, -3.5]).view(1, CHANNELS, 1, 1)

    def cdf(self, values: Any, *, logits: bool) -> Any:
        assert not logits
        return torch.sigmoid((values - self.medians) / 2)


class Stretch(torch.nn.Module):
    """Four times the rows and columns, twice the channels: means, then scales."""

    def forward(self, value: Any) -> Any:
        large = torch.nn.functional.interpolate(value, scale_factor=4)
        return torch.cat([large / 4, large.abs() + 0.5], dim=1)


def layers(network: Any) -> Any:
    """One layer in upstream's form."""
    same = torch.nn.Identity()
    return torch.nn.ModuleList([torch.nn.ModuleList([network, same, same])])


def network() -> Any:
    """Latents are means of 16 x 16 pixels; the picture that comes back is made of them."""
    compressor = SimpleNamespace(
        prior=Prior(),
        enc=layers(torch.nn.Sequential(torch.nn.AvgPool2d(16), Scaled(20.0))),
        hyper_enc=layers(torch.nn.AvgPool2d(4)),
        hyper_dec=layers(Stretch()),
        decode=lambda latent: latent,
    )
    net = SimpleNamespace(context_fn=compressor, set_sample_schedule=lambda steps, device: None)
    net.to = lambda device: net
    net.p_sample_loop = lambda shape, context, mode, init: torch.nn.functional.interpolate(
        context / 20.0, size=shape[2:]
    )
    return net


class Scaled(torch.nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, value: Any) -> Any:
        return value * self.factor


def test_hyper_latents_survive_also_beyond_the_table(codec: ModuleType) -> None:
    prior = Prior()
    generator = torch.Generator().manual_seed(3)
    latent = torch.randn((1, CHANNELS, 5, 7), generator=generator) * 3
    latent[0, 1, 2, 3] = 500.0
    latent[0, 2, 0, 0] = -2 * codec.REACH
    coder = codec.LearnedPrior(prior)
    back = coder.read(coder.write(latent), 5, 7)
    assert torch.equal(back, torch.round(latent - prior.medians) + prior.medians)


def test_latents_survive_and_cost_what_they_should(codec: ModuleType) -> None:
    generator = torch.Generator().manual_seed(4)
    mean = torch.randn((1, 4, 32, 32), generator=generator) * 10
    scale = torch.full_like(mean, 4.0)
    latent = mean + scale * torch.randn(mean.shape, generator=generator)
    coder = codec.Latents()
    data = coder.write(latent, mean, scale)
    back = coder.read(data, mean, scale)
    assert torch.allclose(back, torch.round(latent - mean) + mean, atol=1e-5)
    # Entropy of a Gaussian in steps of one: log2(4 sqrt(2 pi e)) = 4.05 bits.
    assert 4.0 < 8 * len(data) / mean.numel() < 4.25


@pytest.mark.parametrize("size", [(17, 1), (31, 17), (130, 200)])
def test_whole_bitstream_names_its_model_and_size(
    codec: ModuleType, size: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []
    monkeypatch.setattr(codec, "load", lambda model: loaded.append(model) or network())
    source, stream, target = (str(tmp_path / name) for name in ("in.png", "stream.bin", "out.png"))
    rows, columns = np.mgrid[: size[0], : size[1]]
    pixels = np.stack([rows, columns, 128 + 0 * rows], axis=-1).clip(0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(source)
    codec.encode("middle", source, stream)
    data = Path(stream).read_bytes()
    assert data[0] == codec.MODELS.index("middle") == 1
    assert codec.HEADER.unpack_from(data)[1:3] == size
    codec.decode(stream, target)
    assert loaded == ["middle", "middle"]
    back = np.asarray(Image.open(target))
    assert back.shape == pixels.shape
    # Within half a block's ramp and half a step of the latents.
    assert np.abs(back.astype(int) - pixels).max() <= 16
