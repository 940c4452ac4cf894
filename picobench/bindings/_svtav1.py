# SPDX-License-Identifier: BSD-3-Clause
"""AV1 still pictures by SVT-AV1, through PyAV, decoded by dav1d.

The bitstream is what a decoder needs: sequence header OBU and frame OBU (section 5 of the AV1 bitstream
specification), without temporal delimiter and without container. SVT-AV1 codes any size from 4x4 on; a
picture that is narrower or lower is padded by repeating its edge, and a metadata OBU of six bytes, of an
unregistered private type that other decoders skip, says by how much.
"""

import os
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, cast

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from picobench.bindings._contract import Binding, Options, Parameter, call_text
from picobench.bindings._versions import library_version
from picobench.colour import ColourPath, Planes, to_planes, to_rgb8
from picobench.errors import CodecError
from picobench.pixels import RGB8

_PATHS = {
    "yuv420p": ColourPath("bt709", "full", 8, "420"),
    "yuv420p10le": ColourPath("bt709", "full", 10, "420"),
}
_FORMATS = {path.depth: name for name, path in _PATHS.items()}
# H.273 and FFmpeg's number for full range. FFmpeg writes them into the sequence header.
_CODE_POINT = {"color_primaries": 1, "color_trc": 13, "colorspace": 1, "color_range": 2}
_TUNES = {"vq": 0, "psnr": 1, "ssim": 2}

_LEAST_SIDE = 4
_TEMPORAL_DELIMITER, _METADATA = 2, 5
_PRIVATE_METADATA = 6
_TRAILING_BITS = 0x80


def svtav1() -> Binding:
    """AV1 by SVT-AV1: 4:2:0 only. Colour: YCbCr BT.709, full range, converted by `picobench.colour`."""
    for codec, mode in (("libsvtav1", "w"), ("libdav1d", "r")):
        try:
            av.Codec(codec, mode)  # type: ignore[arg-type]
        except ValueError:
            raise CodecError(f"pyav.svtav1: this PyAV was built without {codec}; install its wheel") from None
    parameters = {
        "crf": Parameter(int, "quantiser: 1 best, 63 smallest", 1, 63),
        "chroma": Parameter(str, "chroma subsampling", choices=("4:2:0",)),
        "bit_depth": Parameter(int, "bits a sample inside the codec", choices=(8, 10)),
        "preset": Parameter(int, "0 slowest and smallest, 13 fastest", 0, 13),
        "tune": Parameter(str, "what the encoder optimises", choices=tuple(_TUNES)),
        "threads": Parameter(int, "level of parallelism; 1 is the least the library has", 1, 6),
    }
    return Binding(
        name="pyav.svtav1",
        extension="obu",
        parameters=parameters,
        versions=_versions,
        encoder=_encode,
        decoder=_decode,
        describe=lambda options: call_text(
            "av.CodecContext.create",
            repr("libsvtav1"),
            pix_fmt=_FORMATS[options["bit_depth"]],
            **_CODE_POINT,
            options=_encoder_options(options),
        ),
        colour_path=lambda options: _PATHS[_FORMATS[options["bit_depth"]]],
    )


def _versions() -> dict[str, str]:
    return {
        "PyAV": av.__version__,
        "FFmpeg": av.ffmpeg_version_info,
        "SVT-AV1": library_version("av", "libSvtAv1Enc", "svt_av1_get_version"),
        "dav1d": library_version("av", "libdav1d", "dav1d_version"),
    }


def _encoder_options(options: Options) -> dict[str, str]:
    return {
        "preset": str(options["preset"]),
        "crf": str(options["crf"]),
        # avif=1: one intra frame with the short header of still pictures. aq-mode has no effect on one.
        "svtav1-params": f"avif=1:tune={_TUNES[options['tune']]}:aq-mode=0:lp={options['threads']}",
    }


