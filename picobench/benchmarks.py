# SPDX-License-Identifier: BSD-3-Clause
"""`make bench`: is the grain of jobs right? Writes the figures of docs/performance.md.

Two questions, each answered by running the workflow as a user does:

1. Kodak with all in-process codecs at six points, with PSNR, MS-SSIM and LPIPS: how much of cores x wall is
   spent inside encoders, decoders and metrics, and where does the rest go?
2. The paper's matrix (15 codecs, 24 + 428 + 100 pictures, 8 points): how long does planning it take, and how
   much memory? Definitions and inventories are made up; nothing is encoded.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from picobench import layout
from picobench.cli import project_root
from picobench.datasets.inventory import ImageRow, PreparedDataset, write_prepared
from picobench.document import replace_block
from picobench.files import read_json, write_json, write_text
from picobench.tablefile import read_table

CODECS = ("jpeg", "webp", "jpeg2000", "avif", "svt-av1", "heic", "jpegxl")
METRICS = ("psnr_rgb", "ms_ssim_rgb", "lpips_alex")
POINTS = 6
# Seconds per megapixel of the made-up codecs: as the paper's are expected to be, fast ones to ECM.
_PAPER_SECONDS = (0.02, 0.1, 0.3, 0.5, 1, 1, 2, 3, 5, 10, 20, 60, 100, 300, 1000)


def main() -> int:
    """Run both benchmarks and rewrite the figures in the document."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.splitlines()[0])
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--only", choices=["grain", "plan"])
    args = parser.parse_args()
    root = project_root()
    document = root / "docs" / "performance.md"
    if args.only != "plan":
        replace_block(document, "grain", grain(root, args.cores))
    if args.only != "grain":
        replace_block(document, "plan", plan_paper(root))
    print(f"figures written to {document}")
    return 0


def grain(root: Path, cores: int) -> str:
    """Useful time over cores x wall for Kodak, as a Markdown table."""
    from picobench.definitions import Definitions, read_codec

    definitions = Definitions(root)
    codecs = [{"id": c, "points": _spread(list(read_codec(definitions, c).points))} for c in CODECS]
    config = {
        "run": "grain", "datasets": ["kodak"], "codecs": codecs, "metrics": list(METRICS), "anchor": "jpeg",
    }  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="picobench-bench-") as folder:
        work = Path(folder)
        _snakemake(root, work, config, cores, ["results/datasets/kodak/inventory.json"])
        started = time.perf_counter()
        _snakemake(root, work, config, cores, ["report"])
        wall = time.perf_counter() - started
        return _account(work, wall, cores)


def _account(work: Path, wall: float, cores: int) -> str:
    evidence = read_table(work / layout.table_file("grain", "evidence"))
    encoders = float(evidence["encode_seconds"].sum())
    decoders = float(evidence["decode_seconds"].sum())
    scores = float(evidence["metric_seconds"].sum())
    useful = encoders + decoders + scores
    jobs = _job_seconds(work)
    sheets = list((work / "results" / "measurements").glob("*/*/[0-9a-f]*.json"))
    loading = sum(read_json(sheet)["loading_seconds"] for sheet in sheets)
    total = cores * wall
    rows = [
        ("encoders", encoders),
        ("decoders", decoders),
        ("metrics", scores),
        ("loading torch, pyiqa and weights in measure jobs", loading),
        ("rest of encode jobs: start, imports, reading and hashing pictures", jobs["encode"] - encoders),
        (
            "rest of measure jobs: start, reading and writing reconstructions",
            jobs["measure"] - decoders - scores - loading,
        ),
        ("tables, BD-rates with bootstrap, report", jobs["other"]),
    ]
    rows.append(("Snakemake, and cores without a job", total - useful - sum(s for _, s in rows[3:])))
    lines = [
        f"Useful share: **{useful / total:.2f}** ({useful:.0f} s in encoders, decoders and metrics of "
        f"{cores} cores x {wall:.0f} s), {len(evidence)} reconstructions, {jobs['count']:.0f} jobs.",
        "",
        "| where the time goes | core seconds | share |",
        "|---|---:|---:|",
        *(f"| {name} | {seconds:.0f} | {seconds / total:.1%} |" for name, seconds in rows),
    ]
    return "\n".join(lines)


