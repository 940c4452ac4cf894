# SPDX-License-Identifier: BSD-3-Clause
"""Programs in a container: no network, no rights, nothing of this machine but the job's folder.

One container serves a chunk of images: after each run, everything in it is killed but its first process. It is
thrown away after a run that did not end by itself or of which something stays, and at the end in any case: its
first process ends, and the engine removes the container, as soon as this process's connection to it closes, even
by SIGKILL.
"""

import contextlib
import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from picobench.errors import CodecError
from picobench.runners import Execution, Limits, executed
from picobench.runners._folder import private_folder
from picobench.runners._output import Output

IMAGE_PREFIX = "picobench/"
MEASURE = "picobench-measure"
PROCESS_LABEL = "org.picobench.process"
_JOB = "/job"
# Programs of a caller who is root run as the user that owns nothing: 65534 is nobody on Linux.
_NOBODY = 65534
# cgroups v2, then v1; one of them is there.
_OUT_OF_MEMORY_COUNTERS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")
_GRACE_SECONDS = 10.0
_REQUEST_SECONDS = 60
_DEFAULT_MEMORY_BYTES = 4 << 30
_TEMPORARY_BYTES = 1 << 30


def full_name(image: str) -> str:
    """The image's name for the engine: "av1:3.12" is "picobench/av1:3.12"; names with a slash are whole."""
    return image if "/" in image else IMAGE_PREFIX + image


def connect() -> Any:
    """A client of the local engine.

    Raises:
        CodecError: The `docker` package or the engine is not there.
    """
    try:
        import docker
    except ImportError:
        raise CodecError("container codecs need the package 'docker': pip install docker") from None
    try:
        client = docker.from_env(timeout=_REQUEST_SECONDS)
        client.ping()
    except Exception as error:  # the package raises its own and requests' errors alike
        raise CodecError(
            f"no container engine answers ({_line(error)}); start Docker and run again"
        ) from None
    return client


class DockerRunner:
    """Runs programs of one image."""

    def __init__(self, image: str, *, gpu: bool = False) -> None:
        self._image = full_name(image)
        self._gpu = gpu

    def identity(self) -> Mapping[str, str]:
        """The image's name and digest (the engine's image id, a SHA-256 over its configuration and layers)."""
        client = connect()
        try:
            return {"image": self._image, "image_digest": find_image(client, self._image).id}
        finally:
            client.close()

    @contextlib.contextmanager
    def workplace(self, limits: Limits) -> "Iterator[ContainerWorkplace]":
        """A private folder and, from the first run on, a container that sees it as /job."""
        client = connect()
        try:
            # By digest: a tag may be moved while the chunk is under way.
            image = find_image(client, self._image).id
            with private_folder() as folder:
                workplace = ContainerWorkplace(client, image, folder, limits, gpu=self._gpu)
                try:
                    yield workplace
                finally:
                    workplace.close()
        finally:
            client.close()


def find_image(client: Any, name: str) -> Any:
    """The image of that name.

    Raises:
        CodecError: It is not there.
    """
    import docker.errors

    try:
        return client.images.get(name)
    except docker.errors.ImageNotFound:
        codec = name.removeprefix(IMAGE_PREFIX).partition(":")[0]
        raise CodecError(f"no image {name}; build it: picobench images build {codec}") from None


