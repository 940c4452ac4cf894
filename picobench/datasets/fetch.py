# SPDX-License-Identifier: BSD-3-Clause
"""Downloads that resume, never leave a wrong file behind, and say what to do when they fail.

A download grows in `<target>.part`, which survives an interruption and is continued by the next run. It gets
its final name only after size and SHA-256 are right.
"""

import fcntl
import http.client
import logging
import os
import re
import shutil
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import picobench
from picobench.errors import DatasetError, StorageError
from picobench.files import sha256_file, storage_error

_LOG = logging.getLogger(__name__)
_BLOCK_BYTES = 1 << 18
_SCHEMES = ("https", "http", "file")
_TEMPORARY_STATUS = {408, 425, 429}
_PARTIAL_CONTENT = 206
_RANGE_NOT_SATISFIABLE = 416
# A server that cuts the line over and over, yet always after some progress, must end some time.
_MOST_CUTS = 200


@dataclass(frozen=True)
class Patience:
    """When to give up on a server.

    Attributes:
        attempts: Failures in a row without a byte of progress.
        timeout_seconds: Longest silence on an open connection.
        backoff_seconds: Pause after the first failure; doubles with each further one, up to a minute.
    """

    attempts: int = 5
    timeout_seconds: float = 30.0
    backoff_seconds: float = 1.0


class _InterruptedTransferError(Exception):
    """The transfer ended early; trying again may help."""


def download(
    url: str, target: Path, *, size_bytes: int, sha256: str, patience: Patience = Patience()
) -> None:
    """Fetch `url` to `target`, whose size and digest are known beforehand.

    Args:
        url: Where it is.
        target: Gets the file once it is complete and right.
        size_bytes: Its size; see `offered_bytes` where nobody wrote it down.
        sha256: Hexadecimal SHA-256 of its content, or the first digits of it.
        patience: When to give up.

    Raises:
        DatasetError: The server cannot be reached, has not got the file, or sends another one.
        StorageError: No space, no permission.
    """
    if urlsplit(url).scheme not in _SCHEMES:
        raise DatasetError(f"{url}: only {', '.join(_SCHEMES)} addresses can be fetched")
    part = target.with_name(target.name + ".part")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        with part.open("ab") as stream:
            _lock(stream, target)
            resumed = 0 < stream.tell() <= size_bytes
            _complete(stream, url, size_bytes, patience)
            found = _digest(stream, part)
            if not found.startswith(sha256) and resumed:
                # The beginning may stem from an older file of the same address.
                stream.truncate(0)
                _complete(stream, url, size_bytes, patience)
                found = _digest(stream, part)
            if not found.startswith(sha256):
                part.unlink()
                raise DatasetError(
                    f"{url}: SHA-256 is {found}, expected {sha256}; the file was changed or the line tampers "
                    "with it: get it elsewhere and put it into a mirror"
                )
            part.replace(target)
    except OSError as error:
        raise storage_error(target, error) from error
    finally:
        if part.is_file() and part.stat().st_size == 0:
            part.unlink()


def offered_bytes(url: str, patience: Patience = Patience()) -> int:
    """Size of the file that a server offers.

    Raises:
        DatasetError: The server cannot be reached, has not got the file, or does not tell its size.
    """
    with tempfile.TemporaryFile() as nothing:
        try:
            with _open(nothing, url, 0, patience.timeout_seconds) as response:
                offered = response.headers.get("Content-Length")
        except _InterruptedTransferError as error:
            raise DatasetError(f"{url}: {error}; check the network and run again") from error
    if offered is None or not offered.isdigit():
        raise DatasetError(f"{url}: the server does not tell the size of the file; fetch it by hand")
    return int(offered)


def _lock(stream: IO[bytes], target: Path) -> None:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DatasetError(
            f"{target}: another process is downloading it; run again when that one has ended"
        ) from None


def _digest(stream: IO[bytes], part: Path) -> str:
    stream.flush()
    os.fsync(stream.fileno())
    return sha256_file(part)


