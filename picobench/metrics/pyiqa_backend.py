# SPDX-License-Identifier: BSD-3-Clause
"""Metrics of pyiqa, such that a number can only come from the weights that the definition declares.

pyiqa loads weights without asking that every tensor be there, over random ones, from files that it unpickles
and fetches itself. None of that is patched here. A network is built with the network unreachable and with
torch told to load tensors alone, and then examined: see `load_network`.
"""

import contextlib
import inspect
import io
import math
import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from picobench.errors import MetricError
from picobench.metrics.definition import MetricDefinition
from picobench.metrics.guard import Observed, environment, guarded
from picobench.metrics.pyiqa_catalogue import unusable
from picobench.metrics.weights import (
    check_published,
    differing_tensors,
    missing_weights,
    network_digest,
    uncovered_parameters,
)
from picobench.pixels import RGB8
from picobench.yamlfile import did_you_mean

if TYPE_CHECKING:
    import torch

LIBRARIES = ("numpy", "pyiqa", "torch", "torchvision")
"""Distributions whose versions determine a score."""

REVISION = 1
"""Raised whenever a change of this module changes any score."""

# Seeds of which nothing may depend.
_SEEDS = (20_240_229, 7)
_PROBE_SIDE = 192


def load_network(definition: MetricDefinition, torch_home: Path) -> tuple[Callable[[RGB8, RGB8], float], str]:
    """Build a metric's network, prove that its weights are the declared ones, and return what scores.

    A network is accepted only if, while it was built and tried, nothing reached for the internet, nothing
    was unpickled but tensors, and no file under `torch_home` was read that the definition does not declare;
    and if its tensors are the pinned ones. Where none are pinned, or they differ, then only if
      - every declared file has the published SHA-256,
      - every parameter stands in one of these files,
      - a second network, built with other random numbers, has the same tensors and the same score.
    In every case a pair of small pictures must score the same twice, the same as if drawn with other random
    numbers, and worse than two identical ones, which must score what the definition says.

    Sets the number of threads of torch to one for the whole process.

    Returns:
        The scoring function and the digest of the network's tensors ("" where it has none).

    Raises:
        MetricError: Any of that does not hold; the metric is not to be used.
    """
    if problem := missing_weights(definition, torch_home) or unusable(definition):
        raise MetricError(f"{definition.id}: {problem}")
    with (
        environment(
            TORCH_HOME=str(torch_home),
            TORCH_FORCE_WEIGHTS_ONLY_LOAD="1",
            TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=None,
        ),
        _seeds_restored(),
    ):
        _import_pyiqa()
        with _declared_files_only(definition, torch_home):
            model = _build(definition, _SEEDS[0])
            digest = network_digest(model.net) if model.net.state_dict() else ""
            twins = [model, model]
            if not definition.weights_digest or digest != definition.weights_digest:
                for weight in definition.weights:
                    check_published(weight, torch_home)
                twins[1] = _build(definition, _SEEDS[1])
                _check_origin(definition, model.net, twins[1].net, torch_home)
            probes = {_probe(definition, twin, seed) for twin, seed in zip(twins, _SEEDS, strict=True)}
    if len(probes) > 1:
        raise MetricError(
            f"{definition.id}: gives another score at each run ({sorted(probes)}); it cannot be used"
        )
    return lambda reference, reconstruction: _score(model, reference, reconstruction), digest


def _import_pyiqa() -> None:
    import torch

    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import_module("pyiqa")


def _check_origin(
    definition: MetricDefinition, network: "torch.nn.Module", second: "torch.nn.Module", torch_home: Path
) -> None:
    if random_ones := differing_tensors(network, second):
        raise MetricError(
            f"{definition.id}: weights are partly random ({_some(random_ones)}); no declared file holds them"
        )
    # Without weights, parameters are constants of pyiqa's code.
    files = [torch_home / weight.file for weight in definition.weights]
    if files and (unknown := uncovered_parameters(network, files)):
        raise MetricError(
            f"{definition.id}: parameters stand in none of the declared files ({_some(unknown)}); declare the "
            f"file that holds them under 'weights' or, if you know them to be right, pin "
            f"'weights_digest: {network_digest(network)}'"
        )


def _build(definition: MetricDefinition, seed: int) -> Any:
    import pyiqa
    import torch
    from pyiqa.utils import download_util

    _seed(seed)
    before = download_util.DEFAULT_CACHE_DIR
    # pyiqa reads TORCH_HOME once, when it is imported.
    download_util.DEFAULT_CACHE_DIR = str(Path(torch.hub.get_dir()) / "pyiqa")
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            model = pyiqa.create_metric(definition.function, device="cpu", **definition.options)
    except Exception as error:
        raise MetricError(
            f"{definition.id}: pyiqa cannot build it ({type(error).__name__}: {_line(error)})"
        ) from error
    finally:
        download_util.DEFAULT_CACHE_DIR = before
    _check_options(definition, model.net)
    model.eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return model


