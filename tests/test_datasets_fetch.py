# SPDX-License-Identifier: BSD-3-Clause
"""Downloads from a server on the loopback interface that misbehaves on request."""

import errno
import hashlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from picobench.datasets.fetch import Patience, download
from picobench.errors import DatasetError, StorageError

CONTENT = bytes(range(256)) * 4000
DIGEST = hashlib.sha256(CONTENT).hexdigest()
QUICK = Patience(attempts=3, timeout_seconds=5, backoff_seconds=0)


@dataclass
class Site:
    """A server, what it will answer in turn, and the ranges it was asked for."""

    url: str
    answers: list[str] = field(default_factory=list)
    ranges: list[str | None] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    site: Site

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.site.ranges.append(wanted)
        answer, _, argument = (self.site.answers.pop(0) if self.site.answers else "whole").partition(":")
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        if answer.isdigit():
            self.send_error(int(answer))
        elif answer == "redirect":
            self.send_response(302)
            self.send_header("Location", argument)
            self.end_headers()
        else:
            self._send(answer, argument, 0 if answer == "no-ranges" else start, wanted)

    def _send(self, answer: str, argument: str, start: int, wanted: str | None) -> None:
        body = CONTENT[start:]
        if answer == "other":
            body = bytes(len(body))
        self.send_response(206 if wanted and answer != "no-ranges" else 200)
        if wanted and answer != "no-ranges":
            shift = 7 if answer == "wrong-range" else 0
            self.send_header("Content-Range", f"bytes {start + shift}-{len(CONTENT) - 1}/{len(CONTENT)}")
        if answer == "longer":
            body += b"x"
        if answer != "no-length":
            self.send_header("Content-Length", argument if answer == "claims" else str(len(body)))
        self.end_headers()
        self.wfile.write(body[: int(argument)] if answer == "cut" else body)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "*")
    handler = type("Handler", (_Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.handle_error = lambda request, address: None  # clients that hang up are expected here
    handler.site = Site(f"http://127.0.0.1:{server.server_port}/file.png")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield handler.site
    server.shutdown()
    server.server_close()
    thread.join()


def fetch(site: Site, target: Path, *, sha256: str = DIGEST) -> None:
    download(site.url, target, size_bytes=len(CONTENT), sha256=sha256, patience=QUICK)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_whole_and_nothing_else_stays(site: Site, tmp_path: Path) -> None:
    fetch(site, tmp_path / "new" / "file.png")
    assert (tmp_path / "new" / "file.png").read_bytes() == CONTENT
    assert names(tmp_path / "new") == ["file.png"]
    assert site.ranges == [None]


def test_a_cut_connection_is_continued(site: Site, tmp_path: Path) -> None:
    site.answers = ["cut:300000", "cut:200000"]
    fetch(site, tmp_path / "file.png")
    assert (tmp_path / "file.png").read_bytes() == CONTENT
    assert site.ranges == [None, "bytes=300000-", "bytes=500000-"]


def test_a_later_run_continues_where_an_earlier_one_ended(site: Site, tmp_path: Path) -> None:
    site.answers = ["cut:300000", "503", "503", "503"]
    with pytest.raises(DatasetError, match=r"answers 503 .* run again to go on from there"):
        fetch(site, tmp_path / "file.png")
    assert names(tmp_path) == ["file.png.part"]
    site.ranges.clear()
    fetch(site, tmp_path / "file.png")
    assert site.ranges == ["bytes=300000-"]
    assert (tmp_path / "file.png").read_bytes() == CONTENT
    assert names(tmp_path) == ["file.png"]


@pytest.mark.parametrize("answer", ["no-ranges", "wrong-range", "416"])
def test_a_server_that_cannot_continue_starts_again(site: Site, tmp_path: Path, answer: str) -> None:
    (tmp_path / "file.png.part").write_bytes(CONTENT[:1000])
    site.answers = [answer]
    fetch(site, tmp_path / "file.png")
    assert (tmp_path / "file.png").read_bytes() == CONTENT


def test_the_beginning_of_an_older_file_is_thrown_away(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file.png.part").write_bytes(b"older" * 100)
    fetch(site, tmp_path / "file.png")
    assert (tmp_path / "file.png").read_bytes() == CONTENT
    assert site.ranges == ["bytes=500-", None]


def test_a_complete_part_is_not_fetched_again(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file.png.part").write_bytes(CONTENT)
    fetch(site, tmp_path / "file.png")
    assert site.ranges == []
    assert names(tmp_path) == ["file.png"]


def test_a_part_that_is_too_long_is_thrown_away(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file.png.part").write_bytes(CONTENT + b"more")
    fetch(site, tmp_path / "file.png")
    assert (tmp_path / "file.png").read_bytes() == CONTENT


@pytest.mark.parametrize("answer", ["other", "no-length"])
def test_without_length_or_with_other_content(site: Site, tmp_path: Path, answer: str) -> None:
    site.answers = [answer]
    if answer == "no-length":
        fetch(site, tmp_path / "file.png")
        assert (tmp_path / "file.png").read_bytes() == CONTENT
        return
    with pytest.raises(DatasetError, match=r"SHA-256 is [0-9a-f]{64}, expected [0-9a-f]{64}; .* mirror"):
        fetch(site, tmp_path / "file.png")
    assert names(tmp_path) == []


@pytest.mark.parametrize("answer", ["longer", "claims:12"])
def test_another_size_is_refused_at_once(site: Site, tmp_path: Path, answer: str) -> None:
    site.answers = [answer]
    with pytest.raises(DatasetError, match=r"offers \d+ bytes, expected 1024000"):
        fetch(site, tmp_path / "file.png")
    assert names(tmp_path) == []
    assert len(site.ranges) == 1


def test_an_endless_answer_is_stopped(site: Site, tmp_path: Path) -> None:
    site.answers = ["no-length"]
    with pytest.raises(DatasetError, match="sends more than the expected 5000 bytes"):
        download(site.url, tmp_path / "f", size_bytes=5000, sha256=DIGEST, patience=QUICK)
    assert names(tmp_path) == []


def test_a_missing_file_is_not_asked_for_twice(site: Site, tmp_path: Path) -> None:
    site.answers = ["404"]
    with pytest.raises(DatasetError, match="answers 404 Not Found; get the file elsewhere"):
        fetch(site, tmp_path / "file.png")
    assert len(site.ranges) == 1
    assert names(tmp_path) == []


def test_an_overloaded_server_is_asked_again(site: Site, tmp_path: Path) -> None:
    site.answers = ["503", "429"]
    fetch(site, tmp_path / "file.png")
    assert len(site.ranges) == 3


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x"])
def test_a_redirect_to_another_kind_of_address_is_refused(site: Site, tmp_path: Path, place: str) -> None:
    site.answers = [f"redirect:{place}"] * 3
    with pytest.raises(DatasetError):
        fetch(site, tmp_path / "file.png")
    assert names(tmp_path) == []


def test_file_addresses(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(CONTENT)
    url = (tmp_path / "there").as_uri()
    download(url, tmp_path / "here", size_bytes=len(CONTENT), sha256=DIGEST, patience=QUICK)
    assert (tmp_path / "here").read_bytes() == CONTENT
    with pytest.raises(DatasetError, match="check the address"):
        download(url + "x", tmp_path / "no", size_bytes=1, sha256=DIGEST, patience=QUICK)


def test_a_dead_server_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(DatasetError, match=r"http://127.0.0.1:1/x: .*refused.*3 times; check the network"):
        download("http://127.0.0.1:1/x", tmp_path / "x", size_bytes=1, sha256=DIGEST, patience=QUICK)


def test_other_schemes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="only https, http, file"):
        download("ftp://127.0.0.1/x", tmp_path / "x", size_bytes=1, sha256=DIGEST, patience=QUICK)


def test_a_full_disk_is_noticed_before_the_download(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("picobench.datasets.fetch.shutil.disk_usage", lambda path: usage)
    with pytest.raises(StorageError, match="1 MB to download but 0 MB free: free some space"):
        fetch(site, tmp_path / "file.png")
    assert site.ranges == []


def test_a_disk_that_fills_up(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("picobench.datasets.fetch.os.fsync", full)
    with pytest.raises(StorageError, match=r"file\.png: no space left on the device"):
        fetch(site, tmp_path / "file.png")
    assert not (tmp_path / "file.png").exists()


def test_two_processes_do_not_write_the_same_file(site: Site, tmp_path: Path) -> None:
    import fcntl

    with (tmp_path / "file.png.part").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(DatasetError, match="another process is downloading it"):
            fetch(site, tmp_path / "file.png")
