# SPDX-License-Identifier: BSD-3-Clause
"""What all tests share."""

import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Tests run side by side; each process keeps to one core. Must precede numpy and torch.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

# With PICOBENCH_REQUIRE_ALL set, as in CI, only these may be skipped: codecs whose sources, weights or published
# pictures are not on that machine, combinations that a codec does not have, and CompressAI, which is of no lock file.
_ALLOWED_SKIPS = re.compile(
    r"no image picobench/(?!base|av1:|avif|heic|jpegxl|svt-av1)|not here|no manifest|cannot be started"
    r"|has no 4:|nothing is coded here|'compressai' is not installed"
)
_unexpected: list[str] = []


# A longer parameter is no name. Nor is one that a worker of xdist cannot repeat, such as a profile with its time of
# creation: all workers must collect the same tests.
_ID_LENGTH = 80


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes and long texts are named by the argument that holds them; pytest adds a number."""
    return argname if isinstance(val, bytes) or (isinstance(val, str) and len(val) > _ID_LENGTH) else None


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("PICOBENCH_REQUIRE_ALL"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not _ALLOWED_SKIPS.search(reason):
            _unexpected.append(f"{report.nodeid}: {reason}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _unexpected and session.exitstatus == 0:
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in _unexpected:
        terminalreporter.write_line(f"SKIPPED although PICOBENCH_REQUIRE_ALL is set: {line}", red=True)


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Published data beside the checkout: Kodak, curves, weights."""
    folder = Path(os.environ.get("PICOBENCH_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no published data in {folder}; set PICOBENCH_SHARED")
    return folder


@pytest.fixture(scope="session")
def kodak(shared: Path) -> Path:
    """The 24 Kodak pictures."""
    return shared / "datasets" / "kodak"