class ContainerWorkplace:
    """A private folder, and the container in which programs run."""

    def __init__(self, client: Any, image: str, folder: Path, limits: Limits, *, gpu: bool) -> None:
        self.folder = folder
        self._client = client
        self._image = image
        self._limits = limits
        self._gpu = gpu
        self._container: Any = None
        self._lifeline: Any = None
        self._user = (os.getuid(), os.getgid())
        if self._user[0] == 0:
            self._user = (_NOBODY, _NOBODY)
            os.chown(folder, *self._user)

    def run(self, argv: Sequence[str]) -> Execution:
        """Run a program in the container; a container that was lost is replaced first.

        Raises:
            CodecError: The container cannot be started.
        """
        if self._container is None:
            self._start()
        stdout, stderr = Output(), Output()
        lost = ""
        reaper = threading.Timer(self._limits.seconds + _GRACE_SECONDS, self._kill)
        reaper.start()
        try:
            self._execute([MEASURE, "run", f"{self._limits.seconds:.3f}", *argv], stdout, stderr)
        except Exception as error:  # whatever the engine's client raises when a container dies under it
            lost = _line(error)
        finally:
            reaper.cancel()
        return self._judge(argv[0], stdout.report(), stderr, lost)

    def close(self) -> None:
        """Remove the container."""
        container, self._container = self._container, None
        lifeline, self._lifeline = self._lifeline, None
        if container is not None:
            import docker.errors

            try:
                container.remove(force=True)
            except docker.errors.APIError:
                # Gone already, or the engine is removing it by itself: wait until it has.
                with contextlib.suppress(Exception):
                    container.wait(condition="removed", timeout=_REQUEST_SECONDS)
        if lifeline is not None:
            lifeline.close()

    def _execute(self, argv: list[str], stdout: Output, stderr: Output) -> None:
        api = self._client.api
        call = api.exec_create(self._container.id, argv)["Id"]
        for ours, theirs in api.exec_start(call, stream=True, demux=True):
            stdout.add(ours or b"")
            stderr.add(theirs or b"")

    def _judge(self, what: str, report: Mapping[str, Any] | None, stderr: Output, lost: str) -> Execution:
        memory = self._limits.memory_bytes or _DEFAULT_MEMORY_BYTES
        out_of_memory = f"{what} ran out of memory: {memory >> 20} MB are allowed (limits.memory_megabytes)"
        if report is None:
            lost_reason = f"{what} took its container down with it, or left processes that cannot be stopped"
            reason = out_of_memory if self._saw_out_of_memory() else lost_reason
            self.close()
            return Execution(reason=reason, output_tail=stderr.tail() or lost)
        result = executed(what, self._limits, report, stderr)
        if report["signal"] or report["timed_out"]:
            if not report["timed_out"] and self._saw_out_of_memory():
                result = replace(result, reason=out_of_memory)
            self.close()
        return result

    def _saw_out_of_memory(self) -> bool:
        """Whether the kernel has killed a process of this container for want of memory."""
        with contextlib.suppress(Exception):
            # The kernel's own count: the engine may set its flag late, or only when the container ends.
            counters = Output()
            self._execute(["cat", *_OUT_OF_MEMORY_COUNTERS], counters, Output())
            if re.search(r"^oom_kill [1-9]", counters.head(), re.MULTILINE):
                return True
        with contextlib.suppress(Exception):
            self._container.reload()
            return bool(self._container.attrs["State"]["OOMKilled"])
        return False

    def _kill(self) -> None:
        with contextlib.suppress(Exception):
            self._container.kill()

    def _start(self) -> None:
        try:
            self._container = self._client.containers.create(self._image, **self._options())
            self._lifeline = self._container.attach_socket(params={"stdin": 1, "stream": 1})
            self._container.start()
        except Exception as error:
            self.close()
            raise CodecError(f"image {self._image}: no container can be started ({_line(error)})") from error

    def _options(self) -> dict[str, Any]:
        import docker.types

        limits = self._limits
        memory = limits.memory_bytes or _DEFAULT_MEMORY_BYTES
        largest_file = docker.types.Ulimit(name="fsize", soft=limits.file_bytes, hard=limits.file_bytes)
        options: dict[str, Any] = {
            "entrypoint": [MEASURE],
            "command": ["idle"],
            "stdin_open": True,
            "auto_remove": True,
            "user": "{}:{}".format(*self._user),
            "working_dir": _JOB,
            "environment": {"HOME": "/tmp", "TMPDIR": "/tmp", "LANG": "C.UTF-8"},  # noqa: S108  the container's
            "network_mode": "none",
            "read_only": True,
            "tmpfs": {"/tmp": f"rw,nosuid,nodev,exec,mode=1777,size={_TEMPORARY_BYTES}"},  # noqa: S108
            "mounts": [docker.types.Mount(_JOB, str(self.folder), type="bind")],
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges:true"],
            "ipc_mode": "private",
            "pids_limit": limits.processes,
            "mem_limit": memory,
            "memswap_limit": memory,
            "ulimits": [docker.types.Ulimit(name="core", soft=0, hard=0), largest_file],
            "log_config": docker.types.LogConfig(type="none"),
            "labels": {"org.picobench.role": "codec", PROCESS_LABEL: str(os.getpid())},
        }
        if limits.cpus is not None:
            options["nano_cpus"] = int(limits.cpus * 1e9)
        if self._gpu:
            options["device_requests"] = [docker.types.DeviceRequest(count=1, capabilities=[["gpu"]])]
        return options


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
