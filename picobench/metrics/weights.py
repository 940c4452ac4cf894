# SPDX-License-Identifier: BSD-3-Clause
"""Weights of learned metrics: the files, and the tensors that end up in a network.

A network is identified by the digest of its tensors and not by its files: the same tensors can be saved in
many ways. Where a definition pins that digest and it matches, nothing else can be in the network. Where it
does not, the files must be the published ones, and every parameter must be found in them.
"""

import hashlib
import os
import shlex
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from picobench.errors import MetricError
from picobench.files import sha256_file
from picobench.metrics.definition import MetricDefinition, WeightFile

if TYPE_CHECKING:
    import torch


def default_torch_home() -> Path:
    """Where PyTorch keeps downloaded weights: TORCH_HOME, or `torch` in the user's cache folder."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("TORCH_HOME") or cache / "torch").expanduser().absolute()


def missing_weights(definition: MetricDefinition, torch_home: Path) -> str:
    """Why the weights of a metric cannot be read, as a clause; empty where every file is there."""
    for weight in definition.weights:
        path = torch_home / weight.file
        if not path.is_file():
            own = [] if definition.folder is None else [f"--definitions={definition.folder}"]
            command = shlex.join(["picobench", "weights", *own, definition.id])
            return (
                f"weights {path.name} not found in {path.parent}; get them with `{command}`, "
                f"or from {weight.url}"
            )
        if not path.stat().st_size:
            return f"weights {path} is an empty file; delete it and get it from {weight.url}"
        if not os.access(path, os.R_OK):
            return f"weights {path} may not be read; change its permissions"
    return ""


def weight_sha256(path: Path) -> str:
    """SHA-256 of a file of weights; not computed again in this process while the file stays the same.

    Raises:
        MetricError: The file is missing or unreadable.
    """
    try:
        status = path.stat()
        return _sha256(path, status.st_size, status.st_mtime_ns, status.st_ino)
    except OSError as error:
        raise MetricError(f"weights {path}: cannot be read ({error.strerror})") from None


@lru_cache
def _sha256(path: Path, *_state: int) -> str:
    return sha256_file(path)


def check_published(weight: WeightFile, torch_home: Path) -> None:
    """Check that a file of weights is the one its authors published.

    Raises:
        MetricError: It is another one.
    """
    path = torch_home / weight.file
    digest = weight_sha256(path)
    if not digest.startswith(weight.sha256_prefix):
        shown = digest[: len(weight.sha256_prefix)]
        raise MetricError(
            f"weights {path}: damaged or another file: its SHA-256 begins with {shown} where that of the "
            f"published file begins with {weight.sha256_prefix}; delete it and get it from {weight.url}"
        )


def network_digest(network: "torch.nn.Module") -> str:
    """SHA-256 over name, type, shape and bytes of all parameters and buffers of a network, by name."""
    value = hashlib.sha256()
    for name, tensor in sorted(_tensors(network), key=lambda item: item[0]):
        value.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        value.update(_bytes(tensor))
    return value.hexdigest()


def differing_tensors(network: "torch.nn.Module", other: "torch.nn.Module") -> list[str]:
    """Names of the parameters and buffers that are not equal, bit for bit, in two networks."""
    mine, theirs = dict(_tensors(network)), dict(_tensors(other))
    return sorted(
        name
        for name in mine.keys() | theirs.keys()
        if name not in mine or name not in theirs or _content(mine[name]) != _content(theirs[name])
    )


def uncovered_parameters(network: "torch.nn.Module", files: list[Path]) -> list[str]:
    """Names of the parameters of a network whose values stand in none of `files`.

    Parameters are looked up by value: networks rename what they load, but do not change it. Buffers may be
    constants of the code and are left to `differing_tensors`.

    Raises:
        MetricError: A file is damaged or holds more than tensors.
    """
    known = {_content(tensor) for path in files for tensor in _load_tensors(path)}
    return sorted(
        name for name, value in network.named_parameters() if value.numel() and _content(value) not in known
    )


def _tensors(network: "torch.nn.Module") -> Iterator[tuple[str, "torch.Tensor"]]:
    yield from network.named_parameters()
    yield from network.named_buffers()


def _bytes(tensor: "torch.Tensor") -> bytes:
    import torch

    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def _content(tensor: "torch.Tensor") -> tuple[tuple[int, ...], str]:
    # Half-precision files are loaded into float32 networks: compare values, not storage.
    value = tensor.float() if tensor.is_floating_point() else tensor
    return tuple(value.shape), hashlib.sha256(_bytes(value)).hexdigest()


def _load_tensors(path: Path) -> Iterator["torch.Tensor"]:
    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise MetricError(
            f"weights {path}: cannot be loaded ({type(error).__name__}); delete it and get it again"
        ) from None
    pending: list[Any] = [content]
    while pending:
        value = pending.pop()
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, dict):
            pending.extend(value.values())
        elif isinstance(value, list | tuple):
            pending.extend(value)
