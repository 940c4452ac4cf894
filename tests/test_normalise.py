# SPDX-License-Identifier: BSD-3-Clause
"""Each rule of `picobench.datasets.normalise`, on real pictures and on files built to break it."""

import io
import struct
import zlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps

from picobench.datasets.normalise import normalise
from picobench.datasets.png import SIGNATURE
from picobench.datasets.refused import RefusedPictureError

RNG = np.random.default_rng(7)
RGB = RNG.integers(0, 256, (24, 40, 3), dtype=np.uint8)
GREY = RNG.integers(0, 256, (24, 40), dtype=np.uint8)
DEEP = RNG.integers(0, 65536, (24, 40, 3), dtype=np.uint16)


def saved(picture: Image.Image | np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(picture)
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunk(png: bytes, kind: bytes, body: bytes) -> bytes:
    after_header = len(SIGNATURE) + 25
    return png[:after_header] + chunk(kind, body) + png[after_header:]


def skimage_profile(name: str) -> bytes:
    locations = find_spec("skimage").submodule_search_locations  # type: ignore[union-attr]
    with Image.open(Path(locations[0]) / "data" / name) as picture:
        return bytes(picture.info["icc_profile"])


ADOBE_RGB = skimage_profile("rocket.jpg")
DOT_GAIN = skimage_profile("page.png")
HP_SRGB = skimage_profile("astronaut.png")


def reason(data: bytes, **options: Any) -> str:
    with pytest.raises(RefusedPictureError) as caught:
        normalise(data, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Pixels that must stay as they are


def test_kodak_keeps_every_pixel(kodak: Path) -> None:
    for path in sorted(kodak.glob("*.png")):
        result = normalise(path.read_bytes())
        with Image.open(path) as picture:
            assert np.array_equal(result.pixels, np.asarray(picture)), path.name
        assert result.conversions == ("gAMA chunk ignored",)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "PPM", "WEBP"])
def test_8_bit_rgb_keeps_every_pixel(kind: str) -> None:
    result = normalise(saved(RGB, kind, **({"lossless": True} if kind == "WEBP" else {})))
    assert np.array_equal(result.pixels, RGB)
    assert result.pixels.dtype == np.uint8
    assert result.pixels.flags["C_CONTIGUOUS"]
    assert (result.source_format, result.conversions) == (kind, ())


def test_jpeg_is_decoded_as_it_is() -> None:
    data = saved(RGB, "JPEG", quality=90)
    assert np.array_equal(normalise(data).pixels, np.asarray(Image.open(io.BytesIO(data))))


def test_gamma_and_primaries_are_ignored() -> None:
    data = with_chunk(saved(RGB), b"gAMA", struct.pack(">I", 100000))
    data = with_chunk(
        data, b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)
    )
    result = normalise(data)
    assert np.array_equal(result.pixels, RGB)
    assert result.conversions == ("gAMA chunk ignored", "cHRM chunk ignored")


# Samples


