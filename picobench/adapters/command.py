# SPDX-License-Identifier: BSD-3-Clause
"""Codecs that are programs: an encoder and a decoder started with an argument list, natively or contained.

The program sees one folder: for encoding with the input picture in it, for decoding with the bitstream and
nothing else. Encoding and decoding happen in different workplaces, so nothing passes from one to the other.

Where the decoder's output does not tell the picture's size (planar YUV), or picobench pads the picture to a
multiple of what the codec can do, the bitstream file starts with a header of four bytes: width and height
of the picture, two bytes each, least significant first. It counts into the rate.
"""

import contextlib
import os
import re
import shutil
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from picobench.adapters._argv import check_options, check_pattern, expand, placeholders
from picobench.adapters._bounds import (
    LARGEST_PIXELS,
    bitstream_limit_bytes,
    output_limit_bytes,
    refuse_more_pixels,
)
from picobench.adapters._pictures import Format, picture_bytes, read_picture
from picobench.adapters._session import CommandSession
from picobench.adapters._weights import WEIGHTS_FILE, weights_details
from picobench.adapters.base import Environment, Options
from picobench.colour import ColourPath, ceiling_db, is_exact
from picobench.errors import CodecError, DefinitionError
from picobench.pixels import RGB8
from picobench.runners import Limits, Runner, runner_for
from picobench.runners._folder import read_result, write_new

_ENCODE_NAMES = frozenset({"input", "bitstream", "width", "height", "depth", "chroma"})
_DECODE_NAMES = frozenset({"bitstream", "output", "width", "height", "depth", "chroma"})
_SIZE_HEADER = struct.Struct("<HH")
_LARGEST_SIDE = 65535
_VERSION_SECONDS = 60.0


