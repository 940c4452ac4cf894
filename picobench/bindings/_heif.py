# SPDX-License-Identifier: BSD-3-Clause
"""HEIC (libheif with x265) of pillow-heif."""

import io
from typing import Any

import numpy as np
import pillow_heif

from picobench.bindings._contract import Binding, Options, Parameter, call_text
from picobench.bindings._depth import to_8_bits, to_10_bits
from picobench.errors import CodecError
from picobench.pixels import RGB8

# H.273: BT.709, sRGB, BT.709, full range; the library's own default is the matrix of BT.601.
_CODE_POINT = {
    "color_primaries": 1,
    "transfer_characteristic": 13,
    "matrix_coefficients": 1,
    "full_range_flag": 1,
}
_PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
_MODES = {"RGB": 8, "RGB;10": 10}


def x265() -> Binding:
    """HEIC by x265, decoded by libde265. Colour: YCbCr BT.709, full range, converted by libheif."""
    libraries = pillow_heif.libheif_info()
    if "x265" not in libraries["encoders"] or "libde265" not in libraries["decoders"]:
        raise CodecError(
            "pillow_heif.x265: this pillow-heif was built without x265 or libde265; install its wheel"
        )
    parameters = {
        "quality": Parameter(int, "0 smallest, 100 best; x265's CRF is half of 100 - quality", 0, 100),
        "chroma": Parameter(str, "chroma subsampling", choices=("4:4:4", "4:2:0")),
        "bit_depth": Parameter(int, "bits a sample inside the codec", choices=(8, 10)),
        "preset": Parameter(str, "effort", choices=_PRESETS),
        "tune": Parameter(str, "what the encoder optimises", choices=("psnr", "ssim")),
        "threads": Parameter(int, "1: none beside the caller; more: rows of blocks in parallel", 1, 64),
    }

    def keywords(options: Options) -> dict[str, Any]:
        alone = options["threads"] == 1
        return {
            "quality": options["quality"],
            "subsampling": options["chroma"],
            "enc_params": {
                "preset": options["preset"],
                "tune": options["tune"],
                "x265:pools": "none" if alone else str(options["threads"]),
                "x265:frame-threads": "1",
                # Rows in parallel restart the entropy coder's statistics: other bytes.
                "x265:wpp": "0" if alone else "1",
                # Otherwise x265 may write its name and options into each bitstream.
                "x265:info": "0",
            },
            **_CODE_POINT,
        }

    def encode(pixels: RGB8, options: Options) -> bytes:
        height, width, _ = pixels.shape
        if options["bit_depth"] == 10:
            image = pillow_heif.from_bytes(
                "RGB;10", (width, height), to_10_bits(pixels).astype("<u2").tobytes()
            )
        else:
            image = pillow_heif.from_bytes("RGB", (width, height), pixels.tobytes())
        stream = io.BytesIO()
        image.save(stream, **keywords(options))
        return stream.getvalue()

    def versions() -> dict[str, str]:
        return {
            "pillow-heif": pillow_heif.__version__,
            "libheif": libraries["libheif"],
            # Such as "x265 HEVC encoder (4.3+1-e9b8812)" and "libde265 HEVC decoder, version 1.1.3".
            "x265": libraries["encoders"]["x265"].split()[-1].strip("()"),
            "libde265": libraries["decoders"]["libde265"].split()[-1],
        }

    return Binding(
        name="pillow_heif.x265",
        extension="heic",
        parameters=parameters,
        versions=versions,
        encoder=encode,
        decoder=_decode,
        describe=lambda options: call_text("pillow_heif.HeifFile.save", "stream", **keywords(options)),
    )


def _decode(bitstream: bytes) -> RGB8:
    pillow_heif.options.DECODE_THREADS = 1
    image = pillow_heif.open_heif(bitstream, convert_hdr_to_8bit=False, hdr_to_16bit=False)
    if image.mode not in _MODES:
        raise CodecError(f"it holds {image.mode} and not RGB")
    pixels = np.asarray(image)
    return to_8_bits(pixels) if _MODES[image.mode] == 10 else np.array(pixels)
