# SPDX-License-Identifier: BSD-3-Clause
"""What the page of claims in a report shows: the verdicts as they were written beside the tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from picobench.claims.results import FORMAT, claims_folder
from picobench.errors import StorageError
from picobench.files import read_json
from picobench.report.rows import REMEDY, clean

PATH = "claims.html"
TEMPLATE = "claims.html.j2"
_TABLES = ("claims.csv", "claims.parquet", "claims.json")


@dataclass(frozen=True)
class ClaimsPage:
    """The page's context for its template, and the files for download by their paths in the report."""

    context: Mapping[str, Any]
    files: Mapping[str, bytes]


def read_claims_page(run_folder: Path) -> ClaimsPage | None:
    """Read the verdicts of a run; None where no claim was judged yet.

    Raises:
        StorageError: They are damaged or of another version.
    """
    folder = claims_folder(run_folder)
    path = folder / "claims.json"
    if not path.is_file():
        return None
    document = clean(read_json(path))
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise StorageError(f"{path}: not format {FORMAT}; {REMEDY}")
    try:
        files = {f"data/{name}": (folder / name).read_bytes() for name in _TABLES}
    except OSError as error:
        raise StorageError(f"{folder}: incomplete ({error}); {REMEDY}") from None
    return ClaimsPage({"claims": document, "downloads": list(files)}, files)
