# SPDX-License-Identifier: BSD-3-Clause
"""Tile seams in a run: one grid tested on every reconstruction, and the combined evidence of a dataset."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import product
from typing import Any

import numpy as np

from picobench.diagnostics.seams import (
    Evidence,
    TileGrid,
    attainable_level,
    combine_pictures,
    measure_seams,
)
from picobench.diagnostics.seams.families import PLANES
from picobench.diagnostics.seams.strips import BANDS
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

AUTO = "auto"
"""The value of the option `lattice` that leaves the choice to each picture; see `choose_lattice`."""

_GRID_COLUMNS = ("tile", "origin_x", "origin_y", "overlap")
# For example broad_luma_levels, broad_luma_low, broad_luma_high.
_POOLED_COLUMNS = tuple(
    f"{band.name}_{plane}_{end}" for band, plane, end in product(BANDS, PLANES, ("levels", "low", "high"))
)
_PART_COLUMNS = (
    *("band", "plane", "p_value", "step_levels", "low_levels", "high_levels", "elsewhere_levels"),
)
COLUMNS = {
    "seams": (
        *IMAGE_COLUMNS,
        *_GRID_COLUMNS,
        *("borders", "lattice", "p_value", "p_floor", "attainable_level"),
        *("border_error", "elsewhere_error"),
    ),
    "seams_parts": (*IMAGE_COLUMNS, *_GRID_COLUMNS, *_PART_COLUMNS),
    "seams_datasets": (
        *DATASET_COLUMNS,
        *_GRID_COLUMNS,
        *("borders", "lattice", "p_value"),
        *_POOLED_COLUMNS,
        *("border_error", "elsewhere_error"),
    ),
}
"""The p-value of a picture is corrected for looking at its parts, those of the parts are not. `attainable_level` says
how often it is 0.05 or less by chance. The lattice of a dataset is the smallest of its pictures. Steps are in grey
levels; errors at borders and elsewhere are on [0, 1], see `SeamResult.step_unit`."""

# Scores are in standard deviations and squares in grey levels squared: more digits than these are noise.
_DECIMALS = 4


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
    lattice = None if options["lattice"] == AUTO else options["lattice"]

    def test(image: str, reference: RGB8, reconstruction: RGB8) -> dict[str, Any]:
        found = measure_seams(reference, reconstruction, grid, lattice)
        return {
            "borders": found.borders,
            "lattice": found.lattice,
            "p_value": found.p_value,
            "p_floor": found.p_floor,
            "parts": [
                {name: plain(value) if isinstance(value, float) else value for name, value in part.items()}
                for part in map(asdict, found.parts)
            ],
            "step_unit": plain(found.step_unit),
            "elsewhere_unit": plain(found.elsewhere_unit),
            "evidence": _record(found.evidence),
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
            shown = {name: found[name] for name in ("borders", "lattice", "p_value", "p_floor")}
            shown["attainable_level"] = attainable_level(found["p_floor"])
            rows.append(row | shown | _errors([found]))
            parts += [row | {name: part[name] for name in _PART_COLUMNS} for part in found["parts"]]
    return {"seams": rows, "seams_parts": parts, "seams_datasets": [_dataset_row(results) | where]}


def _dataset_row(results: PointResults) -> Row:
    """Combined evidence; pictures whose size allows no test say nothing and are left out."""
    tested = [image.result for image in results.examined if image.result["p_value"] is not None]
    if not tested:
        return results.dataset_row(0, "no picture could be tested")
    together = combine_pictures([_evidence(found["evidence"]) for found in tested])
    steps = [(part.step_levels, part.low_levels, part.high_levels) for part in together.parts]
    return results.dataset_row(len(tested)) | {
        "borders": together.borders,
        "lattice": min(found["lattice"] for found in tested),
        "p_value": together.p_value,
        **dict(zip(_POOLED_COLUMNS, (value for step in steps for value in step), strict=True)),
        **_errors(tested),
    }


def _record(evidence: Evidence | None) -> Row | None:
    """As JSON holds it."""
    if evidence is None:
        return None
    return {
        "bands": list(evidence.bands),
        "borders": list(evidence.borders),
        "scores": [scores.round(_DECIMALS).tolist() for scores in evidence.scores],
        "excess": evidence.excess.round(_DECIMALS).tolist(),
    }


def _evidence(record: Mapping[str, Any]) -> Evidence:
    return Evidence(
        bands=tuple(record["bands"]),
        borders=tuple(record["borders"]),
        scores=tuple(np.asarray(scores, dtype=np.float64) for scores in record["scores"]),
        excess=np.asarray(record["excess"], dtype=np.float64),
    )


def _errors(found: Sequence[Mapping[str, Any]]) -> Row:
    """Means over pictures."""
    return {
        "border_error": sum(one["step_unit"] for one in found) / len(found),
        "elsewhere_error": sum(one["elsewhere_unit"] for one in found) / len(found),
    }
