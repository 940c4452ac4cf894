# SPDX-License-Identifier: BSD-3-Clause
"""DCVC-RT's intra codec on one picture: `codec.py encode QP PNG BITSTREAM`, `codec.py decode BITSTREAM PNG`.

Upstream's test_video.py codes videos; this is what it does for a first frame. The file is: height and width
(two bytes each, little-endian), the quality parameter (one byte), then the coded picture.
"""

import struct
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, "/opt/dcvc-rt")
from src.layers.cuda_inference import replicate_pad
from src.models.image_model import DMCI
from src.utils.common import get_state_dict, set_torch_env
from src.utils.transforms import rgb2ycbcr, ycbcr2rgb

WEIGHTS = "/opt/dcvc-rt/weights/cvpr2025_image.pth.tar"
MULTIPLE = 16
# Above this many pixels, upstream splits the entropy coder in two.
ONE_CODER_PIXELS = 1280 * 720
# Of upstream's example command line.
FORCE_ZERO_THRESHOLD = 0.12


def load() -> torch.nn.Module:
    """The network, ready to code."""
    set_torch_env()
    net = DMCI()
    net.load_state_dict(get_state_dict(WEIGHTS))
    net = net.to("cuda").eval()
    net.update(FORCE_ZERO_THRESHOLD)
    return net.half()


def encode(qp: str, source: str, target: str) -> None:
    """Code the PNG `source` to the file `target`."""
    net = load()
    pixels = np.asarray(Image.open(source).convert("RGB"))
    height, width = pixels.shape[:2]
    image = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].to("cuda").float() / 255
    padding_right, padding_below = DMCI.get_padding_size(height, width, MULTIPLE)
    net.set_use_two_entropy_coders(height * width > ONE_CODER_PIXELS)
    with torch.no_grad():
        planes = replicate_pad(rgb2ycbcr(image).half(), padding_below, padding_right)
        coded = net.compress(planes, int(qp))["bit_stream"]
    Path(target).write_bytes(struct.pack("<HHB", height, width, int(qp)) + bytes(coded))


def decode(source: str, target: str) -> None:
    """Decode the file `source` to the PNG `target`."""
    net = load()
    data = Path(source).read_bytes()
    height, width, qp = struct.unpack_from("<HHB", data)
    header = {"height": height, "width": width, "ec_part": int(height * width > ONE_CODER_PIXELS)}
    with torch.no_grad():
        planes = net.decompress(data[5:], header, qp)["x_hat"][:, :, :height, :width]
        image = ycbcr2rgb(planes.float())[0]
    pixels = (image.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    Image.fromarray(pixels).save(target)


if __name__ == "__main__":
    {"encode": encode, "decode": decode}[sys.argv[1]](*sys.argv[2:])
