# SPDX-License-Identifier: BSD-3-Clause
"""Fetching weights, from a server on loopback."""

import hashlib
import shlex
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from picobench.cli import main
from picobench.definitions import Definitions
from picobench.errors import DatasetError
from picobench.metrics import WeightFile, availability, default_torch_home, read_metric
from picobench.weights_cli import fetch_weights

CONTENT = b"weights" * 1000


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "made-up.pth").write_bytes(CONTENT)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/made-up.pth"
    server.shutdown()


def test_fetched_once(tmp_path: Path, url: str) -> None:
    weight = WeightFile("hub/made-up.pth", url, hashlib.sha256(CONTENT).hexdigest()[:8])
    assert fetch_weights(weight, tmp_path).endswith("fetched, 0.0 MB")
    assert (tmp_path / "hub" / "made-up.pth").read_bytes() == CONTENT
    assert fetch_weights(weight, tmp_path).endswith("is there")


def test_the_command_that_is_recommended_knows_a_users_own_metric(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "my definitions"
    (own / "metrics").mkdir(parents=True)
    text = (root / "metrics" / "dists.yaml").read_text().replace("id: dists\n", "id: my_dists\n")
    (own / "metrics" / "my_dists.yaml").write_text(text)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    metric = read_metric(Definitions(root, (own,)), "my_dists")
    _, why = availability(metric, default_torch_home())
    program, *arguments = shlex.split(why.split("`")[1])
    assert (program, arguments) == ("picobench", ["weights", f"--definitions={own}", "my_dists"])
    for weight in metric.weights:
        path = tmp_path / "torch" / weight.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert main(["--root", str(root), *arguments]) == 0
    assert capsys.readouterr().out.count("my_dists: ") == len(metric.weights)
    assert main(["--root", str(root), "weights", "my_dists"]) == 2
    assert "unknown metric 'my_dists'" in capsys.readouterr().err


def test_wrong_weights_are_not_kept(tmp_path: Path, url: str) -> None:
    with pytest.raises(DatasetError, match="SHA-256"):
        fetch_weights(WeightFile("hub/made-up.pth", url, "00000000"), tmp_path)
    assert list((tmp_path / "hub").iterdir()) == []
