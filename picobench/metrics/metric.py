# SPDX-License-Identifier: BSD-3-Clause
"""Metrics as the workflow uses them: can it be computed, what determines its number, the number."""

import importlib.metadata
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from picobench.errors import MetricError
from picobench.metrics import builtin, pyiqa_backend
from picobench.metrics.definition import MetricDefinition
from picobench.metrics.pyiqa_catalogue import unusable
from picobench.metrics.weights import missing_weights, weight_sha256
from picobench.pixels import RGB8
from picobench.yamlfile import did_you_mean

# Rounding alone may take a score this far out of its range: DISTS of equal pictures is 1 - 0.9999999.
_ROUNDING = 1e-5


@dataclass(frozen=True)
class Metric:
    """A metric that is ready to score.

    Attributes:
        definition: What it is.
        weights_digest: SHA-256 over the tensors of its network; empty where it has none.
    """

    definition: MetricDefinition
    weights_digest: str
    _compute: Callable[[RGB8, RGB8], float]

    def score(self, reference: RGB8, reconstruction: RGB8) -> float:
        """Score a reconstruction against its reference, at full resolution.

        Args:
            reference: Shape (height, width, 3), uint8.
            reconstruction: Of the same shape and type.

        Returns:
            The score in the definition's unit. Infinite only where the definition says that identical
            pictures score so (PSNR).

        Raises:
            MetricError: The pictures differ in shape, are no 8-bit RGB, are smaller than the metric is defined
                for, or the score is not a number or outside the metric's range.
        """
        for name, pixels in (("reference", reference), ("reconstruction", reconstruction)):
            if pixels.dtype != "uint8" or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
                raise MetricError(
                    f"{self.definition.id}: the {name} is {pixels.dtype} of shape {pixels.shape}; "
                    f"8-bit RGB of shape (height, width, 3) is needed"
                )
        if reference.shape != reconstruction.shape:
            raise MetricError(
                f"{self.definition.id}: the reference is {_size(reference)} and the reconstruction "
                f"{_size(reconstruction)}; both must have the same size"
            )
        if min(reference.shape[:2]) < self.definition.minimum_side:
            raise MetricError(
                f"{self.definition.id}: not defined for a picture of {_size(reference)}; "
                f"the shorter side must have at least {self.definition.minimum_side} pixels"
            )
        try:
            score = self._compute(reference, reconstruction)
        except MetricError as error:
            raise MetricError(f"{self.definition.id}: {error}") from error
        low, high = self.definition.low, self.definition.high
        if math.isnan(score) or not low - _ROUNDING <= score <= high + _ROUNDING:
            raise MetricError(
                f"{self.definition.id}: the score {score} is outside the range {low} to {high}; "
                f"it is not to be used"
            )
        if math.isinf(score) and not math.isinf(self.definition.identical):
            raise MetricError(f"{self.definition.id}: the score is infinite; it is not to be used")
        return score


def availability(definition: MetricDefinition, torch_home: Path) -> tuple[bool, str]:
    """Whether a metric can be computed here, and why not, in milliseconds: nothing heavy is imported.

    Weights are looked for, not verified: that is done by `load`.

    Returns:
        (True, "") or (False, reason), the reason as a line without the metric's name.
    """
    if definition.backend == "pyiqa":
        why = unusable(definition) or missing_weights(definition, torch_home)
    else:
        why = _builtin_problem(definition)
    return not why, why


def fingerprint(definition: MetricDefinition, torch_home: Path) -> dict[str, Any]:
    """All that determines a metric's numbers, for content keys: equal fingerprints, equal scores.

    Texts, direction, range and expected cost are not in it: changing them recomputes nothing. Files of weights
    are read once for their SHA-256 (a second for LPIPS); torch is not imported.

    Raises:
        MetricError: A library or file is missing: see `availability`.
    """
    common: dict[str, Any] = {
        "backend": definition.backend,
        "function": definition.function,
        "options": dict(definition.options),
        "minimum_side": definition.minimum_side,
    }
    if definition.backend == "builtin":
        if problem := _builtin_problem(definition):
            raise MetricError(f"{definition.id}: {problem}")
        function = builtin.FUNCTIONS[definition.function]
        return {**common, "revision": function.revision, "libraries": _versions(function.libraries)}
    weights = {weight.file: weight_sha256(torch_home / weight.file) for weight in definition.weights}
    return {
        **common,
        "revision": pyiqa_backend.REVISION,
        "libraries": _versions(pyiqa_backend.LIBRARIES),
        "weights": weights,
        "weights_digest": definition.weights_digest,
    }


def load(definition: MetricDefinition, torch_home: Path) -> Metric:
    """Make a metric ready to score; for a learned one, prove that it has the weights it should have.

    On the CPU, in one thread, without gradients. Sets torch to one thread for the whole process.

    Raises:
        MetricError: It cannot be computed here; the line says why and what to do.
    """
    if definition.backend == "pyiqa":
        compute, digest = pyiqa_backend.load_network(definition, torch_home)
        return Metric(definition, digest, compute)
    if problem := _builtin_problem(definition):
        raise MetricError(f"{definition.id}: {problem}")
    function = builtin.FUNCTIONS[definition.function]
    return Metric(definition, "", partial(function.compute, **definition.options))


def _builtin_problem(definition: MetricDefinition) -> str:
    if definition.function not in builtin.FUNCTIONS:
        near = did_you_mean(definition.function, sorted(builtin.FUNCTIONS))
        return f"picobench has no metric {definition.function!r}{near}"
    allowed = builtin.FUNCTIONS[definition.function].options
    for option, value in definition.options.items():
        if option not in allowed:
            return f"no option {option!r}{did_you_mean(option, list(allowed))}"
        if value not in allowed[option]:
            known = [str(choice) for choice in allowed[option]]
            return f"option {option!r} is {value!r}{did_you_mean(str(value), known)}"
    if missing := sorted(allowed.keys() - definition.options.keys()):
        return f"the option {missing[0]!r} is missing; add it to the definition"
    return ""


def _versions(libraries: tuple[str, ...]) -> dict[str, str]:
    versions = {}
    for name in libraries:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            raise MetricError(
                f"{name} is not installed; install picobench with the extra 'metrics'"
            ) from None
    return versions


def _size(pixels: RGB8) -> str:
    return f"{pixels.shape[1]} x {pixels.shape[0]}"
