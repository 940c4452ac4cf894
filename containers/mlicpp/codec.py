# SPDX-License-Identifier: BSD-3-Clause
"""MLIC++ on one picture: `codec.py encode MODEL PNG BITSTREAM` and `codec.py decode BITSTREAM PNG`.

The file is the number of the model (one byte) and upstream's bitstream. That and the padding (black, right and below,
to multiples of 64) are those of upstream's testing.py, whose functions write and read files.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, "/opt/mlicpp/MLIC++")
from config.config import model_config
from models import MLICPlusPlus
from utils.testing import compress_one_image, decompress_one_image

# In the order of their numbers in bitstreams.
MODELS = ("mse_0.0018", "mse_0.0035", "mse_0.0067", "mse_0.0130", "mse_0.0250", "mse_0.0483")
MULTIPLE = 64
UPSTREAMS_FILE = "upstream.bin"


def load(model: str) -> torch.nn.Module:
    """The network with the weights of that name, ready to code."""
    torch.backends.cudnn.deterministic = True
    path = Path("/opt/mlicpp/weights") / f"{model}.pth.tar"
    net = MLICPlusPlus(config=model_config())
    net.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["state_dict"])
    net.eval()
    net.update()
    net = net.to("cuda" if torch.cuda.is_available() else "cpu")
    net.update_resolutions(16, 16)
    return net


def encode(model: str, source: str, target: str) -> None:
    """Code the PNG `source` to the file `target`."""
    net = load(model)
    pixels = np.asarray(Image.open(source).convert("RGB"))
    height, width = pixels.shape[:2]
    image = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255
    image = torch.nn.functional.pad(image, (0, -width % MULTIPLE, 0, -height % MULTIPLE))
    device = next(net.parameters()).device
    compress_one_image(
        model=net, x=image.to(device), stream_path=".", H=height, W=width, img_name=UPSTREAMS_FILE
    )
    upstream = Path(UPSTREAMS_FILE)
    Path(target).write_bytes(bytes([MODELS.index(model)]) + upstream.read_bytes())
    upstream.unlink()


def decode(source: str, target: str) -> None:
    """Decode the file `source` to the PNG `target`."""
    data = Path(source).read_bytes()
    net = load(MODELS[data[0]])
    upstream = Path(UPSTREAMS_FILE)
    upstream.write_bytes(data[1:])
    image, _ = decompress_one_image(model=net, stream_path=".", img_name=UPSTREAMS_FILE)
    upstream.unlink()
    pixels = (image[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    Image.fromarray(pixels).save(target)


if __name__ == "__main__":
    {"encode": encode, "decode": decode}[sys.argv[1]](*sys.argv[2:])
