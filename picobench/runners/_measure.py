# SPDX-License-Identifier: BSD-3-Clause
"""Runs one program and measures it; the native counterpart of `containers/base/measure.c`.

    python -I -S _measure.py SECONDS ADDRESS_SPACE_BYTES FILE_BYTES PROGRAM [ARGUMENT...]

Writes one line of JSON to standard output; what the program writes goes to standard error. The program and all
that it started are killed when it takes too long, when it ends, and when standard input closes, that is when
picobench itself ends; if something stays all the same, there is no report. ADDRESS_SPACE_BYTES 0 means no limit.
The peak that is reported is never below this interpreter's own, about 10 MB: the kernel counts what was there
before exec.
"""

import contextlib
import ctypes
import errno
import json
import os
import resource
import signal
import sys
import threading
import time

_PR_SET_CHILD_SUBREAPER = 36
# Less than picobench waits for this process once it has told it to end.
_ENDING_SECONDS = 4.0


def _start(argv: list[str], address_space: int, file_bytes: int, error_pipe: int) -> None:
    """Become the program; runs in the forked child."""
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
        if address_space:
            resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)
        os.execvp(argv[0], argv)  # noqa: S606  an argv list, no shell
    except OSError as error:
        os.write(error_pipe, str(error.errno or errno.EIO).encode())
    finally:
        os._exit(127)


def _end_everything() -> bool:
    """Kill and reap what the program left running; returns whether nothing is left.

    Orphans become children of this process (see `main`), so no child means no descendant, and in most runs
    there is nothing more to do. A process that forks faster than /proc is read may escape: hence the deadline.
    """
    deadline = time.monotonic() + _ENDING_SECONDS
    while time.monotonic() < deadline:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return True
        for pid in _descendants():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.002)
    return False


def _descendants() -> set[int]:
    """The processes that this one started, directly or not; none where there is no /proc."""
    parents = {}
    with contextlib.suppress(OSError):
        for process in os.scandir("/proc"):
            if process.name.isdigit():
                with contextlib.suppress(OSError):
                    handle = os.open(f"{process.path}/stat", os.O_RDONLY)
                    # The name of the program, in parentheses, may hold anything.
                    fields = os.read(handle, 4096).rpartition(b")")[2].split()
                    os.close(handle)
                    parents[int(process.name)] = int(fields[1])
    found: set[int] = set()
    latest = {os.getpid()}
    while latest:
        latest = {pid for pid, parent in parents.items() if parent in latest} - found
        found |= latest
    return found


def main(arguments: list[str]) -> None:
    """Run the program and report."""
    seconds, address_space, file_bytes = float(arguments[0]), int(arguments[1]), int(arguments[2])
    argv = arguments[3:]
    error_read, error_write = os.pipe()  # closed on exec
    if sys.platform == "linux":
        # What loses its parent becomes our child and not that of the machine's first process: setsid is no way out.
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    started = time.perf_counter()
    child = os.fork()
    if child == 0:
        _start(argv, address_space, file_bytes, error_write)
    os.close(error_write)
    timed_out = threading.Event()

    def end_group() -> None:
        # The child may not have its group yet.
        for end in (os.killpg, os.kill):
            with contextlib.suppress(OSError):
                end(child, signal.SIGKILL)

    def on_timeout() -> None:
        timed_out.set()
        end_group()

    def on_orphaned() -> None:
        while os.read(0, 64):
            pass
        end_group()

    timer = threading.Timer(seconds, on_timeout)
    timer.daemon = True
    timer.start()
    threading.Thread(target=on_orphaned, daemon=True).start()
    ended = 0
    while ended != child:
        ended, status, usage = os.wait4(-1, 0)
    elapsed = time.perf_counter() - started
    timer.cancel()
    with contextlib.suppress(OSError):
        os.killpg(child, signal.SIGKILL)
    if not _end_everything():
        os.write(2, b"processes of the program cannot be stopped\n")
        os._exit(1)
    code = os.read(error_read, 16)
    report = {
        "seconds": elapsed,
        # Linux reports kilobytes, macOS bytes.
        "peak_memory_bytes": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "exit_status": os.WEXITSTATUS(status) if os.WIFEXITED(status) else -1,
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
        "timed_out": timed_out.is_set(),
        "start_error": int(code or 0),
    }
    os.write(1, json.dumps(report).encode() + b"\n")
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