def _job_seconds(work: Path) -> dict[str, float]:
    """Wall time of jobs by kind, from the records that Snakemake keeps of each output."""
    totals = {"encode": 0.0, "measure": 0.0, "other": 0.0, "count": 0.0}
    seen: set[tuple[str, float]] = set()  # a job with several outputs has several records
    for path in (work / ".snakemake" / "metadata").rglob("*"):
        if not path.is_file():
            continue
        record = json.loads(path.read_text())
        identity = (record["shellcmd"], record["starttime"])
        if record["rule"] == "dataset" or identity in seen:
            continue
        seen.add(identity)
        kind = record["rule"] if record["rule"] in totals else "other"
        totals[kind] += record["endtime"] - record["starttime"]
        totals["count"] += 1
    return totals


def _spread(points: list[str]) -> list[str]:
    step = (len(points) - 1) / (POINTS - 1)
    return [points[round(step * number)] for number in range(POINTS)]


def plan_paper(root: Path) -> str:
    """Time and memory of a dry run of the paper's matrix, as Markdown."""
    with tempfile.TemporaryDirectory(prefix="picobench-bench-") as folder:
        work = Path(folder)
        codecs = [f"made-up-{number:02d}" for number in range(len(_PAPER_SECONDS))]
        for codec, seconds in zip(codecs, _PAPER_SECONDS, strict=True):
            write_text(work / "own" / "codecs" / f"{codec}.yaml", _made_up_codec(codec, seconds))
        for dataset, count, size in _PAPER_DATASETS:
            inventory = _made_up_inventory(dataset, count, size)
            for row in inventory.images:  # a plan asks whether pictures are there, not what is in them
                write_text(work / layout.dataset_folder(dataset) / row.file, "")
            write_prepared(work / layout.inventory_file(dataset), inventory)
        config = {
            "run": "paper", "datasets": [name for name, _, _ in _PAPER_DATASETS], "codecs": codecs,
            "metrics": ["psnr_rgb", "ms_ssim_rgb", "lpips_alex"], "anchor": codecs[0],
            "definitions": [str(work / "own")],
        }  # fmt: skip
        started = time.perf_counter()
        output = _snakemake(root, work, config, 1, ["report", "--dry-run"])
        wall = time.perf_counter() - started
    # Includes children; the dry run is by far the largest.
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    jobs = {line.split()[0]: int(line.split()[1]) for line in output.splitlines() if _is_count(line)}
    pictures = sum(count for _, count, _ in _PAPER_DATASETS)
    return (
        f"Dry run: **{wall:.0f} s**, **{memory:.2f} GB** for {len(codecs)} codecs x 8 points x {pictures} pictures "
        f"= {len(codecs) * 8 * pictures} reconstructions in {jobs['total']} jobs "
        f"({jobs['encode']} encode, {jobs['measure']} measure)."
    )


_PAPER_DATASETS = (
    ("kodak", 24, (768, 512)), ("clic2020-test", 428, (2048, 1365)), ("div2k-valid", 100, (2040, 1356)),
)  # fmt: skip


def _is_count(line: str) -> bool:
    words = line.split()
    return len(words) == 2 and words[1].isdigit() and words[0] in {"encode", "measure", "total"}


def _made_up_codec(name: str, seconds: float) -> str:
    points = "".join(f"  q{quality}: {{quality: {quality}}}\n" for quality in range(10, 90, 10))
    return (
        f"id: {name}\nlabel: made up\nadapter: python\nbinding: pillow.jpeg\n"
        f"options: {{chroma: '4:4:4', optimize: false, progressive: false}}\npoints:\n{points}"
        f"seconds_per_megapixel: {{encode: {seconds}, decode: {min(seconds, 0.5)}}}\n"
        "homepage: https://example.org\nlicence: none\n"
    )


def _made_up_inventory(dataset: str, count: int, size: tuple[int, int]) -> PreparedDataset:
    images = tuple(
        ImageRow(
            image=f"{number:04d}",
            file=f"images/{number:04d}.png",
            width=size[0],
            height=size[1],
            pixels_sha256=f"{number:064x}",
            source="",
            source_sha256="",
            source_format="PNG",
            conversions=(),
            archive_sha256=None,
        )
        for number in range(count)
    )
    return PreparedDataset(dataset, images, ())


def _snakemake(root: Path, work: Path, config: dict[str, Any], cores: int, targets: list[str]) -> str:
    config_file = work / f"{config['run']}.yaml"
    write_json(config_file, config)  # JSON is YAML
    argv = [
        sys.executable, "-m", "snakemake", "--snakefile", str(root / "Snakefile"), "--directory", str(work),
        "--workflow-profile", str(root / "profiles" / "default"), "--configfile", str(config_file),
        "--cores", str(cores), *targets,
    ]  # fmt: skip
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=work)
    if done.returncode != 0:
        sys.exit(f"the workflow failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout + done.stderr


if __name__ == "__main__":
    sys.exit(main())
