# SPDX-License-Identifier: BSD-3-Clause
"""Where results lie. Everything below is shared between runs except `<run>/`.

    results/
      datasets/<dataset>/inventory.json, images/<image>.png
      bitstreams/<codec>/<dataset>/<point>-<key>/<image>.<ext>, <chunk>.json
      measurements/<codec>/<dataset>/<sheet>.json
      diagnostics/<codec>/<dataset>/<point>-<key>/<chunk>/<diagnostic>-<key>.json
      diagnostics/references/<dataset>/<chunk>/text-<key>.json
      <run>/run.json, tables/, report/

`<key>`, `<chunk>` and `<sheet>` are digests of what determines the content, so a file that is there is
right for whoever asks for it by that name, whichever run made it.
"""

from pathlib import Path

RESULTS = Path("results")
RESERVED_RUN_NAMES = ("datasets", "bitstreams", "measurements", "diagnostics", "downloads", "logs")


def dataset_folder(dataset: str) -> Path:
    """Folder of a dataset's references and inventory."""
    return RESULTS / "datasets" / dataset


def inventory_file(dataset: str) -> Path:
    """Inventory of a dataset: its pictures after normalisation."""
    return dataset_folder(dataset) / "inventory.json"


def downloads_folder() -> Path:
    """Folder of downloaded archives and pictures."""
    return RESULTS / "downloads"


def bitstream_folder(codec: str, dataset: str, point: str, key: str) -> Path:
    """Folder of the bitstreams of one codec at one operating point on one dataset."""
    return RESULTS / "bitstreams" / codec / dataset / f"{point}-{key}"


def encode_record(codec: str, dataset: str, point: str, key: str, chunk: str) -> Path:
    """Record of how a chunk's bitstreams came to be."""
    return bitstream_folder(codec, dataset, point, key) / f"{chunk}.json"


def measurement_folder(codec: str, dataset: str) -> Path:
    """Folder of the measurements on one codec's reconstructions of one dataset."""
    return RESULTS / "measurements" / codec / dataset


def sheet_file(codec: str, dataset: str, sheet: str) -> Path:
    """Results of one measuring job."""
    return measurement_folder(codec, dataset) / f"{sheet}.json"


def diagnosis_file(codec: str, dataset: str, unit: str, diagnostic: str, key: str) -> Path:
    """Results of one diagnostic on the reconstructions of one unit."""
    return RESULTS / "diagnostics" / codec / dataset / unit / f"{diagnostic}-{key}.json"


def reference_text_file(dataset: str, chunk: str, key: str) -> Path:
    """What the text diagnostic read in the references of a chunk."""
    return RESULTS / "diagnostics" / "references" / dataset / chunk / f"text-{key}.json"


def run_folder(run: str) -> Path:
    """Folder of one run: its tables and its report."""
    return RESULTS / run


def run_file(run: str) -> Path:
    """What the run consisted of, for the report."""
    return run_folder(run) / "run.json"


def table_file(run: str, table: str) -> Path:
    """A table of the run, as CSV; Parquet lies beside it."""
    return run_folder(run) / "tables" / f"{table}.csv"


def report_page(run: str) -> Path:
    """The first page of the report."""
    return run_folder(run) / "report" / "index.html"
