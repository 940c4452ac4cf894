# SPDX-License-Identifier: BSD-3-Clause
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from picobench.errors import CodecError, DefinitionError
from picobench.runners import Limits, Workplace, _folder, _process, runner_for
from picobench.runners import docker as docker_runner
from picobench.runners._folder import empty_folder, private_folder, read_result, write_new
from picobench.runners._output import Output
from picobench.runners.docker import DockerRunner

BASE = "base:trixie"
STANDINS = Path(__file__).parent / "standins"
Open = Callable[..., AbstractContextManager[Workplace]]


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    pytest.importorskip("docker", reason="the package 'docker' is not installed")
    try:
        client = docker_runner.connect()
        docker_runner.find_image(client, docker_runner.full_name(BASE))
    except CodecError as error:
        pytest.skip(str(error))
    yield client
    client.close()


@pytest.fixture
def containers(client: Any) -> Callable[..., set[str]]:
    """The codec containers of a process, this one if none is named, that exist now."""

    def ids(process: int = 0) -> set[str]:
        label = f"{docker_runner.PROCESS_LABEL}={process or os.getpid()}"
        found = client.containers.list(all=True, filters={"label": label})
        return {container.id for container in found}

    return ids


@pytest.fixture(params=["native", "docker"])
def place(request: pytest.FixtureRequest) -> Open:
    """Opens a workplace of either runner."""
    if request.param == "docker":
        request.getfixturevalue("client")
    runner = runner_for(request.param, BASE)

    def open_place(seconds: float = 20.0, **limits: Any) -> AbstractContextManager[Workplace]:
        return runner.workplace(Limits(seconds=seconds, **limits))

    return open_place


@pytest.fixture
def container(client: Any) -> Open:
    """Opens a workplace in a container."""

    def open_place(seconds: float = 20.0, **limits: Any) -> AbstractContextManager[Workplace]:
        return DockerRunner(BASE).workplace(Limits(seconds=seconds, **limits))

    return open_place


def shell(text: str) -> list[str]:
    return ["sh", "-c", text]


# What both runners owe.


def test_program_runs_in_its_folder(place: Open) -> None:
    with place() as where:
        (where.folder / "input").write_text("picture")
        execution = where.run(shell("cat input; echo problem >&2; tr a-z A-Z <input >output"))
        assert execution.reason == ""
        assert execution.exit_status == 0
        assert execution.output == "pictureproblem\n"
        assert (where.folder / "output").read_text() == "PICTURE"
        folder = where.folder
    assert not folder.exists()


def test_time_and_memory_are_those_of_the_program(place: Open) -> None:
    with place() as where:
        nap = where.run(["sleep", "0.6"])
        hog = where.run(["perl", "-e", "my $x = 'a' x 120_000_000; exit 0"])
    assert nap.seconds is not None
    assert 0.6 <= nap.seconds < 1.2
    assert nap.peak_memory_bytes is not None
    assert nap.peak_memory_bytes < 30_000_000
    assert hog.peak_memory_bytes is not None
    assert 100_000_000 < hog.peak_memory_bytes < 300_000_000


def test_failures_are_told_apart(place: Open) -> None:
    with place(seconds=1.0) as where:
        failed = where.run(shell("echo no such picture >&2; exit 3"))
        missing = where.run(["no-such-codec"])
        hung = where.run(["sleep", "600"])
        killed = where.run(shell("kill -SEGV $$"))
        well = where.run(["true"])
    assert (failed.reason, failed.exit_status) == ("sh ended with exit status 3", 3)
    assert failed.output_tail == "no such picture\n"
    assert "cannot be started (No such file or directory)" in missing.reason
    assert hung.reason == "sleep gave no result within 1 s: stopped"
    assert hung.exit_status is None
    assert killed.reason == f"sh was ended by signal {signal.SIGSEGV.value}"
    assert well.reason == ""


