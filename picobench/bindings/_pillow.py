# SPDX-License-Identifier: BSD-3-Clause
"""JPEG (libjpeg-turbo), WebP (libwebp) and JPEG 2000 (OpenJPEG) of Pillow.

None of them is given an ICC profile or EXIF data, so none is embedded. Pillow offers no control of threads
for these three and starts none.
"""

import io
from typing import Any

import numpy as np
import PIL
from PIL import Image, UnidentifiedImageError, features

from picobench.bindings._contract import Binding, Options, Parameter, call_text
from picobench.errors import CodecError
from picobench.pixels import RGB8

_END_MARKER = b"\xff\xd9"  # EOI of JPEG and EOC of JPEG 2000 are the same two bytes


def jpeg() -> Binding:
    """JPEG. Colour: YCbCr BT.601, full range, 8 bit, converted by libjpeg-turbo, as JFIF prescribes."""
    parameters = {
        "quality": Parameter(int, "scales the quantisation tables of Annex K", 1, 100),
        "chroma": Parameter(str, "chroma subsampling", choices=("4:4:4", "4:2:2", "4:2:0")),
        "optimize": Parameter(bool, "Huffman codes made for the picture instead of those of Annex K"),
        "progressive": Parameter(bool, "progressive scans instead of one sequential scan"),
    }

    def keywords(options: Options) -> dict[str, Any]:
        return {
            "format": "JPEG",
            "quality": options["quality"],
            "subsampling": options["chroma"],
            "optimize": options["optimize"],
            "progressive": options["progressive"],
        }

    def decode(bitstream: bytes) -> RGB8:
        # The decoder fills what is missing with grey when only the last bytes are gone.
        if not bitstream.endswith(_END_MARKER):
            raise CodecError("it ends before the end marker")
        return _open(bitstream, "JPEG")

    turbo = features.check_feature("libjpeg_turbo")
    library = "libjpeg-turbo" if turbo else "libjpeg"
    version = features.version_feature("libjpeg_turbo") if turbo else features.version_codec("jpg")
    return Binding(
        name="pillow.jpeg",
        extension="jpg",
        parameters=parameters,
        versions=lambda: _versions(library, version),
        encoder=lambda pixels, options: _save(pixels, keywords(options)),
        decoder=decode,
        describe=lambda options: _describe(keywords(options)),
    )


def webp() -> Binding:
    """Lossy WebP. Colour: YCbCr BT.601, limited range, 8 bit, 4:2:0, the only one the format has."""
    if not features.check_module("webp"):
        raise CodecError("pillow.webp: this Pillow was built without WebP; install Pillow's wheel")
    parameters = {
        "quality": Parameter(float, "0 smallest, 100 best", 0, 100),
        "chroma": Parameter(str, "chroma subsampling", choices=("4:2:0",)),
        "method": Parameter(int, "effort: 0 fastest, 6 smallest", 0, 6),
    }

    def keywords(options: Options) -> dict[str, Any]:
        return {
            "format": "WEBP",
            "quality": options["quality"],
            "method": options["method"],
            "lossless": False,
        }

    def decode(bitstream: bytes) -> RGB8:
        if len(bitstream) != int.from_bytes(bitstream[4:8], "little") + 8:
            raise CodecError("its length is not the one in its header")
        return _open(bitstream, "WEBP")

    return Binding(
        name="pillow.webp",
        extension="webp",
        parameters=parameters,
        versions=lambda: _versions("libwebp", features.version_module("webp")),
        encoder=lambda pixels, options: _save(pixels, keywords(options)),
        decoder=decode,
        describe=lambda options: _describe(keywords(options)),
    )


def jpeg2000() -> Binding:
    """JPEG 2000 codestream, one tile, one quality layer, RGB by the component transform of the standard."""
    if not features.check_codec("jpg_2000"):
        raise CodecError("pillow.jpeg2000: this Pillow was built without OpenJPEG; install Pillow's wheel")
    parameters = {
        "compression_ratio": Parameter(float, "24 bits a pixel over the rate aimed at", 1, 10000),
        "chroma": Parameter(str, "chroma subsampling", choices=("4:4:4",)),
        "irreversible": Parameter(bool, "9/7 wavelet and ICT instead of 5/3 wavelet and RCT"),
    }

    def keywords(options: Options) -> dict[str, Any]:
        return {
            "format": "JPEG2000",
            "no_jp2": True,
            "quality_mode": "rates",
            "quality_layers": [options["compression_ratio"]],
            "irreversible": options["irreversible"],
            "mct": 1,
            # Without one OpenJPEG writes its name and version into each codestream: 33 bytes.
            "comment": " ",
        }

    def decode(bitstream: bytes) -> RGB8:
        # OpenJPEG decodes what there is of a truncated codestream and says nothing.
        if not bitstream.endswith(_END_MARKER):
            raise CodecError("it ends before the end marker")
        return _open(bitstream, "JPEG2000")

    return Binding(
        name="pillow.jpeg2000",
        extension="j2k",
        parameters=parameters,
        versions=lambda: _versions("OpenJPEG", features.version_codec("jpg_2000")),
        encoder=lambda pixels, options: _save(pixels, keywords(options)),
        decoder=decode,
        describe=lambda options: _describe(keywords(options)),
    )


def _save(pixels: RGB8, keywords: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, **keywords)
    return stream.getvalue()


def _open(bitstream: bytes, name: str) -> RGB8:
    try:
        with Image.open(io.BytesIO(bitstream), formats=[name]) as picture:
            if picture.mode != "RGB":
                raise CodecError(f"it holds {picture.mode} and not RGB")
            return np.array(picture)
    except UnidentifiedImageError:  # its message holds a memory address, which differs from run to run
        raise CodecError(f"its header is not one of {name}") from None


def _describe(keywords: dict[str, Any]) -> str:
    return call_text("PIL.Image.Image.save", **keywords)


def _versions(library: str, version: str | None) -> dict[str, str]:
    return {"Pillow": PIL.__version__, library: str(version)}