def _encode(pixels: RGB8, options: Options) -> bytes:
    os.environ.setdefault("SVT_LOG", "1")  # errors only; the library writes to standard error itself
    height, width, _ = pixels.shape
    below, right = max(0, _LEAST_SIDE - height), max(0, _LEAST_SIDE - width)
    padded = np.pad(pixels, ((0, below), (0, right), (0, 0)), mode="edge")
    name = _FORMATS[options["bit_depth"]]
    context = av.CodecContext.create("libsvtav1", "w")
    context.height, context.width, _ = padded.shape
    context.pix_fmt = name
    context.time_base = context.framerate = Fraction(1)
    for key, value in _CODE_POINT.items():
        setattr(context, key, value)
    context.options = _encoder_options(options)
    frame = _to_frame(to_planes(padded, _PATHS[name]), name)
    packets = [*context.encode(frame), *context.encode(None)]
    units = _units(b"".join(bytes(packet) for packet in packets))
    bitstream = b"".join(unit for kind, unit in units if kind != _TEMPORAL_DELIMITER)
    if not bitstream:
        raise CodecError("the encoder returned nothing")
    if below or right:
        payload = bytes([_PRIVATE_METADATA, below, right, _TRAILING_BITS])
        bitstream = bytes([_METADATA << 3 | 2, len(payload)]) + payload + bitstream
    return bitstream


def _to_frame(planes: Planes, name: str) -> VideoFrame:
    height, width = planes[0].shape
    frame = VideoFrame(width, height, name)
    frame.pts = 0
    for key, value in _CODE_POINT.items():
        setattr(frame, key, value)
    for target, values in zip(frame.planes, planes, strict=True):
        rows = np.zeros((target.height, target.line_size // values.itemsize), dtype=values.dtype)
        rows[:, : values.shape[1]] = values
        target.update(rows.astype(values.dtype.newbyteorder("<")).tobytes())
    return frame


def _decode(bitstream: bytes) -> RGB8:
    below = right = 0
    for kind, unit in _units(bitstream):
        if kind == _METADATA and unit[2:3] == bytes([_PRIVATE_METADATA]) and len(unit) == 6:
            below, right = unit[3], unit[4]
    context = cast(VideoCodecContext, av.CodecContext.create("libdav1d", "r"))
    context.thread_count = 1
    frames = [*context.decode(av.Packet(bitstream)), *context.decode(None)]
    if len(frames) != 1:
        raise CodecError(f"it holds {len(frames)} pictures and not one")
    frame = frames[0]
    path = _PATHS.get(frame.format.name)
    if path is None or {key: getattr(frame, key) for key in _CODE_POINT} != _CODE_POINT:
        raise CodecError(f"it holds {frame.format.name} of another colour space")
    pixels = to_rgb8(_from_frame(frame), path)
    height, width, _ = pixels.shape
    if below >= height or right >= width:
        raise CodecError("its padding is larger than the picture")
    return pixels[: height - below, : width - right]


def _from_frame(frame: VideoFrame) -> Planes:
    dtype = np.dtype("u1" if frame.format.name == "yuv420p" else "<u2")
    planes: list[Any] = []
    for plane in frame.planes:
        rows = np.frombuffer(bytes(plane), dtype).reshape(plane.height, plane.line_size // dtype.itemsize)
        planes.append(rows[:, : plane.width].astype(dtype.newbyteorder("=")))
    return planes[0], planes[1], planes[2]


def _units(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and bytes, with header, of each OBU (section 5.3 of the AV1 bitstream specification)."""
    position = 0
    while position < len(data):
        start = position
        header = data[position]
        if not header & 2:
            raise CodecError("an OBU has no size field")
        position += 2 if header & 4 else 1
        size, position = _leb128(data, position)
        position += size
        if position > len(data):
            raise CodecError("it ends inside an OBU")
        yield header >> 3 & 15, data[start:position]


def _leb128(data: bytes, position: int) -> tuple[int, int]:
    """The value at `position` and the position after it (section 4.10.5)."""
    value = 0
    for index in range(8):
        if position + index >= len(data):
            break
        byte = data[position + index]
        value |= (byte & 0x7F) << 7 * index
        if not byte & 0x80:
            return value, position + index + 1
    raise CodecError("an OBU has a damaged size field")
