# SPDX-License-Identifier: BSD-3-Clause
import ast
import hashlib
import math
import os
import struct
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from picobench.adapters._argv import check_options, expand, placeholders
from picobench.adapters._bounds import LARGEST_PIXELS
from picobench.adapters._pictures import picture_bytes, read_picture
from picobench.adapters._weights import weights_details
from picobench.adapters.base import Outcome
from picobench.adapters.command import CommandAdapter
from picobench.colour import ColourPath
from picobench.definitions import Codec, Definitions, codec_versions, read_codec
from picobench.errors import CodecError, DefinitionError
from picobench.pixels import read_rgb8, write_rgb8
from picobench.runners import docker as docker_runner
from picobench.yamlfile import validate

ROOT = Path(__file__).parent.parent
STANDINS = Path(__file__).parent / "standins"
DEFINITIONS = Definitions(ROOT)
# Sources that cannot be fetched everywhere: their command lines run against stand-ins.
STOOD_IN = [
    *("av2", "vvc-vtm", "ecm", "vvenc", "jpeg-ai@bop", "jpeg-ai@hop", "hific", "mric", "bpg", "dcvc-rt"),
    *("mlicpp", "tcm", "cdc", "cool-chic"),
]
# Points from the highest to the lowest rate run backwards in these definitions.
RISING = {
    "jpeg-ai@bop",
    "jpeg-ai@hop",
    "hific",
    "mric",
    "dcvc-rt",
    "mlicpp",
    "cdc",
    "avif-avifenc",
    "heic-heifenc",
}
# Debian's programs, with options that make them quick.
REAL = {
    "av1@3.12": {"cpu_used": 9},
    "av1@3.6": {"cpu_used": 9},
    "avif-avifenc": {"speed": 10},
    "svt-av1-app": {"preset": 12},
    "jpegxl-cjxl": {"effort": 3},
    "heic-heifenc": {"preset": "ultrafast"},
}
SIZES = [(17, 1), (31, 17), (133, 200)]  # height, width


