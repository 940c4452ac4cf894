# SPDX-License-Identifier: BSD-3-Clause
"""Text in pictures that others published: scenes with a reference and the reconstructions of several codecs.

The folder holds `<scene>/reference.png`, `<scene>/<codec>.png`, and `bpp.json` with the rates by scene and codec.
"""

from pathlib import Path

from picobench.diagnostics.studies import PUBLISHED, published_scenes, read_picture
from picobench.diagnostics.text.diagnostic import TextDiagnostic, TextResult
from picobench.files import read_json


def published_table(folder: Path, diagnostic: TextDiagnostic) -> str:
    """Text of each scene, as a table.

    Raises:
        DatasetError: There are no scenes, or a picture cannot be read.
        StorageError: The rates are missing or damaged.
    """
    scenes = published_scenes(folder)
    lines = [
        "| scene | reference | codec | bpp | L1 in text | elsewhere | ratio | PSNR in text | found | CER | read |",
        "|---|---|---|---:|---:|---:|---:|---:|---:|---:|---|",
    ]
    rates = read_json(folder / "bpp.json")
    without, refused, rejected = [], [], 0
    for scene in scenes:
        pixels = read_picture(scene.reference)
        text = diagnostic.reference(pixels)
        rejected += text.rejected
        if not text.regions:
            without.append(scene.name)
            continue
        written = ", ".join(f"{region.written} ({region.reading.confidence:.2f})" for region in text.regions)
        for codec, path in scene.reconstructions.items():
            label = PUBLISHED[codec]
            reconstruction = read_picture(path)
            if reconstruction.shape != pixels.shape:
                refused.append(f"{label} of {scene.name}")
                continue
            result = diagnostic.compare(text, pixels, reconstruction)
            read = ", ".join(
                reading.text or "nothing"
                for reading in diagnostic.ocr.read(
                    reconstruction, [region.corners for region in text.regions]
                )
            )
            bpp = rates.get(scene.name, {}).get(codec, "unknown")
            lines.append(f"| {scene.name} | {written} | {label} | {bpp} | {_cells(result)} | {read} |")
    lines += [
        "",
        f"Scenes without legible text ({len(without)} of {len(scenes)}): {', '.join(without) or 'none'}. Places that "
        f"the detector took for text and the recogniser could not read with confidence, left out: {rejected}. "
        f"Pictures of another size than their reference, left out: {', '.join(refused) or 'none where there is text'}.",
    ]
    return "\n".join(lines)


def _cells(result: TextResult) -> str:
    error, cer = result.error, result.characters.rate
    return (
        f"{error.l1_inside:.4f} | {error.l1_outside:.4f} | {error.ratio:.2f} | {error.psnr_inside:.2f} dB | "
        f"{result.found} of {result.detected} | {cer:.2f}"
    )
