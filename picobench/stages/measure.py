# SPDX-License-Identifier: BSD-3-Clause
"""Decode the bitstreams of a sheet, each once, and compute its metrics on the reconstructions."""

import math
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from picobench import metrics, plan
from picobench.adapters import Session, adapter_for
from picobench.colour import above_ceiling
from picobench.definitions import Codec, Definitions, read_codec
from picobench.diagnostics.fidelity.findings import PADDING_PIXELS
from picobench.errors import CodecError, MetricError, StorageError
from picobench.files import read_json, sha256_file, write_json
from picobench.inventory import read_inventory
from picobench.metrics.builtin import psnr
from picobench.pixels import RGB8, pixels_digest, read_rgb8
from picobench.stages.encode import outcome_row, timeout_seconds

# Pictures of 3 megapixels take 9 MB each.
_REFERENCES_KEPT = 24


def measure(definitions: Definitions, codec_id: str, dataset: str, sheet_id: str, *, stop: bool) -> None:
    """Fill a sheet.

    Args:
        definitions: Where the definitions of codec and metrics are.
        codec_id: `id` or `id@version`.
        dataset: Id of a prepared dataset.
        sheet_id: A sheet of that codec and dataset.
        stop: Whether a failure ends the job instead of being recorded.

    Raises:
        CodecError: Decoding failed and `stop` is set.
        DatasetError, StorageError: A reference, bitstream or record is missing or damaged.
    """
    codec = read_codec(definitions, codec_id, check=False)
    sheet = plan.read_sheet(codec_id, dataset, sheet_id)
    pictures = read_inventory(dataset).by_name
    # The points of a codec share their references.
    read = lru_cache(_REFERENCES_KEPT)(lambda image: pictures[image].read())
    with tempfile.TemporaryDirectory(prefix="picobench-decoded-") as folder:
        reconstructions = Path(folder)
        decoded = {
            unit: decode_unit(codec, record, read, reconstructions / str(number))
            for number, (unit, record) in enumerate(zip(sheet.units, sheet.records, strict=True))
        }
        _refuse_failures(codec_id, decoded, stop=stop)
        # Metrics are loaded once all is decoded: their libraries must not share memory with a decoder.
        started = time.perf_counter()
        loaded = {metric: _load(definitions, metric) for metric in sheet.metrics}
        loading_seconds = time.perf_counter() - started
        for rows in decoded.values():
            for row in rows:
                path = row.pop("path")
                row["scores"] = {} if row["reason"] else _score(loaded, read(row["image"]), read_rgb8(path))
    result = {
        "format": plan.FORMAT,
        "codec": codec_id,
        "dataset": dataset,
        "metrics": dict(sheet.metrics),
        "weights": {
            name: metric.weights_digest
            for name, metric in loaded.items()
            if isinstance(metric, metrics.Metric)
        },
        "loading_seconds": loading_seconds,
        "units": decoded,
    }
    write_json(sheet.file, result)


def decode_unit(
    codec: Codec, record_file: Path, read_reference: Callable[[str], RGB8], folder: Path
) -> list[dict[str, Any]]:
    """Decode one encode job's bitstreams to PNGs in `folder`.

    Rows hold the PNG's path, None where nothing was decoded, and the reason where it must not be scored: it may
    have another size than its reference, or be nearer to it than it can be.

    Args:
        codec: The codec.
        record_file: Record of the encode job, beside its bitstreams.
        read_reference: Gives the reference of an image by its name.
        folder: Where the PNGs go.

    Raises:
        DatasetError, StorageError: A reference, bitstream or record is missing or damaged.
    """
    record = read_json(record_file)
    largest = max(row["width"] * row["height"] for row in record["images"])
    limit = timeout_seconds(codec, largest / 1e6, codec.decode_seconds)
    # A decoder that leaves padding in is told from one that returns anything.
    padded = max(
        (row["width"] + PADDING_PIXELS) * (row["height"] + PADDING_PIXELS) for row in record["images"]
    )
    with adapter_for(codec).session(limit, padded) as session:
        return [
            _above_ceiling(
                _decode_image(session, row, record_file.parent, folder, record["options"]),
                read_reference,
                row.get("ceiling_db"),
            )
            for row in record["images"]
        ]


def _above_ceiling(
    row: dict[str, Any], read_reference: Callable[[str], RGB8], ceiling_db: float | None
) -> dict[str, Any]:
    """Refuse a reconstruction that is closer to its reference than the codec's input was."""
    if row["reason"] or ceiling_db is None:
        return row
    psnr_db = psnr(read_reference(row["image"]), read_rgb8(row["path"]), channels="rgb")
    reason = above_ceiling(psnr_db, ceiling_db)
    return row | {"reason": reason}


def _decode_image(
    session: Session, encoded: dict[str, Any], sources: Path, folder: Path, options: Mapping[str, Any]
) -> dict[str, Any]:
    image = encoded["image"]
    row: dict[str, Any] = {"image": image, "path": None}
    if encoded["reason"]:
        return row | {"reason": "not encoded", "absent": encoded.get("absent", False)}
    bitstream = sources / encoded["bitstream"]
    if not bitstream.exists() or sha256_file(bitstream) != encoded["sha256"]:
        raise StorageError(
            f"{bitstream}: missing or changed since it was encoded; delete {sources} and run again"
        )
    target = folder / f"{image}.png"
    outcome = session.decode(bitstream, target, options)
    row |= {"bitstream_sha256": encoded["sha256"], **outcome_row(outcome)}
    if not outcome.ok:
        return row
    row["path"] = target
    pixels = read_rgb8(target)
    height, width = pixels.shape[:2]
    if (width, height) != (encoded["width"], encoded["height"]):
        expected = f"{encoded['width']}x{encoded['height']}"
        return row | {"reason": f"the reconstruction is {width}x{height} and not {expected}"}
    return row | {"pixels_sha256": pixels_digest(pixels)}


def _refuse_failures(codec: str, decoded: Mapping[str, list[dict[str, Any]]], *, stop: bool) -> None:
    for unit, rows in decoded.items():
        for row in rows:
            if stop and row["reason"] and not row.get("absent"):
                raise CodecError(f"{codec} at {unit} on {row['image']}: {row['reason']}")


def _load(definitions: Definitions, name: str) -> metrics.Metric | str:
    """The metric, or why it cannot be computed: one that is broken must not cost the others."""
    try:
        definition = metrics.read_metric(definitions, name, check=False)
        return metrics.load(definition, metrics.default_torch_home())
    except MetricError as error:
        return str(error)


def _score(
    loaded: Mapping[str, metrics.Metric | str], reference: RGB8, reconstruction: RGB8
) -> dict[str, dict[str, Any]]:
    scores: dict[str, dict[str, Any]] = {}
    for name, metric in loaded.items():
        if isinstance(metric, str):
            scores[name] = {"reason": metric}
            continue
        started = time.perf_counter()
        try:
            value = metric.score(reference, reconstruction)
        except MetricError as error:
            scores[name] = {"reason": str(error)}
            continue
        seconds = time.perf_counter() - started
        # JSON has no infinity; a lossless reconstruction has an infinite PSNR.
        scores[name] = {"value": value if math.isfinite(value) else str(value), "seconds": seconds}
    return scores
