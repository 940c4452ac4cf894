# SPDX-License-Identifier: BSD-3-Clause
"""The jobs of a run: what the Snakefile asks for."""

from collections.abc import Iterable
from functools import cached_property, partial

from picobench import layout, plan
from picobench.inventory import Inventory, read_inventory
from picobench.run import CodecRequest, Run


class Work:
    """Units and sheets of a run whose datasets are prepared.

    Args:
        run: The run.
        main: Whether this is the process that plans. Jobs that parse the workflow again, and the last
            stages, take the plan as it stands in the ledgers.
    """

    def __init__(self, run: Run, *, main: bool) -> None:
        self._run = run
        self._main = main

    @cached_property
    def inventories(self) -> dict[str, Inventory]:
        """The pictures of each dataset."""
        return {
            name: read_inventory(name).select(request.images) for name, request in self._run.datasets.items()
        }

    @cached_property
    def units(self) -> dict[tuple[str, str], list[plan.Unit]]:
        """Units by (codec, dataset), in the order of points and chunks."""
        chunks: dict[tuple[str, float], list[plan.Chunk]] = {}
        units: dict[tuple[str, str], list[plan.Unit]] = {}
        for codec_id, request in self._run.codecs.items():
            size = plan.chunk_megapixels(request.codec.encode_seconds, self._run.job_seconds)
            keys = {
                point: plan.unit_key(request.codec, request.environment.versions, point)
                for point in request.points
            }
            for dataset, inventory in self.inventories.items():
                if request.datasets is not None and dataset not in request.datasets:
                    continue
                if (dataset, size) not in chunks:
                    chunks[dataset, size] = plan.chunks(inventory, size, keep=self._main)
                units[codec_id, dataset] = [
                    plan.Unit(codec_id, dataset, point, key, chunk)
                    for point, key in keys.items()
                    for chunk in chunks[dataset, size]
                ]
        return units

    @cached_property
    def sheets(self) -> dict[tuple[str, str], list[plan.Sheet]]:
        """Sheets by (codec, dataset)."""
        found = {}
        for (codec_id, dataset), units in self.units.items():
            request, inventory = self._run.codecs[codec_id], self.inventories[dataset]
            found[codec_id, dataset] = plan.sheets(
                units,
                self._run.available_metrics,
                partial(self._measure_seconds, request, inventory),
                self._run.job_seconds,
                plan_anew=self._main,
            )
        return found

    @cached_property
    def _unit_by_name(self) -> dict[tuple[str, str, str], plan.Unit]:
        return {(u.codec, u.dataset, u.name): u for units in self.units.values() for u in units}

    @cached_property
    def _sheet_by_id(self) -> dict[tuple[str, str, str], plan.Sheet]:
        return {(s.codec, s.dataset, s.id): s for sheets in self.sheets.values() for s in sheets}

    def unit(self, codec: str, dataset: str, name: str) -> plan.Unit:
        """The unit with that name."""
        return self._unit_by_name[codec, dataset, name]

    def records_of(self, codec: str, dataset: str, sheet_id: str) -> list[str]:
        """Encode records that a sheet waits for.

        A sheet that another run filled may hold points that this run does not ask for; their bitstreams may
        be gone, and are not made again for its sake.
        """
        sheet = self._sheet_by_id[codec, dataset, sheet_id]
        finished = sheet.file.exists()
        return [
            str(record)
            for name, record in zip(sheet.units, sheet.records, strict=True)
            if (codec, dataset, name) in self._unit_by_name or not finished
        ]

    def files(self) -> list[str]:
        """All encode records and sheets of the run."""
        records = [str(unit.record) for units in self.units.values() for unit in units]
        return records + [str(sheet.file) for sheets in self.sheets.values() for sheet in sheets]

    def diagnoses(self) -> list[str]:
        """All files of the diagnostics that the run asks for."""
        return [
            str(layout.diagnosis_file(unit.codec, unit.dataset, unit.name, diagnostic.id, diagnostic.key))
            for units in self.units.values()
            for unit in units
            for diagnostic in self._run.diagnostics
            if diagnostic.covers(unit.dataset)
        ]

    def chunk(self, dataset: str, chunk: str) -> plan.Chunk:
        """The chunk with that id, whichever codec it was cut for."""
        return next(
            unit.chunk
            for (_, name), units in self.units.items()
            for unit in units
            if (name, unit.chunk.id) == (dataset, chunk)
        )

    def _measure_seconds(
        self, request: CodecRequest, inventory: Inventory, unit: plan.Unit, names: Iterable[str]
    ) -> float:
        megapixels = sum(inventory.by_name[image].megapixels for image in unit.chunk.images)
        definitions = (self._run.metrics[name].definition for name in names)
        per_megapixel = sum(definition.seconds_per_megapixel for definition in definitions)
        return float(megapixels * (request.codec.decode_seconds + per_megapixel))