def picture(height: int, width: int) -> np.ndarray:
    """A smooth ramp with some noise: codecs of every kind have something to do."""
    rows, columns = np.mgrid[0:height, 0:width]
    ramp = np.stack([rows * 3 % 256, columns * 2 % 256, (rows + columns) % 256], axis=-1)
    noise = np.random.default_rng(height * 1000 + width).integers(-20, 21, ramp.shape)
    return np.clip(ramp // 2 + 64 + noise, 0, 255).astype(np.uint8)


def psnr_db(a: np.ndarray, b: np.ndarray) -> float:
    mean_square = float(np.mean(np.square(a.astype(int) - b.astype(int))))
    return math.inf if mean_square == 0 else 10 * math.log10(255**2 / mean_square)


class Bench:
    """Runs an adapter on pictures and keeps the files in one folder."""

    def __init__(self, adapter: CommandAdapter, folder: Path) -> None:
        self.adapter = adapter
        self.bitstream = folder / f"picture.{adapter.extension}"
        self.reconstruction = folder / "reconstruction.png"
        self.reference = folder / "reference.png"

    def encode(self, pixels: np.ndarray, options: Mapping[str, Any], seconds: float = 60.0) -> Outcome:
        write_rgb8(self.reference, pixels)
        with self.adapter.session(seconds) as session:
            return session.encode(self.reference, self.bitstream, options)

    def decode(self, options: Mapping[str, Any], seconds: float = 60.0) -> Outcome:
        with self.adapter.session(seconds) as session:
            return session.decode(self.bitstream, self.reconstruction, options)

    def round_trip(self, pixels: np.ndarray, options: Mapping[str, Any]) -> tuple[int, np.ndarray]:
        encoded = self.encode(pixels, options)
        assert encoded.ok, (encoded.reason, encoded.stderr_tail, encoded.call)
        decoded = self.decode(options)
        assert decoded.ok, (decoded.reason, decoded.stderr_tail, decoded.call)
        return self.bitstream.stat().st_size, read_rgb8(self.reconstruction)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """All stand-ins, first on PATH."""
    folder = tmp_path_factory.mktemp("standins")
    text = (STANDINS / "standin.py").read_text()
    listing = (STANDINS / "Dockerfile").read_text()
    names = listing[listing.index("for name in") : listing.index("; do")].split()[3:]
    for name in names:
        if name != "\\":
            (folder / name).write_text(f"#!{sys.executable}\n{text}")
            (folder / name).chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        yield folder


@pytest.fixture(scope="module")
def engine() -> Iterator[Any]:
    pytest.importorskip("docker", reason="the package 'docker' is not installed")
    try:
        client = docker_runner.connect()
    except CodecError as error:
        pytest.skip(str(error))
    yield client
    client.close()


def codec(name: str) -> Codec:
    return read_codec(DEFINITIONS, name)


def native(name: str) -> CommandAdapter:
    """The definition as it stands, but run on this machine."""
    version = {"argv": ["echo", "stand-in 1"], "pattern": "(.+)"}
    return CommandAdapter(name, {**codec(name).command, "runner": "native", "version": version})


def shell_codec(script: str, back: str = "cp bitstream.bin output.png", **more: Any) -> CommandAdapter:
    """A codec of two shell scripts with PNG in and out."""
    command = {
        "runner": "native",
        "input": "png",
        "extension": "bin",
        "encode": ["sh", "-c", script],
        "decode": ["sh", "-c", back],
        "version": {"argv": ["echo", "version 7.1"], "pattern": r"version (\S+)"},
    }
    return CommandAdapter("shell", {**command, **more})


COPY = "cp input.png bitstream.bin"


# Definitions.


def test_every_command_block_is_valid() -> None:
    seen = 0
    for name in DEFINITIONS.ids("codecs"):
        raw = DEFINITIONS.read("codecs", name)
        if raw["adapter"] != "command":
            continue
        for version in codec_versions(DEFINITIONS, name):
            definition = codec(version)
            validate(definition.command, "command", version)
            adapter = CommandAdapter(version, definition.command)
            for point in definition.points:
                adapter.check(definition.point_options(point))
            seen += 1
    assert seen >= len(STOOD_IN) + len(REAL)


def test_every_image_that_is_named_can_be_built() -> None:
    from picobench.images import find_images

    known = {image.short_name for image in find_images(ROOT)}
    for name in [*STOOD_IN, *REAL]:
        assert codec(name).command["image"] in known, name


def test_unconfirmed_definitions_say_so() -> None:
    for name in STOOD_IN:
        assert "Not run yet" in codec(name).text["notes"], name


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"encdoe": []}, "did you mean 'encode'"),
        ({"runner": "podman"}, "runner"),
        ({"input": "yuv"}, "'colour' is missing"),
        ({"image": "av1"}, "image"),
        ({"colour": {"matrix": "bt709", "range": "full", "depth": 10}}, "'chroma' is missing"),
        ({"parameters": {"q": {"minimum": 1}}}, "parameters"),
        ({"version": {"argv": ["x"], "pattern": "no group"}}, "pattern"),
        ({"encode": []}, "encode"),
        ({"padding": 0}, "padding"),
    ],
)
def test_schema_is_closed(change: dict[str, Any], problem: str) -> None:
    command = {
        "runner": "native",
        "input": "png",
        "extension": "bin",
        "encode": ["tool", "{input}", "{bitstream}"],
        "decode": ["tool", "{bitstream}", "{output}"],
        "version": {"argv": ["tool"], "pattern": "(.+)"},
    }
    validate(command, "command", "x.yaml")
    with pytest.raises(DefinitionError, match=problem):
        validate({**command, **change}, "command", "x.yaml")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"encode": ["tool", "{quality}"]}, r"\{quality\} is no parameter"),
        ({"decode": ["tool", "{width}"]}, r"\{width\} is no parameter"),
        ({"parameters": {"q": {"type": "integer"}}}, "'q' is used nowhere"),
        ({"parameters": {"input": {"type": "integer"}}}, "'input' has another meaning"),
        ({"output": "yuv"}, "planar output needs planar input"),
        (
            {"colour": {"matrix": "bt709", "range": "full", "depth": 10, "chroma": "444"}},
            "colour is for planar input",
        ),
    ],
)
def test_templates_and_parameters_belong_together(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(DefinitionError, match=problem):
        shell_codec(COPY, **change)


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("flat (.+", "is no regular expression"),
        (r"no group \(", "has no group"),
        ("(?:.+)", "has no group"),
    ],
)
def test_version_pattern_is_checked_with_the_definition(pattern: str, problem: str) -> None:
    with pytest.raises(DefinitionError, match=problem) as error:
        shell_codec(COPY, version={"argv": ["x"], "pattern": pattern})
    assert "\n" not in str(error.value)


