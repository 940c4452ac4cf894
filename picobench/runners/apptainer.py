# SPDX-License-Identifier: BSD-3-Clause
"""Programs in an Apptainer image, for clusters without Docker: the same images as SIF files.

Images are looked up as `<folder>/<codec>_<tag>.sif` in the folder that PICOBENCH_SIF names, or `images/`.
Each program starts a container of its own; time and memory are taken inside, so its start is not counted.
Limits on memory, processors and processes need cgroups v2 delegated to the user.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from picobench.errors import CodecError
from picobench.files import sha256_file
from picobench.runners import Execution, Limits, executed
from picobench.runners._folder import private_folder
from picobench.runners._process import run_bounded

_GRACE_SECONDS = 60.0


class ApptainerRunner:
    """Runs programs of one SIF file."""

    def __init__(self, image: str, *, gpu: bool = False) -> None:
        folder = Path(os.environ.get("PICOBENCH_SIF", "images"))
        self._file = (folder / (image.replace(":", "_").replace("/", "_") + ".sif")).absolute()
        self._image = image
        self._gpu = gpu

    def identity(self) -> Mapping[str, str]:
        """The image's name and the SHA-256 of its file."""
        self._program()
        return {
            "image": self._image,
            "image_digest": "sha256:" + _digest(self._file, self._file.stat().st_mtime),
        }

    @contextlib.contextmanager
    def workplace(self, limits: Limits) -> "Iterator[ApptainerWorkplace]":
        """A private folder that programs see as /job."""
        prefix = [self._program(), "exec", "--containall", "--no-home", "--cleanenv", "--no-privs"]
        prefix += ["--net", "--network", "none", "--pids-limit", str(limits.processes)]
        if limits.memory_bytes is not None:
            prefix += ["--memory", str(limits.memory_bytes)]
        if limits.cpus is not None:
            prefix += ["--cpus", str(limits.cpus)]
        if self._gpu:
            prefix += ["--nv"]
        with private_folder() as folder:
            prefix += ["--bind", f"{folder}:/job", "--pwd", "/job", str(self._file)]
            yield ApptainerWorkplace(folder, limits, prefix)

    def _program(self) -> str:
        program = shutil.which("apptainer")
        if program is None:
            raise CodecError("no program 'apptainer' on PATH; install Apptainer or choose another runner")
        if not self._file.is_file():
            raise CodecError(
                f"{self._file}: no such image; convert it: apptainer build {self._file} docker://..."
            )
        return program


class ApptainerWorkplace:
    """A private folder; each run is a container of its own."""

    def __init__(self, folder: Path, limits: Limits, prefix: list[str]) -> None:
        self.folder = folder
        self._limits = limits
        self._prefix = prefix

    def run(self, argv: Sequence[str]) -> Execution:
        """Run a program in the folder."""
        limits = self._limits
        call = [*self._prefix, "picobench-measure", "run", f"{limits.seconds:.3f}", *argv]
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        finished = run_bounded(call, self.folder, environment, limits.seconds + _GRACE_SECONDS)
        report = finished.stdout.report()
        if report is None:
            return Execution(
                reason=f"{argv[0]}: the container failed or was stopped", output_tail=finished.stderr.tail()
            )
        return executed(argv[0], limits, report, finished.stderr)


@cache
def _digest(file: Path, _modified: float) -> str:
    return sha256_file(file)
