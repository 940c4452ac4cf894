# SPDX-License-Identifier: BSD-3-Clause
"""Ways to run a codec: in process, by command, or from published reconstructions."""

from picobench.adapters.base import Adapter, Environment, Outcome, Session
from picobench.definitions import Codec
from picobench.errors import CodecError

__all__ = ["Adapter", "Environment", "Outcome", "Session", "adapter_for"]


def adapter_for(codec: Codec) -> Adapter:
    """The adapter that runs `codec`.

    Raises:
        CodecError: What it needs is not installed.
        DefinitionError: Its definition names something unknown.
    """
    if codec.adapter == "python":
        from picobench.adapters.python import PythonAdapter

        return PythonAdapter(codec.binding)
    if codec.adapter == "command":
        from picobench.adapters.command import CommandAdapter

        return CommandAdapter(codec.id, codec.command)
    if codec.adapter == "reconstructions":
        from picobench.adapters.reconstructions import ReconstructionsAdapter

        return ReconstructionsAdapter(codec)
    if codec.tiled is not None:
        from picobench.adapters.tiled import TiledAdapter

        return TiledAdapter(adapter_for(codec.tiled.codec), codec.tiled.size, codec.tiled.padding)
    raise CodecError(f"codec {codec.id}: the adapter {codec.adapter!r} is not available in this version")
