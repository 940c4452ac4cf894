# SPDX-License-Identifier: BSD-3-Clause
"""Codecs of which only decoded pictures and their rates are published; nothing is coded here.

"Encoding" looks a picture up in the manifest, verifies it, and writes a note of where it lies in place of a
bitstream; "decoding" reads the picture that the note names. The picture itself is never copied into the
results: licences of published pictures often forbid to pass them on.
"""

import contextlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from picobench.adapters._bounds import LARGEST_PIXELS
from picobench.adapters.base import Environment, Options, Outcome, PublishedRate
from picobench.datasets.names import printable
from picobench.datasets.normalise import Normalised, normalise
from picobench.datasets.refused import RefusedPictureError
from picobench.datasets.unpack import read_member
from picobench.definitions import Codec
from picobench.errors import CodecError, DatasetError, DefinitionError
from picobench.files import sha256_bytes, sha256_file, write_json
from picobench.manifest import Published, read_manifest
from picobench.mirrored import find_in
from picobench.pixels import RGB8, pixels_digest, read_rgb8, write_rgb8

_LARGEST_FILE_BYTES = 1 << 30
_OPTIONS = frozenset({"point", "rows"})


@dataclass(frozen=True)
class Collection:
    """Where published pictures lie: `<folder>/<name>/...` or `<folder>/...`, or in a zip archive there."""

    name: str
    folders: tuple[Path, ...]
    archive: str
    source: str

    def find(self, file: str) -> Path:
        """The path of a file of the collection.

        Raises:
            CodecError: It is in none of the folders.
        """
        if path := find_in(self.folders, self.name, file):
            return path
        where = ", ".join(map(str, self.folders)) or "no folder is given"
        raise CodecError(
            f"{self.name}/{printable(file)}: published, but not here ({where}); get it from {self.source} and "
            f"set mirrors: {{{self.name}: [FOLDER]}} in the configuration, or PICOBENCH_MIRRORS"
        )

    def read(self, file: str, sha256: str) -> bytes:
        """The bytes of a picture, verified.

        Raises:
            CodecError: It is missing, too large or another one.
        """
        path = self.find(self.archive or file)
        try:
            if self.archive:
                data = read_member(path, file)
            elif path.stat().st_size > _LARGEST_FILE_BYTES:
                raise CodecError(f"{path}: larger than 1 GB; this is no picture")
            else:
                data = path.read_bytes()
        except OSError as error:
            raise CodecError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None
        except DatasetError as error:
            raise CodecError(str(error)) from None
        if (found := sha256_bytes(data)) != sha256:
            raise CodecError(
                f"{path}: {printable(file)} has SHA-256 {found}, the manifest says {sha256}; get the published "
                "file again, or make the manifest again"
            )
        return data


class ReconstructionsAdapter:
    """Serves the pictures of a manifest."""

    extension = "published"

    def __init__(self, codec: Codec) -> None:
        """Prepare a codec.

        Raises:
            CodecError: There is no manifest.
            DefinitionError: The manifest is wrong.
        """
        block = codec.reconstructions
        self._codec = codec.id
        self._manifest = Path(block["manifest"])
        if not self._manifest.is_file():
            raise CodecError(
                f"codec {codec.id}: no manifest {self._manifest}; get {block['source']} and make it with picobench "
                "import-reconstructions"
            )
        rows = read_manifest(self._manifest, block["codec"])
        self.rows: Mapping[tuple[str, str], Published] = {(row.point, row.image): row for row in rows}
        self.collection = Collection(
            block["collection"], tuple(map(Path, block["folders"])), block.get("archive", ""), block["source"]
        )

    def environment(self) -> Environment:
        """The collection. What its rows say enters the key with each point's options.

        Raises:
            CodecError: The pictures are not here.
        """
        first = next(row for row in self.rows.values())
        place = self.collection.find(self.collection.archive or first.file)
        refused = sum(1 for row in self.rows.values() if row.refused)
        return Environment(
            versions={"collection": self.collection.name},
            details={
                "manifest": self._manifest.name,
                "manifest_sha256": sha256_file(self._manifest),
                "pictures": f"{len(self.rows) - refused} published and usable, {refused} refused",
                "place": str(place.parent if self.collection.archive else _base(place, first.file)),
                "source": self.collection.source,
                "rate": "as published; not measured here",
            },
        )

    def check(self, options: Options) -> None:
        """Raise DefinitionError when there are options: nothing is coded that they could influence."""
        if unknown := sorted(set(options) - _OPTIONS):
            raise DefinitionError(f"codec {self._codec}: published pictures take no option {unknown[0]!r}")

    def ceiling_db(self, pixels: RGB8, options: Options) -> float:
        """Infinite: what was converted before the codec is not known."""
        return math.inf

    def published(self, image: str, options: Options) -> RGB8 | None:
        """The picture that was published for an image, refused or not; None if there is none that can be read.

        Raises:
            CodecError: It is not here, or not the one of the manifest.
        """
        row = self.rows.get((options["point"], image))
        if row is None:
            return None
        try:
            return _load(self.collection, row.file, row.sha256).pixels
        except RefusedPictureError:
            return None

    @contextlib.contextmanager
    def session(
        self, timeout_seconds: float, largest_pixels: int = LARGEST_PIXELS
    ) -> "Iterator[ReconstructionsSession]":
        """Open a session; reading a picture needs no limit of time."""
        yield ReconstructionsSession(self.rows, self.collection)