def test_a_deaf_program_and_its_children_are_stopped(place: Open) -> None:
    # The odd number finds the children among all processes of this machine, contained or not.
    with place(seconds=1.0) as where:
        execution = where.run(shell("trap '' TERM INT HUP; sleep 98760.25 & sleep 98760.25"))
    assert "stopped" in execution.reason
    deadline = time.monotonic() + 5
    while running("98760.25") and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not running("98760.25")


def test_children_left_behind_are_stopped(place: Open) -> None:
    with place() as where:
        execution = where.run(shell("sleep 98761.25 & exit 0"))
        assert execution.reason == ""
        time.sleep(0.3)
        assert not running("98761.25")


def test_a_child_in_a_session_of_its_own_is_stopped(place: Open) -> None:
    # It holds the program's output open, and has left its group and its parent.
    with place(seconds=5.0) as where:
        started = time.monotonic()
        execution = where.run(shell("setsid sleep 98762.25 & sleep 0.2; exit 0"))
        took = time.monotonic() - started
        assert not running("98762.25")
        assert where.run(["echo", "still here"]).output == "still here\n"
    assert execution.reason == ""
    assert execution.seconds is not None
    assert took < 4


def test_an_ended_measuring_process_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    # A program of this machine can end the process that measures it; what it started then holds the output.
    monkeypatch.setattr(_process, "_ENDING_SECONDS", 0.5)
    with runner_for("native").workplace(Limits(seconds=20.0)) as where:
        started = time.monotonic()
        execution = where.run(shell("setsid sleep 12.0625 & kill -9 $PPID"))
        took = time.monotonic() - started
    assert "took its measuring process down" in execution.reason
    assert took < 4


