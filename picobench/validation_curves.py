# SPDX-License-Identifier: BSD-3-Clause
"""Runs on Kodak against rate-distortion curves that others published, for docs/validation.md."""

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from picobench import layout
from picobench.errors import PicobenchError, StorageError
from picobench.files import read_json
from picobench.tablefile import read_table

if TYPE_CHECKING:
    import pandas as pd

    from picobench.pixels import RGB8

_KODAK_CURVES = Path("rd-curves", "kodak")
# libavif's scale of quality gives other rates with another tune; these reach from 0.2 to 1.3 bpp with both.
_AVIF_QUALITIES = {"psnr": (10, 20, 30, 40, 50), "iq": (20, 32, 44, 56, 66)}
_JPEG_RATE_PERCENT = 0.3
_JPEG_QUALITY_DB = 0.15
"""How far JPEG may be from the published curve at any point; another quantiser or a wrong PSNR is further off."""


def published_curves(root: Path, published: Path) -> str:
    """JPEG, WebP and JPEG 2000 on Kodak against published curves, through the workflow.

    Raises:
        PicobenchError: JPEG is further from its curve than the bound.
    """
    curves = published / _KODAK_CURVES
    run_workflow(root, "validation")
    rd = read_table(layout.table_file("validation", "rd"))
    lines = _jpeg(rd, curves / "jpeg.json")
    lines += [
        "",
        "| curve | BD-rate of ours against the published one, PSNR | MS-SSIM | points here |",
        "|---|---:|---:|---:|",
    ]
    for codec, file in (("jpeg-420", "jpeg"), ("webp", "webp"), ("jpeg2000", "jpeg2000")):
        psnr, _ = _bd_against(rd, codec, curves / f"{file}.json", "psnr_rgb", "psnr-rgb")
        ms_ssim, _ = _bd_against(rd, codec, curves / f"{file}.json", "ms_ssim_rgb", "ms-ssim-rgb")
        lines.append(f"| {codec} | {psnr} | {ms_ssim} | {(rd['codec'] == codec).sum()} |")
    for codec in ("webp", "jpeg2000"):
        lines += ["", *_at_equal_rate(rd, codec, curves / f"{codec}.json")]
    return "\n".join(lines)