def test_optional_version_that_is_not_there_is_none() -> None:
    adapter = shell_codec(COPY, version={"argv": ["echo", "tool"], "pattern": "tool(v.+)?"})
    with pytest.raises(CodecError, match="no version in its output"):
        adapter.environment()


# What upstream does not write into its bitstream.
TOLD_TO_DECODERS = {
    "mric": {"rate", "beta"},  # which of two models; and realism, which the paper leaves to the decoder
}


def test_decoders_are_told_nothing_of_the_operating_point() -> None:
    for name in DEFINITIONS.ids("codecs"):
        raw = DEFINITIONS.read("codecs", name)
        if "command" in raw:
            told = placeholders(raw["command"]["decode"]) & set(raw["command"].get("parameters", {}))
            assert told == TOLD_TO_DECODERS.get(name, set()), name
    assert "one bit that the rate does not count" in " ".join(codec("mric").text["notes"].split())


@pytest.mark.parametrize("name", ["cdc", "mlicpp", "tcm"])
def test_models_of_wrappers_are_those_of_definitions(name: str) -> None:
    module = ast.parse((ROOT / "containers" / name / "codec.py").read_text())
    listed = next(
        ast.literal_eval(node.value)
        for node in module.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "MODELS"
    )
    choices = codec(name).command["parameters"]["model"]["choices"]
    assert list(listed) == choices
    files = {entry["file"].split(".p")[0] for entry in codec(name).command["weights"]}
    assert files == set(choices)


def test_definitions_are_dated_and_cited() -> None:
    for name in [*STOOD_IN, *REAL]:
        assert codec(name).text["citation"], name
        for source in codec(name).command["sources"]:
            assert source["date"], name


# Command lines.


def test_groups_appear_only_with_their_values() -> None:
    template = ["tool", "-q{q}", ["--tune", "{tune}"], "{input}"]
    assert expand(template, {"q": 3, "input": "a"}) == ["tool", "-q3", "a"]
    assert expand(template, {"q": 3, "input": "a", "tune": "psnr"}) == ["tool", "-q3", "--tune", "psnr", "a"]
    with pytest.raises(DefinitionError, match="no value for 'q'"):
        expand(template, {"input": "a"})


def test_values_are_not_templates() -> None:
    assert expand(["{a}", "{b}"], {"a": "{b}", "b": 0.0001}) == ["{b}", "0.0001"]


