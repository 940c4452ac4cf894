# SPDX-License-Identifier: BSD-3-Clause
"""Programs of this machine.

A program started here can do whatever its user can: read and write other files, end picobench, hand work to a
service that outlives it. The working directory is empty, the environment says nothing, and what the program leaves
running is killed; but only a container keeps the reference out of reach and the rest of the machine safe.
"""

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from picobench.runners import Execution, Limits, executed
from picobench.runners._folder import private_folder
from picobench.runners._process import run_bounded

_MEASURE = Path(__file__).with_name("_measure.py")
_GRACE_SECONDS = 10.0


class NativeRunner:
    """Runs programs found on PATH."""

    def identity(self) -> Mapping[str, str]:
        """Nothing: the tool's version is all there is to say."""
        return {}

    @contextlib.contextmanager
    def workplace(self, limits: Limits) -> "Iterator[NativeWorkplace]":
        """A private folder under the system's folder for temporary files (TMPDIR)."""
        with private_folder() as folder:
            yield NativeWorkplace(folder, limits)


class NativeWorkplace:
    """A private folder; each program has a measuring process of its own, which ends all that it started."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.folder = folder
        self._limits = limits
        self._environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "LANG": "C.UTF-8",
        }

    def run(self, argv: Sequence[str]) -> Execution:
        """Run a program in the folder."""
        limits = self._limits
        call = [sys.executable, "-I", "-S", str(_MEASURE), str(limits.seconds)]
        call += [str(limits.memory_bytes or 0), str(limits.file_bytes), *argv]
        finished = run_bounded(call, self.folder, self._environment, limits.seconds + _GRACE_SECONDS)
        report = finished.stdout.report()
        if report is None:
            return Execution(
                reason=f"{argv[0]} took its measuring process down with it, or cannot be stopped",
                output_tail=finished.stderr.tail(),
            )
        return executed(argv[0], limits, report, finished.stderr)
