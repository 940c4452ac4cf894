# SPDX-License-Identifier: BSD-3-Clause
"""Files and digests: everything that picobench writes goes through here, so nothing half-written stays."""

import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from picobench.errors import StorageError

_CHUNK_BYTES = 1 << 20
# Enough hexadecimal digits that a collision among 10^6 keys has a probability below 10^-6 (60 bits).
_KEY_DIGITS = 15


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; on success it replaces `target`, else it is removed.

    Raises:
        StorageError: The file system is full or not writable.
    """
    temporary: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:80]}.", suffix=".part", dir=target.parent)
        os.close(handle)
        temporary = Path(name)
        temporary.chmod(0o644)
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.replace(target)
    except OSError as error:
        raise storage_error(target, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def storage_error(target: Path, error: OSError) -> StorageError:
    """Turn an `OSError` met while writing `target` into a line that says what to do."""
    hints = {
        errno.ENOSPC: "no space left on the device: free some and run again",
        errno.EDQUOT: "disk quota exceeded: free some space and run again",
        errno.EACCES: "permission denied: choose a folder you can write to",
        errno.EROFS: "the file system is read-only: choose a folder you can write to",
    }
    reason = hints.get(error.errno or 0, f"{error.strerror or error}")
    return StorageError(f"{target}: {reason}")


def write_bytes(target: Path, data: bytes) -> None:
    """Write `data` to `target` atomically."""
    with atomic_path(target) as temporary:
        temporary.write_bytes(data)


def write_text(target: Path, text: str) -> None:
    """Write UTF-8 `text` to `target` atomically."""
    write_bytes(target, text.encode())


def write_json(target: Path, value: Any) -> None:
    """Write `value` as indented JSON with sorted keys; NaN and infinity are refused."""
    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_text(target, text + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file that picobench wrote.

    Raises:
        StorageError: The file is missing or damaged.
    """
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise StorageError(f"{path}: no such file; run the stage that makes it") from None
    except OSError as error:
        raise storage_error(path, error) from error
    except ValueError as error:
        raise StorageError(f"{path}: damaged ({error}); delete it and run again") from None


def sha256_bytes(data: bytes | memoryview) -> str:
    """Hexadecimal SHA-256 of `data`."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's contents."""
    value = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_CHUNK_BYTES):
            value.update(block)
    return value.hexdigest()


def content_key(value: Any) -> str:
    """Short digest of a JSON-able value: equal values have equal keys whatever the order of their keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return sha256_bytes(text.encode())[:_KEY_DIGITS]
