# SPDX-License-Identifier: BSD-3-Clause
"""CDC on one picture: `codec.py encode MODEL PNG BITSTREAM` and `codec.py decode BITSTREAM PNG`.

Upstream computes what its latents would cost and writes nothing. Here they are written, with upstream's probabilities
and CompressAI's coder: the hyper-latents by their learned prior, the latents by Gaussians whose mean and scale
come from the hyper-latents (scales from CompressAI's table of 64). The file is: number of the model (one byte), height
and width (two bytes each), length of the coded hyper-latents (four bytes), these, and the coded latents. All numbers
are little-endian.

Edges are repeated up to multiples of 64. The decoder starts from noise of a fixed seed, scaled by 0.8 as upstream's
test does, and takes 250 steps of DDIM; it is deterministic on one kind of processor.
"""

import struct
import sys
from pathlib import Path

import numpy as np
import torch
from compressai.entropy_models import EntropyModel, GaussianConditional
from compressai.models.google import get_scale_table
from PIL import Image

sys.path.insert(0, "/opt/cdc/epsilonparam")

# In the order of their numbers in bitstreams.
MODELS = ("low", "middle", "high")
MULTIPLE = 64
STEPS = 250
NOISE = 0.8
SEED = 0
# Hyper-latents further from their medians than this are written after an escape.
REACH = 64
HEADER = struct.Struct("<B2HI")


class LearnedPrior(EntropyModel):
    """Upstream's prior of the hyper-latents as tables for CompressAI's coder.

    Args:
        prior: With `cdf`, from (1, C, H, W) to values on [0, 1], and `medians` of shape (1, C, 1, 1).
    """

    def __init__(self, prior: torch.nn.Module) -> None:
        super().__init__()
        offsets = torch.arange(-REACH, REACH + 1, dtype=torch.float32)
        with torch.no_grad():
            values = prior.medians + offsets.view(1, 1, 1, -1)
            upper, lower = (prior.cdf(values + side, logits=False)[0, :, 0] for side in (0.5, -0.5))
        mass = (upper - lower).clamp(min=1e-9)
        channels, symbols = mass.shape
        lengths = torch.full((channels,), symbols, dtype=torch.int32)
        tail = (1 - mass.sum(dim=1, keepdim=True)).clamp(min=1e-9)
        self._quantized_cdf = self._pmf_to_cdf(mass, tail, lengths, symbols)
        self._cdf_length = lengths + 2
        self._offset = torch.full((channels,), -REACH, dtype=torch.int32)
        self._medians = prior.medians

    def indexes(self, rows: int, columns: int) -> torch.Tensor:
        """The table of each value of (1, C, rows, columns)."""
        channels = self._medians.shape[1]
        return torch.arange(channels, dtype=torch.int32).view(1, -1, 1, 1).expand(1, channels, rows, columns)

    def write(self, latent: torch.Tensor) -> bytes:
        """Code (1, C, H, W)."""
        indexes = self.indexes(*latent.shape[2:]).contiguous()
        return bytes(self.compress(latent, indexes, self._medians.expand_as(latent))[0])

    def read(self, data: bytes, rows: int, columns: int) -> torch.Tensor:
        """The inverse of `write`, rounded to integers from the medians."""
        indexes = self.indexes(rows, columns).contiguous()
        medians = self._medians.expand(1, -1, rows, columns)
        return self.decompress([data], indexes, means=medians)