@contextmanager
def _declared_files_only(definition: MetricDefinition, torch_home: Path) -> Iterator[None]:
    observed = Observed()
    try:
        with guarded() as observed:
            yield
    except Exception as error:
        if problem := _undeclared(definition, torch_home, observed):
            raise MetricError(problem) from error
        raise
    if problem := _undeclared(definition, torch_home, observed):
        raise MetricError(problem)


def _undeclared(definition: MetricDefinition, torch_home: Path, observed: Observed) -> str:
    if observed.network:
        return (
            f"{definition.id}: needs a file that the definition does not declare; it tried to reach "
            f"{_some(observed.network)}. Declare the file under 'weights' and put it in place; files that lie "
            f"outside TORCH_HOME, as those of Hugging Face do, cannot be declared"
        )
    home = torch_home.resolve()
    declared = {(torch_home / weight.file).resolve() for weight in definition.weights}
    read = {path.resolve() for path in observed.opened}
    if extra := sorted(str(path) for path in read - declared if path.is_relative_to(home)):
        return (
            f"{definition.id}: reads weights that the definition does not declare ({_some(extra)}); "
            f"add them under 'weights'"
        )
    return ""


def _check_options(definition: MetricDefinition, network: "torch.nn.Module") -> None:
    # Many constructors of pyiqa swallow unknown keywords: a misspelt option would change nothing, silently.
    parameters = inspect.signature(type(network).__init__).parameters
    known = {
        name: item.default
        for name, item in parameters.items()
        if name != "self" and item.kind in {item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY}
    }
    for option, value in definition.options.items():
        if option not in known:
            raise MetricError(f"{definition.id}: no option {option!r}{did_you_mean(option, list(known))}")
        # `version: 0.1` is a number in YAML and not the text "0.1" that pyiqa compares with.
        default = known[option]
        kind = float if type(value) is int and isinstance(default, float) else type(value)
        if isinstance(default, str | bool | int | float) and kind is not type(default):
            raise MetricError(
                f"{definition.id}: option {option!r} is {value!r} where {type(default).__name__} is needed, "
                f"such as {default!r}"
            )


def _probe(definition: MetricDefinition, model: Any, seed: int) -> float:
    side = max(_PROBE_SIDE, definition.minimum_side)
    rows, columns = np.mgrid[0:side, 0:side]
    planes = (rows * 255 // side, columns * 255 // side, (rows // 16 + columns // 16) % 2 * 128 + 64)
    reference: RGB8 = np.stack(planes, axis=-1).astype(np.uint8)
    coarse = np.repeat(np.repeat(reference[::8, ::8], 8, axis=0), 8, axis=1)[:side, :side] ^ np.uint8(9)
    _seed(seed)
    score = _score(model, reference, coarse)
    identical = _score(model, reference, reference)
    if not math.isclose(identical, definition.identical, abs_tol=1e-4):
        raise MetricError(
            f"{definition.id}: two identical pictures score {identical} where the definition says "
            f"{definition.identical}; correct 'identical' or the options"
        )
    if not definition.better(identical, score):
        raise MetricError(
            f"{definition.id}: a distorted picture scores {score}, no worse than an identical one, "
            f"{identical}; correct 'direction' or the options"
        )
    return score


def _score(model: Any, reference: RGB8, reconstruction: RGB8) -> float:
    import torch

    try:
        with torch.inference_mode():
            output = model(_tensor(reconstruction), _tensor(reference))
    except (RuntimeError, AssertionError, ValueError, IndexError, TypeError, MemoryError) as error:
        height, width, _ = reference.shape
        raise MetricError(
            f"pyiqa fails on a picture of {width} x {height} ({type(error).__name__}: {_line(error)})"
        ) from error
    if not isinstance(output, torch.Tensor) or output.numel() != 1:
        raise MetricError("pyiqa gives something other than one number; this metric cannot be used")
    return float(output.item())


def _tensor(pixels: RGB8) -> "torch.Tensor":
    import torch

    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1))[np.newaxis]
    return torch.from_numpy(planes).to(torch.float32).div_(255)


def _seed(seed: int) -> None:
    import torch

    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


@contextmanager
def _seeds_restored() -> Iterator[None]:
    import torch

    states = torch.get_rng_state(), np.random.get_state(), random.getstate()
    try:
        yield
    finally:
        torch.set_rng_state(states[0])
        np.random.set_state(states[1])
        random.setstate(states[2])


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or "no message"
