# SPDX-License-Identifier: BSD-3-Clause
"""Writes a made-up run folder for the tests of the report. No number in it was measured."""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from picobench.files import sha256_bytes, write_json

DEFAULT_LABELS = {
    "jpeg": "JPEG (libjpeg-turbo, 4:4:4)",
    "webp": "WebP (method 6, 4:2:0)",
    "jpeg2000": "JPEG 2000 (OpenJPEG, 4:4:4)",
    "avif": "AVIF (libaom, 4:4:4, speed 6)",
    "svt-av1": "SVT-AV1 (preset 6, 4:2:0)",
    "jpegxl": "JPEG XL (effort 7)",
    "theirs": "PICO (project page)",
}
_GAINS = {"webp": 0.3, "jpeg2000": 0.34, "avif": 0.8, "svt-av1": 0.72, "jpegxl": 0.55, "theirs": 1.0}
_VERSIONS = {
    "jpeg": {"pillow": "12.0.0", "libjpeg-turbo": "3.1.2"},
    "webp": {"pillow": "12.0.0", "libwebp": "1.6.0"},
    "jpeg2000": {"imagecodecs": "2025.11.11", "openjpeg": "2.5.4"},
    "avif": {"imagecodecs": "2025.11.11", "libavif": "1.3.0", "libaom": "3.12.1"},
    "svt-av1": {"av": "15.1.0", "svt-av1": "3.1.0"},
    "jpegxl": {"imagecodecs": "2025.11.11", "libjxl": "0.11.1"},
    "theirs": {"manifest": "2025-11"},
}
METRICS = {
    "psnr_rgb": ("PSNR (RGB)", "higher", "dB"),
    "psnr_y_bt709": ("PSNR (Y, BT.709)", "higher", "dB"),
    "ms_ssim_rgb": ("MS-SSIM (RGB)", "higher", ""),
    "lpips_alex": ("LPIPS (AlexNet v0.1)", "lower", ""),
    "dists": ("DISTS", "lower", ""),
}
WHY_NO_DISTS = "weights of VGG16 are not here; put vgg16-397923af.pth into TORCH_HOME"
Row = Mapping[str, Any]


def make_run(
    results: Path,
    *,
    labels: Mapping[str, str] = DEFAULT_LABELS,
    images: Mapping[str, Sequence[str]] | None = None,
    points: int = 7,
    hostile: str = "",
) -> Path:
    """Write `results/demo` with tables and bitstreams; `hostile` is put into every free text."""
    images = images or {"kodak": [f"kodim{n:02}" for n in range(1, 25)], "sample": ["astronaut", "coffee"]}
    run = results / "demo"
    names = [f"q{10 + 80 * n // max(points - 1, 1)}" for n in range(points)]
    failed = {("svt-av1", "kodak", "kodim05", names[2]), ("svt-av1", "kodak", "kodim05", names[3])}
    scores, evidence, failures = [], [], []
    for codec in labels:
        for dataset, listed in images.items():
            for image in listed:
                for index, point in enumerate(names):
                    key = (codec, dataset, image, point)
                    names_of = dict(zip(("codec", "dataset", "image", "point"), key, strict=True))
                    row: dict[str, Any] = {**names_of, "version": _version(codec) + hostile}
                    row |= {"width": 768, "height": 512, "status": "failed" if key in failed else "ok"}
                    if key in failed:
                        reason = f"encoder left with status 1{hostile}"
                        tail = f"Svt[error]: instance 1: bad bitrate{hostile}\nno output"
                        extra = {"stage": "encode", "reason": reason, "stderr_tail": tail}
                        failures.append({**names_of, "version": row["version"], **extra})
                    else:
                        row |= _values(codec, image, index / max(points - 1, 1))
                    scores.append(row)
                    evidence.append(_evidence(results, key, row))
    _write(run, "scores", scores, extra=("bytes", "bpp", *METRICS))
    _write(run, "evidence", evidence)
    _write(run, "failures", failures, extra=("codec", "version", "dataset", "image", "point", "stage"))
    _write(run, "rd", _means(scores, images))
    bd_images = list(_image_rates(labels, images, hostile))
    _write(run, "bd_rate_images", bd_images)
    _write(run, "bd_rate", list(_rates(labels, images, bd_images, hostile)))
    write_json(run / "run.json", _description(labels, images, names, hostile))
    return run


def make_small_run(folder: Path) -> Path:
    """A run of two codecs on two images."""
    labels = {name: DEFAULT_LABELS[name] for name in ("jpeg", "webp")}
    return make_run(folder / "results", labels=labels, images={"sample": ["coffee", "rocket"]}, points=4)


def _wobble(*parts: Any) -> float:
    """A number between -1 and 1 that depends on nothing but `parts`."""
    return int(sha256_bytes(repr(parts).encode())[:8], 16) / 2**31 - 1


