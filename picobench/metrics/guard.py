# SPDX-License-Identifier: BSD-3-Clause
"""A guard for the time in which a third-party metric builds its network: no network access, files noted.

It uses the interpreter's audit events, which reach every library and every thread, and which no library can
get around by importing a function under another name. Audit hooks cannot be removed, so there is one, which
does nothing outside the guard.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from picobench.errors import MetricError

_NETWORK_EVENTS = frozenset(
    {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "urllib.Request"}
)


@dataclass
class Observed:
    """What happened inside the guard.

    Attributes:
        network: Attempts to reach the network, in words; each was refused.
        opened: Files opened.
    """

    network: list[str] = field(default_factory=list)
    opened: list[Path] = field(default_factory=list)


class _Hook:
    def __init__(self) -> None:
        self.installed = False
        self.observed: Observed | None = None

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.observed is None:
            return
        if event in _NETWORK_EVENTS:
            target = str(arguments[0] if event in {"urllib.Request", "socket.getaddrinfo"} else arguments[-1])
            self.observed.network.append(target[:200])
            raise MetricError(f"network access refused ({target[:200]})")
        if event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
            self.observed.opened.append(Path(os.fsdecode(arguments[0])))


_hook = _Hook()


@contextmanager
def guarded() -> Iterator[Observed]:
    """Refuse network access with a `MetricError` and note the files opened, in all threads, until the end."""
    if not _hook.installed:
        sys.addaudithook(_hook)
        _hook.installed = True
    _hook.observed = observed = Observed()
    try:
        yield observed
    finally:
        _hook.observed = None


@contextmanager
def environment(**values: str | None) -> Iterator[None]:
    """Set environment variables of this process, or unset those given as None, until the end."""
    before = {name: os.environ.get(name) for name in values}
    try:
        _assign(values)
        yield
    finally:
        _assign(before)


def _assign(values: dict[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
