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
import stat
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from picobench.adapters._argv import check_options, expand, placeholders
from picobench.adapters._pictures import Format, picture_bytes, read_picture
from picobench.adapters.base import Environment, Options, Outcome
from picobench.colour import ColourPath, ceiling_db
from picobench.errors import CodecError, DefinitionError
from picobench.files import write_bytes
from picobench.pixels import RGB8, read_rgb8, write_rgb8
from picobench.runners import Execution, Limits, Runner, Workplace, runner_for
from picobench.runners._process import empty_folder

_ENCODE_NAMES = frozenset({"input", "bitstream", "width", "height", "depth", "chroma"})
_DECODE_NAMES = frozenset({"bitstream", "output", "width", "height", "depth", "chroma"})
_SIZE_HEADER = struct.Struct("<HH")
_VERSION_SECONDS = 60.0
_MAXIMUM_FILE_BYTES = 4 << 30


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
                versions={self._command["encode"][0]: version, **identity}, details=self._details()
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
        """PSNR in dB that no reconstruction of this image can exceed; infinite without a loss before the codec.

        Only picobench's own conversion is known here; what a codec with RGB input does inside is its own.
        """
        return ceiling_db(pixels, self._colour) if self._planar else float("inf")

    @contextlib.contextmanager
    def session(self, timeout_seconds: float) -> "Iterator[CommandSession]":
        """Open a session; workplaces are opened when first needed."""
        limits = _limits(self._command.get("limits", {}), timeout_seconds)
        with contextlib.ExitStack() as stack:
            yield CommandSession(self, self._runner, limits, stack)

    def write_input(self, folder: Path, pixels: RGB8) -> dict[str, Any]:
        """Write the encoder's input into `folder`; returns the values for the template."""
        height, width = pixels.shape[:2]
        missing = [(0, self._coded(side) - side) for side in (height, width)]
        padded = np.pad(pixels, [*missing, (0, 0)], mode="edge")
        name = f"input.{self._input}"
        (folder / name).write_bytes(picture_bytes(padded, self._input, self._colour))
        return {"input": name, **self._values(*padded.shape[:2])}

    def write_bitstream(self, folder: Path, data: bytes) -> tuple[dict[str, Any], tuple[int, int] | None]:
        """Write the decoder's input; returns the values for the template, and height and width if known.

        Raises:
            CodecError: The file is shorter than its header.
        """
        size = None
        values: dict[str, Any] = self._values(0, 0)
        if self._has_size_header:
            if len(data) < _SIZE_HEADER.size:
                raise CodecError("the bitstream is shorter than its size header")
            width, height = _SIZE_HEADER.unpack_from(data)
            size = (height, width)
            values = self._values(*map(self._coded, size))
            data = data[_SIZE_HEADER.size :]
        (folder / values["bitstream"]).write_bytes(data)
        return {**values, "output": f"output.{self._output}"}, size

    def read_bitstream(self, folder: Path, values: Mapping[str, Any], pixels: RGB8) -> bytes:
        """Read what the encoder wrote, with the size header in front where there is one.

        Raises:
            CodecError: There is no such file, or it is empty.
        """
        data = _read_result(folder / values["bitstream"])
        if self._command.get("unwrap") == "ivf":
            data = _ivf_payload(data)
        if not data:
            raise CodecError("the encoder wrote an empty bitstream")
        height, width = pixels.shape[:2]
        return (_SIZE_HEADER.pack(width, height) if self._has_size_header else b"") + data

    def read_output(self, folder: Path, values: Mapping[str, Any], size: tuple[int, int] | None) -> RGB8:
        """Read what the decoder wrote and take our padding off.

        Raises:
            CodecError: There is no such file, or it is not the picture that is needed.
        """
        data = _read_result(folder / values["output"])
        if size is None:
            return read_picture(data, self._output, self._colour, None)
        pixels = read_picture(data, self._output, self._colour, (values["height"], values["width"]))
        return np.ascontiguousarray(pixels[: size[0], : size[1]])

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
        if match is None:
            problem = execution.reason or "no version in its output"
            tail = execution.output_tail.strip().splitlines()[-1:]
            raise CodecError(
                f"codec {self._codec}: {' '.join(version['argv'])}: {problem} {tail}; install it or build its image"
            )
        return match[1]

    def _padding_text(self) -> str:
        parts = [f"sides to multiples of {self._padding}"] if self._padding > 1 else []
        parts += [f"sides to at least {self._minimum_side}"] if self._minimum_side > 1 else []
        return ", ".join(parts) + ", edges repeated" if parts else "none of ours"

    def _details(self) -> dict[str, str]:
        details = {
            "runner": type(self._runner).__name__.removesuffix("Runner").lower(),
            "colour": str(self._colour) if self._planar else "RGB in and out; conversion by the codec",
            "padding": self._padding_text(),
            "size_header_bytes": str(_SIZE_HEADER.size if self._has_size_header else 0),
            "timing": "wall time of the program, with its own start and its own reading and writing of files",
        }
        program = shutil.which(self._command["encode"][0])
        if details["runner"] == "native" and program:
            details["program"] = program
        for source in self._command.get("sources", []):
            pinned = source.get("commit") or source.get("tag", "")
            details[f"source {source['name']}"] = (
                f"{source['upstream']} {pinned} {source.get('date', '')}".strip()
            )
        return details


