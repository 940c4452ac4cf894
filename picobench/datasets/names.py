# SPDX-License-Identifier: BSD-3-Clause
"""Names of pictures: from any file name to a safe, unique name for tables, files and links."""

import hashlib
import re
import unicodedata
from pathlib import PurePosixPath

from picobench.errors import DatasetError

MAXIMUM_LENGTH = 64
_DIGEST_DIGITS = 8

ACCEPTED_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".ppm", ".pgm", ".pbm", ".pnm"}
)
"""Endings of the formats that `normalise` decodes."""

# Pictures too, so a folder that holds them must not lose them silently: they are met and refused by name.
_OTHER_PICTURE_SUFFIXES = frozenset(
    {".avif", ".bpg", ".cr2", ".dng", ".exr", ".gif", ".hdr", ".heic", ".heif", ".j2k", ".jfif", ".jp2"}
    | {".jxl", ".nef", ".pam", ".pfm", ".psd", ".svg", ".tga"}
)
PICTURE_SUFFIXES = ACCEPTED_SUFFIXES | _OTHER_PICTURE_SUFFIXES
"""Endings that mark a file as a picture."""


def printable(name: str) -> str:
    """`name` on one line: control characters and undecodable bytes become escapes such as `\\n`."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in name
    )


def is_picture(name: str) -> bool:
    """Whether a file of this name is meant to be a picture; hidden files and macOS companions are not."""
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return not hidden and path.suffix.lower() in PICTURE_SUFFIXES


def slug(text: str) -> str:
    """A name of 1 to 64 characters of `A-Za-z0-9._-` that starts and ends with a letter or digit.

    Accents are dropped, every other run of foreign characters becomes one hyphen. Where letters outside
    ASCII are lost that way, or the name is too long, 8 digits of a digest of `text` keep it apart from others.
    """
    decomposed = unicodedata.normalize("NFKD", text)
    plain = "".join(character for character in decomposed if not unicodedata.combining(character))
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", plain)
    safe = re.sub(r"\.{2,}", ".", safe).strip("-._")
    if safe and plain.isascii() and len(safe) <= MAXIMUM_LENGTH:
        return safe
    digest = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:_DIGEST_DIGITS]
    head = safe[: MAXIMUM_LENGTH - _DIGEST_DIGITS - 1].rstrip("-._")
    return f"{head or 'image'}-{digest}"


def image_name(source: str) -> str:
    """The name of the picture that `source` (a file name or relative path with `/`) holds."""
    path = PurePosixPath(source)
    return slug(str(path.with_suffix("")) if path.suffix.lower() in PICTURE_SUFFIXES else source)


class ImageNames:
    """Hands out image names and refuses a second picture of the same name, capital letters aside."""

    def __init__(self) -> None:
        self._sources: dict[str, str] = {}

    def claim(self, name: str, source: str) -> None:
        """Give `name` to the picture that comes from `source`.

        Raises:
            DatasetError: Another picture has it already.
        """
        other = self._sources.get(name.casefold())
        if other is not None:
            raise DatasetError(
                f"{printable(source)}: would be called {name!r} like {printable(other)}; rename one of them"
            )
        self._sources[name.casefold()] = source