def running(argument: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if argument.encode() in path.read_bytes().split(b"\0"):
                found.append(path.parent.name)
        except OSError:
            continue
    return found


def test_a_flood_of_output_is_bounded(place: Open) -> None:
    with place() as where:
        execution = where.run(shell("yes | head -c 20000000; echo the end"))
    assert execution.reason == ""
    assert len(execution.output) == 65536
    assert len(execution.output_tail) == 2000
    assert execution.output_tail.endswith("the end\n")


def test_a_program_cannot_forge_the_report(place: Open) -> None:
    with place() as where:
        forged = where.run(shell("echo '{\"seconds\": 0.1}'; echo '{\"seconds\": 0.1}' >&3; exit 1"))
    assert forged.reason.endswith("exit status 2") or forged.reason.endswith("exit status 1")
    assert forged.seconds != pytest.approx(0.1, abs=1e-9)


def test_environment_says_nothing(place: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    with place() as where:
        execution = where.run(["env"])
    assert "hunter2" not in execution.output
    assert "PICOBENCH" not in execution.output


def test_a_huge_file_is_cut_off(place: Open) -> None:
    with place(file_bytes=1 << 20) as where:
        execution = where.run(["dd", "if=/dev/zero", "of=output", "bs=64k", "count=100"])
        assert execution.reason
        assert (where.folder / "output").stat().st_size <= 1 << 20


# What only a container gives.


def test_container_has_no_route_out(container: Open) -> None:
    connect = "perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new(PeerAddr=>shift, Timeout=>3)' "
    with container() as where:
        assert where.run(["ls", "/sys/class/net"]).output == "lo\n"
        assert where.run(shell("tail -n +2 /proc/net/route")).output == ""
        # Addresses that a route would reach: this machine's bridge, and a public name server.
        for address in ("172.17.0.1:53", "8.8.8.8:53"):
            assert where.run(shell(connect + address)).exit_status == 1
        assert where.run(["getent", "hosts", "localhost"]).exit_status == 0
        assert where.run(["getent", "hosts", "example.org"]).exit_status == 2


def test_container_has_no_rights(container: Open) -> None:
    with container() as where:
        status = where.run(["cat", "/proc/self/status"]).output
        user = where.run(["id", "-u"]).output.strip()
        assert where.run(["unshare", "--mount", "true"]).reason
        assert where.run(["mount", "-t", "tmpfs", "none", "/mnt"]).reason
    expected = 65534 if os.getuid() == 0 else os.getuid()
    assert user == str(expected)
    for field in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert f"{field}:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status


def test_container_writes_nowhere_else(container: Open) -> None:
    with container() as where:
        for folder in ("/", "/usr/local/bin", "/etc", "/var/tmp", "/home", "/proc/sys/kernel"):
            assert where.run(["touch", f"{folder}/mark"]).reason, folder
        assert where.run(shell("touch /tmp/mark && touch /job/mark")).reason == ""


def test_container_sees_nothing_of_this_machine(container: Open, tmp_path: Path) -> None:
    (tmp_path / "reference.png").write_text("reference")
    with container() as where:
        assert where.run(["cat", str(tmp_path / "reference.png")]).reason
        assert where.run(["ls", "-A", "/job"]).output == ""
        mounts = where.run(["cat", "/proc/self/mountinfo"]).output
        processes = where.run(shell("cat /proc/[0-9]*/comm")).output.split()
        devices = where.run(["ls", "/dev"]).output.split()
    backed = [line.split()[4] for line in mounts.splitlines() if " - ext4 " in line or " - xfs " in line]
    assert set(backed) <= {"/job", "/etc/resolv.conf", "/etc/hostname", "/etc/hosts"}
    assert set(processes) <= {"picobench-measu", "sh", "cat"}
    assert not any(name.startswith(("sd", "vd", "nvme", "mem", "kmsg")) for name in devices)


def test_fork_bomb_is_a_failure(container: Open, containers: Callable[..., set[str]]) -> None:
    before = containers()
    with container(seconds=2.0, processes=32) as where:
        bomb = where.run(["perl", "-e", "while (1) { fork }"])
        after = where.run(["echo", "still here"])
    assert bomb.reason == "perl gave no result within 2 s: stopped"
    assert after.output == "still here\n"
    assert containers() == before


def test_a_program_that_forks_away_does_not_outlive_its_run(container: Open) -> None:
    # Each process lives just long enough to start the next: no list of processes would have the one that runs.
    flight = (
        "use POSIX; exit if fork; POSIX::setsid; while (1) { exit if fork; open my $f, '>', 'mark-98763' }"
    )
    with container() as where:
        assert where.run(["perl", "-e", flight]).reason == ""
        (where.folder / "mark-98763").unlink(missing_ok=True)
        time.sleep(0.3)
        assert list(where.folder.iterdir()) == []
        assert where.run(shell("cat /proc/[0-9]*/comm")).output.split().count("perl") == 0


def test_first_process_is_out_of_reach(container: Open) -> None:
    # A program that got into it would outlive its run: it is the one process that is not killed.
    with container() as where:
        assert where.run(shell("sleep 5 & exec 3</proc/$!/mem")).reason == ""
        assert "Permission denied" in where.run(shell("exec 3</proc/1/mem")).output


def test_memory_hog_is_a_failure(container: Open, containers: Callable[..., set[str]]) -> None:
    before = containers()
    with container(memory_bytes=64 << 20) as where:
        hog = where.run(["perl", "-e", "my @x; push @x, 'a' x 1_000_000 while 1"])
        after = where.run(["echo", "still here"])
    assert hog.reason == "perl ran out of memory: 64 MB are allowed (limits.memory_megabytes)"
    assert after.output == "still here\n"
    assert containers() == before


def test_endless_loop_is_a_failure(container: Open, containers: Callable[..., set[str]]) -> None:
    before = containers()
    with container(seconds=1.0) as where:
        loop = where.run(shell("while :; do :; done"))
        after = where.run(["echo", "still here"])
    assert "stopped" in loop.reason
    assert after.output == "still here\n"
    assert containers() == before


def test_program_that_kills_everything_is_a_failure(container: Open) -> None:
    with container() as where:
        assert "took its container down" in where.run(["perl", "-e", "kill 9, -1"]).reason
        assert where.run(["echo", "still here"]).output == "still here\n"


def test_one_container_serves_a_chunk(container: Open, containers: Callable[..., set[str]]) -> None:
    before = containers()
    with container() as where:
        assert containers() == before
        names = {where.run(["cat", "/etc/hostname"]).output for _ in range(3)}
        assert len(containers() - before) == 1
        where.run(shell("exit 1"))  # an orderly failure does not cost the container
        names.add(where.run(["cat", "/etc/hostname"]).output)
    assert len(names) == 1
    assert containers() == before


def test_a_silent_program_outlasts_the_request_timeout(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker_runner, "_REQUEST_SECONDS", 4)
    with DockerRunner(BASE).workplace(Limits(seconds=20.0)) as where:
        execution = where.run(shell("sleep 7; echo done"))
    assert (execution.reason, execution.output) == ("", "done\n")


def test_container_goes_when_picobench_is_killed(containers: Callable[..., set[str]], tmp_path: Path) -> None:
    script = (
        "from picobench.runners import *; from picobench.runners.docker import *\n"
        f"with DockerRunner({BASE!r}).workplace(Limits(seconds=600)) as place:\n"
        "    print('started', place.run(['true']).reason, flush=True); place.run(['sleep', '600'])\n"
    )
    # What SIGKILL leaves behind stays in the test's folder.
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    call = [sys.executable, "-c", script]
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started \n"
        assert len(containers(process.pid)) == 1
        process.kill()
    deadline = time.monotonic() + 15
    while containers(process.pid) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert containers(process.pid) == set()


def test_processor_limit_holds(container: Open) -> None:
    work = ["perl", "-e", "my ($u) = times; while ((times)[0] - $u < 0.5) {}"]
    with container(cpus=0.5) as where:
        limited = where.run(work)
    assert limited.seconds is not None
    assert limited.seconds > 0.75


def test_identity_names_image_and_digest(client: Any) -> None:
    identity = DockerRunner(BASE).identity()
    assert identity["image"] == "picobench/base:trixie"
    assert identity["image_digest"].startswith("sha256:")


def test_missing_image_says_how_to_get_it(client: Any) -> None:
    with pytest.raises(CodecError, match="picobench images build nothing"):
        DockerRunner("nothing:1").identity()


def test_missing_engine_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("docker", reason="the package 'docker' is not installed")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    with pytest.raises(CodecError, match=r"no container engine answers .* start Docker"):
        DockerRunner(BASE).identity()


# Apptainer: its command line, against a stand-in that knows the documented options only.


@pytest.fixture
def apptainer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "apptainer").symlink_to(STANDINS / "apptainer")
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PICOBENCH_SIF", str(tmp_path))
    (tmp_path / "av1_3.12.sif").write_bytes(b"image")
    return tmp_path


def test_apptainer_command_line(apptainer: Path) -> None:
    runner = runner_for("apptainer", "av1:3.12")
    digest = runner.identity()["image_digest"]
    limits = Limits(seconds=5.0, memory_bytes=1 << 30, cpus=1.0, processes=64)
    with runner.workplace(limits) as where:
        execution = where.run(shell("echo in $PWD; echo result >output"))
        assert execution.reason == ""
        assert (where.folder / "output").read_text() == "result\n"
        assert execution.output == f"in {where.folder}\n"
        assert where.run(shell("exit 4")).exit_status == 4
    assert len(digest) == len("sha256:") + 64


def test_apptainer_needs_its_image(apptainer: Path) -> None:
    with pytest.raises(CodecError, match=r"av1_9\.sif: no such image"):
        runner_for("apptainer", "av1:9").identity()


# Pieces.


def test_unknown_runner_is_refused() -> None:
    with pytest.raises(DefinitionError, match="did you mean 'docker'"):
        runner_for("dokcer")


FORGED = (
    '{"seconds": SECONDS, "peak_memory_bytes": 1, "exit_status": 0, "signal": 0, '
    '"timed_out": false, "start_error": ERROR}'
)


def test_whole_report_is_read() -> None:
    output = Output()
    output.add(FORGED.replace("SECONDS", "0.5").replace("ERROR", "0").encode())
    assert output.report() is not None


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "[" * 4000, '{"seconds": 1}', "x" * 5000, '{"seconds": NaN}'),
        FORGED.replace("SECONDS", "NaN").replace("ERROR", "0"),
        FORGED.replace("SECONDS", '"0.5"').replace("ERROR", "0"),
        FORGED.replace("SECONDS", "0.5").replace("ERROR", "1" + 30 * "0"),
    ],
)
def test_damaged_report_is_none(text: str) -> None:
    output = Output()
    output.add(text.encode())
    assert output.report() is None