def _complete(stream: IO[bytes], url: str, size_bytes: int, patience: Patience) -> None:
    """Bring the partial file to its full size, over as many connections as it takes."""
    if stream.tell() > size_bytes:
        stream.truncate(0)
    failures = 0
    for _ in range(_MOST_CUTS):
        before = stream.seek(0, os.SEEK_END)
        if before == size_bytes:
            return
        free_bytes = shutil.disk_usage(Path(stream.name).parent).free
        if size_bytes - before > free_bytes:
            raise StorageError(
                f"{stream.name}: {(size_bytes - before) / 1e6:.0f} MB to download but {free_bytes / 1e6:.0f} MB "
                "free: free some space and run again"
            )
        try:
            _receive(stream, url, before, size_bytes, patience.timeout_seconds)
        except _InterruptedTransferError as error:
            failures = 0 if stream.seek(0, os.SEEK_END) > before else failures + 1
            if failures >= patience.attempts:
                raise DatasetError(
                    f"{url}: {error}, {failures} times; check the network and run again to go on from there"
                ) from error
            _LOG.warning("%s: %s; trying again", url, error)
            time.sleep(min(60.0, patience.backoff_seconds * 2 ** max(0, failures - 1)))
    raise DatasetError(f"{url}: cut off {_MOST_CUTS} times; run again to go on from there")


def _receive(stream: IO[bytes], url: str, have: int, size_bytes: int, timeout_seconds: float) -> None:
    """Append what one connection yields."""
    with _open(stream, url, have, timeout_seconds) as response:
        if have and not _continues(response, have):
            stream.truncate(0)
            if response.status == _PARTIAL_CONTENT:
                raise _InterruptedTransferError("the server continues at another place; from the start")
            have = 0
        offered = response.headers.get("Content-Length")
        if offered is not None and offered.isdigit() and have + int(offered) != size_bytes:
            stream.truncate(0)
            raise DatasetError(
                f"{url}: offers {have + int(offered)} bytes, expected {size_bytes}; the file was changed, or "
                "something between answers in its place: put the file into a mirror"
            )
        while True:
            try:
                block = response.read(_BLOCK_BYTES)
            except (OSError, http.client.HTTPException) as error:
                raise _InterruptedTransferError(_reason(error)) from error
            if not block:
                break
            have += len(block)
            if have > size_bytes:
                stream.truncate(0)
                raise DatasetError(f"{url}: sends more than the expected {size_bytes} bytes; do not use it")
            stream.write(block)
        stream.flush()
    if have < size_bytes:
        raise _InterruptedTransferError(f"the connection ended after {have} of {size_bytes} bytes")


def _open(stream: IO[bytes], url: str, have: int, timeout_seconds: float) -> Any:
    headers = {"User-Agent": f"picobench/{picobench.__version__}", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    request = urllib.request.Request(url, headers=headers)  # noqa: S310  the scheme was checked
    try:
        return _opener().open(request, timeout=timeout_seconds)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == _RANGE_NOT_SATISFIABLE and have:
            stream.truncate(0)
            raise _InterruptedTransferError("the server cannot continue; from the start") from error
        if error.code in _TEMPORARY_STATUS or error.code >= 500:
            raise _InterruptedTransferError(f"the server answers {error.code} {error.reason}") from error
        raise DatasetError(
            f"{url}: the server answers {error.code} {error.reason}; get the file elsewhere and put it into a "
            "mirror"
        ) from error
    except (OSError, http.client.HTTPException) as error:
        if urlsplit(url).scheme == "file":
            raise DatasetError(f"{url}: {_reason(error)}; check the address") from error
        raise _InterruptedTransferError(_reason(error)) from error


def _opener() -> urllib.request.OpenerDirector:
    # Not build_opener(): that one also speaks ftp and data, to which a server could redirect.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.FileHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


def _continues(response: Any, have: int) -> bool:
    """Whether the answer is the rest of the file from byte `have` on."""
    match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return response.status == _PARTIAL_CONTENT and match is not None and int(match[1]) == have


def _reason(error: BaseException) -> str:
    inner = getattr(error, "reason", None) or error
    return " ".join(str(inner).split()) or type(inner).__name__
