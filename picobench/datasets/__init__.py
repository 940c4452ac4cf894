# SPDX-License-Identifier: BSD-3-Clause
"""Datasets: fetched from mirrors or the net, verified, normalised to 8-bit sRGB PNG, listed."""

from picobench.datasets.inventory import ImageRow, PreparedDataset, Refusal, is_begun, read_prepared
from picobench.datasets.mirrors import check_obtainable, sources_present
from picobench.datasets.preparation import prepare
from picobench.datasets.sources import Options, image_names, listing

__all__ = [
    "ImageRow",
    "Options",
    "PreparedDataset",
    "Refusal",
    "check_obtainable",
    "image_names",
    "is_begun",
    "listing",
    "prepare",
    "read_prepared",
    "sources_present",
]
