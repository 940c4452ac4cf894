# SPDX-License-Identifier: BSD-3-Clause
"""`picobench weights` against a server on loopback."""

import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from picobench.cli import main

_METRIC = """\
id: made_up
label: Made up
backend: pyiqa
function: lpips
direction: lower
unit: ""
range: [0, null]
identical: 0
input: none
minimum_side: 1
weights:
  - file: hub/checkpoints/made-up.pth
    url: {url}
    sha256_prefix: "{prefix}"
seconds_per_megapixel: 1
memory_megabytes_per_megapixel: 1
homepage: https://example.org
licence: none
citation: none
"""


@pytest.fixture
def served(tmp_path: Path):
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "made-up.pth").write_bytes(b"weights" * 1000)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/made-up.pth"
    server.shutdown()


@pytest.mark.parametrize("right", [True, False])
def test_only_right_weights_are_kept(
    tmp_path: Path, served: str, monkeypatch: pytest.MonkeyPatch, right: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    prefix = hashlib.sha256(b"weights" * 1000).hexdigest()[:8] if right else "00000000"
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / "made_up.yaml").write_text(_METRIC.format(url=served, prefix=prefix))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    target = tmp_path / "torch" / "hub" / "checkpoints" / "made-up.pth"
    status = main(["--root", str(tmp_path), "weights", "made_up"])
    printed = capsys.readouterr().out
    assert status == (0 if right else 1)
    assert target.exists() == right
    assert ("fetched" if right else "SHA-256") in printed
    if right:
        assert main(["--root", str(tmp_path), "weights"]) == 0
        assert "is there" in capsys.readouterr().out
