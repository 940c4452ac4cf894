# SPDX-License-Identifier: BSD-3-Clause
"""What the Snakefile needs from the package, and nothing else imports."""

import fcntl
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from snakemake.exceptions import WorkflowError

from picobench import datasets, layout
from picobench.errors import PicobenchError, StorageError
from picobench.files import content_key, storage_error
from picobench.run import DatasetRequest, Run, load_run
from picobench.stages.dataset import dataset_options
from picobench.work import Work

# Held until the process ends, however it ends: a killed run leaves no lock behind.
_LOCK: list[IO[str]] = []


class Planner:
    """The work of a run, planned again when a dataset was prepared meanwhile."""

    def __init__(self, run: Run, *, main: bool) -> None:
        self._run = run
        self._main = main
        self._work: Work | None = None
        self._stamp: tuple[int, ...] = ()

    @property
    def work(self) -> Work:
        """The jobs of the run; its datasets must be prepared."""
        return self._work or self.refresh()

    def refresh(self) -> Work:
        """The jobs of the run, planned again if a dataset was prepared meanwhile."""
        stamp = tuple(layout.inventory_file(name).stat().st_mtime_ns for name in self._run.datasets)
        if self._work is None or stamp != self._stamp:
            try:
                self._work, self._stamp = Work(self._run, main=self._main), stamp
                self._work.files()  # plans everything: what is wrong shows here and not in a rule
            except PicobenchError as error:
                raise WorkflowError(f"picobench: error: {error}") from None
        return self._work


def open_run(
    config: Mapping[str, Any], *, root: Path, sources: Sequence[str], main: bool, dry_run: bool
) -> tuple[Run, Planner]:
    """Check the configuration and, in the main process, take the results folder.

    Ends the process with one line for each problem.
    """
    try:
        run = load_run(config, root, ", ".join(str(source) for source in sources) or "the configuration")
        if main:
            for study in run.studies.values():
                study.votes()  # what is wrong with them is said now and not when all else is done
        if main and not dry_run:
            _take_results()
            for name, request in run.metrics.items():
                if not request.available:
                    print(f"picobench: metric {name} is unavailable: {request.why}", file=sys.stderr)
    except PicobenchError as error:
        sys.exit("\n".join(f"picobench: error: {line}" for line in str(error).splitlines()))
    return run, Planner(run, main=main)


def _take_results() -> None:
    if _LOCK:
        return
    path = layout.RESULTS / ".lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = path.open("w")
    except OSError as error:
        raise storage_error(path, error) from error
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise StorageError(f"{layout.RESULTS}: another run is using it; wait for it or stop it") from None
    _LOCK.append(stream)


def job_command(run: Run) -> str:
    """How rules call the package: with this interpreter, whatever is active in the shell."""
    folders = [f"--definitions={folder.resolve()}" for folder in run.definitions.extra]
    folders += [
        f"--mirror-of={name}={folder.resolve()}"
        for name, mirrors in run.definitions.mirrors.items()
        for folder in mirrors
    ]
    return shlex.join([sys.executable, "-m", "picobench.jobs", f"--root={run.definitions.root}", *folders])


def dataset_arguments(run: Run, name: str) -> str:
    """Arguments of the job that prepares a dataset; when they change it is prepared again."""
    request: DatasetRequest = run.datasets[name]
    definition = run.definitions.read("datasets", request.id)
    arguments = [f"--dataset={name}", f"--id={request.id}"]
    if request.path is not None:
        arguments.append(f"--path={request.path.resolve()}")
    arguments += [f"--mirror={folder.resolve()}" for folder in run.definitions.mirrors_of(name)]
    arguments += ["--offline"] if run.offline else []
    options = dataset_options(run.definitions, request.id, request.path)
    sources = {"definition": definition["source"], "files": datasets.listing(definition, options)}
    arguments.append(f"--fingerprint={content_key(sources)}")
    return shlex.join(arguments)
