# SPDX-License-Identifier: BSD-3-Clause
"""What the Snakefile needs from the package, and nothing else imports."""

import contextlib
import fcntl
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from picobench import datasets, layout
from picobench.dataset_request import dataset_options
from picobench.errors import PicobenchError, StorageError
from picobench.files import content_key, storage_error
from picobench.run import Run, check_datasets, load_run
from picobench.work import Work
from picobench.yamlfile import read_yaml

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
            with _ended_by_problems():
                self._work, self._stamp = Work(self._run, main=self._main), stamp
                self._work.files()  # plans everything: what is wrong shows here and not in a rule
                if self._main:
                    for inventory in self._work.inventories.values():
                        inventory.check_references()
        return self._work


@contextlib.contextmanager
def _ended_by_problems() -> Iterator[None]:
    """End the process with one line for each problem; Snakemake would show an exception with a traceback."""
    try:
        yield
    except PicobenchError as error:
        for line in str(error).splitlines():
            print(f"picobench: error: {line}", file=sys.stderr)
        sys.exit(1)


def open_run(
    config: Mapping[str, Any], *, root: Path, sources: Sequence[str | Path], main: bool, dry_run: bool
) -> tuple[Run, Planner]:
    """Check the configuration and, in the main process, what the run starts from; take the results folder.

    Ends the process with one line for each problem.

    Args:
        config: The configuration, as Snakemake merged it from files and command line.
        root: Folder of the project.
        sources: The files it was read from.
        main: Whether this is the process that plans, and not one that parses the workflow again for a job.
        dry_run: Whether nothing will be computed.
    """
    with _ended_by_problems():
        if main:
            for source in sources:
                read_yaml(Path(source))  # Snakemake takes the second of two equal keys without a word
        run = load_run(config, root, ", ".join(str(source) for source in sources) or "the configuration")
        if main:
            check_datasets(run)
            for study in run.studies.values():
                study.votes()  # what is wrong with them is said now and not when all else is done
        if main and not dry_run:
            _take_results()
            for name, request in run.metrics.items():
                if not request.available:
                    print(f"picobench: metric {name} is unavailable: {request.why}", file=sys.stderr)
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
    """Arguments of the job that prepares a dataset; when they change it is prepared again.

    Ends the process with a line where the dataset's folder cannot be read.
    """
    request = run.datasets[name]
    definition = run.definitions.read("datasets", request.id)
    arguments = [f"--dataset={name}", f"--id={request.id}"]
    if request.path is not None:
        arguments.append(f"--path={request.path.resolve()}")
    arguments += [f"--mirror={folder.resolve()}" for folder in run.definitions.mirrors_of(request.id)]
    arguments += ["--offline"] if run.offline else []
    with _ended_by_problems():
        files = datasets.listing(definition, dataset_options(run.definitions, request))
    sources = {"definition": definition["source"], "files": files}
    arguments.append(f"--fingerprint={content_key(sources)}")
    return shlex.join(arguments)
