# SPDX-License-Identifier: BSD-3-Clause
"""Tile seams in a run: one grid tested on every reconstruction, and the combined evidence of a dataset."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from picobench.diagnostics.seams import TileGrid, combine_p_values, measure_seams
from picobench.diagnostics.workflow.record import (
    DATASET_COLUMNS,
    IMAGE_COLUMNS,
    Examine,
    PointResults,
    Row,
    Tables,
    plain,
)
from picobench.pixels import RGB8

_GRID_COLUMNS = ("tile", "origin_x", "origin_y", "overlap")
_PART_COLUMNS = (
    *("band", "plane", "p_value", "step_levels", "low_levels", "high_levels", "elsewhere_levels"),
)
COLUMNS = {
    "seams": (
        *IMAGE_COLUMNS,
        *_GRID_COLUMNS,
        *("borders", "p_value", "p_floor", "border_error", "elsewhere_error"),
    ),
    "seams_parts": (*IMAGE_COLUMNS, *_GRID_COLUMNS, *_PART_COLUMNS),
    "seams_datasets": (
        *DATASET_COLUMNS,
        *_GRID_COLUMNS,
        *("borders", "p_value", "border_error", "elsewhere_error"),
    ),
}
"""The p-value of a picture is corrected for looking at its parts, those of the parts are not. Errors at borders
and elsewhere are on [0, 1]; see `SeamResult.step_unit`."""


def tile_grid(options: Mapping[str, Any]) -> TileGrid:
    """The grid of the options.

    Raises:
        DefinitionError: It makes no sense.
    """
    left, top = options["origin"]
    return TileGrid.square(options["tile"], (left, top), options["overlap"])


def examine(options: Mapping[str, Any]) -> Examine:
    """The test; see `measure_seams`."""
    grid = tile_grid(options)

    def test(image: str, reference: RGB8, reconstruction: RGB8) -> dict[str, Any]:
        found = measure_seams(reference, reconstruction, grid)
        return {
            "borders": found.borders,
            "p_value": found.p_value,
            "p_floor": found.p_floor,
            "parts": [
                {name: plain(value) if isinstance(value, float) else value for name, value in part.items()}
                for part in map(asdict, found.parts)
            ],
            "step_unit": plain(found.step_unit),
            "elsewhere_unit": plain(found.elsewhere_unit),
            "not_tested": found.reason,
        }

    return test


def tables(results: PointResults) -> Tables:
    """Rows of the tables for one operating point."""
    grid = tile_grid(results.options)
    where: Row = dict(
        zip(_GRID_COLUMNS, (grid.tile_width, grid.origin_x, grid.origin_y, grid.overlap), strict=True)
    )
    rows, parts = [], []
    for image in results.images:
        row = results.image_row(image) | where
        found = image.result
        if image.reason:
            rows.append(row)
        elif found["not_tested"]:
            rows.append(row | {"borders": 0, "reason": found["not_tested"]})
        else:
            names = ("borders", "p_value", "p_floor")
            rows.append(row | {name: found[name] for name in names} | _errors([found]))
            parts += [row | {name: part[name] for name in _PART_COLUMNS} for part in found["parts"]]
    return {"seams": rows, "seams_parts": parts, "seams_datasets": [_dataset_row(results) | where]}


def _dataset_row(results: PointResults) -> Row:
    """Combined evidence; pictures whose size allows no test say nothing and are left out."""
    tested = [image.result for image in results.examined if image.result["p_value"] is not None]
    if not tested:
        return results.dataset_row(0, "no picture could be tested")
    return results.dataset_row(len(tested)) | {
        "borders": sum(found["borders"] for found in tested),
        "p_value": combine_p_values([found["p_value"] for found in tested]),
        **_errors(tested),
    }


def _errors(found: Sequence[Mapping[str, Any]]) -> Row:
    """Means over pictures."""
    return {
        "border_error": sum(one["step_unit"] for one in found) / len(found),
        "elsewhere_error": sum(one["elsewhere_unit"] for one in found) / len(found),
    }