class Latents:
    """Codes the latents, given mean and scale of each."""

    def __init__(self) -> None:
        self._model = GaussianConditional(None)
        self._model.update_scale_table(get_scale_table())

    def write(self, latent: torch.Tensor, mean: torch.Tensor, scale: torch.Tensor) -> bytes:
        """Code a tensor."""
        return bytes(self._model.compress(latent, self._model.build_indexes(scale), means=mean)[0])

    def read(self, data: bytes, mean: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        """The inverse of `write`, rounded to integers from the mean."""
        return self._model.decompress([data], self._model.build_indexes(scale), means=mean)


def load(model: str) -> torch.nn.Module:
    """The network with the weights of that name, ready to code."""
    from modules.compress_modules import BigCompressor
    from modules.denoising_diffusion import GaussianDiffusion
    from modules.unet import Unet

    net = GaussianDiffusion(
        denoise_fn=Unet(
            dim=64,
            channels=3,
            context_channels=3,
            dim_mults=(1, 2, 3, 4, 5, 6),
            context_dim_mults=(1, 2, 3, 4),
        ),
        context_fn=BigCompressor(
            dim=64, dim_mults=(1, 2, 3, 4), hyper_dims_mults=(4, 4, 4), channels=3, out_channels=3, vbr=False
        ),
        num_timesteps=20000,
        clip_noise="none",
        pred_mode="noise",
        var_schedule="linear",
    )
    state = torch.load(Path("/opt/cdc/weights") / f"{model}.pt", map_location="cpu", weights_only=True)[
        "model"
    ]
    # Models trained with LPIPS carry its weights, which nothing here needs.
    net.load_state_dict({name: value for name, value in state.items() if not name.startswith("loss_fn_vgg.")})
    return net.eval()


def through(layers: torch.nn.ModuleList, value: torch.Tensor) -> torch.Tensor:
    """Upstream's layers come in threes: a network, a scaling that is the identity here, and what follows it."""
    for network, _, follows in layers:
        value = follows(network(value))
    return value


def distribution(compressor: torch.nn.Module, hyper: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and scale of the latents."""
    mean, scale = through(compressor.hyper_dec, hyper).chunk(2, 1)
    return mean, scale.clamp(min=0.1)


def encode(model: str, source: str, target: str) -> None:
    """Code the PNG `source` to the file `target`."""
    compressor = load(model).context_fn
    pixels = np.asarray(Image.open(source).convert("RGB"))
    height, width = pixels.shape[:2]
    image = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
    image = torch.nn.functional.pad(image, (0, -width % MULTIPLE, 0, -height % MULTIPLE), mode="replicate")
    prior = LearnedPrior(compressor.prior)
    with torch.no_grad():
        latent = through(compressor.enc, image)
        hyper_data = prior.write(through(compressor.hyper_enc, latent))
        # From what the decoder will have, and not from what was coded.
        rows, columns = (side // MULTIPLE for side in image.shape[2:])
        mean, scale = distribution(compressor, prior.read(hyper_data, rows, columns))
        data = Latents().write(latent, mean, scale)
    Path(target).write_bytes(
        HEADER.pack(MODELS.index(model), height, width, len(hyper_data)) + hyper_data + data
    )


def decode(source: str, target: str) -> None:
    """Decode the file `source` to the PNG `target`."""
    data = Path(source).read_bytes()
    model, height, width, length = HEADER.unpack_from(data)
    net = load(MODELS[model])
    hyper_data, data = data[HEADER.size : HEADER.size + length], data[HEADER.size + length :]
    rows, columns = -(-height // MULTIPLE), -(-width // MULTIPLE)
    with torch.no_grad():
        hyper = LearnedPrior(net.context_fn.prior).read(hyper_data, rows, columns)
        # Probabilities are computed as the encoder did, on the CPU; only the slow part moves.
        latent = Latents().read(data, *distribution(net.context_fn, hyper))
        device = "cuda" if torch.cuda.is_available() else "cpu"
        net, latent = net.to(device), latent.to(device)
        context = net.context_fn.decode(latent)
        net.set_sample_schedule(STEPS, device)
        shape = (1, 3, rows * MULTIPLE, columns * MULTIPLE)
        noise = torch.randn(shape, generator=torch.Generator().manual_seed(SEED)) * NOISE
        image = net.p_sample_loop(shape, context, "ddim", init=noise.to(device))[0, :, :height, :width]
    pixels = ((image.clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).cpu().numpy()
    Image.fromarray(pixels).save(target)


if __name__ == "__main__":
    {"encode": encode, "decode": decode}[sys.argv[1]](*sys.argv[2:])