class CommandAdapter:
    """Runs the `command` block of a codec's definition; see config/schemas/command.schema.yaml."""

    def __init__(self, codec: str, command: Mapping[str, Any]) -> None:
        """Prepare a codec.

        Args:
            codec: Its id, for messages.
            command: The block, checked against its schema.

        Raises:
            DefinitionError: The templates and the declared parameters do not belong together.
        """
        self._codec = codec
        self._command = command
        self.extension: str = command["extension"]
        self._input: Format = command["input"]
        self._output: Format = command.get("output", self._input)
        self._planar = self._input in {"y4m", "yuv"}
        self._colour = ColourPath(**command["colour"]) if self._planar else ColourPath()
        inner = command.get("inner_colour")
        # The conversion that bounds the PSNR, by picobench or by the codec; None where it is not known.
        self._bounding = self._colour if self._planar else ColourPath(**inner) if inner else None
        self._padding: int = command.get("padding", 1)
        self._minimum_side: int = command.get("minimum_side", 1)
        self._has_size_header = self._output == "yuv" or self._padding > 1 or self._minimum_side > 1
        self._parameters: Mapping[str, Mapping[str, Any]] = command.get("parameters", {})
        self._runner = _runner(command)
        self._check_templates()
        self._environment: Environment | None = None

    def environment(self) -> Environment:
        """The tool's version, asked of the tool, and the image's digest.

        Raises:
            CodecError: The tool or its container cannot be run, or shows no version.
        """
        if self._environment is None:
            identity = self._runner.identity()
            version = self._version()
            self._environment = Environment(
                versions={self._command["encode"][0]: version, **identity},
                details=self._details() | self._weights(),
            )
        return self._environment

    def check(self, options: Options) -> None:
        """Raise DefinitionError when an option is unknown, out of range, or missing in a command line."""
        try:
            check_options(options, self._parameters)
            for what, names in (("encode", _ENCODE_NAMES), ("decode", _DECODE_NAMES)):
                expand(self._command[what], {**options, **dict.fromkeys(names, "")})
        except DefinitionError as error:
            raise DefinitionError(f"codec {self._codec}: {error}") from None

    def ceiling_db(self, pixels: RGB8, options: Options) -> float:
        """PSNR in dB that no reconstruction of this image can exceed; infinite where no loss is known.

        The loss is that of picobench's own conversion, or of the one inside the codec that the definition declares.
        """
        return ceiling_db(pixels, self._bounding) if self._bounding else float("inf")

    @contextlib.contextmanager
    def session(
        self, timeout_seconds: float, largest_pixels: int = LARGEST_PIXELS
    ) -> "Iterator[CommandSession]":
        """Open a session; workplaces are opened when first needed. No picture has more than `largest_pixels`."""
        limits = _limits(self._command.get("limits", {}), timeout_seconds)
        with contextlib.ExitStack() as stack:
            yield CommandSession(self, self._runner, limits, largest_pixels, stack)

    def write_input(self, folder: Path, pixels: RGB8) -> dict[str, Any]:
        """Write the encoder's input into `folder`; returns the values for the template.

        Raises:
            CodecError: The size header has no room for such sides, or a program is in the way.
        """
        height, width = pixels.shape[:2]
        if self._has_size_header and max(height, width) > _LARGEST_SIDE:
            raise CodecError(
                f"{width}x{height} pixels: the size header has room for sides up to {_LARGEST_SIDE}"
            )
        missing = [(0, self._coded(side) - side) for side in (height, width)]
        padded = np.pad(pixels, [*missing, (0, 0)], mode="edge")
        name = f"input.{self._input}"
        write_new(folder, name, picture_bytes(padded, self._input, self._colour))
        return {"input": name, **self._values(*padded.shape[:2])}

    def picture_size(self, data: bytes) -> tuple[int, int] | None:
        """Height and width of the picture in a bitstream, from its size header; None where it has none.

        Raises:
            CodecError: The file is shorter than its header.
        """
        if not self._has_size_header:
            return None
        if len(data) < _SIZE_HEADER.size:
            raise CodecError("the bitstream is shorter than its size header")
        width, height = _SIZE_HEADER.unpack_from(data)
        return height, width

    def write_bitstream(self, folder: Path, data: bytes, size: tuple[int, int] | None) -> dict[str, Any]:
        """Write the decoder's input, without the size header; returns the values for the template.

        Raises:
            CodecError: A program is in the way.
        """
        values = self._values(0, 0) if size is None else self._values(*map(self._coded, size))
        write_new(folder, values["bitstream"], data if size is None else data[_SIZE_HEADER.size :])
        return {**values, "output": f"output.{self._output}"}

    def read_bitstream(self, folder: Path, values: Mapping[str, Any], pixels: RGB8) -> bytes:
        """Read what the encoder wrote, with the size header in front where there is one.

        Raises:
            CodecError: There is no such file, it is empty, or larger than any bitstream of this picture.
        """
        limit_bytes = bitstream_limit_bytes(values["width"] * values["height"])
        data = read_result(folder, values["bitstream"], limit_bytes)
        if self._command.get("unwrap") == "ivf":
            data = _ivf_payload(data)
        if not data:
            raise CodecError("the encoder wrote an empty bitstream")
        height, width = pixels.shape[:2]
        return (_SIZE_HEADER.pack(width, height) if self._has_size_header else b"") + data

    def read_output(
        self, folder: Path, values: Mapping[str, Any], size: tuple[int, int] | None, largest_pixels: int
    ) -> RGB8:
        """Read what the decoder wrote and take our padding off; where `size` is not known, `largest_pixels` bounds it.

        Raises:
            CodecError: There is no such file, it is larger than any such picture, or not the one that is needed.
        """
        needed = None if size is None else (values["height"], values["width"])
        pixels_at_most = largest_pixels if needed is None else needed[0] * needed[1]
        data = read_result(folder, values["output"], output_limit_bytes(self._output, pixels_at_most))
        refuse_more_pixels(data, self._output, pixels_at_most)
        pixels = read_picture(data, self._output, self._colour, needed)
        return pixels if size is None else np.ascontiguousarray(pixels[: size[0], : size[1]])

    def argv(self, what: str, values: Mapping[str, Any], options: Options) -> list[str]:
        """The command line that encodes or decodes."""
        return expand(self._command[what], {**options, **values})

    def _coded(self, side: int) -> int:
        """The length of a side after our padding."""
        side = max(side, self._minimum_side)
        return -(-side // self._padding) * self._padding

    def _values(self, height: int, width: int) -> dict[str, Any]:
        return {
            "bitstream": f"bitstream.{self.extension}",
            "width": width,
            "height": height,
            "depth": self._colour.depth,
            "chroma": self._colour.chroma,
        }

    def _check_templates(self) -> None:
        used: set[str] = set()
        decode_names = _DECODE_NAMES if self._has_size_header else _DECODE_NAMES - {"width", "height"}
        for what, own in (("encode", _ENCODE_NAMES), ("decode", decode_names)):
            names = placeholders(self._command[what])
            unknown = sorted(names - own - set(self._parameters))
            if unknown:
                raise DefinitionError(
                    f"codec {self._codec}: {what}: {{{unknown[0]}}} is no parameter; declare it under parameters"
                )
            used |= names
        clash = sorted(set(self._parameters) & (_ENCODE_NAMES | _DECODE_NAMES))
        unused = sorted(set(self._parameters) - used)
        if clash or unused:
            problem = f"{clash[0]!r} has another meaning" if clash else f"{unused[0]!r} is used nowhere"
            raise DefinitionError(f"codec {self._codec}: parameter {problem}; rename or remove it")
        try:
            check_pattern(self._command["version"]["pattern"])
        except DefinitionError as error:
            raise DefinitionError(f"codec {self._codec}: {error}") from None
        if "inner_colour" in self._command and self._planar:
            raise DefinitionError(f"codec {self._codec}: inner_colour is for png and ppm; remove it")
        if "colour" in self._command and not self._planar:
            raise DefinitionError(f"codec {self._codec}: colour is for planar input; remove it")
        if self._output in {"y4m", "yuv"} and not self._planar:
            raise DefinitionError(f"codec {self._codec}: planar output needs planar input; correct one")

    def _version(self) -> str:
        version = self._command["version"]
        limits = _limits(self._command.get("limits", {}), _VERSION_SECONDS)
        with self._runner.workplace(limits) as place:
            execution = place.run(version["argv"])
        # Some tools show their version in a usage message and fail; only the version matters.
        match = re.search(version["pattern"], execution.output)
        if match is None or not match[1]:
            problem = execution.reason or "no version in its output"
            tail = execution.output_tail.strip().splitlines()[-1:]
            raise CodecError(
                f"codec {self._codec}: {' '.join(version['argv'])}: {problem} {tail}; install it or build its image"
            )
        return match[1]

    def _weights(self) -> dict[str, str]:
        """Checksums of the networks, as the image's build recorded them; programs of this machine have no such list."""
        declared = self._command.get("weights", [])
        if not declared or self._command["runner"] == "native":
            return {}
        limits = _limits(self._command.get("limits", {}), _VERSION_SECONDS)
        with self._runner.workplace(limits) as place:
            execution = place.run(["cat", WEIGHTS_FILE])
        try:
            return weights_details(declared, "" if execution.reason else execution.output)
        except CodecError as error:
            raise CodecError(f"codec {self._codec}: {error}") from None

    def _padding_text(self) -> str:
        parts = [f"sides to multiples of {self._padding}"] if self._padding > 1 else []
        parts += [f"sides to at least {self._minimum_side}"] if self._minimum_side > 1 else []
        return ", ".join(parts) + ", edges repeated" if parts else "none of ours"

    def _colour_text(self) -> str:
        if self._planar:
            return str(self._colour)
        inside = f", to {self._bounding}" if self._bounding else ""
        return f"RGB in and out; conversion by the codec{inside}"

    def _details(self) -> dict[str, str]:
        details = {
            "runner": type(self._runner).__name__.removesuffix("Runner").lower(),
            "colour": self._colour_text(),
            "padding": self._padding_text(),
            "size_header_bytes": str(_SIZE_HEADER.size if self._has_size_header else 0),
            "timing": "wall time of the program, with its own start and its own reading and writing of files",
        }
        if self._bounding is not None and is_exact(self._bounding):
            details["colour_ceiling"] = "exact: every 8-bit colour survives the conversion"
        program = shutil.which(self._command["encode"][0])
        if details["runner"] == "native" and program:
            details["program"] = program
        for source in self._command.get("sources", []):
            pinned = source.get("commit") or source.get("tag", "")
            date = source.get("date", "unknown").replace("unknown", "date unknown")
            details[f"source {source['name']}"] = f"{source['upstream']} {pinned} ({date})"
        return details


def _runner(command: Mapping[str, Any]) -> Runner:
    kind = command["runner"]
    if kind == "docker":
        # Which engine runs the images is a matter of the machine and not of the codec.
        kind = os.environ.get("PICOBENCH_CONTAINERS", kind)
    return runner_for(kind, command.get("image", ""), gpu=command.get("gpu", False))


def _limits(limits: Mapping[str, Any], timeout_seconds: float) -> Limits:
    memory = limits.get("memory_megabytes")
    return Limits(
        seconds=min(timeout_seconds, limits.get("seconds", timeout_seconds)),
        memory_bytes=None if memory is None else int(memory) << 20,
        cpus=limits.get("cpus"),
        **({"processes": limits["processes"]} if "processes" in limits else {}),
    )


def _ivf_payload(data: bytes) -> bytes:
    """The one frame in an IVF file: the 44 bytes around it are no part of the coded picture.

    Raises:
        CodecError: It is no IVF file of one frame.
    """
    header_bytes = int.from_bytes(data[6:8], "little")
    start = header_bytes + 12
    size = int.from_bytes(data[header_bytes : header_bytes + 4], "little")
    if data[:4] != b"DKIF" or len(data) != start + size:
        raise CodecError("the encoder wrote no IVF file of one frame")
    return data[start:]
