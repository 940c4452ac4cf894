# SPDX-License-Identifier: BSD-3-Clause
"""Runs one program and measures it; the native counterpart of `containers/base/measure.c`.

    python -I -S _measure.py SECONDS ADDRESS_SPACE_BYTES FILE_BYTES PROGRAM [ARGUMENT...]

Writes one line of JSON to standard output; what the program writes goes to standard error. The program gets
a process group of its own, which is killed when it takes too long, when it ends, and when standard input
closes, that is when picobench itself ends. ADDRESS_SPACE_BYTES 0 means no limit. The peak that is reported
is never below this interpreter's own, about 10 MB: the kernel counts what was there before exec.
"""

import contextlib
import errno
import json
import os
import resource
import signal
import sys
import threading
import time


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


def main(arguments: list[str]) -> None:
    """Run the program and report."""
    seconds, address_space, file_bytes = float(arguments[0]), int(arguments[1]), int(arguments[2])
    argv = arguments[3:]
    error_read, error_write = os.pipe()  # closed on exec
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
        os._exit(1)

    timer = threading.Timer(seconds, on_timeout)
    timer.daemon = True
    timer.start()
    threading.Thread(target=on_orphaned, daemon=True).start()
    _, status, usage = os.wait4(child, 0)
    elapsed = time.perf_counter() - started
    timer.cancel()
    with contextlib.suppress(OSError):
        os.killpg(child, signal.SIGKILL)
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
