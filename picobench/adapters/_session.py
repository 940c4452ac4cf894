# SPDX-License-Identifier: BSD-3-Clause
"""Runs the programs of a command line codec, one picture after the other."""

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from picobench.adapters.base import Options, Outcome
from picobench.errors import CodecError
from picobench.files import write_bytes
from picobench.pixels import read_rgb8, write_rgb8
from picobench.runners import Execution, Limits, Runner, Workplace
from picobench.runners._folder import empty_folder

if TYPE_CHECKING:
    from picobench.adapters.command import CommandAdapter

_Result = TypeVar("_Result")


class CommandSession:
    """Codes images one after the other, in one workplace for encoding and another for decoding."""

    def __init__(
        self,
        adapter: "CommandAdapter",
        runner: Runner,
        limits: Limits,
        largest_pixels: int,
        stack: contextlib.ExitStack,
    ) -> None:
        self._adapter = adapter
        self._runner = runner
        self._limits = limits
        self._largest_pixels = largest_pixels
        self._stack = stack
        self._places: dict[str, Workplace] = {}

    def encode(self, reference: Path, bitstream: Path, options: Options) -> Outcome:
        """Encode a reference PNG to the file `bitstream`."""
        adapter, pixels = self._adapter, read_rgb8(reference)
        data, outcome = self._run(
            "encode",
            options,
            lambda folder: adapter.write_input(folder, pixels),
            lambda folder, values: adapter.read_bitstream(folder, values, pixels),
        )
        if data is not None:
            write_bytes(bitstream, data)
        return outcome

    def decode(self, bitstream: Path, reconstruction: Path, options: Options) -> Outcome:
        """Decode to a PNG; the decoder's folder holds the bitstream and nothing else."""
        adapter, data = self._adapter, bitstream.read_bytes()
        try:
            size = adapter.picture_size(data)
        except CodecError as error:
            return Outcome(reason=str(error))
        if size is not None and size[0] * size[1] > self._largest_pixels:
            return Outcome(
                reason=f"the size header says {size[1]}x{size[0]} pixels: no picture here is as large"
            )
        pixels, outcome = self._run(
            "decode",
            options,
            lambda folder: adapter.write_bitstream(folder, data, size),
            lambda folder, values: adapter.read_output(folder, values, size, self._largest_pixels),
        )
        if pixels is not None:
            write_rgb8(reconstruction, pixels)
        return outcome

    def _run(
        self,
        what: str,
        options: Options,
        write: Callable[[Path], dict[str, Any]],
        read: Callable[[Path, Mapping[str, Any]], _Result],
    ) -> tuple[_Result | None, Outcome]:
        """Run the program once, in an empty folder that is empty again afterwards.

        Whatever is wrong with the folder is the program's doing: a failure to record, as any other of its own.
        """
        if what not in self._places:
            self._places[what] = self._stack.enter_context(self._runner.workplace(self._limits))
        place = self._places[what]
        try:
            empty_folder(place.folder)
            values = write(place.folder)
        except CodecError as error:
            return None, Outcome(reason=str(error))
        argv = self._adapter.argv(what, values, options)
        execution = place.run(argv)
        result, reason = None, execution.reason
        try:
            result = None if reason else read(place.folder, values)
            empty_folder(place.folder)
        except CodecError as error:
            result, reason = None, reason or str(error)
        return result, _outcome(argv, execution, reason)


def _outcome(argv: list[str], execution: Execution, reason: str) -> Outcome:
    return Outcome(
        reason=reason,
        seconds=execution.seconds,
        peak_memory_bytes=execution.peak_memory_bytes,
        call=tuple(argv),
        exit_status=execution.exit_status,
        stderr_tail=execution.output_tail,
    )
