# SPDX-License-Identifier: BSD-3-Clause
"""A made-up collection of published pictures: two codecs, three scenes, several of them wrong in some way."""

import json
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from picobench.pixels import RGB8

PATTERN = "{image}/{codec}.png"
REFERENCES = "{image}/reference.png"


def scene(name: str, height: int = 40, width: int = 56) -> RGB8:
    """A smooth picture with some texture, different for each name."""
    rng = np.random.default_rng(sum(name.encode()))
    y, x = np.mgrid[0:height, 0:width]
    base = 128 + 70 * np.sin(x / (4 + rng.integers(9))) + 30 * np.cos(y / (3 + rng.integers(9)))
    pixels = np.stack([base, base[::-1], base[:, ::-1]], axis=2) + rng.normal(0, 5, (height, width, 3))
    return np.clip(pixels, 0, 255).astype(np.uint8)


def degraded(pixels: RGB8, step: int) -> RGB8:
    """The picture with its values on a coarser grid."""
    return np.clip(np.round(pixels / step) * step, 0, 255).astype(np.uint8)


def save(path: Path, pixels: RGB8) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def make_collection(folder: Path) -> Path:
    """Write the scenes one, two, three with codecs ours and theirs, and `bpp.json`; returns the folder.

    theirs has a row too much on two, and nothing on three, for which it has a rate nevertheless.
    """
    rates: dict[str, dict[str, str]] = {}
    for number, name in enumerate(("one", "two", "three")):
        pixels = scene(name)
        save(folder / name / "reference.png", pixels)
        save(folder / name / "ours.png", degraded(pixels, 8))
        rates[name] = {"ours": f"0.{number + 2}00", "theirs": f"0.{number + 2}10"}
        if name != "three":
            other = degraded(pixels, 12)
            save(folder / name / "theirs.png", np.vstack([other, other[-1:]]) if name == "two" else other)
    (folder / "bpp.json").write_text(json.dumps(rates))
    return folder


def zipped(folder: Path, archive: Path) -> Path:
    """A zip archive of the pictures of a folder."""
    with zipfile.ZipFile(archive, "w") as opened:
        for path in sorted(folder.rglob("*.png")):
            opened.write(path, path.relative_to(folder).as_posix())
    return archive


DEFINITION = """\
id: {codec}
label: {codec}, published
adapter: reconstructions
reconstructions:
  collection: made-up
  manifest: manifests/made-up.csv
  codec: {codec}
  source: https://example.org/pictures
seconds_per_megapixel: {{encode: 0.1, decode: 0.1}}
homepage: https://example.org
licence: none
"""


def define(own: Path, codec: str, extra: str = "") -> None:
    """Write `codecs/<codec>.yaml` into the folder of definitions `own`; `extra` goes into its block."""
    path = own / "codecs" / f"{codec}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(DEFINITION.format(codec=codec).replace("  source:", f"{extra}  source:"))
