# SPDX-License-Identifier: BSD-3-Clause
"""Blind mode in a run: which tile size, if any, explains the steps of a reconstruction, and of a whole dataset?"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from picobench.diagnostics.seams import LineScores, TileSize, find_tile_size, score_lines
from picobench.diagnostics.workflow.record import (
    DATASET_COLUMNS,
    IMAGE_COLUMNS,
    Examine,
    PointResults,
    Row,
    Tables,
)
from picobench.diagnostics.workflow.seams import AUTO
from picobench.pixels import RGB8

_FOUND_COLUMNS = ("tile", "p_value", "borders", "lattice", "others")
COLUMNS = {
    "tile_sizes": (*IMAGE_COLUMNS, *_FOUND_COLUMNS),
    "tile_sizes_datasets": (*DATASET_COLUMNS, *_FOUND_COLUMNS),
}
"""The p-value is corrected for all sizes tried; `tile` is the best of them, whatever the p-value, and `others`
are those that follow it, best first. The lattice of a dataset is the smallest of its pictures."""

_TOO_SMALL = "too small for two tiles of any size tried"
# Scores are in standard deviations: more digits than these are noise.
_DECIMALS = 4


def examine(options: Mapping[str, Any]) -> Examine:
    """Score the lines of a picture, and find the size that fits it; see `find_tile_size`."""
    lattice = None if options["lattice"] == AUTO else options["lattice"]

    def test(image: str, reference: RGB8, reconstruction: RGB8) -> dict[str, Any]:
        lines = score_lines(reference, reconstruction, lattice=lattice)
        found = find_tile_size([lines])
        return {
            "shape": list(lines.shape),
            "lattice": lines.lattice,
            "vertical": lines.vertical.round(_DECIMALS).tolist(),
            "horizontal": lines.horizontal.round(_DECIMALS).tolist(),
            "found": _found(found, lines.lattice),
        }

    return test


def tables(results: PointResults) -> Tables:
    """Rows of the tables for one operating point; the evidence of all pictures is taken together."""
    rows = []
    for image in results.images:
        row = results.image_row(image)
        found = {} if image.reason else image.result["found"]
        if found and found["tile"] is None:
            row, found = row | {"reason": _TOO_SMALL}, {}
        rows.append(row | found)
    lines = [_lines(image.result) for image in results.examined if image.result["found"]["tile"] is not None]
    if not lines:
        return {
            "tile_sizes": rows,
            "tile_sizes_datasets": [results.dataset_row(0, "no picture could be tested")],
        }
    lattice = min(picture.lattice for picture in lines)
    together = results.dataset_row(len(lines)) | _found(find_tile_size(lines), lattice)
    return {"tile_sizes": rows, "tile_sizes_datasets": [together]}


def _lines(result: Mapping[str, Any]) -> LineScores:
    height, width = result["shape"]
    vertical, horizontal = (
        np.asarray(result[name], dtype=np.float64).reshape(-1, 6) for name in ("vertical", "horizontal")
    )
    return LineScores((height, width), vertical, horizontal, result["lattice"])


def _found(found: TileSize, lattice: int) -> Row:
    others = ", ".join(str(size) for size, _ in found.ranking[1:])
    return {
        "tile": found.size,
        "p_value": found.p_value,
        "borders": found.borders,
        "lattice": lattice,
        "others": others,
    }
