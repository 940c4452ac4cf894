# SPDX-License-Identifier: BSD-3-Clause
"""Archives built byte by byte to be hostile."""

import io
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picobench.datasets.unpack import Limits, pictures
from picobench.errors import DatasetError

DEFAULTS = Limits()


def pack(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def contents(path: Path, pattern: str = "*.png", limits: Limits = DEFAULTS) -> dict[str, bytes]:
    return {member.name: member.data for member in pictures(path, pattern, limits)}


def entry(name: str, **attributes: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    for key, value in attributes.items():
        setattr(info, key, value)
    return info


def test_only_the_wanted_pictures_come_out_in_order(tmp_path: Path) -> None:
    members = {
        "set/b.png": b"B",
        "set/a.png": b"A",
        "set/a.jpg": b"no",
        "readme.txt": b"no",
        "__MACOSX/set/._a.png": b"no",
        "set/.hidden.png": b"no",
        "set/": b"",
    }
    found = contents(pack(tmp_path / "a.zip", members))
    assert list(found.items()) == [("set/a.png", b"A"), ("set/b.png", b"B")]


@pytest.mark.parametrize(
    "name",
    [
        "../a.png",
        "set/../../a.png",
        "/etc/a.png",
        "C:/a.png",
        "c:a.png",
        "set\\..\\a.png",
        "a\n.png",
        "a\x1b[31m.png",
        "..",
    ],
)
def test_one_unsafe_name_condemns_the_archive(tmp_path: Path, name: str) -> None:
    path = pack(tmp_path / "a.zip", {"good.png": b"1", name: b"2"})
    with pytest.raises(DatasetError, match="do not use this archive") as caught:
        contents(path)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


@given(name=st.text(alphabet="ab./\\:\0\n", min_size=1, max_size=12))
def test_no_accepted_name_leaves_the_archive(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    folder = tmp_path_factory.mktemp("zip")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("placeholder")
        info.filename = name + ".png"
        archive.writestr(info, b"x")
    (folder / "a.zip").write_bytes(buffer.getvalue())
    try:
        found = contents(folder / "a.zip")
    except DatasetError:
        return
    for member in found:
        place = (folder / "out" / member).resolve()
        assert place.is_relative_to(folder / "out")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_links_and_special_files_are_refused(tmp_path: Path, kind: int) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(entry("a.png", create_system=3, external_attr=(kind | 0o644) << 16), "/etc/passwd")
    with pytest.raises(DatasetError, match="is a link or special file"):
        contents(tmp_path / "a.zip")


@pytest.mark.parametrize("other", ["a.png", "A.PNG", "Ä.png"])
def test_a_name_is_there_once(tmp_path: Path, other: str) -> None:
    first = "a\N{COMBINING DIAERESIS}.png" if other == "Ä.png" else "a.png"
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(first, b"1")
        if other == first:
            with pytest.warns(UserWarning, match="Duplicate name"):
                archive.writestr(other, b"2")
        else:
            archive.writestr(other, b"2")
    with pytest.raises(DatasetError, match="is there twice"):
        contents(tmp_path / "a.zip")


def test_a_bomb_is_not_decompressed(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"a.png": bytes(20_000_000)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(DatasetError, match=r"it would grow \d+ times"):
        contents(path)


@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        (Limits(entries=2), "3 entries, more than 2"),
        (Limits(total_bytes=299), "300 bytes after decompression, more than allowed"),
        (Limits(member_bytes=99), "300 bytes after decompression, more than allowed"),
    ],
)
def test_limits(tmp_path: Path, limits: Limits, problem: str) -> None:
    path = pack(tmp_path / "a.zip", {f"{number}.png": bytes(100) for number in range(3)})
    assert len(contents(path)) == 3
    with pytest.raises(DatasetError, match=problem):
        contents(path, limits=limits)


def test_overlapping_entries_are_refused(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"a.png": bytes(1000), "b.png": bytes(1000)})
    raw = bytearray(path.read_bytes())
    # Point the second directory entry at the first member.
    second = raw.index(b"PK\x01\x02", raw.index(b"PK\x01\x02") + 1)
    raw[second + 42 : second + 46] = struct.pack("<I", 0)
    path.write_bytes(raw)
    with pytest.raises(DatasetError, match="entries overlap"):
        contents(path)


def test_a_member_that_lies_about_its_size(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"a.png": b"x" * 1000}, zipfile.ZIP_DEFLATED)
    raw = bytearray(path.read_bytes())
    directory = raw.index(b"PK\x01\x02")
    raw[directory + 24 : directory + 28] = struct.pack("<I", 10)
    path.write_bytes(raw)
    with pytest.raises(DatasetError, match="damaged zip archive"):
        contents(path)


def encrypt(raw: bytearray, directory: int) -> None:
    raw[directory + 8] |= 1


def use_bzip2(raw: bytearray, directory: int) -> None:
    raw[directory + 10] = zipfile.ZIP_BZIP2


@pytest.mark.parametrize(
    ("change", "problem"), [(encrypt, "is encrypted"), (use_bzip2, "is compressed by an unusual method")]
)
def test_unusual_members(tmp_path: Path, change: Callable[[bytearray, int], None], problem: str) -> None:
    path = pack(tmp_path / "a.zip", {"a.png": b"x"})
    raw = bytearray(path.read_bytes())
    change(raw, raw.index(b"PK\x01\x02"))
    path.write_bytes(raw)
    with pytest.raises(DatasetError, match=problem):
        contents(path)


@pytest.mark.parametrize("data", [b"", b"<html>not found</html>", b"PK\x05\x06"])
def test_what_is_no_archive(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(DatasetError, match=r"a\.zip: damaged zip archive .*; delete it and run again"):
        contents(tmp_path / "a.zip")


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"a.png": bytes(100)})
    raw = bytearray(path.read_bytes())
    raw[60] ^= 1
    path.write_bytes(raw)
    with pytest.raises(DatasetError, match="damaged zip archive"):
        contents(path)