PARAMETERS = {
    "q": {"type": "integer", "minimum": 0, "maximum": 63},
    "d": {"type": "number", "minimum": 0},
    "s": {"type": "string"},
    "t": {"choices": ["psnr", "ssim", 3]},
}


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"qq": 1}, "unknown option 'qq'; did you mean 'q'"),
        ({"q": 64}, "outside 0 to 63"),
        ({"q": 1.5}, "no integer"),
        ({"q": True}, "no integer"),
        ({"q": "1"}, "no integer"),
        ({"d": math.nan}, "outside"),
        ({"d": math.inf}, "outside"),
        ({"s": "--output=/etc/passwd"}, "characters"),
        ({"s": "a b"}, "characters"),
        ({"s": "../x"}, "characters"),
        ({"t": "psn"}, "did you mean 'psnr'"),
        ({"t": True}, "not known"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(DefinitionError, match=problem):
        check_options(options, PARAMETERS)


def test_good_options_pass() -> None:
    check_options({"q": 0, "d": 2, "s": "slow:x=1", "t": "psnr"}, PARAMETERS)


def test_missing_option_is_named() -> None:
    adapter = shell_codec("x", encode=["tool", "{q}"], parameters={"q": {"type": "integer"}})
    with pytest.raises(DefinitionError, match=r"codec shell: .*no value for 'q'"):
        adapter.check({})


# Stand-ins, on this machine.


@pytest.mark.parametrize("name", STOOD_IN)
def test_documented_command_line_round_trip(name: str, programs: Path, tmp_path: Path) -> None:
    definition = codec(name)
    bench = Bench(native(name), tmp_path)
    assert bench.adapter.environment().versions[definition.command["encode"][0]] == "stand-in 1"
    points = list(definition.points)
    odd = picture(*SIZES[0])
    _, back = bench.round_trip(odd, definition.point_options(points[0]))
    assert back.shape == odd.shape
    pixels = picture(64, 96)
    results = [bench.round_trip(pixels, definition.point_options(point)) for point in (points[0], points[-1])]
    last = bench.bitstream.read_bytes()
    assert bench.encode(pixels, definition.point_options(points[-1])).ok
    assert bench.bitstream.read_bytes() == last
    sizes = [size for size, _ in results]
    errors = [psnr_db(pixels, back) for _, back in results]
    if len(points) > 1:
        first_is_better = name not in RISING
        assert (sizes[0] > sizes[1]) == first_is_better
        assert (errors[0] > errors[1]) == first_is_better
    assert max(errors) > 25


@pytest.mark.parametrize("name", STOOD_IN)
def test_undocumented_option_is_refused(name: str, programs: Path, tmp_path: Path) -> None:
    command = {**codec(name).command, "runner": "native"}
    command["encode"] = [*command["encode"], "--no-such-option"]
    definition = codec(name)
    outcome = Bench(CommandAdapter(name, command), tmp_path).encode(
        picture(16, 16), definition.point_options(next(iter(definition.points)))
    )
    assert "exit status 1" in outcome.reason
    assert "unknown option --no-such-option" in outcome.stderr_tail


def test_outcome_says_how_to_do_it_again(programs: Path, tmp_path: Path) -> None:
    outcome = Bench(native("vvc-vtm"), tmp_path).encode(picture(20, 30), {"qp": 32})
    assert outcome.call[:3] == ("EncoderApp", "-c", "/opt/picobench/intra.cfg")
    assert "-wdt" in outcome.call
    assert outcome.call[outcome.call.index("-wdt") + 1] == "30"
    assert outcome.exit_status == 0
    assert outcome.seconds is not None
    assert outcome.seconds > 0
    assert outcome.peak_memory_bytes is not None
    assert outcome.peak_memory_bytes > 1_000_000


def test_size_header_is_part_of_the_bitstream(programs: Path, tmp_path: Path) -> None:
    bench = Bench(native("vvc-vtm"), tmp_path)
    assert bench.encode(picture(20, 30), {"qp": 32}).ok
    assert struct.unpack("<HH", bench.bitstream.read_bytes()[:4]) == (30, 20)
    assert bench.bitstream.read_bytes()[4:].startswith(b"standin")
    bench.bitstream.write_bytes(b"abc")
    assert bench.decode({"qp": 32}).reason == "the bitstream is shorter than its size header"


def test_padding_is_taken_off_again(programs: Path, tmp_path: Path) -> None:
    bench = Bench(native("mric"), tmp_path)
    pixels = picture(31, 17)
    _, back = bench.round_trip(pixels, codec("mric").point_options("r0.032-b0"))
    assert back.shape == pixels.shape
    assert psnr_db(pixels, back) > 35
    assert b'"shape": [256, 256, 3]' in bench.bitstream.read_bytes()
    details = bench.adapter.environment().details
    assert details["padding"] == "sides to multiples of 256, edges repeated"
    assert details["size_header_bytes"] == "4"


def test_colour_path_and_its_ceiling_are_known() -> None:
    pixels = picture(64, 64)
    assert native("vvc-vtm").ceiling_db(pixels, {}) == math.inf
    assert native("hific").ceiling_db(pixels, {}) == math.inf
    assert 20 < native("vvenc").ceiling_db(pixels, {}) < 50
    for name in ("heic-heifenc", "bpg"):
        assert 51 < native(name).ceiling_db(pixels, {}) < 54
        assert "8 bit" in native(name).environment().details["colour"]
        assert "colour_ceiling" not in native(name).environment().details
    assert native("vvc-vtm").environment().details["colour_ceiling"].startswith("exact")
    assert "colour_ceiling" not in native("hific").environment().details
    assert (
        native("vvenc").environment().details["colour"].startswith("YCbCr BT.709, full range, 10 bit, 4:2:0")
    )


# Failures and hostile programs.


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("true", "no file bitstream.bin was written"),
        ("touch bitstream.bin", "the encoder wrote an empty bitstream"),
        ("ln -s /etc/passwd bitstream.bin", "is no readable file"),
        ("mkfifo bitstream.bin", "link, folder, pipe or device"),
        ("ln input.png bitstream.bin", "link, folder, pipe or device"),
        ("mkdir bitstream.bin", "link, folder, pipe or device"),
        ("echo broken >&2; exit 9", "sh ended with exit status 9"),
        (COPY + "; kill -9 $$", "sh was ended by signal 9"),
    ],
)
def test_failed_encoding_is_an_outcome(script: str, reason: str, tmp_path: Path) -> None:
    bench = Bench(shell_codec(script), tmp_path)
    outcome = bench.encode(picture(8, 8), {})
    assert reason in outcome.reason
    assert not bench.bitstream.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["reference.png"]


