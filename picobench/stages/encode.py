# SPDX-License-Identifier: BSD-3-Clause
"""Encode a chunk of pictures with one codec at one operating point."""

import math
from dataclasses import asdict
from typing import Any

from picobench import plan
from picobench.adapters import Outcome, adapter_for
from picobench.definitions import Codec, Definitions, read_codec
from picobench.errors import CodecError, DatasetError
from picobench.files import sha256_file, write_json
from picobench.inventory import read_inventory

_LEAST_TIMEOUT_SECONDS = 300.0
_TIMEOUT_FACTOR = 50.0


def timeout_seconds(codec: Codec, megapixels: float, expected: float) -> float:
    """Limit for one call: what the definition says, else many times what is expected."""
    if codec.timeout_seconds is not None:
        return codec.timeout_seconds
    return max(_LEAST_TIMEOUT_SECONDS, _TIMEOUT_FACTOR * expected * megapixels)


def encode(definitions: Definitions, unit: plan.Unit, *, stop: bool) -> None:
    """Write the bitstreams of a unit, and the record of how each came to be.

    Args:
        definitions: Where the codec's definition is.
        unit: Codec, operating point and pictures, as they were when the run was planned.
        stop: Whether a failure ends the job instead of being recorded.

    Raises:
        CodecError: The codec changed since the run was planned, or failed and `stop` is set.
        DatasetError: A reference is missing or damaged, or changed since the run was planned.
    """
    codec = read_codec(definitions, unit.codec, check=False)
    adapter = adapter_for(codec)
    environment = adapter.environment()
    if plan.unit_key(codec, environment.versions, unit.point) != unit.key:
        raise CodecError(f"codec {codec.id} changed while the run was under way; run snakemake again")
    inventory = read_inventory(unit.dataset).select(list(unit.chunk.images))
    if plan.chunk_of(inventory.pictures).id != unit.chunk.id:
        raise DatasetError(f"dataset {unit.dataset} changed while the run was under way; run snakemake again")
    pictures = inventory.pictures
    folder = unit.record.parent
    options = codec.point_options(unit.point)
    largest = max(picture.megapixels for picture in pictures)
    rows = []
    with adapter.session(timeout_seconds(codec, largest, codec.encode_seconds)) as session:
        for picture in pictures:
            bitstream = folder / f"{picture.image}.{adapter.extension}"
            bitstream.unlink(missing_ok=True)
            pixels = picture.read()  # a damaged reference is found here and not in the scores
            ceiling_db = adapter.ceiling_db(pixels, options)
            outcome = session.encode(picture.path, bitstream, options)
            if outcome.ok and bitstream.stat().st_size == 0:
                outcome = Outcome(reason="the encoder wrote an empty bitstream", call=outcome.call)
            if not outcome.ok and stop and not outcome.absent:
                raise CodecError(f"{codec.id} at {unit.point} on {picture.image}: {outcome.reason}")
            row: dict[str, Any] = {
                "image": picture.image,
                "width": picture.row.width,
                "height": picture.row.height,
                "reference_sha256": picture.row.pixels_sha256,
                "ceiling_db": ceiling_db if math.isfinite(ceiling_db) else None,
                **outcome_row(outcome),
            }
            if outcome.ok:
                row |= {
                    "bitstream": bitstream.name,
                    "bytes": bitstream.stat().st_size,
                    "sha256": sha256_file(bitstream),
                }
            if outcome.published is not None:
                row |= {"published": asdict(outcome.published)}
            rows.append(row)
    record = {
        "format": plan.FORMAT,
        "codec": codec.id,
        "dataset": unit.dataset,
        "point": unit.point,
        "options": options,
        "versions": dict(environment.versions),
        "details": dict(environment.details),
        "images": rows,
    }
    write_json(unit.record, record)


def outcome_row(outcome: Outcome) -> dict[str, Any]:
    """An outcome as it stands in records."""
    return {
        "reason": outcome.reason,
        "absent": outcome.absent,
        "seconds": outcome.seconds,
        "peak_memory_bytes": outcome.peak_memory_bytes,
        "call": list(outcome.call),
        "exit_status": outcome.exit_status,
        "stderr_tail": outcome.stderr_tail,
    }