def _version(codec: str) -> str:
    return ", ".join(f"{name} {version}" for name, version in _VERSIONS.get(codec, {"x": "1"}).items())


def _values(codec: str, image: str, t: float) -> dict[str, Any]:
    busy = 1 + 0.35 * _wobble(image)
    size_bytes = round(768 * 512 / 8 * 0.11 * busy * 12**t * (1 + 0.03 * _wobble(codec, image)))
    bpp = 8 * size_bytes / (768 * 512)
    q = math.log2(bpp / busy) + _GAINS.get(codec, 0) * (1 + 0.12 * _wobble(codec, image, "gain"))
    psnr = 29.5 - 4 * (busy - 1) + 2.9 * q + 0.12 * q * q
    return {
        "bytes": size_bytes,
        "bpp": bpp,
        "psnr_rgb": psnr,
        "psnr_y_bt709": psnr + 1.1,
        "ms_ssim_rgb": 1 - 0.03 * math.exp(-0.62 * q),
        "lpips_alex": 0.16 * math.exp(-0.35 * q),
    }


def _evidence(results: Path, key: tuple[str, ...], row: Row) -> dict[str, Any]:
    codec, dataset, *_ = key
    evidence = dict(zip(("codec", "dataset", "image", "point"), key, strict=True))
    evidence |= dict.fromkeys(("bitstream", "bitstream_sha256", "reconstruction_sha256", "reason"), "")
    evidence |= {"encode_seconds": "", "decode_seconds": ""}
    if row["status"] != "ok":
        return evidence | {"reason": "encoder left with status 1"}
    digest = sha256_bytes(repr(key).encode())
    place = f"bitstreams/{codec}/{dataset}/{digest[:16]}.bin"
    path = results / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"bitstream")
    seconds = 0.02 + 0.3 * (1 + _wobble(key)) * (5 if codec in ("avif", "svt-av1") else 1)
    return evidence | {
        "bitstream": place,
        "bitstream_sha256": digest,
        "reconstruction_sha256": sha256_bytes(digest.encode()),
        "encode_seconds": round(seconds, 4),
        "decode_seconds": round(seconds / 9, 4),
    }


