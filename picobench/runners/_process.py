# SPDX-License-Identifier: BSD-3-Clause
"""Child processes with bounded time and bounded output; folders that hostile programs wrote to."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from picobench.errors import StorageError
from picobench.runners._output import Output

_BLOCK_BYTES = 1 << 16


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

    Raises:
        OSError: It cannot be started.
    """
    stdout, stderr = Output(), Output()
    with subprocess.Popen(
        argv,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
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
                process.wait(5)
            process.kill()
        for reader in readers:
            reader.join(5)
    return Finished(stdout, stderr, on_time)


def _drain(stream: IO[bytes] | None, output: Output) -> None:
    if stream is not None:
        with contextlib.suppress(OSError, ValueError):
            while block := stream.read1(_BLOCK_BYTES):  # type: ignore[attr-defined]
                output.add(block)


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """An empty folder for one job inside a folder that only this user can enter; gone afterwards."""
    outer = Path(tempfile.mkdtemp(prefix="picobench-"))
    try:
        folder = outer / "job"
        folder.mkdir()
        yield folder
    finally:
        remove_tree(outer)


def empty_folder(folder: Path) -> None:
    """Remove everything in a folder, whatever a program left there.

    Raises:
        StorageError: Something cannot be removed.
    """
    for child in folder.iterdir():
        if child.is_dir() and not child.is_symlink():
            remove_tree(child)
        else:
            child.unlink()


def remove_tree(folder: Path) -> None:
    """Remove a folder, also where a program took the permissions from its subfolders.

    Raises:
        StorageError: Something cannot be removed.
    """
    _unlock(folder)
    for _, subfolders, _, handle in os.fwalk(folder):
        for name in subfolders:
            _unlock(Path(name), handle)
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise StorageError(f"{folder}: cannot be removed ({error.strerror}); delete it by hand") from None


def _unlock(folder: Path, parent: int | None = None) -> None:
    """Give a folder's permissions back to its owner, never those of what a link points to."""
    with contextlib.suppress(OSError):
        flags = getattr(os, "O_PATH", os.O_RDONLY) | os.O_NOFOLLOW | os.O_DIRECTORY
        handle = os.open(folder, flags, dir_fd=parent)
        try:
            # By way of /proc, because a handle made with O_PATH takes no fchmod.
            Path(f"/proc/self/fd/{handle}").chmod(0o700)
        finally:
            os.close(handle)
