# SPDX-License-Identifier: BSD-3-Clause
"""The table of docs/codecs.md: for each codec, what was executed here, on which version, and what was not.

Nothing in it is written by hand: a codec that is ready runs its conformance checks while the table is made, and
one that is not shows why.
"""

import datetime
import platform
from pathlib import Path

from picobench.adapters import adapter_for
from picobench.conformance import check_codec, ready_codecs
from picobench.definitions import Codec, Definitions, read_codec
from picobench.document import replace_block
from picobench.errors import PicobenchError
from picobench.images import find_images
from picobench.runners.docker import full_name


def codec_table(root: Path) -> str:
    """The table, as Markdown; takes as long as the conformance checks of everything that is ready."""
    definitions = Definitions(root)
    lines = [
        f"Made on {datetime.date.today().isoformat()}, {platform.system()} {platform.machine()}, by `make validate`.",
        "",
        "| codec | runs | executed here | version |",
        "|---|---|---|---|",
    ]
    buildable = {image.short_name for image in find_images(root)}
    for name, reason in ready_codecs(definitions).items():
        codec = read_codec(definitions, name)
        executed, version = (f"no: {_why(codec, reason, buildable)}", "") if reason else _executed(codec)
        cells = [f"`{name}`", _how(codec), executed, version]
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    # Where this checkout lies is nobody's business.
    return "\n".join(lines).replace(f"{root}/", "")


def write_codec_table(root: Path) -> None:
    """Rewrite the table in docs/codecs.md."""
    replace_block(root / "docs" / "codecs.md", "codecs", codec_table(root))


def _how(codec: Codec) -> str:
    if codec.adapter == "command":
        return "in a container" if codec.command.get("runner") == "docker" else "as a program"
    return {"python": "in process", "reconstructions": "published pictures"}[codec.adapter]


def _why(codec: Codec, reason: str, buildable: set[str]) -> str:
    """The reason, but for an image that containers/ has no recipe for: that one cannot be built here."""
    image = codec.command.get("image", "")
    if reason.startswith("no image ") and image not in buildable:
        return f"no image {full_name(image)}; it is for its owner to make, under this name"
    return reason


def _executed(codec: Codec) -> tuple[str, str]:
    try:
        versions = adapter_for(codec).environment().versions
        checks = list(check_codec(codec))
    except PicobenchError as error:
        return f"no: {error}", ""
    broken = [check.name for check in checks if not check.passed]
    text = f"{len(checks) - len(broken)} of {len(checks)} conformance checks passed"
    shown = {key: value for key, value in versions.items() if key != "image_digest"}
    return text + (f"; failed: {', '.join(broken)}" if broken else ""), _short(shown)


def _short(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())
