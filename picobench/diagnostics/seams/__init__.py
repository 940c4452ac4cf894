# SPDX-License-Identifier: BSD-3-Clause
"""Tile seams: steps of the error at the borders of tiles, with a null hypothesis and a p-value."""

from picobench.diagnostics.seams.blind import LineScores, TileSize, find_tile_size, score_lines
from picobench.diagnostics.seams.combine import DatasetPart, DatasetSeams, Evidence, combine_pictures
from picobench.diagnostics.seams.grids import TileGrid
from picobench.diagnostics.seams.measure import SeamPart, SeamResult, attainable_level, measure_seams

__all__ = [
    "DatasetPart",
    "DatasetSeams",
    "Evidence",
    "LineScores",
    "SeamPart",
    "SeamResult",
    "TileGrid",
    "TileSize",
    "attainable_level",
    "combine_pictures",
    "find_tile_size",
    "measure_seams",
    "score_lines",
]
