# SPDX-License-Identifier: BSD-3-Clause
"""Findings of the diagnostic fidelity beside the codec, in every table of a run that examined its reconstructions.

A column `findings` holds what was found in the codec's reconstructions that a row rests on, `anchor_findings` and
`base_findings` the same for what it is compared with: names in alphabetical order, "truncation; padding".
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from picobench.tablefile import read_table

if TYPE_CHECKING:
    import pandas as pd

SOURCE = "fidelity_findings"
"""The table of findings: codec, dataset, point, finding, and image, empty where it takes all pictures of a point."""

# What rows rest on beside codec and dataset: a BD-rate on all points and images, a score on one of each.
_FINER = {"scores": ("point", "image"), "rd": ("point",), "bd_rate_images": ("image",)}


def with_findings(tables: Mapping[str, "pd.DataFrame"], folder: Path) -> dict[str, "pd.DataFrame"]:
    """The tables with their columns of findings; as they are if the run has no table of findings.

    Args:
        tables: By name, with columns `codec` and `dataset`, perhaps `anchor` or `base`.
        folder: The tables of the run.

    Raises:
        StorageError: The table of findings is damaged.
    """
    path = folder / f"{SOURCE}.csv"
    if not path.is_file():
        return dict(tables)
    findings = read_table(path)
    return {name: _marked(table, findings, _FINER.get(name, ())) for name, table in tables.items()}


def _marked(table: "pd.DataFrame", findings: "pd.DataFrame", finer: tuple[str, ...]) -> "pd.DataFrame":
    by_codec: dict[tuple[str, str], list[tuple[dict[str, str], str]]] = {}
    for row in findings.fillna("").astype(str).to_dict("records"):
        where = {column: row[column] for column in finer}
        by_codec.setdefault((row["codec"], row["dataset"]), []).append((where, row["finding"]))
    marked = table.copy()
    for column, added in {"codec": "findings", "anchor": "anchor_findings", "base": "base_findings"}.items():
        if column in table:
            # An operating point of one codec says nothing of the other's.
            limits = finer if column == "codec" else tuple(name for name in finer if name != "point")
            marked[added] = [
                "; ".join(
                    sorted(
                        {
                            finding
                            for where, finding in by_codec.get((row[column], row["dataset"]), ())
                            if all(where[limit] in {"", str(row[limit])} for limit in limits)
                        }
                    )
                )
                for row in table.to_dict("records")
            ]
    return marked
