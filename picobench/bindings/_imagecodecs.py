# SPDX-License-Identifier: BSD-3-Clause
"""AVIF (libavif with libaom) and JPEG XL (libjxl) of imagecodecs."""

from typing import Any

import imagecodecs
import numpy as np

from picobench.bindings._contract import Binding, Options, Parameter, call_text
from picobench.bindings._depth import to_8_bits, to_10_bits
from picobench.bindings._versions import library_version
from picobench.errors import CodecError
from picobench.pixels import RGB8

_CODE_POINT = {"primaries": 1, "transfer": 13, "matrix": 1}  # H.273: BT.709, sRGB, BT.709
_PIXEL_FORMAT = {"4:4:4": "yuv444", "4:2:0": "yuv420"}


def avif() -> Binding:
    """AVIF by libaom, all intra, one tile. Colour: YCbCr BT.709, full range, converted by libavif.

    BT.709 because libavif converts 8-bit BT.601 with a faster routine that truncates chroma, which shifts
    colours by half a grey level. `tune` is libavif's choice and imagecodecs has no say in it: from libavif
    1.4 and libaom 3.13 on it is `iq`, made for viewing and not for PSNR.
    """
    if not imagecodecs.AVIF.available:
        raise CodecError("imagecodecs.avif: this imagecodecs was built without libavif; install its wheel")
    parameters = {
        # 100 is left out: it means lossless, and libavif then codes 4:4:4 whatever it was asked for.
        "quality": Parameter(int, "0 smallest, 99 best", 0, 99),
        "chroma": Parameter(str, "chroma subsampling", choices=("4:4:4", "4:2:0")),
        "bit_depth": Parameter(int, "bits a sample inside the codec", choices=(8, 10)),
        "speed": Parameter(int, "0 slowest and smallest, 10 fastest", 0, 10),
        "threads": Parameter(int, "of the encoder", 1, 64),
    }

    def keywords(options: Options) -> dict[str, Any]:
        return {
            "level": options["quality"],
            "speed": options["speed"],
            "bitspersample": options["bit_depth"],
            "pixelformat": _PIXEL_FORMAT[options["chroma"]],
            "codec": "aom",
            **_CODE_POINT,
            "numthreads": options["threads"],
        }

    def encode(pixels: RGB8, options: Options) -> bytes:
        samples = to_10_bits(pixels) if options["bit_depth"] == 10 else pixels
        return bytes(imagecodecs.avif_encode(samples, **keywords(options)))

    def decode(bitstream: bytes) -> RGB8:
        pixels: np.ndarray[Any, Any] = imagecodecs.avif_decode(bitstream, numthreads=1)
        return to_8_bits(pixels) if pixels.dtype == np.uint16 else pixels

    return Binding(
        name="imagecodecs.avif",
        extension="avif",
        parameters=parameters,
        versions=lambda: {
            **_versions(imagecodecs.avif_version()),
            "libaom": library_version("imagecodecs", "libaom", "aom_codec_version_str"),
        },
        encoder=encode,
        decoder=decode,
        describe=lambda options: call_text("imagecodecs.avif_encode", "pixels", **keywords(options)),
    )


def jpegxl() -> Binding:
    """Lossy JPEG XL (VarDCT, XYB), a bare codestream without container. No ICC profile: sRGB is signalled."""
    if not imagecodecs.JPEGXL.available:
        raise CodecError("imagecodecs.jpegxl: this imagecodecs was built without libjxl; install its wheel")
    parameters = {
        "distance": Parameter(float, "Butteraugli distance aimed at: 0.01 best, 25 smallest", 0.01, 25),
        "chroma": Parameter(str, "chroma subsampling", choices=("4:4:4",)),
        "effort": Parameter(int, "1 fastest, 9 smallest", 1, 9),
        "threads": Parameter(int, "of the encoder", 1, 64),
    }

    def keywords(options: Options) -> dict[str, Any]:
        return {
            "distance": float(options["distance"]),
            "effort": options["effort"],
            "lossless": False,
            "usecontainer": False,
            "numthreads": options["threads"],
        }

    def decode(bitstream: bytes) -> RGB8:
        pixels: RGB8 = imagecodecs.jpegxl_decode(bitstream, numthreads=1)
        return pixels

    return Binding(
        name="imagecodecs.jpegxl",
        extension="jxl",
        parameters=parameters,
        versions=lambda: _versions(imagecodecs.jpegxl_version()),
        encoder=lambda pixels, options: bytes(imagecodecs.jpegxl_encode(pixels, **keywords(options))),
        decoder=decode,
        describe=lambda options: call_text("imagecodecs.jpegxl_encode", "pixels", **keywords(options)),
    )


def _versions(library: str) -> dict[str, str]:
    """`library` is such as "libjxl 0.11.2"."""
    name, _, version = library.partition(" ")
    return {"imagecodecs": imagecodecs.__version__, name: version}
