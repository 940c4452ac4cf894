# SPDX-License-Identifier: BSD-3-Clause
"""Where a codec's programs run: on this machine, in a container, or in an Apptainer image.

A runner opens workplaces. A workplace is one folder, empty at first, in which programs are run one after the
other; what they cost is measured inside it. A container's workplace sees that folder and nothing else of
this machine, and no network.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from picobench.errors import DefinitionError
from picobench.runners._output import Output
from picobench.yamlfile import did_you_mean

RUNNERS = ("native", "docker", "apptainer")


@dataclass(frozen=True)
class Limits:
    """What one program may use.

    Attributes:
        seconds: Wall time of one run.
        memory_bytes: Of the container as a whole; natively, address space of each process. None: no limit.
        cpus: Processors, may be a fraction; not enforced natively. None: all.
        processes: Processes and threads at one time; not enforced natively.
        file_bytes: Size of any one file that is written.
    """

    seconds: float
    memory_bytes: int | None = None
    cpus: float | None = None
    processes: int = 512
    file_bytes: int = 8 << 30


@dataclass(frozen=True)
class Execution:
    """What happened to one program.

    Attributes:
        reason: Empty when it ended with status 0; otherwise one line that says what went wrong.
        seconds: Wall time from its start to its end, without the start of a container; None if unknown.
        peak_memory_bytes: Peak resident set of the largest of its processes; None if unknown.
        exit_status: Of the program; None if it did not end by itself.
        output: What it wrote to standard output and standard error in order, the first 64 kB.
        output_tail: The last 2,000 characters of the same. Codecs report their errors on either stream.
    """

    reason: str = ""
    seconds: float | None = None
    peak_memory_bytes: int | None = None
    exit_status: int | None = None
    output: str = ""
    output_tail: str = ""


class Workplace(Protocol):
    """A folder in which programs run."""

    folder: Path
    """The folder as this process sees it; programs have it as their working directory."""

    def run(self, argv: Sequence[str]) -> Execution:
        """Run a program in the folder and wait for it."""
        ...


class Runner(Protocol):
    """A place to open workplaces."""

    def identity(self) -> Mapping[str, str]:
        """What determines the programs that run: the image and its digest; empty for this machine.

        Raises:
            CodecError: There is no engine or no such image; says how to get it.
        """
        ...

    def workplace(self, limits: Limits) -> AbstractContextManager[Workplace]:
        """Open an empty workplace; on leaving, everything in it is gone and nothing of it runs."""
        ...


def runner_for(kind: str, image: str = "", *, gpu: bool = False) -> Runner:
    """The runner of a codec.

    Args:
        kind: "native", "docker" or "apptainer".
        image: Folder of `containers/` and tag, such as "av1:3.12"; for Apptainer the same names a SIF file.
        gpu: Whether the programs need a graphics processor.

    Raises:
        DefinitionError: There is no such runner.
    """
    if kind == "native":
        from picobench.runners.native import NativeRunner

        return NativeRunner()
    if kind == "docker":
        from picobench.runners.docker import DockerRunner

        return DockerRunner(image, gpu=gpu)
    if kind == "apptainer":
        from picobench.runners.apptainer import ApptainerRunner

        return ApptainerRunner(image, gpu=gpu)
    raise DefinitionError(f"unknown runner {kind!r}{did_you_mean(kind, list(RUNNERS))}")


def executed(what: str, limits: Limits, report: Mapping[str, Any], output: Output) -> Execution:
    """What happened to a program, from what its measuring program reported.

    Args:
        what: Name of the program.
        limits: What it was allowed.
        report: See `Output.report`.
        output: What it wrote.
    """
    status, number = report["exit_status"], report["signal"]
    reason = ""
    if report["start_error"]:
        reason = f"{what} cannot be started ({os.strerror(report['start_error'])}): is it installed?"
    elif report["timed_out"]:
        reason = f"{what} gave no result within {limits.seconds:g} s: stopped"
    elif number:
        reason = f"{what} was ended by signal {number}"
    elif status:
        reason = f"{what} ended with exit status {status}"
    return Execution(
        reason=reason,
        seconds=report["seconds"],
        peak_memory_bytes=report["peak_memory_bytes"],
        exit_status=None if number else status,
        output=output.head(),
        output_tail=output.tail(),
    )