class ReconstructionsSession:
    """Looks pictures up, one after the other."""

    def __init__(self, rows: Mapping[tuple[str, str], Published], collection: Collection) -> None:
        self._rows = rows
        self._collection = collection

    def encode(self, reference: Path, bitstream: Path, options: Options) -> Outcome:
        """Verify the picture that was published for `reference`; its image is named by the file `bitstream`.

        Raises:
            CodecError: The picture is not here, or not the one of the manifest.
        """
        image, point = bitstream.name.removesuffix(f".{ReconstructionsAdapter.extension}"), options["point"]
        row = self._rows.get((point, image))
        if row is None:
            reason = (
                f"no published picture: the manifest of {self._collection.name} has no {image} at {point}"
            )
            return Outcome(reason=reason, absent=True)
        name = f"{self._collection.name}/{row.file}"
        call = ("published", name, f"sha256={row.sha256}")
        if row.refused:
            return Outcome(reason=f"refused: {row.refused}", call=call)
        try:
            height, width, _ = _load(self._collection, row.file, row.sha256).pixels.shape
        except RefusedPictureError as error:
            return Outcome(reason=f"refused: {error}", call=call)
        expected = read_rgb8(reference)
        if (height, width) != expected.shape[:2]:
            size = f"{expected.shape[1]}x{expected.shape[0]}"
            reason = f"refused: the published picture is {width}x{height}, the reference {size} pixels"
            return Outcome(reason=reason, call=call)
        if row.reference_sha256 and row.reference_sha256 != pixels_digest(expected):
            reason = f"refused: it was published for another picture that is also called {image}"
            return Outcome(reason=reason, call=call)
        rate = PublishedRate(row.rate, row.size_bytes, name, row.sha256)
        write_json(bitstream, {"collection": self._collection.name, "file": row.file, "sha256": row.sha256})
        return Outcome(call=call, published=rate)

    def decode(self, bitstream: Path, reconstruction: Path, options: Options) -> Outcome:
        """Read the published picture that the note `bitstream` names, as 8-bit RGB PNG.

        Raises:
            CodecError: The picture is not here, or not the one of the note.
        """
        try:
            note = json.loads(bitstream.read_bytes())
            file, sha256 = str(note["file"]), str(note["sha256"])
        except (ValueError, KeyError, TypeError):
            return Outcome(reason="this is no note of a published picture")
        try:
            result = _load(self._collection, file, sha256)
        except RefusedPictureError as error:
            return Outcome(reason=f"refused: {error}")
        write_rgb8(reconstruction, result.pixels)
        return Outcome(call=("read", f"{self._collection.name}/{file}", *_remarks(result.conversions)))


def _load(collection: Collection, file: str, sha256: str) -> Normalised:
    return normalise(collection.read(file, sha256))


def _remarks(conversions: Sequence[str]) -> tuple[str, ...]:
    return (f"({'; '.join(conversions)})",) if conversions else ()


def _base(path: Path, file: str) -> Path:
    """The folder that `file` is relative to."""
    return path.parents[len(Path(file).parts) - 1]
