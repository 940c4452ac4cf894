# SPDX-License-Identifier: BSD-3-Clause
"""Small complete runs of the workflow, for the tests that need one."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent

CODEC = """\
id: {id}
label: {label}
adapter: python
binding: pillow.jpeg
options: {{chroma: "4:2:0", optimize: false, progressive: false}}
points:
  q20: {{quality: 20}}
  q40: {{quality: 40}}
  q60: {{quality: 60}}
  q80: {{quality: 80}}
seconds_per_megapixel: {{encode: 0.05, decode: 0.05}}
homepage: https://example.org
licence: none
"""


@dataclass
class Case:
    """A folder with pictures, definitions and a configuration, and what ran in it last."""

    folder: Path
    config: dict[str, Any] = field(default_factory=dict)
    output: str = ""

    def __post_init__(self) -> None:
        for name in ("a", "b", "c"):
            self.add_picture(name)
        self.config = {
            "run": "case",
            "datasets": [{"id": "folder", "path": str(self.folder / "pictures")}],
            "codecs": ["jpeg-one", "webp"],
            "metrics": ["psnr_rgb"],
            "anchor": "jpeg-one",
            "definitions": [str(self.folder / "own")],
        }
        self.define_codec("jpeg-one")

    def add_picture(self, name: str) -> None:
        """A smooth picture with some texture, different for each name."""
        rng = np.random.default_rng(sum(name.encode()))
        y, x = np.mgrid[0:48, 0:64]
        base = 128 + 80 * np.sin(x / (5 + rng.integers(9))) + 30 * np.cos(y / (3 + rng.integers(9)))
        pixels = np.stack([base, base[::-1], base[:, ::-1]], axis=2) + rng.normal(0, 6, (48, 64, 3))
        path = self.folder / "pictures" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)

    def define_codec(self, name: str, label: str = "a JPEG", points: str = "") -> None:
        """Write a codec of the case's own; `points` are more lines of YAML."""
        path = self.folder / "own" / "codecs" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = CODEC.format(id=name, label=label)
        path.write_text(text.replace("seconds_per", f"{points}seconds_per"))

    def argv(self, *arguments: str) -> list[str]:
        """The command line of a run."""
        config_file = self.folder / "case.yaml"
        config_file.write_text(json.dumps(self.config))
        profile = ROOT / "profiles" / "default"
        return [
            sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"),
            "--directory", str(self.folder), "--workflow-profile", str(profile),
            "--configfile", str(config_file), "--cores", "2", "report", *arguments,
        ]  # fmt: skip

    def run(self, *arguments: str, succeeds: bool = True, **environment: str) -> Counter[str]:
        """Run the workflow; returns how many jobs of each rule were executed."""
        before = self._finished()
        done = subprocess.run(
            self.argv(*arguments), capture_output=True, text=True, check=False, timeout=300,
            env={**os.environ, **environment}, cwd=self.folder,
        )  # fmt: skip
        self.output = done.stdout + done.stderr
        assert (done.returncode == 0) == succeeds, self.output
        return Counter(rule for rule, _, _ in self._finished() - before)

    def _finished(self) -> set[tuple[str, str, float]]:
        """(rule, command, start time) of all finished jobs, from what Snakemake records of each output."""
        folder = self.folder / ".snakemake" / "metadata"
        records = [json.loads(path.read_text()) for path in folder.rglob("*") if path.is_file()]
        return {(record["rule"], record["shellcmd"], record["starttime"]) for record in records}

    def table(self, name: str) -> str:
        """The text of a table of the run."""
        return (self.folder / "results" / "case" / "tables" / f"{name}.csv").read_text()

    def frame(self, name: str) -> pd.DataFrame:
        """A table of the run; empty cells are empty texts."""
        return pd.read_csv(self.folder / "results" / "case" / "tables" / f"{name}.csv", keep_default_na=False)

    def page(self, name: str) -> str:
        """The words of a page of the run's report."""
        html = (self.folder / "results" / "case" / "report" / name).read_text()
        return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))

    def scores(self) -> list[dict[str, str]]:
        """Rows of scores.csv."""
        head, *rows = [re.split(r",(?=\S|$)", line) for line in self.table("scores").splitlines()]
        return [dict(zip(head, row, strict=True)) for row in rows]
