# SPDX-License-Identifier: BSD-3-Clause
"""What a PNG file says about itself before it is decoded, and whether all of it is there.

Pillow stops reading once it has all rows and reports 16-bit colour as 8-bit; both matter here.
Chunk layout: W3C, Portable Network Graphics (PNG) Specification, third edition, sections 5 and 11.
"""

import struct
import zlib
from dataclasses import dataclass

from picobench.datasets.refused import RefusedPictureError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Colour primaries, transfer function, matrix, range: ITU-T H.273 code points of sRGB.
_CICP_SRGB = bytes((1, 13, 0, 1))
_DAMAGED = "damaged or incomplete PNG"


@dataclass(frozen=True)
class PngFacts:
    """Header and chunk names of a PNG file.

    Attributes:
        bit_depth: Bits per sample: 1, 2, 4, 8 or 16.
        chunks: Types of all chunks, such as "gAMA".
        coded_as_srgb: Whether a cICP chunk says sRGB; it overrides an ICC profile.
    """

    bit_depth: int
    chunks: frozenset[str]
    coded_as_srgb: bool


def png_facts(data: bytes) -> PngFacts:
    """Walk through all chunks of a PNG file, checking each checksum.

    Bytes after the end chunk are not looked at.

    Raises:
        RefusedPictureError: The file is damaged or cut, or says (cICP) that it is not sRGB.
    """
    view = memoryview(data)
    position = len(SIGNATURE)
    chunks: set[str] = set()
    bit_depth = 0
    coded_as_srgb = False
    while "IEND" not in chunks:
        if position + 12 > len(view):
            raise RefusedPictureError(f"{_DAMAGED}: it ends before its end chunk; get the file again")
        length, kind = struct.unpack(">I4s", view[position : position + 8])
        end = position + 12 + length
        if end > len(view):
            raise RefusedPictureError(f"{_DAMAGED}: it ends inside a chunk; get the file again")
        body = view[position + 8 : end - 4]
        if zlib.crc32(view[position + 4 : end - 4]) != struct.unpack(">I", view[end - 4 : end])[0]:
            raise RefusedPictureError(f"{_DAMAGED}: a chunk's checksum is wrong; get the file again")
        if kind == b"IHDR" and length == 13:
            bit_depth = body[8]
        if kind == b"cICP":
            coded_as_srgb = bytes(body) == _CICP_SRGB
            if not coded_as_srgb:
                raise RefusedPictureError(
                    "coded for another colour space than sRGB (cICP); convert it to sRGB"
                )
        chunks.add(kind.decode("latin-1"))
        position = end
    return PngFacts(bit_depth, frozenset(chunks), coded_as_srgb)
