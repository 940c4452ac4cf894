# SPDX-License-Identifier: BSD-3-Clause
"""`tiled:<codec>:<size>[+<padding>]`: any codec run tile by tile, which makes seams on purpose.

Every tile is a bitstream of the codec, coded with `padding` pixels of context on each side that are dropped after
decoding. The bitstream of the picture holds them all behind a header, and is what the rate is computed from:

    "PBT1", then as 32-bit little-endian numbers: width, height, size, padding, and the length of each tile's bitstream
"""

import contextlib
import itertools
import math
import struct
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from picobench.adapters._bounds import LARGEST_PIXELS
from picobench.adapters.base import Adapter, Environment, Options, Outcome, Session
from picobench.errors import CodecError, DatasetError
from picobench.files import write_bytes
from picobench.pixels import RGB8, read_rgb8, write_rgb8
from picobench.tiles import cut_tile, put_tile, tiles

_MAGIC = b"PBT1"
_HEADER = struct.Struct("<4s4I")
_LENGTH = struct.Struct("<I")
# Nothing of this project is larger; a header that says so is damaged.
_LARGEST_SIDE = 1 << 16


class TiledAdapter:
    """Runs another adapter on tiles."""

    def __init__(self, inner: Adapter, size: int, padding: int) -> None:
        self._inner, self._size, self._padding = inner, size, padding
        self.extension = "tiles"

    def environment(self) -> Environment:
        """That of the codec, and how the picture is cut."""
        inner = self._inner.environment()
        tiling = f"{self._size}x{self._size} px, {self._padding} px of context, format 1"
        return Environment({**inner.versions, "tiles": tiling}, inner.details)

    def check(self, options: Options) -> None:
        """Raise DefinitionError when an option is unknown to the codec or out of range."""
        self._inner.check(options)

    def ceiling_db(self, pixels: RGB8, options: Options) -> float:
        """The ceiling of the tiles without their context, taken together."""
        height, width, _ = pixels.shape
        error = 0.0
        for tile in tiles(height, width, self._size):
            cut = cut_tile(pixels, tile, 0)
            ceiling = self._inner.ceiling_db(cut, options)
            error += 0.0 if math.isinf(ceiling) else cut.size * 10 ** (-ceiling / 10)
        return -10 * math.log10(error / pixels.size) if error else math.inf

    @contextlib.contextmanager
    def session(
        self, timeout_seconds: float, largest_pixels: int = LARGEST_PIXELS
    ) -> "Iterator[TiledSession]":
        """Open a session of the codec; `timeout_seconds` bounds each tile, and a tile has its context around it."""
        tile_pixels = (self._size + 2 * self._padding) ** 2
        with (
            self._inner.session(timeout_seconds, tile_pixels) as session,
            tempfile.TemporaryDirectory() as folder,
        ):
            yield TiledSession(session, Path(folder), self._inner.extension, self._size, self._padding)


class TiledSession:
    """Codes pictures tile by tile, in an inner session."""

    def __init__(self, inner: Session, folder: Path, extension: str, size: int, padding: int) -> None:
        self._inner, self._size, self._padding = inner, size, padding
        self._picture, self._stream = folder / "tile.png", folder / f"tile.{extension}"

    def encode(self, reference: Path, bitstream: Path, options: Options) -> Outcome:
        """Encode every tile; the first that fails is the picture's failure."""
        pixels = read_rgb8(reference)
        height, width, _ = pixels.shape
        streams: list[bytes] = []
        outcomes: list[Outcome] = []
        for tile in tiles(height, width, self._size):
            write_rgb8(self._picture, cut_tile(pixels, tile, self._padding), compress_level=0)
            outcome = self._call(lambda: self._inner.encode(self._picture, self._stream, options), outcomes)
            if not outcome.ok:
                return outcome
            streams.append(self._stream.read_bytes())
        head = _HEADER.pack(_MAGIC, width, height, self._size, self._padding)
        lengths = b"".join(_LENGTH.pack(len(stream)) for stream in streams)
        write_bytes(bitstream, head + lengths + b"".join(streams))
        return _together(outcomes)

    def decode(self, bitstream: Path, reconstruction: Path, options: Options) -> Outcome:
        """Decode every tile of the bitstream and put them together."""
        try:
            (height, width), size, padding, streams = _unpacked(bitstream.read_bytes())
        except CodecError as error:
            return Outcome(reason=str(error))
        pixels = np.empty((height, width, 3), dtype=np.uint8)
        outcomes: list[Outcome] = []
        for tile, stream in zip(tiles(height, width, size), streams, strict=True):
            self._stream.write_bytes(stream)
            self._picture.unlink(missing_ok=True)
            outcome = self._call(lambda: self._inner.decode(self._stream, self._picture, options), outcomes)
            if not outcome.ok:
                return outcome
            try:
                put_tile(pixels, tile, padding, read_rgb8(self._picture))
            except (CodecError, DatasetError) as error:
                return replace(outcome, reason=f"tile {len(outcomes)}: {error}")
        write_rgb8(reconstruction, pixels, compress_level=0)
        return _together(outcomes)

    def _call(self, code: Callable[[], Outcome], outcomes: list[Outcome]) -> Outcome:
        """Code the next tile and add its outcome to those before it."""
        outcome = code()
        outcomes.append(outcome)
        return outcome if outcome.ok else replace(outcome, reason=f"tile {len(outcomes)}: {outcome.reason}")


def _together(outcomes: Sequence[Outcome]) -> Outcome:
    """Times add up, memory does not; the call is that of the first tile."""
    seconds = [outcome.seconds for outcome in outcomes]
    memory = [outcome.peak_memory_bytes for outcome in outcomes if outcome.peak_memory_bytes is not None]
    known = [value for value in seconds if value is not None]
    return Outcome(
        seconds=sum(known) if len(known) == len(seconds) else None,
        peak_memory_bytes=max(memory, default=None),
        call=outcomes[0].call,
        exit_status=outcomes[0].exit_status,
    )


def _unpacked(data: bytes) -> tuple[tuple[int, int], int, int, list[bytes]]:
    """Height and width, size of tiles, padding, and the bitstreams.

    Raises:
        CodecError: The header is damaged, or data are missing or left over.
    """
    if len(data) < _HEADER.size or data[:4] != _MAGIC:
        raise CodecError("not a bitstream of tiles: its header is missing")
    _, width, height, size, padding = _HEADER.unpack_from(data)
    sides = (width, height, size)
    if not all(0 < side <= _LARGEST_SIDE for side in sides) or padding > _LARGEST_SIDE:
        raise CodecError("the header of the tiles is damaged: a side has no possible length")
    count = -(-height // size) * -(-width // size)
    start = _HEADER.size + count * _LENGTH.size
    if len(data) < start:
        raise CodecError("the bitstream of tiles is cut short")
    ends = np.cumsum([start, *(row[0] for row in _LENGTH.iter_unpack(data[_HEADER.size : start]))]).tolist()
    if ends[-1] != len(data):
        raise CodecError("the lengths of the tiles do not add up to the bitstream")
    return (height, width), size, padding, [data[a:b] for a, b in itertools.pairwise(ends)]
