# SPDX-License-Identifier: BSD-3-Clause
"""Child processes with bounded time and bounded output."""

import contextlib
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from picobench.errors import CodecError
from picobench.runners._output import Output

_BLOCK_BYTES = 1 << 16
_ENDING_SECONDS = 5.0


@dataclass(frozen=True)
class Finished:
    """A child process that ended or was ended; `on_time` tells which."""

    stdout: Output
    stderr: Output
    on_time: bool


def run_bounded(
    argv: Sequence[str], folder: Path, environment: Mapping[str, str], seconds: float
) -> Finished:
    """Run a measuring program in `folder`; its standard input stays open until it ends or time is up.

    A process that escaped may hold its output open for ever: what it writes is waited for a few seconds only.

    Raises:
        CodecError: It cannot be started.
    """
    stdout, stderr = Output(), Output()
    try:
        measuring = subprocess.Popen(
            argv,
            # A stream with a buffer cannot be closed while a thread waits in it.
            bufsize=0,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise CodecError(f"{argv[0]} cannot be started in {folder} ({error.strerror})") from None
    with measuring as process:
        readers = [
            threading.Thread(target=_drain, args=(stream, output), daemon=True)
            for stream, output in ((process.stdout, stdout), (process.stderr, stderr))
        ]
        for reader in readers:
            reader.start()
        on_time = True
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            on_time = False
        finally:
            # The measuring program takes a closed input as the order to end everything.
            if process.stdin is not None:
                process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_ENDING_SECONDS)
            process.kill()
        for reader in readers:
            reader.join(_ENDING_SECONDS)
    return Finished(stdout, stderr, on_time)


def _drain(stream: IO[bytes] | None, output: Output) -> None:
    if stream is not None:
        with contextlib.suppress(OSError, ValueError):
            while block := stream.read(_BLOCK_BYTES):
                output.add(block)
