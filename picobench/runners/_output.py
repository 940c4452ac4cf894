# SPDX-License-Identifier: BSD-3-Clause
"""What programs write, kept in bounded memory, and the report of the measuring program."""

import json
import math
from collections.abc import Mapping
from typing import Any

_HEAD_BYTES = 64 << 10
_TAIL_CHARACTERS = 2000
_REPORT_BYTES = 4096
_FIELDS = {
    "seconds": float,
    "peak_memory_bytes": int,
    "exit_status": int,
    "signal": int,
    "timed_out": bool,
    "start_error": int,
}
_LARGEST_ERROR = 4095


class Output:
    """The beginning and the end of a stream of any length."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail = bytearray()

    def add(self, data: bytes) -> None:
        """Append what was read."""
        self._head += data[: max(0, _HEAD_BYTES - len(self._head))]
        # A character is at most four bytes.
        self._tail = (self._tail + data[-4 * _TAIL_CHARACTERS :])[-4 * _TAIL_CHARACTERS :]

    def head(self) -> str:
        """The first 64 kB as text."""
        return _text(self._head)

    def tail(self) -> str:
        """The last 2,000 characters as text."""
        return _text(self._tail)[-_TAIL_CHARACTERS:]

    def report(self) -> Mapping[str, Any] | None:
        """The stream as the report of the measuring program; None if it is not one."""
        if len(self._head) > _REPORT_BYTES:
            return None
        try:
            value = json.loads(self._head)
        except (ValueError, RecursionError):
            return None
        # A program that runs natively can write here in place of the measuring program: anything may come.
        if not isinstance(value, dict) or {name: type(field) for name, field in value.items()} != _FIELDS:
            return None
        if not math.isfinite(value["seconds"]) or not 0 <= value["start_error"] <= _LARGEST_ERROR:
            return None
        return value


def _text(data: bytes | bytearray) -> str:
    text = data.decode("utf-8", errors="replace").replace("\r", "\n")
    return "".join(character if character.isprintable() or character in "\n\t" else "?" for character in text)
