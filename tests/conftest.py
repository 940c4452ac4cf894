# SPDX-License-Identifier: BSD-3-Clause
"""What all tests share."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Tests run side by side; each process keeps to one core. Must precede numpy and torch.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Published data beside the checkout: Kodak, curves, weights. Never skipped in CI."""
    folder = Path(os.environ.get("PICOBENCH_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        if os.environ.get("PICOBENCH_REQUIRE_SHARED"):
            pytest.fail(f"{folder} is missing although PICOBENCH_REQUIRE_SHARED is set")
        pytest.skip(f"no published data in {folder}; set PICOBENCH_SHARED")
    return folder


@pytest.fixture(scope="session")
def kodak(shared: Path) -> Path:
    """The 24 Kodak pictures."""
    return shared / "datasets" / "kodak"
