# SPDX-License-Identifier: BSD-3-Clause
"""What every codec must do, whatever runs it: `picobench check CODEC`, and the conformance tests."""

import argparse
import math
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from picobench.adapters import Adapter, adapter_for
from picobench.colour import above_ceiling
from picobench.definitions import Codec, Definitions, codec_versions, read_codec
from picobench.errors import CodecError, PicobenchError
from picobench.metrics.builtin import psnr
from picobench.pixels import RGB8, read_rgb8, write_rgb8
from picobench.stages.encode import timeout_seconds

# A codec whose rate does not fall by this share over its whole range has mislabelled points.
_LEAST_FALL = 0.2
# JPEG at quality 75 quantises the mean of a block to steps of two levels and more; a wrong matrix or range
# shifts some of these colours by eight levels at least.
_LARGEST_BIAS_LEVELS = 3.0
# Of the textured picture at the highest rate. One flat colour gives 14 dB at best; the codecs that run here give 35 dB
# and more, and HiFiC, made for the eye, publishes 27.6 dB on Kodak at the lowest of its three rates.
_LEAST_BEST_DB = 25.0
# Of the other pictures at the middle point, where small ones may suffer: the wrong picture gives less. Noise has no
# floor, since no codec keeps it.
_LEAST_ROUND_TRIP_DB = 15.0
# Codecs tuned for the eye may lose this much from one point to the next higher rate, but not over the whole range.
_PSNR_SLACK_DB = 0.1
_LEAST_GAIN_DB = 0.5


@dataclass(frozen=True)
class Check:
    """Result of one check.

    Attributes:
        passed: False where the codec broke its contract.
        detail: What was seen.
    """

    name: str
    passed: bool
    detail: str


def pictures() -> dict[str, RGB8]:
    """Small pictures that break careless codecs: odd sizes, no detail, nothing but detail, no colour."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[0:133, 0:200]
    waves = 128 + 60 * np.sin(x / 9) + 40 * np.cos((x + 2 * y) / 23)
    textured = np.stack([waves, waves[::-1], 255 - waves], axis=2) + rng.normal(0, 4, (133, 200, 3))
    natural = np.clip(np.round(textured), 0, 255).astype(np.uint8)
    noise = rng.integers(0, 256, (40, 56, 3), dtype=np.uint8)
    return {
        "1x17": natural[20:37, 30:31].copy(),
        "17x31": natural[20:51, 30:47].copy(),
        "200x133": natural,
        "flat": np.full((33, 65, 3), (200, 90, 40), np.uint8),
        "noise": noise,
        "grey": np.repeat(natural[:64, :96, :1], 3, axis=2),
    }


class _Bench:
    """Runs one codec on pictures in a folder of its own: encoding in one session, decoding in others."""

    def __init__(self, codec: Codec, folder: Path, stack: ExitStack) -> None:
        self.codec = codec
        self.folder = folder
        self.adapter: Adapter = adapter_for(codec)
        # As in a run: the definition's own limit, or a multiple of the time that it expects.
        megapixels = max(pixels.shape[0] * pixels.shape[1] for pixels in pictures().values()) / 1e6
        encode_limit = timeout_seconds(codec, megapixels, codec.encode_seconds)
        self._decode_limit = timeout_seconds(codec, megapixels, codec.decode_seconds)
        self._encoder = stack.enter_context(self.adapter.session(encode_limit))
        self._decoder = stack.enter_context(self.adapter.session(self._decode_limit))
        self._count = 0

    def encode(self, pixels: RGB8, point: str) -> Path:
        """Encode; returns the bitstream."""
        self._count += 1
        reference = self.folder / f"{self._count}.png"
        write_rgb8(reference, pixels)
        bitstream = self.folder / f"{self._count}.{self.adapter.extension}"
        outcome = self._encoder.encode(reference, bitstream, self.codec.point_options(point))
        if not outcome.ok:
            raise _BrokenError(f"encoding failed: {outcome.reason}")
        return bitstream

    @cached_property
    def by_rate(self) -> list[tuple[int, str]]:
        """Sizes of the textured picture at the points, with the points, in the definition's order."""
        return [(bitstream.stat().st_size, point) for point, bitstream in self._at_points.items()]

    @cached_property
    def psnr_db(self) -> dict[str, float]:
        """PSNR of the textured picture at each point."""
        reference = pictures()["200x133"]
        return {
            point: _psnr(reference, self.decode(bitstream, point))
            for point, bitstream in self._at_points.items()
        }

    @cached_property
    def _at_points(self) -> dict[str, Path]:
        pixels = pictures()["200x133"]
        return {point: self.encode(pixels, point) for point in self.codec.points}

    def decode(self, bitstream: Path, point: str, *, anew: bool = False) -> RGB8:
        """Decode from a folder that holds a copy of the bitstream and nothing else; `anew`: in a new session."""
        with tempfile.TemporaryDirectory(prefix="picobench-check-") as clean:
            alone = Path(clean) / f"stream.{self.adapter.extension}"
            alone.write_bytes(bitstream.read_bytes())
            target = Path(clean) / "out.png"
            options = self.codec.point_options(point)
            if anew:
                with self.adapter.session(self._decode_limit) as session:
                    outcome = session.decode(alone, target, options)
            else:
                outcome = self._decoder.decode(alone, target, options)
            if not outcome.ok:
                raise _BrokenError(f"decoding failed: {outcome.reason}")
            return read_rgb8(target)