def _means(scores: Sequence[Row], images: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    groups: dict[tuple[str, str, str, str], list[Row]] = {}
    for row in scores:
        group = (row["dataset"], row["codec"], row["version"], row["point"])
        groups.setdefault(group, []).append(row)
    means = []
    for group, rows in groups.items():
        good = [row for row in rows if row["status"] == "ok"]
        mean = dict(zip(("dataset", "codec", "version", "point"), group, strict=True))
        mean |= {"images_used": len(good), "images_total": len(images[group[0]])}
        for column in ("bpp", *METRICS):
            values = [row[column] for row in good if column in row]
            mean[column] = sum(values) / len(values) if values else ""
        mean["psnr_rgb_of_mean_mse"] = mean["psnr_rgb"] - 0.8
        mean["psnr_y_bt709_of_mean_mse"] = mean["psnr_y_bt709"] - 0.8
        missing = [row["image"] for row in rows if row["status"] != "ok"]
        means.append(mean | {"note": f"without {', '.join(missing)} (failed)" if missing else ""})
    return means


def _image_rates(
    labels: Mapping[str, str], images: Mapping[str, Sequence[str]], hostile: str
) -> "list[dict[str, Any]]":
    rows = []
    for dataset, listed in images.items():
        for codec in list(labels)[1:]:
            for metric in METRICS:
                for image in listed if metric != "dists" else ():
                    percent = -38 * _GAINS.get(codec, 0) + 6 * _wobble(dataset, image, codec, metric)
                    row = {"dataset": dataset, "image": image, "metric": metric, "anchor": next(iter(labels))}
                    row |= {"codec": codec, "method": "pchip", "bd_rate_percent": percent}
                    row |= {"overlap": 0.86 + 0.1 * _wobble(image, codec), "note": ""}
                    if (codec, image) == ("svt-av1", "kodim05"):
                        note = f"fewer than 4 usable points{hostile}"
                        row |= {"bd_rate_percent": "", "overlap": "", "note": note}
                    rows.append(row)
    return rows


def _rates(
    labels: Mapping[str, str],
    images: Mapping[str, Sequence[str]],
    image_rates: Sequence[Row],
    hostile: str,
) -> "list[dict[str, Any]]":
    rows = []
    for dataset, listed in images.items():
        for codec in list(labels)[1:]:
            for metric in METRICS:
                if metric == "dists":
                    continue
                here = (dataset, codec, metric)
                rates = [row for row in image_rates if (row["dataset"], row["codec"], row["metric"]) == here]
                good = [row["bd_rate_percent"] for row in rates if row["bd_rate_percent"] != ""]
                for aggregation in ("per-image mean", "mean curve"):
                    row = {"dataset": dataset, "metric": metric, "anchor": next(iter(labels))}
                    row |= {"codec": codec, "method": "pchip", "aggregation": aggregation}
                    row |= {"images_used": len(good), "images_total": len(listed), "note": ""}
                    if (codec, metric) == ("jpeg2000", "lpips_alex"):
                        note = f"shared range too small: 0.12 of the joint range{hostile}"
                        rows.append(row | {"images_used": 0, "note": note} | _NO_NUMBER)
                        continue
                    mean = sum(good) / len(good)
                    wide = 1.3 if len(good) > 2 else 9.0
                    row |= {"bd_rate_percent": mean, "ci_low": mean - wide, "ci_high": mean + wide}
                    if len(good) < len(listed):
                        row["note"] = f"without kodim05: fewer than 4 usable points{hostile}"
                    rows.append(row | {"overlap": 0.88 + 0.08 * _wobble(codec, metric)})
    return rows


_NO_NUMBER = {"bd_rate_percent": "", "ci_low": "", "ci_high": "", "overlap": 0.12}


def _write(run: Path, name: str, rows: Sequence[Row], extra: Sequence[str] = ()) -> None:
    columns = list(dict.fromkeys([*(column for row in rows for column in row), *extra]))
    path = run / "tables" / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
    path.with_suffix(".parquet").write_bytes(b"PAR1 copied as it is")


def _description(
    labels: Mapping[str, str], images: Mapping[str, Sequence[str]], points: Sequence[str], hostile: str
) -> dict[str, Any]:
    codecs = {
        codec: {
            "label": label + hostile,
            "trust": "published reconstruction" if codec == "theirs" else "decoded",
            "versions": _VERSIONS.get(codec, {"x": "1"}),
            "options": {"chroma": "4:4:4", "effort": 6, "threads": 1, "comment": hostile or "none"},
            "points": {point: {"quality": int(point[1:])} for point in points},
            "homepage": "https://example.org/" + codec if not hostile else f"javascript:alert(1)//{hostile}",
            "licence": "BSD-3-Clause" + hostile,
            "citation": f"Somebody, A {codec} codec, 2020{hostile}",
            "notes": "The chroma format is explicit." + hostile,
            "definition_sha256": sha256_bytes(codec.encode()),
            "calls": {
                point: {
                    "encode": f"PIL.Image.save(format={codec!r}, quality={point[1:]}, subsampling=0){hostile}",
                    "decode": f"PIL.Image.open(bitstream){hostile}",
                }
                for point in points
            },
        }
        for codec, label in labels.items()
    }
    datasets = {
        dataset: {
            "label": dataset.capitalize() + hostile,
            "images": len(listed),
            "megapixels": 0.393216 * len(listed),
            "homepage": "https://example.org/dataset",
            "licence": "free for any use" + hostile,
            "citation": "Somebody, Pictures, 1999" + hostile,
            "inventory_sha256": sha256_bytes(dataset.encode()),
            "images_list": [
                {
                    "image": image,
                    "width": 768,
                    "height": 512,
                    "pixels_sha256": sha256_bytes(image.encode()),
                    "source": f"{image}.png{hostile}",
                    "conversions": [f"ICC profile applied{hostile}"] if image == listed[0] else [],
                }
                for image in listed
            ],
            "refused": [{"source": f"cmyk.jpg{hostile}", "reason": "CMYK without a profile"}]
            if dataset == "sample"
            else [],
        }
        for dataset, listed in images.items()
    }
    metrics = {
        metric: {
            "label": label + hostile,
            "direction": direction,
            "unit": unit,
            "available": metric != "dists",
            "why": WHY_NO_DISTS + hostile if metric == "dists" else "",
            "definition": {"backend": "pyiqa", "space": "8-bit RGB", "comment": hostile or "none"},
            "versions": {"pyiqa": "0.1.16", "torch": "2.9.0"},
            "weights": [{"file": f"{metric}.pth", "sha256": sha256_bytes(metric.encode())}],
            "licence": "BSD-2-Clause" + hostile,
            "citation": "Somebody, A metric, 2018" + hostile,
        }
        for metric, (label, direction, unit) in METRICS.items()
    }
    return {
        "format": 1,
        "run": "demo",
        "created_with": {"picobench": "0.1.0", "python": "3.11.2", "platform": "Linux x86_64" + hostile},
        "config": {
            "run": "demo",
            "anchor": next(iter(labels)),
            "codecs": list(labels),
            "datasets": list(images),
            "metrics": list(METRICS),
            "note": hostile,
        },
        "anchor": next(iter(labels)),
        "codecs": codecs,
        "datasets": datasets,
        "metrics": metrics,
    }
