# SPDX-License-Identifier: BSD-3-Clause
"""The contract between the stages and whatever runs a codec.

A stage opens one session for a chunk of images and calls `encode` or `decode` once an image. The session
decides how that is done: in a child process (`python` adapter), by a program on this machine or in one
container for the whole chunk (`command` adapter). A failure is a fact to record, so it is returned as an
`Outcome` and not raised; `CodecError` is raised only when the session as a whole cannot work.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from picobench.adapters._bounds import LARGEST_PIXELS
from picobench.pixels import RGB8

Options = Mapping[str, Any]
"""The codec's options merged with those of the operating point."""


@dataclass(frozen=True)
class PublishedRate:
    """Rate of a reconstruction that somebody else made, as they give it: there is no bitstream to weigh.

    Attributes:
        bpp: Bits per pixel of the reference.
        size_bytes: None where only bits per pixel were published.
        file: The picture, by the name of its collection and its path in there.
        sha256: Digest of the picture's file.
    """

    bpp: float
    size_bytes: int | None
    file: str
    sha256: str


@dataclass(frozen=True)
class Outcome:
    """What happened to one image in one call of an encoder or decoder.

    Attributes:
        reason: Empty on success; otherwise one line that says why there is no output.
        seconds: Wall time inside the encoder or decoder, without process or container start, reading of
            the input picture and writing of the output file; None where nothing was measured.
        peak_memory_bytes: Peak resident set of the process that did the work; None where not measured.
        call: The argv, or the library call as text, that reproduces the result.
        exit_status: Of the program, where there is one.
        stderr_tail: The last lines of the program's standard error, at most 2,000 characters.
        published: The rate, where nothing is coded here.
        absent: Whether `reason` says that this was never published: no failure of the codec.
    """

    reason: str = ""
    seconds: float | None = None
    peak_memory_bytes: int | None = None
    call: tuple[str, ...] = ()
    exit_status: int | None = None
    stderr_tail: str = ""
    published: PublishedRate | None = None
    absent: bool = False

    @property
    def ok(self) -> bool:
        """Whether the output file is there."""
        return not self.reason


class Session(Protocol):
    """Codes images one after the other. Output files are written completely or not at all."""

    def encode(self, reference: Path, bitstream: Path, options: Options) -> Outcome:
        """Encode the 8-bit RGB PNG `reference` to the file `bitstream`."""
        ...

    def decode(self, bitstream: Path, reconstruction: Path, options: Options) -> Outcome:
        """Decode `bitstream` to the 8-bit RGB PNG `reconstruction`, with nothing else at hand."""
        ...


@dataclass(frozen=True)
class Environment:
    """What a codec runs on: enters the content key of its bitstreams and the provenance.

    Attributes:
        versions: Everything that determines the bytes: library and tool versions, image digest.
        details: Further facts for the reader (paths, build options); do not enter the key.
    """

    versions: Mapping[str, str]
    details: Mapping[str, str] = field(default_factory=dict)


class Adapter(Protocol):
    """One way to run codecs."""

    extension: str
    """Extension of the bitstream's file name, without the dot."""

    def environment(self) -> Environment:
        """Ask the codec for its versions; raises CodecError with what to install when it cannot run."""
        ...

    def check(self, options: Options) -> None:
        """Raise DefinitionError when an option is unknown or out of range."""
        ...

    def ceiling_db(self, pixels: RGB8, options: Options) -> float:
        """PSNR that no reconstruction of this image can exceed because of the colour conversion before the codec.

        Infinite where that conversion is exact, or the codec's own.
        """
        ...

    def session(
        self, timeout_seconds: float, largest_pixels: int = LARGEST_PIXELS
    ) -> AbstractContextManager[Session]:
        """Open a session for pictures of at most `largest_pixels`; `timeout_seconds` bounds each single call."""
        ...
