# SPDX-License-Identifier: BSD-3-Clause
"""The files that say what to install agree with each other."""

import re
import tomllib
from pathlib import Path

import yaml

# Names that differ between the Python package index and conda-forge.
_CONDA_NAMES = {
    "snakemake": "snakemake-minimal",
    "matplotlib": "matplotlib-base",
    "torch": "pytorch",
    "docker": "docker-py",
}


def _split(requirement: str) -> tuple[str, str]:
    name, constraint = re.fullmatch(r"([A-Za-z0-9_.-]+)\s*(.*)", requirement).groups()
    return name.lower(), constraint


def _pyproject(root: Path) -> dict[str, str]:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    return dict(map(_split, project["dependencies"] + extras["metrics"] + extras["text"]))


def _conda(root: Path) -> dict[str, str]:
    listed = yaml.safe_load((root / "environment.yml").read_text())["dependencies"]
    plain = [item for item in listed if isinstance(item, str)]
    from_pip = next(item["pip"] for item in listed if isinstance(item, dict))
    # All that a file of requirements may hold here: pip refuses most of its own options there.
    assert from_pip[-1] == "--editable ."
    return dict(map(_split, plain + from_pip[:-1]))


def test_environment_yml_is_in_step(root: Path) -> None:
    conda = _conda(root)
    expected = {_CONDA_NAMES.get(name, name): text for name, text in _pyproject(root).items()}
    assert {name: conda.get(name) for name in expected} == expected
    assert set(conda) - set(expected) == {"python", "pip", "setuptools"}


def test_lock_file_pins_every_dependency_with_a_hash(root: Path) -> None:
    lock = (root / "requirements.lock").read_text()
    for name in _pyproject(root):
        assert re.search(rf"^{re.escape(name)}==\S+( ;.*)? \\\n    --hash=sha256:", lock, re.M), name
    assert "://" not in lock


def test_python_floor_is_the_same_everywhere(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == _conda(root)["python"] == ">=3.11"
