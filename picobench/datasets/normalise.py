# SPDX-License-Identifier: BSD-3-Clause
"""Any picture to 8-bit sRGB without alpha: one set of rules for every dataset, or a refusal with the reason.

    ICC profile         applied (`picobench.datasets.colour`); without one the values are taken as sRGB
    gAMA, cHRM (PNG)    ignored: they contradict what viewers show and what the literature measures
    EXIF orientation    applied
    alpha               dropped where every pixel is opaque; refused otherwise, since any background would
                        be an invention that changes bit-rate and every metric
    16 bits a sample    round(v / 257), from PNG only
    grey, palette, 1 bit  expanded to RGB
    CMYK                converted by its profile, refused without one
    several frames      refused; of a camera's MPO file the first, which is its main picture
    too many pixels     refused before decoding
    damaged or cut      refused
    other formats       refused: only PNG, JPEG, WebP, TIFF, BMP and PNM are decoded

An 8-bit sRGB PNG keeps its pixel values exactly.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from picobench.datasets.colour import Kind, Samples, to_srgb
from picobench.datasets.names import printable
from picobench.datasets.png import SIGNATURE, PngFacts, png_facts
from picobench.datasets.refused import RefusedPictureError
from picobench.pixels import RGB8

RULES = 1
"""Raised when the rules above come to give other pixels: pictures normalised by older rules are made again."""

DEFAULT_MAXIMUM_MEGAPIXELS = 100.0
_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "PPM")
_ORIENTATION = 0x0112
_BITS_PER_SAMPLE = 258


@dataclass(frozen=True)
class Normalised:
    """A picture as 8-bit sRGB.

    Attributes:
        pixels: Shape (height, width, 3), dtype uint8.
        source_format: Format of the file it came from, such as "PNG" or "JPEG".
        conversions: What was done to the samples, in order, in words; empty if nothing.
    """

    pixels: RGB8
    source_format: str
    conversions: tuple[str, ...]


def normalise(data: bytes, *, maximum_megapixels: float = DEFAULT_MAXIMUM_MEGAPIXELS) -> Normalised:
    """Decode the bytes of a picture file by the rules of this module.

    Raises:
        RefusedPictureError: The picture is damaged, or the rules refuse it.
    """
    facts = png_facts(data) if data.startswith(SIGNATURE) else None
    with warnings.catch_warnings():
        # Pillow warns of large pictures and odd metadata; here a picture is accepted or refused.
        warnings.simplefilter("ignore")
        with _decoding():
            picture = Image.open(io.BytesIO(data), formats=_FORMATS)
        with picture:
            return _normalise(picture, data, facts, maximum_megapixels)


@contextmanager
def _decoding() -> Iterator[None]:
    """Turn what decoders raise on a hostile file, which is anything, into a refusal."""
    try:
        yield
    except MemoryError:
        raise
    except Image.DecompressionBombError as error:
        raise RefusedPictureError("far too many pixels; scale it down") from error
    except UnidentifiedImageError as error:
        raise RefusedPictureError(
            "not a PNG, JPEG, WebP, TIFF, BMP or PNM picture; convert it to PNG"
        ) from error
    except Exception as error:
        reason = printable(" ".join(str(error).split()))[:120] or type(error).__name__
        raise RefusedPictureError(f"damaged or incomplete ({reason}); get the file again") from error


def _normalise(picture: Image.Image, data: bytes, facts: PngFacts | None, megapixels: float) -> Normalised:
    if picture.width * picture.height > megapixels * 1e6:
        raise RefusedPictureError(
            f"more than {megapixels:g} megapixels; scale it down or raise max_megapixels of the dataset"
        )
    done = _check_frames(picture)
    _check_depth(picture)
    profile = picture.info.get("icc_profile")
    if facts is not None:
        done += [f"{chunk} chunk ignored" for chunk in ("gAMA", "cHRM") if chunk in facts.chunks]
        if facts.coded_as_srgb:
            profile = None
        elif "iCCP" in facts.chunks and not profile:
            raise RefusedPictureError("its ICC profile is broken; convert the picture to sRGB or remove it")
    stated = _orientation(picture)
    with _decoding():
        picture.load()
    # Pillow turns TIFF pictures while it loads them, and PNG may carry EXIF data after the pixels.
    left_to_apply = _orientation(picture)

    samples, kind, decoding = _samples(picture, data, facts)
    pixels, colour = to_srgb(samples, kind, profile or None)
    done += decoding + colour
    if max(stated, left_to_apply) > 1:
        done.append(f"EXIF orientation {max(stated, left_to_apply)} applied")
    pixels = np.ascontiguousarray(_turn(pixels, left_to_apply))
    return Normalised(pixels, picture.format or "", tuple(done))


def _check_frames(picture: Image.Image) -> list[str]:
    with _decoding():
        frames = getattr(picture, "n_frames", 1)
    if frames == 1:
        return []
    if picture.format == "MPO":
        return [f"first of {frames} pictures of an MPO file"]
    raise RefusedPictureError("animated or several pictures in one file; save the one you mean as PNG")


def _check_depth(picture: Image.Image) -> None:
    if picture.format == "TIFF":
        with _decoding():
            tags: Any = getattr(picture, "tag_v2", {})
            deepest = max(tags.get(_BITS_PER_SAMPLE, (1,)))
        if deepest > 8:
            raise RefusedPictureError(
                "samples deeper than 8 bits are read from PNG only; save it as 16-bit PNG"
            )
    # Pillow rescales PNM samples with another maximum than 255, which is its own rounding rule.
    if picture.format == "PPM" and getattr(picture, "tile")[0][0] != "raw":  # noqa: B009  not in the stubs
        raise RefusedPictureError("PNM with another maximum than 255 or in plain text; save it as PNG")


def _samples(picture: Image.Image, data: bytes, facts: PngFacts | None) -> tuple[Samples, Kind, list[str]]:
    if facts is not None and facts.bit_depth == 16:
        return _samples_16_bits(data)
    done: list[str] = []
    if picture.has_transparency_data:
        with_alpha = picture.convert("LA" if picture.mode in {"1", "L", "LA", "La"} else "RGBA")
        lowest, _ = with_alpha.getchannel("A").getextrema()
        if lowest != 255:
            raise _transparent()
        done = ["palette expanded"] if picture.mode in {"P", "PA"} else []
        done.append("opaque alpha dropped")
        picture = with_alpha.convert("L" if with_alpha.mode == "LA" else "RGB")
    elif picture.mode == "P":
        picture, done = picture.convert("RGB"), ["palette expanded"]
    elif picture.mode == "1":
        picture, done = picture.convert("L"), ["1 bit expanded"]
    elif picture.mode == "RGBX":
        picture = picture.convert("RGB")
    kinds: dict[str, Kind] = {"L": "grey", "RGB": "rgb", "CMYK": "cmyk"}
    if picture.mode not in kinds:
        raise RefusedPictureError(f"samples of kind {picture.mode} are not accepted; save it as 8-bit PNG")
    return np.asarray(picture), kinds[picture.mode], done


def _samples_16_bits(data: bytes) -> tuple[Samples, Kind, list[str]]:
    # Pillow cuts 16-bit colour to its upper 8 bits, which darkens by half a step.
    import imagecodecs

    with _decoding():
        samples = imagecodecs.png_decode(data)
    if samples.ndim == 2:
        return samples, "grey", []
    done: list[str] = []
    if samples.shape[2] in {2, 4}:
        if int(samples[:, :, -1].min()) != 65535:
            raise _transparent()
        samples, done = samples[:, :, :-1], ["opaque alpha dropped"]
    if samples.shape[2] == 1:
        return samples[:, :, 0], "grey", done
    return samples, "rgb", done


def _transparent() -> RefusedPictureError:
    return RefusedPictureError("has transparent pixels; flatten it on a background of your choice")


def _orientation(picture: Image.Image) -> int:
    try:
        value = picture.getexif().get(_ORIENTATION, 1)
    except Exception:  # a damaged EXIF block says nothing about the pixels
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _turn(pixels: RGB8, orientation: int) -> RGB8:
    """Undo an EXIF orientation (CIPA DC-008, tag 0x0112)."""
    if orientation in {5, 6, 7, 8}:
        pixels = pixels.swapaxes(0, 1)
    if orientation in {2, 3, 6, 7}:
        pixels = pixels[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        pixels = pixels[::-1]
    return pixels