class _BrokenError(Exception):
    pass


def check_codec(codec: Codec) -> Iterator[Check]:
    """Run every check on `codec`; the only one is that of its version where it cannot be run here.

    Raises:
        PicobenchError: Its definition is wrong, or it codes nothing.
    """
    if codec.trust != "decoded":
        raise CodecError(f"codec {codec.id}: published pictures; nothing is coded that could be checked")
    with tempfile.TemporaryDirectory(prefix="picobench-check-") as folder, ExitStack() as stack:
        bench = _Bench(codec, Path(folder), stack)
        try:
            versions = bench.adapter.environment().versions
        except CodecError as error:
            yield Check("version", False, str(error))
            return
        yield Check("version", *_version(codec, versions))
        for name in pictures():
            yield _guard(f"round trip {name}", partial(_round_trip, bench, name))
        checks: dict[str, Callable[[_Bench], tuple[bool, str]]] = {
            "rate follows the points": _rate,
            "quality follows the rate": _quality,
            "colour ceiling": _ceiling,
            "same pixels from the bitstream alone": _alone,
            "same bytes twice": _twice,
            "colours are kept": _colour,
            "damaged bitstream fails": _damaged,
        }
        for name, check in checks.items():
            yield _guard(name, partial(check, bench))


def _guard(name: str, check: Callable[[], tuple[bool, str]]) -> Check:
    try:
        passed, detail = check()
    except _BrokenError as error:
        passed, detail = False, str(error)
    return Check(name, passed, detail)


def _version(codec: Codec, versions: Mapping[str, str]) -> tuple[bool, str]:
    """Every version has a figure in it, and asking again gives the same; an image's name is no version."""
    asked = {name: version for name, version in versions.items() if name != "image"}
    for name, version in asked.items():
        if not re.search(r"[0-9]", version):
            return False, f"{name}: {version!r} is no version"
    if dict(adapter_for(codec).environment().versions) != dict(versions):
        return False, "asking again gives another version"
    shown = ", ".join(f"{name} {version}" for name, version in versions.items())
    return bool(asked), shown or "none found"


def _psnr(reference: RGB8, pixels: RGB8) -> float:
    if pixels.shape != reference.shape:
        raise _BrokenError(f"{pixels.shape[1]}x{pixels.shape[0]} came back")
    return psnr(reference, pixels, channels="rgb")


