# SPDX-License-Identifier: BSD-3-Clause
"""`make validate`: are the numbers right? Compares with published figures and with reference implementations.

Writes the blocks of docs/validation.md, docs/diagnostics.md, docs/text.md and docs/codecs.md. Needs what others
published (`--published`), a Kodak mirror (PICOBENCH_MIRRORS), the weights of LPIPS (TORCH_HOME) and a container engine.
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from picobench import layout
from picobench.cli import project_root
from picobench.codec_table import write_codec_table
from picobench.document import replace_block
from picobench.errors import PicobenchError
from picobench.validation_curves import avif_differences, containerised_av1, published_curves, run_workflow

if TYPE_CHECKING:
    from picobench.pixels import RGB8

RANDOM_PAIRS = 1000
STUDIES = ("seams", "fidelity", "text")
"""Diagnostics whose studies write documents of their own."""


def main() -> int:
    """Run the comparisons and rewrite the figures in the documents."""
    parser = argparse.ArgumentParser(prog="make validate", description=__doc__.splitlines()[0])
    default = Path(os.environ.get("PICOBENCH_SHARED", project_root().parent / "shared")) / "published"
    parser.add_argument("--published", type=Path, default=default, help="folder with rd-curves/kodak/*.json")
    parser.add_argument("--only", choices=[*BLOCKS, *STUDIES, "codecs"], help="one part only")
    args = parser.parse_args()
    root = project_root()
    document = root / "docs" / "validation.md"
    try:
        for name, make in BLOCKS.items():
            if args.only in {None, name}:
                replace_block(document, name, make(root, args.published))
        for name in STUDIES:
            if args.only in {None, name} and (status := diagnostics_study(root, name, args.published)):
                return status
        if args.only in {None, "codecs"}:
            write_codec_table(root)
    except PicobenchError as error:
        print(f"picobench: error: {error}", file=sys.stderr)
        return 1
    print(f"figures written to {document.parent}")
    return 0


def diagnostics_study(root: Path, name: str, published: Path) -> int:
    """Figures of docs/diagnostics.md or docs/text.md, on Kodak as a run prepares it."""
    study = import_module(f"picobench.diagnostics.{name}.study")
    arguments = ["--published", str(published / "pico-project-page"), "--processes", str(os.cpu_count() or 1)]
    if name != "text":
        kodak = layout.dataset_folder("kodak") / "images"
        run_workflow(root, "validation", str(layout.inventory_file("kodak")))
        arguments += ["--kodak", str(kodak)]
    status: int = study.main(arguments)
    return status


def ratings(root: Path, published: Path) -> str:
    """Intervals of human scores on simulated studies, and what the order of votes does."""
    from picobench.ratings.figures import coverage_table, order_table

    votes = published / "hific-userstudy" / "votes.json"
    return f"{coverage_table(os.cpu_count() or 1)}\n\n{order_table(votes)}"


def bd_rates(root: Path, published: Path) -> str:
    """BD-rates against the package bjontegaard on random valid curve pairs."""
    import bjontegaard

    from picobench.analysis.bdrate import Curve, Method, bd_rate

    rng = np.random.default_rng(20260101)
    lines = ["| method | pairs compared | drawn | largest relative difference |", "|---|---:|---:|---:|"]
    methods: tuple[Method, ...] = ("pchip", "akima", "cubic")
    for method in methods:
        worst, compared, drawn = 0.0, 0, 0
        while compared < RANDOM_PAIRS:
            anchor, test = random_curve(rng), random_curve(rng)
            drawn += 1
            ours = bd_rate(
                Curve(*anchor), Curve(*test), method=method, higher_is_better=True, min_overlap=0.0
            )
            if ours.percent is not None:
                theirs = bjontegaard.bd_rate(
                    *anchor, *test, method, require_matching_points=False, min_overlap=0
                )
                worst = max(worst, abs(ours.percent - theirs) / max(1.0, abs(theirs)))
                compared += 1
        lines.append(f"| {method} | {compared} | {drawn} | {worst:.1e} |")
    return "\n".join(lines)


def random_curve(rng: np.random.Generator) -> tuple[Any, Any]:
    """A valid rate-distortion curve: 4 to 9 points, rate and quality rising."""
    points = int(rng.integers(4, 10))
    rates = np.cumsum(rng.uniform(0.05, 0.5, points))
    qualities = rng.uniform(26, 30) + np.cumsum(rng.uniform(0.3, 2.5, points))
    return tuple(rates), tuple(qualities)


def reference_metrics(root: Path, published: Path) -> str:
    """LPIPS and MS-SSIM against their authors' packages on Kodak coded with JPEG."""
    import lpips
    import torch

    from picobench import bindings, metrics
    from picobench.definitions import Definitions
    from picobench.inventory import read_inventory

    jpeg = bindings.get("pillow.jpeg")
    options = {"quality": 30, "chroma": "4:2:0", "optimize": False, "progressive": False}
    ours = metrics.load(metrics.read_metric(Definitions(root), "lpips_alex"), metrics.default_torch_home())
    theirs = lpips.LPIPS(net="alex", version="0.1", verbose=False)

    def tensor(pixels: "RGB8") -> "torch.Tensor":
        return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1

    worst = 0.0
    pictures = read_inventory("kodak").pictures
    for picture in pictures:
        reference = picture.read()
        decoded = jpeg.decode(jpeg.encode(reference, options))
        with torch.no_grad():
            expected = float(theirs(tensor(reference), tensor(decoded)))
        worst = max(worst, abs(ours.score(reference, decoded) - expected))
    return (
        f"LPIPS (AlexNet, v0.1) on {len(pictures)} Kodak pictures at JPEG quality 30: largest difference from the "
        f"package `lpips` {worst:.1e}."
    )


BLOCKS: Mapping[str, Callable[[Path, Path], str]] = {
    "curves": published_curves,
    "bd-rate": bd_rates,
    "metrics": reference_metrics,
    "av1": containerised_av1,
    "avif": avif_differences,
    "ratings": ratings,
}
"""Blocks of docs/validation.md; each takes the project's folder and that of what others published."""


if __name__ == "__main__":
    sys.exit(main())
