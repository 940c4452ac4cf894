# SPDX-License-Identifier: BSD-3-Clause
"""Stand-ins for codecs that cannot be had here: they know the documented options and refuse any other.

One program under many names. It checks its command line against what the program of that name documents,
reads the picture in the format that program reads, and codes it by dividing samples by a step that follows
the quality option and compressing the result with zlib. So rate falls as quality falls, and what comes back
is what went in up to the step. It needs NumPy and Pillow, loaded only when the command line is accepted.
"""

import io
import json
import re
import sys
import zlib
from dataclasses import dataclass, field
from pathlib import Path

MAGIC = b"standin\n"
INTEGER, NUMBER, TEXT = r"-?\d+", r"-?\d+(\.\d+)?(e-?\d+)?", r"[^-].*"


@dataclass
class Program:
    """What a program documents.

    Attributes:
        options: Option to a pattern for its value; "" for a flag.
        positional: Names of the arguments that are no options, in order.
        source, target: Option or positional that names the input and the output file.
        quality: Option or positional that sets the quality; None for a decoder.
        steps: Quality value to quantisation step, for values that are no numbers.
        rising: Whether a larger number means better quality.
        picture: Format read by an encoder or written by a decoder: png, ppm, y4m, yuv.
        required: Options without which the program refuses.
        fixed: Options whose value must be this one.
    """

    options: dict[str, str]
    source: str
    target: str
    picture: str
    positional: tuple[str, ...] = ()
    quality: str | None = None
    steps: dict[str, int] = field(default_factory=dict)
    rising: bool = False
    required: tuple[str, ...] = ()
    fixed: dict[str, str] = field(default_factory=dict)


_VTM = {
    **dict.fromkeys(("-q", "-wdt", "-hgt", "-fr", "-f", "--TemporalSubsampleRatio"), INTEGER),
    **dict.fromkeys(("--InputBitDepth", "--ConformanceWindowMode", "--SEIDecodedPictureHash"), INTEGER),
    **dict.fromkeys(("--InputChromaFormat", "--ChromaFormatIDC"), "400|420|422|444"),
    "--Level": r"[1-6]([.][1-3])?",
    **dict.fromkeys(("-c", "-i", "-b", "-o"), TEXT),
}
_AVM_INTEGERS = [
    "--frame-parallel",
    "--cpu-used",
    "--limit",
    "--skip",
    "--passes",
    "--use-fixed-qp-offsets",
    "--deltaq-mode",
    "--enable-tpl-model",
    "--input-bit-depth",
    "--bit-depth",
    "--qp",
    "--tile-rows",
    "--tile-columns",
    "--threads",
    "--row-mt",
    "--enable-fwd-kf",
    "--enable-keyframe-filtering",
    "--kf-min-dist",
    "--kf-max-dist",
    "-w",
    "-h",
    "--fps",
    "--enable-intrabc-ext",
]
_LEARNED = {
    "mse_0.0018": 40,
    "mse_0.0035": 32,
    "mse_0.0067": 24,
    "mse_0.0130": 16,
    "mse_0.0250": 8,
    "mse_0.05": 4,
}

