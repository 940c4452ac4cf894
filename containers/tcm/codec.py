# SPDX-License-Identifier: BSD-3-Clause
"""TCM on one picture: `codec.py encode MODEL PNG BITSTREAM` and `codec.py decode BITSTREAM PNG`.

Upstream's eval.py keeps the coded strings in memory; here they are written. The file is: number of the
model (one byte), height and width (two bytes each), rows and columns of the hyper-latent (two bytes each), then each
string behind its length (four bytes). All numbers are little-endian. Padding is upstream's: black,
centred, to multiples of 128.
"""

import struct
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, "/opt/tcm")
from models import TCM

# In the order of their numbers in bitstreams.
MODELS = ("mse_0.05",)
MULTIPLE = 128
HEADER = struct.Struct("<B4H")


def load(model: str) -> torch.nn.Module:
    """The network with the weights of that name, ready to code."""
    checkpoint = torch.load(
        Path("/opt/tcm/weights") / f"{model}.pth.tar", map_location="cpu", weights_only=True
    )
    state = {name.replace("module.", ""): value for name, value in checkpoint["state_dict"].items()}
    net = TCM(config=[2] * 6, head_dim=[8, 16, 32, 32, 16, 8], drop_path_rate=0.0, N=128, M=320)
    net.load_state_dict(state)
    net.eval()
    net.update()
    return net.to("cuda" if torch.cuda.is_available() else "cpu")


def margins(side: int) -> tuple[int, int]:
    """Padding before and behind."""
    missing = -side % MULTIPLE
    return missing // 2, missing - missing // 2


def encode(model: str, source: str, target: str) -> None:
    """Code the PNG `source` to the file `target`."""
    net = load(model)
    pixels = np.asarray(Image.open(source).convert("RGB"))
    height, width = pixels.shape[:2]
    image = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255
    image = torch.nn.functional.pad(image, (*margins(width), *margins(height)))
    with torch.no_grad():
        coded = net.compress(image.to(next(net.parameters()).device))
    strings = [group[0] for group in coded["strings"]]
    data = HEADER.pack(MODELS.index(model), height, width, *coded["shape"])
    data += b"".join(struct.pack("<I", len(string)) + string for string in strings)
    Path(target).write_bytes(data)


def decode(source: str, target: str) -> None:
    """Decode the file `source` to the PNG `target`."""
    data = Path(source).read_bytes()
    model, height, width, rows, columns = HEADER.unpack_from(data)
    net = load(MODELS[model])
    strings, offset = [], HEADER.size
    while offset < len(data):
        (length,) = struct.unpack_from("<I", data, offset)
        strings.append([data[offset + 4 : offset + 4 + length]])
        offset += 4 + length
    with torch.no_grad():
        image = net.decompress(strings, (rows, columns))["x_hat"][0]
    top, left = margins(height)[0], margins(width)[0]
    image = image[:, top : top + height, left : left + width]
    pixels = (image.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    Image.fromarray(pixels).save(target)


if __name__ == "__main__":
    {"encode": encode, "decode": decode}[sys.argv[1]](*sys.argv[2:])