def test_control_characters_are_not_passed_on() -> None:
    output = Output()
    output.add(b"\x1b[31mred\x00\r\n\xff")
    assert "\x1b" not in output.head()
    assert "\x00" not in output.tail()


@pytest.fixture
def own_folder() -> Iterator[Path]:
    """A folder of the user nobody where the tests run as root, to whom permissions mean nothing."""
    folder = Path(tempfile.mkdtemp())
    if os.getuid() == 0:
        os.chown(folder, 65534, 65534)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def as_nobody(action: Callable[[], None]) -> None:
    """Run `action` in a child process that is not root."""
    child = os.fork()
    if child == 0:
        try:
            if os.getuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            action()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_hostile_leftovers_are_removed(own_folder: Path) -> None:
    outside = own_folder / "outside"

    def leave_and_clean() -> None:
        os.environ["TMPDIR"] = str(own_folder)
        tempfile.tempdir = None
        outside.mkdir()
        (outside / "precious").write_text("precious")
        outside.chmod(0o500)
        with private_folder() as folder:
            leave(folder)
            empty_folder(folder)
            assert list(folder.iterdir()) == []
            leave(folder)
        assert not folder.exists()

    def leave(folder: Path) -> None:
        inner = folder / "a" / "b" / "c"
        inner.mkdir(parents=True)
        (inner / "file").write_text("x")
        (folder / "link").symlink_to(outside)
        (folder / "a" / "link").symlink_to(outside)
        os.mkfifo(folder / "pipe")
        for locked in (inner, inner.parent, inner.parent.parent, folder):
            locked.chmod(0)

    as_nobody(leave_and_clean)
    assert [path.name for path in own_folder.iterdir()] == ["outside"]
    assert (outside / "precious").read_text() == "precious"
    assert stat.S_IMODE(outside.stat().st_mode) == 0o500


