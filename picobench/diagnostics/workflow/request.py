# SPDX-License-Identifier: BSD-3-Clause
"""A diagnostic as a configuration asks for it: its options, and the key of what determines its results."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from picobench.errors import DefinitionError
from picobench.files import content_key
from picobench.yamlfile import did_you_mean

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "fidelity": {},
    # The tiles of PICO.
    "seams": {"tile": 504, "origin": [0, 0], "overlap": 0, "lattice": "auto"},
    "text": {"search": True},
    "tilesize": {"lattice": "auto"},
}
"""The diagnostics with their options; the schema of configurations lists them all."""

TABLES: Mapping[str, tuple[str, ...]] = {
    "fidelity": ("fidelity", "fidelity_findings"),
    "seams": ("seams", "seams_parts", "seams_datasets"),
    "text": ("text", "text_datasets"),
    "tilesize": ("tile_sizes", "tile_sizes_datasets"),
}
"""The tables that each diagnostic gives."""

_REVISIONS = {"fidelity": 3, "seams": 2, "text": 1, "tilesize": 2}
"""Raised when a diagnostic comes to give other results for the same pictures: old ones are then made again."""

_PACKAGES: Mapping[str, tuple[str, ...]] = {
    "fidelity": ("scipy",),
    "seams": ("numpy",),
    "text": ("rapidocr", "onnxruntime"),
    "tilesize": ("numpy",),
}


@dataclass(frozen=True)
class Diagnostic:
    """One diagnostic of a run.

    Attributes:
        id: `fidelity`, `seams`, `text` or `tilesize`.
        options: All of them, defaults included.
        versions: Of the packages that its results depend on.
        datasets: The datasets that it looks at; None for all.
    """

    id: str
    options: Mapping[str, Any]
    versions: Mapping[str, str] = field(default_factory=dict)
    datasets: tuple[str, ...] | None = None

    def covers(self, dataset: str) -> bool:
        """Whether it looks at a dataset."""
        return self.datasets is None or dataset in self.datasets

    @property
    def key(self) -> str:
        """Digest of everything that determines its results besides the pictures."""
        return content_key(
            {
                "id": self.id,
                "revision": _REVISIONS[self.id],
                "options": dict(self.options),
                "versions": dict(self.versions),
            }
        )

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that it gives."""
        return TABLES[self.id]

    @property
    def request(self) -> dict[str, Any]:
        """What `read_diagnostic` makes it of again."""
        return {"id": self.id, **self.options}

    @property
    def request_json(self) -> str:
        """The request as one line, as jobs receive it."""
        return json.dumps(self.request, sort_keys=True)


def read_diagnostic(item: str | Mapping[str, Any]) -> Diagnostic:
    """Resolve an entry of the configuration, which has passed the schema; datasets are not looked up here.

    Raises:
        DefinitionError: An option is wrong or not one of this diagnostic, or a package is missing.
    """
    fields = {"id": item} if isinstance(item, str) else dict(item)
    name = fields.pop("id")
    datasets = fields.pop("datasets", None)
    for option in fields:
        if option not in DEFAULTS[name]:
            hint = did_you_mean(option, list(DEFAULTS[name]))
            raise DefinitionError(f"diagnostic {name}: no option {option!r}{hint}")
    options = {**DEFAULTS[name], **fields}
    if name == "seams":
        from picobench.diagnostics.workflow.seams import tile_grid

        tile_grid(options)  # refuses grids that make no sense
    try:
        versions = {package: version(package) for package in _PACKAGES[name]}
    except PackageNotFoundError as error:
        raise DefinitionError(
            f"diagnostic {name}: the package {error.name} is missing; install it, or take {name} off the list"
        ) from None
    return Diagnostic(name, options, versions, None if datasets is None else tuple(datasets))
