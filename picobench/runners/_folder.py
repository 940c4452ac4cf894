# SPDX-License-Identifier: BSD-3-Clause
"""The folder that picobench shares with a program: what it finds there is what a hostile program left.

Every file is reached by way of a handle of the folder and by its bare name, and no link is followed, neither
in writing nor in reading nor in removing. Inputs are created and never overwritten.
"""

import contextlib
import errno
import itertools
import os
import secrets
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from picobench.errors import CodecError, StorageError
from picobench.files import storage_error

_FULL = {errno.ENOSPC, errno.EDQUOT}
_EMPTYING_SECONDS = 300.0
_ENTRIES_AT_ONCE = 1000


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """An empty folder for one job inside a folder that only this user can enter; gone afterwards.

    Raises:
        StorageError: It cannot be made, or not be removed.
    """
    try:
        outer = Path(tempfile.mkdtemp(prefix="picobench-"))
        folder = outer / "job"
        folder.mkdir()
    except OSError as error:
        raise storage_error(Path(tempfile.gettempdir()), error) from None
    try:
        yield folder
    finally:
        try:
            empty_folder(outer)
            outer.rmdir()
        except (CodecError, OSError) as error:
            raise StorageError(f"{outer}: cannot be removed ({error}); delete it by hand") from None


def write_new(folder: Path, name: str, data: bytes) -> None:
    """Create a file for a program to read.

    Raises:
        CodecError: There is something of that name already, or a program made the folder unusable.
        StorageError: No space is left.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with _opened(folder) as handle, os.fdopen(os.open(name, flags, 0o644, dir_fd=handle), "wb") as stream:
            stream.write(data)
    except OSError as error:
        if error.errno in _FULL:
            raise storage_error(folder / name, error) from None
        raise CodecError(f"{name} cannot be written for the program ({error.strerror})") from None


def read_result(folder: Path, name: str, limit_bytes: int) -> bytes:
    """Read a file that a program wrote: no link, no device, and nothing larger than what it can be.

    Raises:
        CodecError: There is no such file; its size is looked at before anything is read.
    """
    try:
        with _opened(folder) as parent:
            # Without O_NONBLOCK, opening a named pipe would wait for ever.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            handle = os.open(name, flags, dir_fd=parent)
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
                raise CodecError(f"{name} is no file of its own but a link, folder, pipe or device")
            if status.st_size > limit_bytes:
                raise CodecError(
                    f"{name} has {status.st_size} bytes: {limit_bytes} are the most that is plausible"
                )
            with os.fdopen(handle, "rb", closefd=False) as stream:
                return stream.read(status.st_size)
        finally:
            os.close(handle)
    except FileNotFoundError:
        raise CodecError(f"no file {name} was written") from None
    except OSError as error:
        raise CodecError(f"{name} is no readable file ({error.strerror})") from None


def empty_folder(folder: Path) -> None:
    """Remove everything in a folder, whatever a program left there, however deep and however many.

    What is inside a subfolder's subfolders is not gone down to: they are moved to the top, under numbers, and
    their turn comes there. So depth costs neither stack nor open files nor long paths.

    Raises:
        CodecError: Something cannot be removed.
    """
    deadline = time.monotonic() + _EMPTYING_SECONDS
    prefix, moved, done = secrets.token_hex(8), 0, 0
    try:
        with _opened(folder) as top:
            for name, is_folder in _entries(top, deadline):
                if not is_folder:
                    os.unlink(name, dir_fd=top)
                    continue
                moved += _take_apart(top, name, f"{prefix}-", moved, deadline)
                while done < moved:
                    moved += _take_apart(top, f"{prefix}-{done}", f"{prefix}-", moved, deadline)
                    done += 1
    except OSError as error:
        raise CodecError(f"what a program left in its folder cannot be removed ({error.strerror})") from None


def _take_apart(top: int, name: str, prefix: str, moved: int, deadline: float) -> int:
    """Remove a folder at the top, its subfolders moved to the top; returns how many, numbered from `moved` on."""
    numbers = itertools.count()
    with _opened(name, top) as inner:
        for child, is_folder in _entries(inner, deadline):
            if is_folder:
                _unlock(child, inner)
                os.rename(child, f"{prefix}{moved + next(numbers)}", src_dir_fd=inner, dst_dir_fd=top)
            else:
                os.unlink(child, dir_fd=inner)
    os.rmdir(name, dir_fd=top)
    return next(numbers)


def _entries(folder: int, deadline: float) -> Iterator[tuple[str, bool]]:
    """Name what a folder holds, and whether it is a folder, until it holds nothing: the caller removes each.

    A few at a time, because a program decides how many there are; until a deadline, because a program that
    could not be stopped may add more for ever.
    """
    while time.monotonic() < deadline:
        with os.scandir(folder) as entries:
            some = [
                (entry.name, entry.is_dir(follow_symlinks=False))
                for entry in itertools.islice(entries, _ENTRIES_AT_ONCE)
            ]
        if not some:
            return
        yield from some
    raise CodecError(f"what a program left in its folder is not removed after {_EMPTYING_SECONDS:g} s")


@contextlib.contextmanager
def _opened(folder: Path | str, parent: int | None = None) -> Iterator[int]:
    """Open a folder, never by way of a link, and also where a program took the permissions from it."""
    _unlock(folder, parent)
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(folder, flags, dir_fd=parent)
    try:
        yield handle
    finally:
        os.close(handle)


def _unlock(folder: Path | str, parent: int | None) -> None:
    """Give a folder's permissions back to its owner, never those of what a link points to."""
    with contextlib.suppress(OSError):
        flags = getattr(os, "O_PATH", os.O_RDONLY) | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC
        handle = os.open(folder, flags, dir_fd=parent)
        try:
            # By way of /proc, because a handle made with O_PATH takes no fchmod.
            Path(f"/proc/self/fd/{handle}").chmod(0o700)
        finally:
            os.close(handle)
