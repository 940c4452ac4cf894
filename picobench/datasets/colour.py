# SPDX-License-Identifier: BSD-3-Clause
"""Samples with an ICC profile to 8-bit sRGB.

The rule: relative colorimetric intent with black point compensation, the usual default of image editors. It
leaves colours that sRGB can show where they are; the perceptual intent would move them, differently in
every profile. A profile that equals sRGB within one step of 255 changes nothing: applying it would only add
rounding noise to pictures that the literature uses as they are.
"""

import io
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, features

from picobench.datasets.refused import RefusedPictureError
from picobench.pixels import RGB8

Samples = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
"""Shape (height, width) for grey, (height, width, 3) for RGB, (height, width, 4) for CMYK ink amounts."""

Kind = Literal["grey", "rgb", "cmyk"]

_MAXIMUM_PROFILE_BYTES = 8 << 20
_MAXIMUM_DESCRIPTION = 60
_PILLOW_MODE: dict[Kind, str] = {"grey": "L", "rgb": "RGB", "cmyk": "CMYK"}
_ICC_SPACE: dict[str, Kind] = {"GRAY": "grey", "RGB": "rgb", "CMYK": "cmyk"}
# Input, display, output and colour space conversion: the classes that describe a picture's samples.
_PROFILE_CLASSES = {"scnr", "mntr", "prtr", "spac"}
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION
_BROKEN = "its ICC profile is broken; convert the picture to sRGB or remove the profile"


def to_srgb(samples: Samples, kind: Kind, profile: bytes | None) -> tuple[RGB8, list[str]]:
    """Convert samples to sRGB, shape (height, width, 3), dtype uint8.

    Without a profile grey and RGB samples are taken to be sRGB already. 16-bit samples become
    round(v / 257), after the profile where there is one.

    Returns:
        The pixels, and the conversions that were applied, in words.

    Raises:
        RefusedPictureError: CMYK without a profile; a broken profile, or one for other samples than these.
    """
    if profile is None:
        if kind == "cmyk":
            raise RefusedPictureError(
                "CMYK without an ICC profile has no defined colours; convert it to sRGB"
            )
        reduced, done = _to_8_bits(samples)
        pixels, more = _expand(reduced, kind)
        return pixels, done + more

    source, name, space = _open(profile)
    done = []
    if kind == "grey" and space == "rgb":
        samples, done = _expand(samples, kind)
        kind = "rgb"
    if space != kind:
        raise RefusedPictureError(
            f"its ICC profile is for {space} where the samples are {kind}; convert it to sRGB"
        )
    if kind != "cmyk" and _is_srgb(source, kind):
        reduced, rounding = _to_8_bits(samples)
        pixels, expansion = _expand(reduced, kind)
        kept = f"ICC profile {name!r} dropped: equals sRGB within 1/255, values kept"
        return pixels, [*done, kept, *rounding, *expansion]
    if samples.dtype == np.uint8:
        pixels, version = _apply(source, kind, samples), f"LittleCMS {features.version('littlecms2')}"
        rounding = []
    else:
        pixels, version = _apply_16_bits(samples, kind, profile)
        rounding = ["16 to 8 bits: round(v / 257)"]
    applied = f"ICC profile {name!r} to sRGB: relative colorimetric, black point compensation, {version}"
    return pixels, [*done, applied, *rounding]


def _open(profile: bytes) -> tuple[ImageCms.ImageCmsProfile, str, Kind]:
    if len(profile) > _MAXIMUM_PROFILE_BYTES:
        raise RefusedPictureError("its ICC profile is larger than 8 MB; convert the picture to sRGB")
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        core = source.profile
        described = core.profile_description or "without name"
        space, device_class = core.xcolor_space.strip(), core.device_class
    except (OSError, TypeError, ValueError) as error:
        raise RefusedPictureError(_BROKEN) from error
    if space not in _ICC_SPACE or device_class not in _PROFILE_CLASSES:
        raise RefusedPictureError(
            f"its ICC profile is of kind {device_class}/{space}; convert the picture to sRGB"
        )
    # The name comes from the file: keep it to one short line.
    name = "".join(c for c in described if c.isascii() and c.isprintable())[:_MAXIMUM_DESCRIPTION]
    return source, name, _ICC_SPACE[space]


def _apply(source: ImageCms.ImageCmsProfile, kind: Kind, samples: Samples) -> RGB8:
    try:
        transform = ImageCms.buildTransform(
            source, ImageCms.createProfile("sRGB"), _PILLOW_MODE[kind], "RGB", _INTENT, _FLAGS
        )
        converted = ImageCms.applyTransform(Image.fromarray(samples, _PILLOW_MODE[kind]), transform)
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        raise RefusedPictureError(_BROKEN) from error
    if converted is None:
        raise RefusedPictureError(_BROKEN)
    return np.asarray(converted)


def _apply_16_bits(samples: Samples, kind: Kind, profile: bytes) -> tuple[RGB8, str]:
    # Pillow transforms 8-bit samples only; rounding before the profile moves some results by 2 of 255.
    import imagecodecs

    names = {"grey": "gray", "rgb": "rgb", "cmyk": "cmyk"}
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    try:
        converted: Any = imagecodecs.cms_transform(
            np.ascontiguousarray(samples),
            profile,
            srgb,
            colorspace=names[kind],
            outcolorspace="rgb",
            outdtype="uint16",
            intent=int(_INTENT),
            flags=int(_FLAGS),
        )
    except (imagecodecs.CmsError, ValueError) as error:
        raise RefusedPictureError(_BROKEN) from error
    version = imagecodecs.cms_version().replace("lcms2", "LittleCMS")
    return _to_8_bits(np.asarray(converted, dtype=np.uint16))[0], version


def _is_srgb(source: ImageCms.ImageCmsProfile, kind: Kind) -> bool:
    ramp = np.arange(256, dtype=np.uint8)
    if kind == "grey":
        probe: npt.NDArray[np.uint8] = ramp[None]
        expected = np.repeat(ramp[None, :, None], 3, axis=2)
    else:
        steps = ramp[::15]
        cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
        probe = expected = np.concatenate([cube, np.repeat(ramp[None, :, None], 3, axis=2)], axis=1)
    result = _apply(source, kind, probe)
    return int(np.abs(result.astype(np.int16) - expected).max()) <= 1


def _to_8_bits(samples: Samples) -> tuple[npt.NDArray[np.uint8], list[str]]:
    if samples.dtype == np.uint8:
        return samples.astype(np.uint8, copy=False), []
    # Integer form of round(v / 257); 257 is odd, so no value lies half-way.
    rounded = (samples.astype(np.uint32) + 128) // 257
    return rounded.astype(np.uint8), ["16 to 8 bits: round(v / 257)"]


def _expand(samples: Any, kind: Kind) -> tuple[Any, list[str]]:
    if kind != "grey":
        return samples, []
    return np.repeat(samples[:, :, None], 3, axis=2), ["grey expanded to RGB"]