def write_picture(name: str, **arguments: Any) -> str:
    """A shell script that writes a picture with Pillow."""
    return f"{sys.executable} -c \"from PIL import Image; Image.new(**{arguments!r}).save('{name}')\""


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("true", "no file output.png was written"),
        ("echo garbage > output.png", "the decoder's PNG is unreadable"),
        ("head -c 100 bitstream.bin > output.png", "the decoder's PNG is unreadable"),
        (write_picture("output.png", mode="I;16", size=(8, 8)), "mode I;16, not 8-bit RGB"),
        (write_picture("output.png", mode="RGBA", size=(8, 8)), "mode RGBA, not 8-bit RGB"),
        ("exit 1", "sh ended with exit status 1"),
    ],
)
def test_failed_decoding_is_an_outcome(script: str, reason: str, tmp_path: Path) -> None:
    bench = Bench(shell_codec(COPY, script), tmp_path)
    assert bench.encode(picture(8, 8), {}).ok
    assert reason in bench.decode({}).reason
    assert not bench.reconstruction.exists()


def test_grey_picture_may_come_back_as_grey(tmp_path: Path) -> None:
    bench = Bench(shell_codec(COPY, write_picture("output.png", mode="L", size=(8, 8), color=90)), tmp_path)
    _, back = bench.round_trip(np.full((8, 8, 3), 90, dtype=np.uint8), {})
    assert (back == 90).all()
    assert back.shape == (8, 8, 3)


def test_wrong_size_after_padding_is_refused(tmp_path: Path) -> None:
    decode = write_picture("output.png", mode="RGB", size=(8, 8))
    bench = Bench(shell_codec(COPY, decode, padding=16), tmp_path)
    assert bench.encode(picture(8, 8), {}).ok
    assert bench.decode({}).reason == "the decoder's picture is 8x8 and not 16x16 pixels"


def test_hung_program_is_an_outcome_and_the_chunk_goes_on(tmp_path: Path) -> None:
    bench = Bench(shell_codec("[ -s input.png ] && sleep 600"), tmp_path)
    write_rgb8(bench.reference, picture(8, 8))
    with bench.adapter.session(0.5) as session:
        for _ in range(2):
            outcome = session.encode(bench.reference, bench.bitstream, {})
            assert outcome.reason == "sh gave no result within 0.5 s: stopped"


def test_each_picture_finds_an_empty_folder(tmp_path: Path) -> None:
    bench = Bench(shell_codec("ls -A > bitstream.bin; mkdir -m 0 locked; touch left-over"), tmp_path)
    write_rgb8(bench.reference, picture(8, 8))
    with bench.adapter.session(10) as session:
        for _ in range(2):
            assert session.encode(bench.reference, bench.bitstream, {}).ok
            assert set(bench.bitstream.read_text().split()) == {"bitstream.bin", "input.png"}


# A process of the decoder that outlives its run and puts links where picobench is about to write.
PLANT = (
    "setsid sh -c 'while :; do ln -s {} bitstream.bin; done' >/dev/null 2>&1 & "
    "sleep 0.2; cp bitstream.bin output.png"
)