PROGRAMS = {
    "avmenc": Program(
        options={
            **dict.fromkeys(_AVM_INTEGERS, INTEGER),
            **dict.fromkeys(("--psnr", "--obu", "--i420", "--i444", "--verbose"), ""),
            "--codec": "av2",
            "--end-usage": "q",
            "-o": TEXT,
        },
        positional=("input",),
        source="input",
        target="-o",
        quality="--qp",
        picture="y4m",
        required=("--i444", "--codec", "-w", "-h"),
    ),
    "avmdec": Program(
        options={"--codec": "av2", "--summary": "", "--rawvideo": "", "-o": TEXT},
        positional=("input",),
        source="input",
        target="-o",
        picture="yuv",
        required=("--rawvideo",),
    ),
    "EncoderApp": Program(
        options=_VTM,
        source="-i",
        target="-b",
        quality="-q",
        picture="yuv",
        required=("-c", "-wdt", "-hgt", "-f", "-fr"),
        fixed={"-o": "/dev/null", "--ConformanceWindowMode": "1"},
    ),
    "DecoderApp": Program(
        options={"-b": TEXT, "-o": TEXT, "-d": INTEGER},
        source="-b",
        target="-o",
        picture="yuv",
        fixed={"-d": "10"},
    ),
    "vvencapp": Program(
        options={
            **dict.fromkeys(("--frames", "--qp", "--qpa", "--threads", "--framerate"), INTEGER),
            **dict.fromkeys(("--input", "--output"), TEXT),
            "--size": r"\d+x\d+",
            "--format": "yuv420|yuv420_10",
            "--preset": "faster|fast|medium|slow|slower",
        },
        source="--input",
        target="--output",
        quality="--qp",
        picture="yuv",
        required=("--size", "--format"),
    ),
    "vvdecapp": Program(
        options={"--bitstream": TEXT, "--output": TEXT, "--threads": INTEGER},
        source="--bitstream",
        target="--output",
        picture="yuv",
    ),
    "bpgenc": Program(
        options={
            **dict.fromkeys(("-q", "-m", "-b"), INTEGER),
            "-f": "420|422|444",
            "-e": "x265|jctvc",
            "-c": "ycbcr|rgb|ycgco",
            "-o": TEXT,
        },
        positional=("input",),
        source="input",
        target="-o",
        quality="-q",
        picture="png",
    ),
    "bpgdec": Program(
        options={"-o": TEXT, "-b": INTEGER}, positional=("input",), source="input", target="-o", picture="png"
    ),
    "jpeg-ai-encoder": Program(
        options={"--set_target_bpp": INTEGER, "--cfg": TEXT},
        positional=("input", "output", "profile"),
        source="input",
        target="output",
        quality="--set_target_bpp",
        rising=True,
        picture="png",
        fixed={"--cfg": "cfg/tools_on.json"},
    ),
    "jpeg-ai-decoder": Program(
        options={"--device": "cpu|gpu"},
        positional=("input", "output"),
        source="input",
        target="output",
        picture="png",
    ),
    "cc_encode": Program(
        options={
            **dict.fromkeys(("--input", "--output", "--workdir", "--dec_cfg_residue"), TEXT),
            "--lmbda": NUMBER,
            "--n_itr": INTEGER,
            "--tune": "mse|wasserstein",
        },
        source="--input",
        target="--output",
        quality="--lmbda",
        picture="png",
        required=("--dec_cfg_residue",),
    ),
    "cc_decode": Program(
        options={"--input": TEXT, "--output": TEXT, "--verbosity": INTEGER},
        source="--input",
        target="--output",
        picture="ppm",
    ),
}
# Programs whose first words choose what they do.
SUBCOMMANDS = {
    "tfci": {
        "compress": Program(
            options={"--target_bpp": NUMBER, "--bpp_strict": ""},
            positional=("model", "input", "output"),
            source="input",
            target="output",
            quality="model",
            steps={"hific-lo": 40, "hific-mi": 16, "hific-hi": 4},
            picture="png",
        ),
        "decompress": Program(
            options={}, positional=("input", "output"), source="input", target="output", picture="png"
        ),
    },
    "amtm2023": {
        "compress": Program(
            options={"--model_path": r"/opt/mric/weights/(0\.128|0\.032)"},
            positional=("input", "output"),
            source="input",
            target="output",
            quality="--model_path",
            steps={"/opt/mric/weights/0.128": 40, "/opt/mric/weights/0.032": 8},
            picture="png",
        ),
        "decompress": Program(
            options={"--model_path": r"/opt/mric/weights/(0\.128|0\.032)", "--beta": NUMBER},
            positional=("input", "output"),
            source="input",
            target="output",
            picture="png",
        ),
    },
    "dcvc-rt": {
        "encode": Program(
            options={},
            positional=("qp", "input", "output"),
            source="input",
            target="output",
            quality="qp",
            rising=True,
            picture="png",
        ),
        "decode": Program(
            options={}, positional=("input", "output"), source="input", target="output", picture="png"
        ),
    },
    **{
        name: {
            "encode": Program(
                options={},
                positional=("model", "input", "output"),
                source="input",
                target="output",
                quality="model",
                steps={**_LEARNED, "mse_0.0483": 2, "low": 40, "middle": 20, "high": 8},
                picture="png",
            ),
            "decode": Program(
                options={}, positional=("input", "output"), source="input", target="output", picture="png"
            ),
        }
        for name in ("mlicpp", "tcm", "cdc")
    },
}
LARGEST = {"--qp": 255.0, "--lmbda": 0.03, "--set_target_bpp": 120.0}


def refuse(message: str) -> None:
    sys.exit(f"{Path(sys.argv[0]).name}: {message}")