def test_grey_is_expanded() -> None:
    result = normalise(saved(GREY))
    assert np.array_equal(result.pixels, np.stack([GREY] * 3, axis=2))
    assert result.conversions == ("grey expanded to RGB",)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_few_bits_are_scaled_to_the_full_range(bits: int) -> None:
    steps = 2**bits
    row = np.arange(steps, dtype=np.uint8)
    packed = np.packbits(
        ((row[:, None] >> np.arange(bits - 1, -1, -1)) & 1).astype(np.uint8).reshape(-1)
    ).tobytes()
    header = struct.pack(">IIBBBBB", steps, 1, bits, 0, 0, 0, 0)
    data = (
        SIGNATURE
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" + packed))
        + chunk(b"IEND", b"")
    )
    assert normalise(data).pixels[0, :, 0].tolist() == [255 * v // (steps - 1) for v in range(steps)]


def test_a_palette_is_expanded() -> None:
    picture = Image.fromarray(RGB).quantize(16)
    result = normalise(saved(picture))
    assert np.array_equal(result.pixels, np.asarray(picture.convert("RGB")))
    assert result.conversions == ("palette expanded",)


@pytest.mark.parametrize("samples", [DEEP, DEEP[:, :, 0], DEEP[:, :, :1].repeat(4, axis=2)])
def test_16_bits_are_rounded(samples: np.ndarray) -> None:
    samples = samples.copy()
    if samples.ndim == 3 and samples.shape[2] == 4:
        samples[:, :, 3] = 65535
    result = normalise(imagecodecs.png_encode(samples))
    colour = samples if samples.ndim == 2 else samples[:, :, :3]
    expected = np.round(colour / 257).astype(np.uint8)
    if samples.ndim == 2:
        expected = np.stack([expected] * 3, axis=2)
    assert np.array_equal(result.pixels, expected)
    assert "16 to 8 bits: round(v / 257)" in result.conversions


def test_8_bits_stored_as_16_come_back() -> None:
    assert np.array_equal(normalise(imagecodecs.png_encode(RGB.astype(np.uint16) * 257)).pixels, RGB)


def test_deep_samples_of_other_formats_are_refused() -> None:
    assert "read from PNG only" in reason(saved(Image.fromarray(DEEP[:, :, 0]), "TIFF"))
    pnm = b"P6 1 1 65535\n" + bytes(6)
    assert "another maximum than 255" in reason(pnm)
    assert "samples of kind I" in reason(b"P5 1 1 65535\n" + bytes(2))
    fractions = RNG.random((4, 4), dtype=np.float32)
    assert "read from PNG only" in reason(saved(Image.fromarray(fractions), "TIFF"))


# Alpha


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
@pytest.mark.parametrize("opaque", [True, False])
def test_alpha(mode: str, opaque: bool) -> None:
    picture = Image.fromarray(RGB).convert("RGBA")
    if not opaque:
        picture.putpixel((5, 5), (1, 2, 3, 254))
    if mode == "P":
        indexed = Image.fromarray(RGB).quantize(8)
        data = saved(indexed, transparency=bytes([255] * 8 if opaque else [255] * 7 + [0]))
        picture = indexed
    else:
        data = saved(picture.convert(mode))
    if not opaque:
        assert reason(data) == "has transparent pixels; flatten it on a background of your choice"
        return
    result = normalise(data)
    expected = picture.convert("L" if mode == "LA" else "RGB").convert("RGB")
    assert np.array_equal(result.pixels, np.asarray(expected))
    assert "opaque alpha dropped" in result.conversions


@pytest.mark.parametrize("used", [True, False])
def test_a_transparent_colour_counts_where_it_is_used(used: bool) -> None:
    pixels = np.full((4, 4, 3), 9, dtype=np.uint8)
    data = saved(pixels, transparency=(9, 9, 9) if used else (1, 2, 3))
    if used:
        assert "transparent" in reason(data)
    else:
        assert np.array_equal(normalise(data).pixels, pixels)


def test_16_bit_alpha() -> None:
    samples = np.concatenate([DEEP, DEEP[:, :, :1]], axis=2)
    assert "transparent" in reason(imagecodecs.png_encode(samples))


def test_a_transparent_16_bit_colour() -> None:
    samples = np.full((4, 4, 3), 1000, dtype=np.uint16)
    data = imagecodecs.png_encode(samples)
    assert "transparent" in reason(with_chunk(data, b"tRNS", struct.pack(">3H", 1000, 1000, 1000)))
    kept = normalise(with_chunk(data, b"tRNS", struct.pack(">3H", 1, 2, 3)))
    assert int(kept.pixels.max()) == int(kept.pixels.min()) == round(1000 / 257)


# Colour profiles


def adobe_rgb_to_srgb(values: np.ndarray) -> np.ndarray:
    """Adobe RGB (1998), 4.3.1.2 and 4.3.4.1, to sRGB, IEC 61966-2-1; both white points are D65.

    Takes values from 0 to 1, gives values from 0 to 255; colours outside sRGB are cut.
    """
    to_xyz = np.array([[0.57667, 0.18556, 0.18823], [0.29734, 0.62736, 0.07529], [0.02703, 0.07069, 0.99134]])
    from_xyz = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
    light = np.clip(values**2.19921875 @ to_xyz.T @ from_xyz.T, 0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


# Dull colours, which lie inside sRGB whatever the primaries.
DULL = (40000 + 0.25 * (DEEP.astype(np.float64) - 32768)).astype(np.uint16)


def test_adobe_rgb_against_its_definition() -> None:
    colours = (DULL // 257).astype(np.uint8)
    result = normalise(saved(colours, icc_profile=ADOBE_RGB))
    assert np.abs(result.pixels - adobe_rgb_to_srgb(colours / 255)).max() < 1.0
    assert np.abs(result.pixels.astype(int) - colours).max() > 5
    (applied,) = result.conversions
    assert applied.startswith("ICC profile 'Adobe RGB (1998)' to sRGB: relative colorimetric, black point")
    assert "LittleCMS" in applied


def test_16_bits_with_a_profile_are_rounded_last() -> None:
    data = with_chunk(imagecodecs.png_encode(DULL), b"iCCP", b"x\0\0" + zlib.compress(ADOBE_RGB))
    result = normalise(data)
    exact = adobe_rgb_to_srgb(DULL / 65535)
    assert np.abs(result.pixels - exact).max() < 0.7  # 0.5 and the four digits of the matrices
    rounded_first = normalise(saved(np.round(DULL / 257).astype(np.uint8), icc_profile=ADOBE_RGB)).pixels
    assert np.abs(rounded_first - exact).max() > 0.9
    assert result.conversions[-1] == "16 to 8 bits: round(v / 257)"


def test_16_bit_grey_with_a_profile() -> None:
    data = with_chunk(
        imagecodecs.png_encode(DEEP[:, :, 0].copy()), b"iCCP", b"x\0\0" + zlib.compress(DOT_GAIN)
    )
    coarse = normalise(saved((DEEP[:, :, 0] // 257).astype(np.uint8), icc_profile=DOT_GAIN))
    result = normalise(data)
    assert result.pixels.shape == coarse.pixels.shape
    assert np.abs(result.pixels.astype(int) - coarse.pixels).max() <= 8
    assert np.abs(result.pixels.astype(int) - coarse.pixels).mean() < 1


@pytest.mark.parametrize(
    "profile",
    [HP_SRGB, ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()],
    ids=["hp", "littlecms"],
)
def test_an_srgb_profile_changes_nothing(profile: bytes) -> None:
    result = normalise(saved(RGB, icc_profile=profile))
    assert np.array_equal(result.pixels, RGB)
    assert "equals sRGB within 1/255, values kept" in result.conversions[0]


def test_a_grey_profile() -> None:
    result = normalise(saved(GREY, icc_profile=DOT_GAIN))
    assert np.array_equal(result.pixels[:, :, 0], result.pixels[:, :, 2])
    assert not np.array_equal(result.pixels[:, :, 0], GREY)


def test_grey_with_an_rgb_profile_is_expanded_first() -> None:
    result = normalise(saved(GREY, icc_profile=ADOBE_RGB))
    expected = normalise(saved(np.stack([GREY] * 3, axis=2), icc_profile=ADOBE_RGB))
    assert np.array_equal(result.pixels, expected.pixels)
    assert result.conversions[0] == "grey expanded to RGB"


def test_a_profile_for_other_samples_is_refused() -> None:
    assert "is for grey where the samples are rgb" in reason(saved(RGB, icc_profile=DOT_GAIN))


def test_cmyk_without_profile_is_refused() -> None:
    assert "CMYK without an ICC profile" in reason(saved(Image.new("CMYK", (8, 8)), "JPEG"))
    assert "is for rgb where the samples are cmyk" in reason(
        saved(Image.new("CMYK", (8, 8)), "JPEG", icc_profile=ADOBE_RGB)
    )


def cmyk_profile() -> bytes:
    """A small CMYK output profile (ICC.1:2001-04): R, G, B = (1 - ink)(1 - K) as Lab, two grid points."""
    lab_of_rgb = ImageCms.buildTransform(
        ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB", 1
    )
    table = b""
    for index in range(16):
        cyan, magenta, yellow, black = ((index >> bit) & 1 for bit in (3, 2, 1, 0))
        rgb = tuple(255 * (1 - ink) * (1 - black) for ink in (cyan, magenta, yellow))
        lab = ImageCms.applyTransform(Image.new("RGB", (1, 1), rgb), lab_of_rgb)
        assert lab is not None
        lightness, a, b = lab.getpixel((0, 0))  # type: ignore[misc]
        table += struct.pack(">3H", lightness * 0xFF00 // 255, a << 8, b << 8)
    identity = struct.pack(">9i", *(65536 if i in {0, 4, 8} else 0 for i in range(9)))
    ramp = struct.pack(">2H", 0, 65535)
    lut = b"mft2" + bytes(4) + bytes([4, 3, 2, 0]) + identity + struct.pack(">2H", 2, 2)
    lut += ramp * 4 + table + ramp * 3
    text = b"ink\0"
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(4 + 4 + 2 + 1 + 67),
        b"A2B0": lut,
        b"A2B1": lut,
        b"wtpt": b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061),
    }
    offset, directory, body = 128 + 4 + 12 * len(tags), b"", b""
    for signature, data in tags.items():
        directory += signature + struct.pack(">2I", offset + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = bytearray(128)
    header[8:12] = bytes((2, 0x40, 0, 0))
    header[12:24] = b"prtrCMYKLab "
    header[36:40] = b"acsp"
    header[68:80] = struct.pack(">3i", 63190, 65536, 54061)
    header[0:4] = struct.pack(">I", offset + len(body))
    return bytes(header) + struct.pack(">I", len(tags)) + directory + body


def test_cmyk_with_its_profile_is_converted() -> None:
    picture = Image.new("CMYK", (4, 1))
    for x, ink in enumerate([(0, 0, 0, 0), (0, 255, 255, 0), (255, 0, 255, 0), (0, 0, 0, 255)]):
        picture.putpixel((x, 0), ink)
    result = normalise(saved(picture, "TIFF", icc_profile=cmyk_profile()))
    white, red, green, black = result.pixels[0].astype(int)
    assert white.min() >= 250
    assert red[0] > 230
    assert red[1:].max() < 60
    assert green[1] > 230
    assert black.max() < 8
    assert result.conversions[0].startswith("ICC profile 'ink' to sRGB")


@pytest.mark.parametrize("profile", [b"junk", ADOBE_RGB[:200], ADOBE_RGB[:16] + b"Lab " + ADOBE_RGB[20:]])
def test_a_broken_profile_is_refused(profile: bytes) -> None:
    assert "ICC profile is" in reason(saved(RGB, icc_profile=profile))


def test_a_profile_that_does_not_unpack_is_refused() -> None:
    assert "ICC profile is broken" in reason(with_chunk(saved(RGB), b"iCCP", b"x\0\0not zlib"))


def test_coded_colour_space() -> None:
    assert "cICP" in reason(with_chunk(saved(RGB), b"cICP", bytes((9, 16, 0, 1))))
    overridden = with_chunk(saved(RGB, icc_profile=ADOBE_RGB), b"cICP", bytes((1, 13, 0, 1)))
    assert np.array_equal(normalise(overridden).pixels, RGB)


# Orientation


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {}
    data = saved(RGB, kind, exif=exif, **options)
    with Image.open(io.BytesIO(data)) as picture:
        expected = np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
    result = normalise(data)
    assert np.array_equal(result.pixels, expected)
    assert result.pixels.shape[:2] == ((40, 24) if orientation > 4 else (24, 40))
    named = f"EXIF orientation {orientation} applied" in result.conversions
    assert named == (orientation > 1)


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_impossible_orientation_is_ignored(value: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    assert np.array_equal(normalise(saved(RGB, exif=exif)).pixels, RGB)


def test_broken_exif_data_is_ignored() -> None:
    assert np.array_equal(normalise(with_chunk(saved(RGB), b"eXIf", b"\xff" * 40)).pixels, RGB)


# Files that must not be decoded


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_several_frames_are_refused(kind: str) -> None:
    frames = [Image.fromarray(RGB), Image.fromarray(RGB[::-1])]
    assert "animated or several pictures" in reason(
        saved(frames[0], kind, save_all=True, append_images=frames[1:])
    )


def test_the_main_picture_of_a_camera_file_is_taken() -> None:
    frames = [Image.fromarray(RGB), Image.fromarray(RGB[::-1])]
    data = saved(frames[0], "MPO", save_all=True, append_images=frames[1:])
    result = normalise(data)
    assert result.conversions == ("first of 2 pictures of an MPO file",)
    assert np.array_equal(result.pixels, normalise(saved(frames[0], "JPEG")).pixels)


def test_size_is_checked_before_decoding() -> None:
    assert normalise(saved(RGB), maximum_megapixels=0.00096).pixels.shape == RGB.shape
    assert "more than 0.00095 megapixels" in reason(saved(RGB), maximum_megapixels=0.00095)
    for side, problem in [(12_000, "more than 100 megapixels"), (60_000, "far too many pixels")]:
        header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        bomb = SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
        assert problem in reason(bomb)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "PPM"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.97])
def test_cut_files_are_refused(kind: str, share: float) -> None:
    data = saved(RGB, kind)
    assert reason(data[: int(len(data) * share)])


def test_a_png_without_its_end_is_refused() -> None:
    data = saved(RGB)
    assert "before its end chunk" in reason(data[:-12])
    assert "before its end chunk" in reason(data[:-2])
    assert "inside a chunk" in reason(data[:-20])
    assert np.array_equal(normalise(data + b"trailing bytes").pixels, RGB)


@given(position=st.integers(8, len(saved(RGB)) - 1), bit=st.integers(0, 7))
@settings(max_examples=60, deadline=None)
def test_every_flipped_bit_of_a_png_is_noticed(position: int, bit: int) -> None:
    data = bytearray(saved(RGB))
    data[position] ^= 1 << bit
    assert reason(bytes(data))


JPEG = saved(RGB, "JPEG", icc_profile=ADOBE_RGB, exif=b"Exif\0\0II*\0\x08\0\0\0\0\0")
TIFF = saved(RGB, "TIFF", icc_profile=ADOBE_RGB)


@given(
    data=st.sampled_from([JPEG, TIFF]),
    changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=8),
)
@settings(max_examples=150, deadline=None)
def test_damaged_files_are_refused_or_decoded_never_worse(
    data: bytes, changes: list[tuple[int, int]]
) -> None:
    damaged = bytearray(data)
    for position, value in changes:
        damaged[position % len(damaged)] = value
    try:
        result = normalise(bytes(damaged), maximum_megapixels=0.01)
    except RefusedPictureError:
        return
    assert result.pixels.ndim == 3
    assert result.pixels.size <= 30_000


@pytest.mark.parametrize("kind", ["GIF", "ICO", "JPEG2000", "AVIF"])
def test_other_formats_are_refused(kind: str) -> None:
    assert reason(saved(Image.fromarray(RGB), kind)) == (
        "not a PNG, JPEG, WebP, TIFF, BMP or PNM picture; convert it to PNG"
    )


def test_what_is_no_picture() -> None:
    assert "convert it to PNG" in reason(b"")
    assert "convert it to PNG" in reason(b"<html>")