@pytest.mark.parametrize("runner", ["native", "docker"])
def test_a_decoder_cannot_make_picobench_write_elsewhere(
    runner: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    more = {"runner": runner}
    if runner == "docker":
        more["image"] = request.getfixturevalue("standin_image")
    victim = tmp_path / "victim"
    victim.write_text("mine")
    bench = Bench(shell_codec(COPY, PLANT.format(victim), **more), tmp_path)
    assert bench.encode(picture(8, 8), {}).ok
    with bench.adapter.session(20) as session:
        for _ in range(3):
            outcome = session.decode(bench.bitstream, bench.reconstruction, {})
            assert (outcome.reason, victim.read_text()) == ("", "mine")


def test_what_cannot_be_emptied_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(shell_codec(COPY), tmp_path)
    write_rgb8(bench.reference, picture(8, 8))
    with bench.adapter.session(10) as session:
        assert session.encode(bench.reference, bench.bitstream, {}).ok
        with monkeypatch.context() as patch:
            patch.setattr("picobench.runners._folder._EMPTYING_SECONDS", 0.0)
            assert "not removed after 0 s" in session.encode(bench.reference, bench.bitstream, {}).reason
        assert session.encode(bench.reference, bench.bitstream, {}).ok


def test_a_side_beyond_the_size_header_is_a_failure(tmp_path: Path) -> None:
    bench = Bench(shell_codec(COPY, padding=2), tmp_path)
    assert "sides up to 65535" in bench.encode(np.zeros((1, 65536, 3), np.uint8), {}).reason
    assert bench.encode(np.zeros((1, 65535, 3), np.uint8), {}).ok


def test_an_implausible_bitstream_is_not_read(tmp_path: Path) -> None:
    bench = Bench(shell_codec("truncate -s 4G bitstream.bin"), tmp_path)
    limit = 6 * 64 + (1 << 20)
    assert bench.encode(picture(8, 8), {}).reason == (
        f"bitstream.bin has {4 << 30} bytes: {limit} are the most that is plausible"
    )
    assert not bench.bitstream.exists()


@pytest.mark.parametrize(
    ("script", "largest_pixels", "reason"),
    [
        ("truncate -s 1G output.png", LARGEST_PIXELS, "are the most that is plausible"),
        ("truncate -s 2M output.png", 64, "are the most that is plausible"),
        ("PICTURE", 64, "the decoder's picture has 999x999 pixels: 64 are the most here"),
        ("PICTURE", 999 * 999, ""),
    ],
)
def test_an_implausible_picture_is_not_read(
    script: str, largest_pixels: int, reason: str, tmp_path: Path
) -> None:
    script = script.replace("PICTURE", write_picture("output.png", mode="RGB", size=(999, 999)))
    bench = Bench(shell_codec(COPY, script), tmp_path)
    assert bench.encode(picture(8, 8), {}).ok
    with bench.adapter.session(20, largest_pixels) as session:
        outcome = session.decode(bench.bitstream, bench.reconstruction, {})
    assert outcome.ok if reason == "" else reason in outcome.reason


def test_an_implausible_size_header_is_refused(tmp_path: Path) -> None:
    bench = Bench(shell_codec(COPY, padding=2), tmp_path)
    bench.bitstream.write_bytes(struct.pack("<HH", 65535, 65535) + b"x")
    assert bench.decode({}).reason == "the size header says 65535x65535 pixels: no picture here is as large"


def test_missing_program_says_what_to_do() -> None:
    adapter = shell_codec(COPY, version={"argv": ["no-such-tool", "--version"], "pattern": "(.+)"})
    with pytest.raises(
        CodecError, match=r"no-such-tool --version: no-such-tool cannot be started .* install it"
    ):
        adapter.environment()


def test_missing_version_says_so() -> None:
    adapter = shell_codec(COPY, version={"argv": ["echo", "hello"], "pattern": r"v(\d+)"})
    with pytest.raises(CodecError, match=r"no version in its output \['hello'\]"):
        adapter.environment()


def test_version_may_come_with_a_failure() -> None:
    version = {"argv": ["sh", "-c", "echo version 3.2 >&2; exit 1"], "pattern": r"version (\S+)"}
    assert shell_codec(COPY, version=version).environment().versions["sh"] == "3.2"


# Pictures.

PATH_10 = ColourPath("bt709", "full", 10, "444")
PATH_8 = ColourPath("bt601", "limited", 8, "420")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("picture_format", ["png", "ppm", "y4m", "yuv"])
def test_lossless_formats_keep_the_picture(size: tuple[int, int], picture_format: Any) -> None:
    pixels = picture(*size)
    data = picture_bytes(pixels, picture_format, PATH_10)
    assert np.array_equal(read_picture(data, picture_format, PATH_10, size), pixels)


def test_y4m_is_what_others_write() -> None:
    data = picture_bytes(picture(3, 5), "y4m", PATH_8)
    assert data.startswith(b"YUV4MPEG2 W5 H3 F1:1 Ip A1:1 C420jpeg XCOLORRANGE=LIMITED\nFRAME\n")
    assert len(data.split(b"FRAME\n", 1)[1]) == 15 + 2 * 6
    others = data.replace(b" F1:1 Ip A1:1 C420jpeg XCOLORRANGE=LIMITED", b" F30:1 C420mpeg2 XYSCSS=420MPEG2")
    assert np.array_equal(read_picture(others, "y4m", PATH_8, None), read_picture(data, "y4m", PATH_8, None))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda data: b"", "no Y4M file"),
        (lambda data: data[:-1], "bytes of samples"),
        (lambda data: data + b"FRAME\n", "bytes of samples"),
        (lambda data: data.replace(b"C444p10", b"C444"), "C444 where 4:4:4, 10 bit"),
        (lambda data: data.replace(b"C444p10 ", b""), "C420 where"),
        (lambda data: data.replace(b" W5", b" Wx"), "tells no size"),
        (lambda data: data.replace(b" W5", b" W-5"), "not possible"),
        (lambda data: data.replace(b" W5", b" W99999999"), "not possible"),
        (lambda data: data.replace(b"FRAME", b"BRAME"), "no frame"),
        (lambda data: data[:-2] + b"\xff\xff", "more than 10 bits"),
    ],
)
def test_damaged_y4m_is_refused(change: Callable[[bytes], bytes], problem: str) -> None:
    with pytest.raises(CodecError, match=problem):
        read_picture(change(picture_bytes(picture(3, 5), "y4m", PATH_10)), "y4m", PATH_10, None)


