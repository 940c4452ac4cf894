# SPDX-License-Identifier: BSD-3-Clause
"""Rate-distortion curves that others published: `curves/<id>.yaml` names a file, its checksum and its source."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from picobench.analysis.curves import CurveFile, read_curve_file
from picobench.definitions import Definitions
from picobench.errors import CurveError, DefinitionError
from picobench.mirrored import mirrored_file


@dataclass(frozen=True)
class PublishedCurve:
    """A published curve as a run uses it.

    Attributes:
        dataset: What the run calls the dataset that the curve is a mean over.
        images: How many pictures it is a mean over.
        path: The verified file.
        metrics: Ids of the metrics to take from it.
        select: Rows of a CSV table to use.
        text: What the report shows: source, licence, citation, note, file.
    """

    id: str
    label: str
    dataset: str
    images: int
    path: Path
    sha256: str
    metrics: tuple[str, ...]
    select: Mapping[str, str] = field(default_factory=dict)
    text: Mapping[str, str] = field(default_factory=dict)

    def rows(self) -> list[dict[str, Any]]:
        """A row for each point: curve, dataset, point, images, bpp, and each metric; in the file's order.

        Raises:
            CurveError: The file is not what the definition says.
        """
        file = read_curve_file(self.path, dict(self.select))
        curves = {metric: file.curve(metric) for metric in self.metrics}
        rates = curves[self.metrics[0]].rates
        return [
            {
                "curve": self.id,
                "dataset": self.dataset,
                "point": f"p{number + 1:02}",
                "images": self.images,
                "bpp": rate,
                **{metric: curve.qualities[number] for metric, curve in curves.items()},
            }
            for number, rate in enumerate(rates)
            if math.isfinite(rate)
        ]


def read_published_curve(definitions: Definitions, name: str, datasets: Mapping[str, str]) -> PublishedCurve:
    """Read `curves/<name>.yaml` and find its file in the mirrors.

    Args:
        definitions: Where definitions and mirrors are.
        name: Id of the curve.
        datasets: The datasets of the run: ids of their definitions to what the run calls them.

    Raises:
        DefinitionError: The definition is wrong, its dataset is not in the run, or its file is not here.
        CurveError: The file cannot be used.
        StorageError: The file is another one.
    """
    raw = definitions.read("curves", name)
    if raw["dataset"] not in datasets:
        raise DefinitionError(
            f"curve {name}: is of dataset {raw['dataset']!r}, which this run has not; add it"
        )
    path = mirrored_file(definitions, raw, "curve")
    curve = PublishedCurve(
        id=name,
        label=raw["label"],
        dataset=datasets[raw["dataset"]],
        images=raw["images"],
        path=path,
        sha256=raw["sha256"],
        metrics=tuple(raw["metrics"]),
        select=raw.get("select", {}),
        text={
            "file": f"{raw['collection']}/{raw['file']}",
            **{key: raw[key] for key in ("source", "licence", "citation", "note") if key in raw},
        },
    )
    if not curve.rows():
        raise CurveError(f"{path}: no point of curve {name} has a rate; correct the file")
    return curve


def present_metrics(file: CurveFile, candidates: Sequence[str]) -> list[str]:
    """Those of `candidates` that a curve file has values of."""
    found = []
    for metric in candidates:
        try:
            curve = file.curve(metric)
        except CurveError:
            continue
        if any(math.isfinite(value) for value in curve.qualities):
            found.append(metric)
    return found