def test_leftovers_of_any_depth_and_number_are_removed(tmp_path: Path) -> None:
    # Deeper than the interpreter's stack, the number of open files and the length of a path allow.
    dig = "import os\nfor i in range(1100): os.mkdir('deep'); os.chdir('deep')"
    subprocess.run([sys.executable, "-c", dig], cwd=tmp_path, check=True)
    for number in range(2 * _folder._ENTRIES_AT_ONCE):
        (tmp_path / str(number)).touch()
    empty_folder(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_removal_ends_though_files_keep_coming(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_folder, "_EMPTYING_SECONDS", 0.0)
    with pytest.raises(CodecError, match="not removed after 0 s"):
        empty_folder(tmp_path)


def test_inputs_follow_no_link(tmp_path: Path) -> None:
    victim, folder = tmp_path / "victim", tmp_path / "job"
    folder.mkdir()
    victim.write_text("mine")
    for name, target in (("link", victim), ("dangling", tmp_path / "new"), ("present", None)):
        (folder / name).symlink_to(target) if target else (folder / name).write_text("theirs")
        with pytest.raises(CodecError, match=f"{name} cannot be written"):
            write_new(folder, name, b"ours")
    assert victim.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["job", "victim"]
    (tmp_path / "other").symlink_to(folder)
    with pytest.raises(CodecError, match="fresh cannot be written"):
        write_new(tmp_path / "other", "fresh", b"ours")
    write_new(folder, "fresh", b"ours")
    assert read_result(folder, "fresh", 4) == b"ours"
    with pytest.raises(CodecError, match="4 bytes: 3 are the most"):
        read_result(folder, "fresh", 3)