def test_ivf_frame_is_unwrapped(tmp_path: Path) -> None:
    payload = b"coded picture"
    header = b"DKIF" + struct.pack("<HH4sHHIIII", 0, 32, b"AV01", 8, 8, 1, 1, 1, 0)
    file = header + struct.pack("<IQ", len(payload), 0) + payload
    (tmp_path / "good").write_bytes(file)
    (tmp_path / "two").write_bytes(file + struct.pack("<IQ", 1, 1) + b"x")
    for name, expected in (("two", None), ("good", payload)):
        bench = Bench(shell_codec(f"cp {tmp_path / name} bitstream.bin", unwrap="ivf"), tmp_path)
        outcome = bench.encode(picture(8, 8), {})
        if expected:
            assert bench.bitstream.read_bytes() == expected
        else:
            assert outcome.reason == "the encoder wrote no IVF file of one frame"


# Containers.


@pytest.fixture(scope="module")
def standin_image(engine: Any) -> str:
    """The image with all stand-ins, built when its recipe has changed."""
    from picobench.images import Image, build, find_images, state

    base = next(image for image in find_images(ROOT) if image.short_name == "base:trixie")
    if state(engine, base)[0] == "absent":
        pytest.skip("no image picobench/base:trixie; build it: picobench images build base")
    recipe = Image(STANDINS, "test", parents=(base,))
    if state(engine, recipe)[0] != "current":
        build(engine, recipe)
    return recipe.short_name


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_checksums_of_weights_are_recorded_and_compared() -> None:
    listing = f"{digest('a')}  ./a.pt\n{digest('b')}  models/b\n{digest('c')}  models/c\nrubbish\n"
    folder = digest(f"{digest('b')}  models/b\n{digest('c')}  models/c\n")
    assert weights_details([{"file": "a.pt"}, {"file": "models"}], listing) == {
        "weights a.pt": f"sha256 {digest('a')}, recorded on first use",
        "weights models": f"sha256 {folder} over the list of 2 files, recorded on first use",
    }
    known = weights_details([{"file": "a.pt", "sha256": digest("a")}], listing)
    assert known == {"weights a.pt": f"sha256 {digest('a')}, as declared"}
    with pytest.raises(
        CodecError, match=f"weights a.pt have the checksum {digest('a')} and not {digest('x')}"
    ):
        weights_details([{"file": "a.pt", "sha256": digest("x")}], listing)
    with pytest.raises(CodecError, match=r"the image holds no weights b\.pt"):
        weights_details([{"file": "b.pt"}], listing)


