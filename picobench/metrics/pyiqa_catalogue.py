# SPDX-License-Identifier: BSD-3-Clause
"""What pyiqa says about its metrics, without importing it: that would take ten seconds."""

import importlib.metadata
import importlib.util
import runpy
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from picobench.metrics.definition import MetricDefinition
from picobench.yamlfile import did_you_mean

PYIQA_VERSION = "0.1.16"
"""The version that the definitions are written for; its code and its defaults are part of every score."""


def unusable(definition: MetricDefinition) -> str:
    """Why pyiqa cannot compute a metric, as a clause; empty where it can, weights apart."""
    for package in ("torch", "torchvision", "pyiqa"):
        if importlib.util.find_spec(package) is None:
            return f"{package} is not installed; install picobench with the extra 'metrics'"
    version = importlib.metadata.version("pyiqa")
    if version != PYIQA_VERSION:
        return f"pyiqa {version} is installed where {PYIQA_VERSION} is needed; install the extra 'metrics'"
    known = _catalogue()
    if definition.function not in known:
        return (
            f"pyiqa has no metric {definition.function!r}{did_you_mean(definition.function, sorted(known))}"
        )
    entry = known[definition.function]
    if entry.get("metric_mode") != "FR":
        return (
            f"{definition.function!r} of pyiqa compares no pair of pictures; choose a full-reference metric"
        )
    direction = "lower" if entry.get("lower_better") else "higher"
    if direction != definition.direction:
        return f"direction is {definition.direction!r} where pyiqa says {direction!r}; correct the definition"
    return ""


@cache
def _catalogue() -> Mapping[str, Mapping[str, Any]]:
    # The file is a plain table that imports nothing of pyiqa.
    spec = importlib.util.find_spec("pyiqa")
    if spec is None or not spec.submodule_search_locations:
        return {}
    table = runpy.run_path(str(Path(spec.submodule_search_locations[0]) / "default_model_configs.py"))
    catalogue: Mapping[str, Mapping[str, Any]] = table["DEFAULT_CONFIGS"]
    return catalogue