def parse(program: Program, arguments: list[str]) -> dict[str, str]:
    """Options and positionals to values; anything undocumented ends the program."""
    given: dict[str, str] = {}
    positional: list[str] = []
    while arguments:
        word = arguments.pop(0)
        name, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if not word.startswith("-"):
            positional.append(word)
            continue
        if name not in program.options:
            refuse(f"unknown option {word}")
        pattern = program.options[name]
        if pattern and not equals:
            if not arguments:
                refuse(f"{name} needs a value")
            value = arguments.pop(0)
        if name in given:
            refuse(f"{name} is given twice")
        if not re.fullmatch(pattern, value):
            refuse(f"{name}: bad value {value!r}")
        given[name] = value
    if len(positional) != len(program.positional):
        refuse(f"arguments {positional} where {list(program.positional)} are needed")
    given.update(zip(program.positional, positional, strict=True))
    for name in (*program.required, *program.fixed):
        if name not in given:
            refuse(f"{name} is missing")
    for name, value in program.fixed.items():
        if given[name] != value:
            refuse(f"{name} must be {value}")
    return given


def step_of(program: Program, given: dict[str, str]) -> int:
    """The quantisation step of a quality value: 1 for the best."""
    value = given[program.quality]
    if program.steps:
        return program.steps[value]
    share = float(value) / LARGEST.get(program.quality, 63.0)
    return 1 + round(40 * (1 - share if program.rising else share))


def read_samples(program: Program, given: dict[str, str]) -> "tuple[dict[str, object], np.ndarray]":
    """What describes the picture, and its samples in one row."""
    from PIL import Image

    data = Path(given[program.source]).read_bytes()
    if program.picture == "png":
        pixels = np.asarray(Image.open(io.BytesIO(data), formats=["PNG"]).convert("RGB"))
        return {"shape": pixels.shape, "bits": 8}, pixels.ravel()
    if program.picture == "y4m":
        header, _, data = data.partition(b"\nFRAME\n")
        fields = {word[0]: word[1:] for word in header.decode().split(" ")[1:]}
        if (fields["W"], fields["H"]) != (given["-w"], given["-h"]) or fields["C"] != "444p10":
            refuse(f"the input is not what the options say: {header!r}")
        width, height, chroma, depth = int(fields["W"]), int(fields["H"]), "444", 10
    elif "--size" in given:
        width, height = map(int, given["--size"].split("x"))
        chroma, depth = "420", 10 if given["--format"] == "yuv420_10" else 8
    else:
        width, height = int(given["-wdt"]), int(given["-hgt"])
        chroma, depth = given["--InputChromaFormat"], int(given["--InputBitDepth"])
    if chroma == "420" and (width % 2 or height % 2):
        refuse("4:2:0 needs even sides")
    samples = np.frombuffer(data, dtype="<u2" if depth > 8 else np.uint8)
    expected = width * height * 3 // (1 if chroma == "444" else 2)
    if samples.size != expected:
        refuse(f"the input has {samples.size} samples and not {expected}")
    return {"shape": (height, width), "bits": depth}, samples


def encode(program: Program, given: dict[str, str]) -> None:
    description, samples = read_samples(program, given)
    step = step_of(program, given) * (4 if description["bits"] == 10 else 1)
    header = json.dumps({**description, "step": step, "size": samples.size}).encode()
    levels = ((samples.astype(np.int32) + step // 2) // step).astype("<u2")
    Path(given[program.target]).write_bytes(MAGIC + header + b"\n" + zlib.compress(levels.tobytes(), 9))


def decode(program: Program, given: dict[str, str]) -> None:
    others = [path.name for path in Path().iterdir() if path.name != given[program.source]]
    if others:
        refuse(f"beside the bitstream there is {others}")
    data = Path(given[program.source]).read_bytes()
    if not data.startswith(MAGIC):
        refuse("this is no bitstream")
    text, _, body = data.removeprefix(MAGIC).partition(b"\n")
    header = json.loads(text)
    from PIL import Image

    levels = np.frombuffer(zlib.decompress(body), dtype="<u2").astype(np.int32)
    largest = (1 << header["bits"]) - 1
    samples = np.clip(levels * header["step"], 0, largest).astype("<u2" if header["bits"] > 8 else np.uint8)
    if program.picture in {"png", "ppm"}:
        Image.fromarray(samples.reshape(header["shape"])).save(given[program.target])
    else:
        Path(given[program.target]).write_bytes(samples.tobytes())


def main() -> None:
    name, arguments = Path(sys.argv[0]).name, sys.argv[1:]
    if name in SUBCOMMANDS:
        known = SUBCOMMANDS[name]
        word = next((word for word in arguments if word in known), None)
        if word is None:
            refuse(f"none of {sorted(known)}")
        arguments.remove(word)
        program = known[word]
    else:
        program = PROGRAMS[name]
    given = parse(program, arguments)
    global np  # noqa: PLW0603  refusals need not wait for it
    import numpy as np

    (decode if program.quality is None else encode)(program, given)


main()