def test_image_with_other_weights_is_refused(standin_image: str) -> None:
    command = {**codec("tcm").command, "image": standin_image, "gpu": False}
    details = CommandAdapter("tcm", command).environment().details
    expected = digest("mse_0.05.pth.tar")
    assert details["weights mse_0.05.pth.tar"] == f"sha256 {expected}, recorded on first use"
    command["weights"] = [{**command["weights"][0], "sha256": "0" * 64}]
    with pytest.raises(CodecError, match=f"codec tcm: weights mse_0.05.pth.tar have the checksum {expected}"):
        CommandAdapter("tcm", command).environment()


@pytest.mark.parametrize("name", STOOD_IN)
def test_contained_round_trip(name: str, standin_image: str, tmp_path: Path) -> None:
    definition = codec(name)
    # The definition's own version command runs; only image and need of a graphics processor are replaced.
    command = {**definition.command, "image": standin_image, "gpu": False, "runner": "docker"}
    bench = Bench(CommandAdapter(name, command), tmp_path)
    environment = bench.adapter.environment()
    assert environment.versions[command["encode"][0]] == "stand-in 1"
    assert environment.versions["image_digest"].startswith("sha256:")
    pixels = picture(31, 17)
    _, back = bench.round_trip(pixels, definition.point_options(next(iter(definition.points))))
    assert back.shape == pixels.shape


def test_decoder_has_the_bitstream_and_nothing_else(standin_image: str, tmp_path: Path) -> None:
    leak = "cp input.png /tmp/leak; cp input.png bitstream.bin; cp input.png leak"
    spy = "(ls -A /job; ls -A /tmp; find / -xdev -name '*.png' -size -200k -newer /proc/1 2>/dev/null) >&2; exit 5"
    adapter = shell_codec(leak, spy, runner="docker", image=standin_image)
    bench = Bench(adapter, tmp_path)
    write_rgb8(bench.reference, picture(31, 17))
    with adapter.session(30) as session:
        assert session.encode(bench.reference, bench.bitstream, {}).ok
        outcome = session.decode(bench.bitstream, bench.reconstruction, {})
    assert outcome.exit_status == 5
    assert outcome.stderr_tail == "bitstream.bin\n"


def test_contained_hostile_output_is_an_outcome(standin_image: str, tmp_path: Path) -> None:
    for script in ("ln -s /etc/shadow bitstream.bin", "mkfifo bitstream.bin"):
        adapter = shell_codec(script, runner="docker", image=standin_image)
        outcome = Bench(adapter, tmp_path).encode(picture(8, 8), {})
        assert "bitstream.bin is no" in outcome.reason


@pytest.mark.parametrize("name", REAL)
def test_real_codec_round_trip(name: str, engine: Any, tmp_path: Path) -> None:
    definition = codec(name)
    try:
        docker_runner.find_image(engine, docker_runner.full_name(definition.command["image"]))
    except CodecError as error:
        pytest.skip(str(error))
    bench = Bench(CommandAdapter(name, definition.command), tmp_path)
    points = list(definition.points)
    best, worst = (points[-1], points[0]) if name in RISING else (points[0], points[-1])
    for height, width in SIZES:
        pixels = picture(height, width)
        options = {**definition.point_options(best), **REAL[name]}
        size, back = bench.round_trip(pixels, options)
        assert back.shape == pixels.shape
        assert psnr_db(pixels, back) > 24
    smaller, worse = bench.round_trip(pixels, {**definition.point_options(worst), **REAL[name]})
    assert smaller < size
    assert psnr_db(pixels, worse) < psnr_db(pixels, back)


def test_engine_is_a_matter_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PICOBENCH_CONTAINERS", "apptainer")
    monkeypatch.setenv("PATH", "/nonexistent")
    adapter = CommandAdapter("hific", codec("hific").command)
    with pytest.raises(CodecError, match="apptainer"):
        adapter.environment()