class CommandSession:
    """Codes images one after the other, in one workplace for encoding and another for decoding."""

    def __init__(
        self, adapter: CommandAdapter, runner: Runner, limits: Limits, stack: contextlib.ExitStack
    ) -> None:
        self._adapter = adapter
        self._runner = runner
        self._limits = limits
        self._stack = stack
        self._places: dict[str, Workplace] = {}

    def encode(self, reference: Path, bitstream: Path, options: Options) -> Outcome:
        """Encode a reference PNG to the file `bitstream`."""
        pixels = read_rgb8(reference)
        with self._workplace("encode") as place:
            values = self._adapter.write_input(place.folder, pixels)
            argv = self._adapter.argv("encode", values, options)
            execution = place.run(argv)
            reason = execution.reason
            if not reason:
                try:
                    write_bytes(bitstream, self._adapter.read_bitstream(place.folder, values, pixels))
                except CodecError as error:
                    reason = str(error)
        return _outcome(argv, execution, reason)

    def decode(self, bitstream: Path, reconstruction: Path, options: Options) -> Outcome:
        """Decode to a PNG; the decoder's folder holds the bitstream and nothing else."""
        data = bitstream.read_bytes()
        with self._workplace("decode") as place:
            try:
                values, size = self._adapter.write_bitstream(place.folder, data)
            except CodecError as error:
                return Outcome(reason=str(error))
            argv = self._adapter.argv("decode", values, options)
            execution = place.run(argv)
            reason = execution.reason
            if not reason:
                try:
                    write_rgb8(reconstruction, self._adapter.read_output(place.folder, values, size))
                except CodecError as error:
                    reason = str(error)
        return _outcome(argv, execution, reason)

    @contextlib.contextmanager
    def _workplace(self, what: str) -> Iterator[Workplace]:
        if what not in self._places:
            self._places[what] = self._stack.enter_context(self._runner.workplace(self._limits))
        place = self._places[what]
        empty_folder(place.folder)
        try:
            yield place
        finally:
            empty_folder(place.folder)


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


def _outcome(argv: list[str], execution: Execution, reason: str) -> Outcome:
    return Outcome(
        reason=reason,
        seconds=execution.seconds,
        peak_memory_bytes=execution.peak_memory_bytes,
        call=tuple(argv),
        exit_status=execution.exit_status,
        stderr_tail=execution.output_tail,
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


def _read_result(path: Path) -> bytes:
    """Read a file that an untrusted program wrote: no link, no device, nothing of absurd size."""
    try:
        # Without O_NONBLOCK, opening a named pipe would wait for ever.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise CodecError(f"no file {path.name} was written") from None
    except OSError as error:
        raise CodecError(f"{path.name} is no readable file ({error.strerror})") from None
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            raise CodecError(f"{path.name} is no file of its own but a link, folder, pipe or device")
        if status.st_size > _MAXIMUM_FILE_BYTES:
            raise CodecError(f"{path.name} has {status.st_size} bytes: more than any picture needs")
        with os.fdopen(handle, "rb", closefd=False) as stream:
            return stream.read()
    finally:
        os.close(handle)
