# SPDX-License-Identifier: BSD-3-Clause
"""Codecs bound in process, run in a child so that a crash or a hang costs one image and not the job."""

import contextlib
import math
import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

from picobench.adapters._bounds import LARGEST_PIXELS
from picobench.adapters.base import Environment, Options, Outcome
from picobench.bindings import Binding, get
from picobench.colour import ceiling_db
from picobench.errors import PicobenchError
from picobench.files import write_bytes
from picobench.pixels import RGB8, read_rgb8, write_rgb8

_STDERR_TAIL = 2000
T = TypeVar("T")


class PythonAdapter:
    """Runs a `picobench.bindings.Binding`."""

    def __init__(self, binding: str) -> None:
        self._binding = get(binding)
        self.extension = self._binding.extension

    def environment(self) -> Environment:
        """Versions of the libraries that make the bytes."""
        return Environment(versions=self._binding.versions())

    def check(self, options: Options) -> None:
        """Raise DefinitionError when the binding does not know an option or its value."""
        self._binding.check(options)

    def ceiling_db(self, pixels: RGB8, options: Options) -> float:
        """Of our own conversion, where a binding needs one; infinite where the library takes RGB."""
        path = self._binding.colour_path(options)
        return math.inf if path is None else ceiling_db(pixels, path)

    @contextlib.contextmanager
    def session(
        self, timeout_seconds: float, largest_pixels: int = LARGEST_PIXELS
    ) -> "Iterator[PythonSession]":
        """Start a child process for the calls of one chunk of images; pictures of any size are read in there."""
        session = PythonSession(self._binding, timeout_seconds)
        try:
            yield session
        finally:
            session.close()


class PythonSession:
    """A child process that is started again whenever it dies or hangs."""

    def __init__(self, binding: Binding, timeout_seconds: float) -> None:
        self._binding = binding
        self._timeout_seconds = timeout_seconds
        self._child: tuple[Any, Connection] | None = None

    def encode(self, reference: Path, bitstream: Path, options: Options) -> Outcome:
        """Encode a reference PNG; only the encoder's call is timed."""
        return self._request("encode", reference, bitstream, options)

    def decode(self, bitstream: Path, reconstruction: Path, options: Options) -> Outcome:
        """Decode to a PNG; the decoder is handed the bytes of the bitstream and nothing else."""
        return self._request("decode", bitstream, reconstruction, options)

    def close(self) -> None:
        """End the child process."""
        if self._child is not None:
            process, connection = self._child
            connection.close()
            process.join(timeout=5)
            if process.is_alive():
                process.kill()
                process.join()
            self._child = None

    def _request(self, what: str, source: Path, target: Path, options: Options) -> Outcome:
        if self._child is None:
            self._child = self._start()
        process, connection = self._child
        try:
            connection.send((what, source.absolute(), target.absolute(), dict(options)))
            if not connection.poll(self._timeout_seconds):
                self._abandon()
                return Outcome(reason=f"{what}r gave no result within {self._timeout_seconds:.0f} s: stopped")
            answer = connection.recv()
        except (EOFError, OSError):
            process.join(timeout=5)
            status = process.exitcode
            self._abandon()
            return Outcome(reason=f"{what}r crashed ({_cause(status)})", exit_status=status)
        if isinstance(answer, Exception):
            raise answer
        outcome: Outcome = answer
        return outcome

    def _start(self) -> tuple[Any, Connection]:
        # Forking is safe here, the job has no threads, and saves importing the codec's library again.
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(self._binding, theirs, ours), daemon=True)
        process.start()
        theirs.close()
        return process, ours

    def _abandon(self) -> None:
        if self._child is not None:
            process, connection = self._child
            process.kill()
            process.join()
            connection.close()
            self._child = None


def _cause(exit_status: int | None) -> str:
    if exit_status is not None and exit_status < 0:
        with contextlib.suppress(ValueError):
            return f"signal {signal.Signals(-exit_status).name}"
    return f"exit status {exit_status}"


def _serve(binding: Binding, connection: Connection, other_end: Connection) -> None:
    """Body of the child: answer requests until the pipe closes."""
    other_end.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    actions: dict[str, Callable[..., Outcome]] = {"encode": _encode, "decode": _decode}
    with tempfile.TemporaryDirectory(prefix="picobench-") as empty_folder:
        os.chdir(empty_folder)
        with contextlib.suppress(EOFError, OSError):
            while True:
                what, source, target, options = connection.recv()
                try:
                    answer: Outcome | PicobenchError = actions[what](binding, source, target, options)
                except PicobenchError as error:
                    # The picture or the disk is at fault and not the codec: that ends the job.
                    answer = error
                connection.send(answer)


def _encode(binding: Binding, reference: Path, bitstream: Path, options: Options) -> Outcome:
    pixels = read_rgb8(reference)
    call = (binding.call(options),)
    data, outcome = _timed(lambda: binding.encode(pixels, options), call)
    if data is not None:
        write_bytes(bitstream, data)
    return outcome


def _decode(binding: Binding, bitstream: Path, reconstruction: Path, options: Options) -> Outcome:
    data = bitstream.read_bytes()
    pixels, outcome = _timed(lambda: binding.decode(data), (f"{binding.name} decode",))
    if pixels is not None:
        # Read again within minutes and then dropped: compressing it would cost more than the disk it saves.
        write_rgb8(reconstruction, pixels, compress_level=0)
    return outcome


def _timed(action: Callable[[], T], call: tuple[str, ...]) -> tuple[T | None, Outcome]:
    _reset_peak_memory()
    started = time.perf_counter()
    try:
        result = action()
    except Exception as error:
        text = f"{type(error).__name__}: {error}" if not isinstance(error, PicobenchError) else str(error)
        reason = " ".join(text.split())[:300] or type(error).__name__
        return None, Outcome(reason=reason, call=call, stderr_tail=text[-_STDERR_TAIL:])
    seconds = time.perf_counter() - started
    return result, Outcome(seconds=seconds, peak_memory_bytes=_peak_memory_bytes(), call=call)


def _reset_peak_memory() -> None:
    # Linux: 5 resets the high-water mark, so that one image does not inherit another's peak.
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak_memory_bytes() -> int | None:
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return None
