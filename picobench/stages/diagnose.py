# SPDX-License-Identifier: BSD-3-Clause
"""Decode the bitstreams of a unit and examine the reconstructions with one diagnostic."""

import tempfile
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from picobench import layout, plan
from picobench.adapters import adapter_for
from picobench.adapters.reconstructions import ReconstructionsAdapter
from picobench.datasets.truth import TRUTH_FILE, read_truth
from picobench.definitions import Codec, Definitions, read_codec
from picobench.diagnostics.workflow.record import Examine
from picobench.diagnostics.workflow.request import Diagnostic, read_diagnostic
from picobench.errors import MetricError
from picobench.files import read_json, write_json
from picobench.inventory import Picture, read_inventory
from picobench.pixels import RGB8, read_rgb8
from picobench.stages.measure import decode_unit

FORMAT = 1
"""Version of the files that this module writes."""

Refused = Callable[[Picture], RGB8 | None]
"""Gives a picture that encoding refused, and that can be examined all the same; None if there is none."""


def diagnose(
    definitions: Definitions,
    codec_id: str,
    dataset: str,
    unit: str,
    *,
    request: Mapping[str, Any],
    key: str,
) -> None:
    """Examine the reconstructions of a unit.

    A reconstruction that cannot be had, or not be examined, is recorded with the reason. Fidelity looks at those
    that are not scored, too: it says what is wrong with them.

    Args:
        definitions: Where the codec's definition is.
        codec_id: `id` or `id@version`.
        dataset: Name of a prepared dataset.
        unit: Name of a unit of both.
        request: The diagnostic as the run asks for it.
        key: Its key when the run was planned.

    Raises:
        DatasetError, StorageError: A reference, bitstream or record is missing or damaged.
        MetricError: The diagnostic cannot run, or changed since the run was planned.
    """
    diagnostic = _read(request, key)
    codec = read_codec(definitions, codec_id, check=False)
    pictures = read_inventory(dataset).by_name
    record_file = layout.RESULTS / "bitstreams" / codec_id / dataset / f"{unit}.json"
    record = read_json(record_file)
    with tempfile.TemporaryDirectory(prefix="picobench-decoded-") as folder:
        decoded = decode_unit(codec, record_file, lambda image: pictures[image].read(), Path(folder))
        examine = _examine(diagnostic, dataset, unit.rpartition("/")[2], record["options"])
        refused = _refused_for_size(codec, record["options"]) if diagnostic.id == "fidelity" else None
        encoded = {row["image"]: row for row in record["images"]}
        rows = [
            _row(examine, row | _why(encoded[row["image"]]), pictures[row["image"]], refused)
            for row in decoded
        ]
    document = {
        "format": FORMAT,
        "codec": codec_id,
        "dataset": dataset,
        "point": record["point"],
        "diagnostic": diagnostic.request,
        "versions": dict(diagnostic.versions),
        "images": rows,
    }
    write_json(layout.diagnosis_file(codec_id, dataset, unit, diagnostic.id, key), document)


def read_references(dataset: str, chunk: plan.Chunk, request: Mapping[str, Any], key: str) -> None:
    """Find and read the text of a chunk's references, once for all codecs.

    Raises:
        DatasetError, StorageError: A reference is missing or damaged.
        MetricError: The recogniser cannot run, or changed since the run was planned.
    """
    from picobench.diagnostics.text import TextDiagnostic

    diagnostic = _read(request, key)
    pictures = read_inventory(dataset).by_name
    truth_file = layout.dataset_folder(dataset) / TRUTH_FILE
    truth = read_truth(truth_file) if truth_file.exists() else {}
    reader = TextDiagnostic()
    texts = {
        image: reader.reference(pictures[image].read(), truth.get(image)).as_json() for image in chunk.images
    }
    document = {"format": FORMAT, "dataset": dataset, "images": texts}
    write_json(layout.reference_text_file(dataset, chunk.id, diagnostic.key), document)


def _read(request: Mapping[str, Any], key: str) -> Diagnostic:
    diagnostic = read_diagnostic(request)
    if diagnostic.key != key:
        raise MetricError(
            f"diagnostic {diagnostic.id} changed while the run was under way; run snakemake again"
        )
    return diagnostic


def _examine(diagnostic: Diagnostic, dataset: str, chunk: str, options: Mapping[str, Any]) -> Examine:
    if diagnostic.id == "fidelity":
        from picobench.diagnostics.workflow import fidelity

        return fidelity.examine(lossless=options.get("lossless") is True)
    if diagnostic.id == "text":
        from picobench.diagnostics.workflow import text

        references = read_json(layout.reference_text_file(dataset, chunk, diagnostic.key))["images"]
        return text.examine(diagnostic.options, references)
    examine: Examine = import_module(f"picobench.diagnostics.workflow.{diagnostic.id}").examine(
        diagnostic.options
    )
    return examine


def _why(encoded: Mapping[str, Any]) -> dict[str, str]:
    """Why there is nothing to decode, if so."""
    if not encoded["reason"]:
        return {}
    return {"reason": f"absent: {encoded['reason']}" if encoded.get("absent") else encoded["reason"]}


def _refused_for_size(codec: Codec, options: Mapping[str, Any]) -> Refused:
    """Finds what was published of a picture and is refused because it has another size."""
    adapter = adapter_for(codec)

    def find(picture: Picture) -> RGB8 | None:
        if not isinstance(adapter, ReconstructionsAdapter):
            return None
        pixels = adapter.published(picture.image, options)
        same = pixels is not None and pixels.shape[:2] == (picture.row.height, picture.row.width)
        return None if same else pixels

    return find


def _row(
    examine: Examine, decoded: Mapping[str, Any], picture: Picture, refused: Refused | None
) -> dict[str, Any]:
    """A row of the document; with `refused`, reconstructions that are not scored are examined as well."""
    row = {
        "image": decoded["image"],
        "reason": "",
        "bitstream_sha256": decoded.get("bitstream_sha256", ""),
        "pixels_sha256": decoded.get("pixels_sha256", ""),
        "result": {},
    }
    pixels = None
    if decoded["path"] is not None and (refused or not decoded["reason"]):
        pixels = read_rgb8(decoded["path"])
    elif refused:
        pixels = refused(picture)
    if pixels is None:
        return row | {"reason": decoded["reason"]}
    try:
        return row | {"result": examine(picture.image, picture.read(), pixels)}
    except MetricError as error:
        return row | {"reason": str(error)}