def _middle(codec: Codec) -> str:
    return list(codec.points)[len(codec.points) // 2]


def _round_trip(bench: _Bench, name: str) -> tuple[bool, str]:
    point, pixels = _middle(bench.codec), pictures()[name]
    psnr_db = _psnr(pixels, bench.decode(bench.encode(pixels, point), point))
    seen = f"{pixels.shape[1]}x{pixels.shape[0]} came back with {psnr_db:.1f} dB"
    return name == "noise" or psnr_db >= _LEAST_ROUND_TRIP_DB, seen


def _rate(bench: _Bench) -> tuple[bool, str]:
    sizes = [size for size, _ in bench.by_rate]
    ordered = sizes in (sorted(sizes), sorted(sizes, reverse=True))
    falls = len(sizes) == 1 or min(sizes) < (1 - _LEAST_FALL) * max(sizes)
    return ordered and falls, "bytes at the points: " + " ".join(map(str, sizes))


def _quality(bench: _Bench) -> tuple[bool, str]:
    # Points of one size, such as those of a decoder with a choice, count as the best of them.
    best: dict[int, float] = {}
    for size, point in bench.by_rate:
        best[size] = max(best.get(size, 0.0), bench.psnr_db[point])
    rising = [best[size] for size in sorted(best)]
    seen = "dB by falling size: " + " ".join(f"{psnr_db:.1f}" for psnr_db in reversed(rising))
    if rising[-1] < _LEAST_BEST_DB:
        return False, f"{seen}; the best is below {_LEAST_BEST_DB:.0f}: this is not the picture"
    falls = any(after < before - _PSNR_SLACK_DB for before, after in pairwise(rising))
    gains = len(rising) == 1 or rising[-1] > rising[0] + _LEAST_GAIN_DB
    return gains and not falls, seen


def _ceiling(bench: _Bench) -> tuple[bool, str]:
    reference, ceilings = pictures()["200x133"], []
    for point, psnr_db in bench.psnr_db.items():
        ceilings.append(bench.adapter.ceiling_db(reference, bench.codec.point_options(point)))
        impossible = above_ceiling(psnr_db, ceilings[-1])
        if impossible:
            return False, f"{point}: {impossible}"
    bounded = [ceiling for ceiling in ceilings if math.isfinite(ceiling)]
    if not bounded:
        stated = bench.adapter.environment().details.get("colour_ceiling", "no conversion is known")
        return True, f"{stated}; at most {max(bench.psnr_db.values()):.1f} dB"
    return True, f"at most {max(bench.psnr_db.values()):.1f} dB, below {min(bounded):.1f} dB"


def _alone(bench: _Bench) -> tuple[bool, str]:
    point = _middle(bench.codec)
    bitstream = bench.encode(pictures()["200x133"], point)
    first, second = bench.decode(bitstream, point), bench.decode(bitstream, point, anew=True)
    return bool(np.array_equal(first, second)), "decoded twice, in two clean places"


def _twice(bench: _Bench) -> tuple[bool, str]:
    point = _middle(bench.codec)
    pixels = pictures()["200x133"]
    same = bench.encode(pixels, point).read_bytes() == bench.encode(pixels, point).read_bytes()
    if same:
        return True, "equal"
    return not bench.codec.deterministic, "differ" + ("" if bench.codec.deterministic else ", as stated")


def _colour(bench: _Bench) -> tuple[bool, str]:
    point = max(bench.by_rate)[1]
    worst = 0.0
    for colour in (
        (128, 128, 128),
        (180, 60, 60),
        (60, 160, 80),
        (70, 70, 190),
        (235, 235, 235),
        (20, 20, 20),
    ):
        pixels = np.full((64, 64, 3), colour, np.uint8)
        error = bench.decode(bench.encode(pixels, point), point).astype(float) - pixels
        worst = max(worst, float(np.abs(error.mean(axis=(0, 1))).max()))
    return worst <= _LARGEST_BIAS_LEVELS, f"largest shift of a flat colour's mean: {worst:.2f} levels"


def _damaged(bench: _Bench) -> tuple[bool, str]:
    point = _middle(bench.codec)
    whole = bench.encode(pictures()["200x133"], point)
    short = bench.folder / f"short.{bench.adapter.extension}"
    short.write_bytes(whole.read_bytes()[:20])
    try:
        bench.decode(short, point)
    except _BrokenError as error:
        return True, str(error)[:120]
    return False, "20 bytes of it were decoded as if it were whole"


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the `picobench` command line."""
    parser = commands.add_parser(
        "check",
        help="does a codec keep its contract?",
        description="Version, round trips on small odd pictures, order of rates and PSNR, colour ceiling, decoding "
        "from the bitstream alone, equal bytes, colours, damaged bitstreams. Exit status: 0 if all passed, else 1.",
    )
    parser.add_argument("codec", metavar="CODEC", help="id or id@version")
    parser.add_argument("--definitions", type=Path, action="append", default=[], help="a folder of your own")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    definitions = Definitions(args.root, tuple(args.definitions))
    failed = 0
    for name in codec_versions(definitions, args.codec):
        print(name)
        for check in check_codec(read_codec(definitions, name)):
            failed += not check.passed
            print(f"  {'passed' if check.passed else 'FAILED'}  {check.name}: {check.detail}")
    return 1 if failed else 0


def ready_codecs(definitions: Definitions) -> dict[str, str]:
    """All codecs (each version) with an empty text if they can run here, else the reason."""
    found = {}
    for base in definitions.ids("codecs"):
        for name in codec_versions(definitions, base):
            try:
                codec = read_codec(definitions, name)
                adapter_for(codec).environment()
                found[name] = "" if codec.trust == "decoded" else "published pictures: nothing is coded here"
            except PicobenchError as error:
                found[name] = str(error)
    return found