def _jpeg(rd: "pd.DataFrame", curve: Path) -> list[str]:
    """Point by point, as both have the same qualities."""
    jpeg = read_json(curve)["results"]
    lines = [
        "| JPEG quality | bpp here | published | difference | PSNR here | published | difference |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    mine = rd[rd["codec"] == "jpeg-420"].sort_values("bpp")
    worst_rate = worst_quality = 0.0
    points = zip(mine["point"], mine["bpp"], mine["psnr_rgb"], jpeg["bpp"], jpeg["psnr-rgb"], strict=True)
    for point, bpp, psnr, rate, quality in points:
        rate_off, quality_off = 100 * (bpp / rate - 1), psnr - quality
        worst_rate, worst_quality = max(worst_rate, abs(rate_off)), max(worst_quality, abs(quality_off))
        lines.append(
            f"| {str(point)[1:]} | {bpp:.4f} | {rate:.4f} | {rate_off:+.2f} % "
            f"| {psnr:.2f} | {quality:.2f} | {quality_off:+.3f} dB |"
        )
    if not (worst_rate <= _JPEG_RATE_PERCENT and worst_quality <= _JPEG_QUALITY_DB):
        raise PicobenchError(
            f"{curve}: JPEG is {worst_rate:.2f} % in rate and {worst_quality:.3f} dB off, more than "
            f"{_JPEG_RATE_PERCENT} % or {_JPEG_QUALITY_DB} dB; find out what changed"
        )
    largest = f"**{worst_rate:.2f} %** in rate, **{worst_quality:.3f} dB** in PSNR"
    bounds = f"the bounds are {_JPEG_RATE_PERCENT} % and {_JPEG_QUALITY_DB} dB"
    return [*lines, "", f"Largest differences: {largest}; {bounds}."]


def _at_equal_rate(rd: "pd.DataFrame", codec: str, curve: Path) -> list[str]:
    """Our points beside the published curve at the same rate, read off between its points by PCHIP on log rate."""
    import numpy as np
    from scipy.interpolate import PchipInterpolator

    results = read_json(curve)["results"]
    order = np.argsort(results["bpp"])
    log_rate = np.log(np.asarray(results["bpp"])[order])
    lines = [
        f"| {codec} | bpp here | nearest published | PSNR here | published at this rate | difference "
        "| difference of MS-SSIM |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    gains = []
    for row in rd[rd["codec"] == codec].sort_values("bpp").to_dict("records"):
        at = np.log(row["bpp"])
        nearest = min(results["bpp"], key=lambda rate: abs(np.log(rate) - at))
        # A rate that is the last published one but for its rounding is inside.
        if not log_rate[0] - 1e-3 <= at <= log_rate[-1] + 1e-3:
            lines.append(
                f"| {row['point']} | {row['bpp']:.4f} | {nearest:.4f} | {row['psnr_rgb']:.2f} | outside | | |"
            )
            continue
        psnr, ms_ssim = (
            float(PchipInterpolator(log_rate, np.asarray(results[key])[order])(at))
            for key in ("psnr-rgb", "ms-ssim-rgb")
        )
        gains.append(row["psnr_rgb"] - psnr)
        lines.append(
            f"| {row['point']} | {row['bpp']:.4f} | {nearest:.4f} | {row['psnr_rgb']:.2f} | {psnr:.2f} "
            f"| {gains[-1]:+.3f} dB | {row['ms_ssim_rgb'] - ms_ssim:+.5f} |"
        )
    return [*lines, "", f"{codec} at equal rate: {min(gains):+.2f} to {max(gains):+.2f} dB."]


def containerised_av1(root: Path, published: Path) -> str:
    """The reference AV1 encoder in containers against the in-process AVIF codec and the published curve."""
    curve = published / _KODAK_CURVES / "av1.json"
    run_workflow(root, "av1-kodak")
    rd = read_table(layout.table_file("av1-kodak", "rd"))
    bd = read_table(layout.table_file("av1-kodak", "bd_rate"))
    lines = [
        "| codec | anchor | metric | BD-rate | interval | overlap |",
        "|---|---|---|---:|---:|---:|",
    ]
    for row in bd[bd["aggregation"] == "per-image mean"].to_dict("records"):
        lines.append(
            f"| `{row['codec']}` | `avif`, in process | {row['metric']} | {row['bd_rate_percent']:+.1f} % "
            f"| {row['ci_low']:+.1f} to {row['ci_high']:+.1f} % | {row['overlap']:.2f} |"
        )
    for codec in dict.fromkeys(bd["codec"]):
        for metric, key in (("psnr_rgb", "psnr-rgb"), ("ms_ssim_rgb", "ms-ssim-rgb")):
            percent, overlap = _bd_against(rd, codec, curve, metric, key)
            lines.append(
                f"| `{codec}` | published curve | {metric} | {percent} | mean curve only | {overlap} |"
            )
    return "\n".join(lines)


def avif_differences(root: Path, published: Path) -> str:
    """What the tune that libavif chooses costs in PSNR, and what its boxes weigh, on Kodak, by Pillow's libavif."""
    import numpy as np
    from PIL import features

    from picobench.analysis.bdrate import Curve, bd_rate
    from picobench.diagnostics.studies import run_all
    from picobench.inventory import read_inventory

    run_workflow(root, "validation", str(layout.inventory_file("kodak")))
    pictures = [picture.read() for picture in read_inventory("kodak").pictures]
    curves, boxes = {}, 0.0
    for tune, qualities in _AVIF_QUALITIES.items():
        tasks = [(pixels, quality, tune) for quality in qualities for pixels in pictures]
        coded = np.array(list(run_all(_code_avif, tasks, os.cpu_count() or 1)))
        rates, psnr, overhead = coded.reshape(len(qualities), len(pictures), 3).mean(axis=1).T
        curves[tune] = Curve(tuple(rates), tuple(psnr))
        boxes = float(overhead.mean())
    rate = bd_rate(curves["psnr"], curves["iq"], method="pchip", higher_is_better=True)
    if rate.percent is None:
        raise StorageError(f"the curves of the two tunes cannot be compared: {rate.note}")
    return (
        f"libavif {features.version('avif')} in Pillow, 8 bit, 4:4:4, speed 6, on {len(pictures)} Kodak pictures: "
        f"tune `iq` against tune `psnr` **{rate.percent:+.1f} %** in PSNR (mean curve, overlap {rate.overlap:.2f}); "
        f"all but the coded picture takes **{boxes:.4f} bpp**."
    )


def _code_avif(task: "tuple[RGB8, int, str]") -> tuple[float, float, float]:
    """Rate in bpp, PSNR in dB, and bpp of everything that is not the coded picture."""
    import io

    import numpy as np
    from PIL import Image

    pixels, quality, tune = task
    file = io.BytesIO()
    Image.fromarray(pixels).save(
        file, "AVIF", quality=quality, speed=6, subsampling="4:4:4", max_threads=1, advanced={"tune": tune}
    )
    data = file.getvalue()
    decoded = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), dtype=np.float64)
    bits_per_byte = 8 / (pixels.shape[0] * pixels.shape[1])
    # The box of the coded picture is the last: four bytes of size and its name, then the picture.
    overhead = data.index(b"mdat") + 4
    psnr = 10 * np.log10(255**2 / np.mean((decoded - pixels) ** 2))
    return len(data) * bits_per_byte, float(psnr), overhead * bits_per_byte


def run_workflow(root: Path, name: str, *targets: str) -> None:
    """Make targets, else the report, of `config/<name>.yaml`.

    Raises:
        StorageError: The run failed.
    """
    config = root / "config" / f"{name}.yaml"
    argv = [
        sys.executable,
        "-m",
        "snakemake",
        "--cores",
        "all",
        *(targets or ["report"]),
        "--configfile",
        str(config),
    ]
    if subprocess.run(argv, check=False, cwd=root).returncode:
        raise StorageError(f"{config}: the run failed; see above")


def _bd_against(rd: "pd.DataFrame", codec: str, published: Path, metric: str, key: str) -> tuple[str, str]:
    """BD-rate of our mean curve against a published one, and the overlap, as cells."""
    from picobench.analysis.bdrate import Curve, bd_rate

    results = read_json(published)["results"]
    mine = rd[rd["codec"] == codec]
    ours = Curve(tuple(mine["bpp"]), tuple(mine[metric]))
    theirs = Curve(tuple(results["bpp"]), tuple(results[key]))
    result = bd_rate(theirs, ours, method="pchip", higher_is_better=True)
    cell = f"n/a ({result.note})" if result.percent is None else f"{result.percent:+.2f} %"
    return cell, f"{result.overlap:.2f}"
