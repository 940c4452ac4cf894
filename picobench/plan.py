# SPDX-License-Identifier: BSD-3-Clause
"""Cutting the work into jobs that are worth their start.

Two kinds of job exist. An *encode* job takes one codec at one operating point over a chunk of pictures. A
*measure* job takes a sheet: reconstructions of one codec on one dataset, and the metrics to compute on them;
it decodes each bitstream once for all of them.

Work that was assigned to a job stays with that job: a new picture opens a new chunk instead of shifting the
others, a new operating point or metric opens new sheets. The assignments are kept in small ledgers beside the
results. Names of chunks and sheets are digests of their members, so Snakemake sees at once what is there.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from picobench import layout
from picobench.definitions import Codec
from picobench.files import content_key, read_json, write_json
from picobench.inventory import Inventory, Picture

FORMAT = 1
"""Raised when stages come to write something else for the same input: old results are then made again."""

_LARGEST_CHUNK_MEGAPIXELS = 64.0
# Their names are arguments of the job's command; a shell takes 128 KB.
_LARGEST_CHUNK_PICTURES = 256
_SMALLEST_CHUNK_MEGAPIXELS = 1 / 4
T = TypeVar("T")


@dataclass(frozen=True)
class Chunk:
    """Pictures that one encode job takes."""

    id: str
    images: tuple[str, ...]


@dataclass(frozen=True)
class Unit:
    """What one encode job makes: bitstreams of one codec, point and chunk."""

    codec: str
    dataset: str
    point: str
    key: str
    chunk: Chunk

    @property
    def record(self) -> Path:
        """The encode record, which stands for the unit."""
        return layout.encode_record(self.codec, self.dataset, self.point, self.key, self.chunk.id)

    @property
    def name(self) -> str:
        """The unit inside its codec and dataset."""
        return f"{self.point}-{self.key}/{self.chunk.id}"


@dataclass(frozen=True)
class Sheet:
    """What one measure job makes.

    Attributes:
        units: Names of units: `<point>-<key>/<chunk>`.
        metrics: Metric ids to the keys of what determines their numbers.
    """

    id: str
    codec: str
    dataset: str
    units: tuple[str, ...]
    metrics: Mapping[str, str]

    @property
    def file(self) -> Path:
        """The results."""
        return layout.sheet_file(self.codec, self.dataset, self.id)

    @property
    def records(self) -> list[Path]:
        """The encode records that it needs."""
        folder = layout.RESULTS / "bitstreams" / self.codec / self.dataset
        return [folder / f"{unit}.json" for unit in self.units]


def unit_key(codec: Codec, versions: Mapping[str, str], point: str) -> str:
    """Digest of everything that determines a bitstream besides the picture; labels and texts are not in it."""
    return content_key(
        {
            "format": FORMAT,
            "adapter": codec.adapter,
            "binding": codec.binding,
            # Where the program comes from is text too: what it is, is in the versions and the image's digest.
            "command": {
                name: value for name, value in codec.command.items() if name not in {"sources", "weights"}
            },
            "options": codec.point_options(point),
            "versions": dict(versions),
        }
    )


def chunk_megapixels(seconds_per_megapixel: float, job_seconds: float) -> float:
    """Size of a chunk in megapixels for a codec: a power of two, so that codecs of like speed share chunks."""
    wanted = job_seconds / seconds_per_megapixel
    size = _LARGEST_CHUNK_MEGAPIXELS
    while size > wanted and size > _SMALLEST_CHUNK_MEGAPIXELS:
        size /= 2
    return size


def chunks(inventory: Inventory, megapixels: float, *, keep: bool) -> list[Chunk]:
    """Chunks of at most `megapixels` (or one picture), new pictures after those that have a chunk already.

    Args:
        inventory: The pictures to cover; chunks with none of them are left out.
        megapixels: Size of a chunk.
        keep: Whether to write down new assignments. Only the main process does.
    """
    ledger_file = layout.dataset_folder(inventory.dataset) / f"chunks-{megapixels:g}.json"
    assigned: list[dict[str, str]] = read_json(ledger_file) if ledger_file.exists() else []
    digests = {picture.image: picture.row.pixels_sha256 for picture in inventory.pictures}
    known = {(image, digest) for members in assigned for image, digest in members.items()}
    fresh = [p for p in inventory.pictures if (p.image, p.row.pixels_sha256) not in known]
    added = [
        {picture.image: picture.row.pixels_sha256 for picture in group}
        for group in _cut(fresh, lambda picture: picture.megapixels, megapixels)
    ]
    if added and keep:
        write_json(ledger_file, assigned + added)
    # A picture that is gone or changed takes its chunk's other pictures along into a chunk without it.
    by_name = inventory.by_name
    current = [
        [by_name[image] for image, digest in members.items() if digests.get(image) == digest]
        for members in assigned + added
    ]
    return [chunk_of(pictures) for pictures in current if pictures]


def chunk_of(pictures: Iterable[Picture]) -> Chunk:
    """The chunk of exactly these pictures; its id is a digest of their names and pixels."""
    members = {picture.image: picture.row.pixels_sha256 for picture in pictures}
    return Chunk(content_key(members), tuple(sorted(members)))


def _cut(items: Sequence[T], weight: Callable[[T], float], capacity: float) -> Iterator[list[T]]:
    group: list[T] = []
    total = 0.0
    for item in items:
        if group and (total + weight(item) > capacity or len(group) == _LARGEST_CHUNK_PICTURES):
            yield group
            group, total = [], 0.0
        group.append(item)
        total += weight(item)
    if group:
        yield group


def sheets(
    units: Sequence[Unit],
    metrics: Mapping[str, str],
    seconds: Callable[[Unit, Iterable[str]], float],
    job_seconds: float,
    *,
    plan_anew: bool,
) -> list[Sheet]:
    """Sheets that together hold every metric of every unit, all of one codec and dataset.

    Args:
        units: Units of one codec and dataset, in order.
        metrics: Metric ids to keys.
        seconds: Expected time of decoding a unit and computing some metrics on it.
        job_seconds: Where to cut.
        plan_anew: Whether sheets that have no results yet may be forgotten, and new ones written down. True
            in the main process; False in jobs that parse the workflow again on another machine while it runs.
    """
    codec, dataset = units[0].codec, units[0].dataset
    ledger_file = layout.measurement_folder(codec, dataset) / "ledger.json"
    ledger: list[dict[str, Any]] = read_json(ledger_file) if ledger_file.exists() else []
    known = [Sheet(row["id"], codec, dataset, tuple(row["units"]), row["metrics"]) for row in ledger]
    if plan_anew:
        known = [sheet for sheet in known if sheet.file.exists()]

    used, missing = _covered(units, metrics, known)
    for absent, without in missing.items():
        for group in _cut(without, partial(_seconds_of, seconds, absent), job_seconds):
            names = tuple(unit.name for unit in group)
            keys = {metric: metrics[metric] for metric in absent}
            identity = {"format": FORMAT, "units": names, "metrics": keys}
            sheet = Sheet(content_key(identity), codec, dataset, names, keys)
            used[sheet.id] = sheet
            known.append(sheet)
    if plan_anew:
        rows = [
            {"id": sheet.id, "units": list(sheet.units), "metrics": dict(sheet.metrics)} for sheet in known
        ]
        if rows != ledger:
            write_json(ledger_file, rows)
    return sorted(used.values(), key=lambda sheet: sheet.id)


def _covered(
    units: Sequence[Unit], metrics: Mapping[str, str], known: Sequence[Sheet]
) -> tuple[dict[str, Sheet], dict[tuple[str, ...], list[Unit]]]:
    """Sheets that hold what is wanted, by id, and the units that lack metrics, by the metrics they lack."""
    holder = {
        (unit_name, metric, key): sheet
        for sheet in known
        for unit_name in sheet.units
        for metric, key in sheet.metrics.items()
    }
    used: dict[str, Sheet] = {}
    missing: dict[tuple[str, ...], list[Unit]] = {}
    for unit in units:
        absent = []
        for metric, key in metrics.items():
            sheet = holder.get((unit.name, metric, key))
            if sheet is None:
                absent.append(metric)
            else:
                used[sheet.id] = sheet
        if absent:
            missing.setdefault(tuple(absent), []).append(unit)
    return used, missing


def _seconds_of(
    seconds: Callable[[Unit, Iterable[str]], float], metrics: tuple[str, ...], unit: Unit
) -> float:
    return seconds(unit, metrics)


def read_sheet(codec: str, dataset: str, sheet: str) -> Sheet:
    """Look a sheet up in its ledger, for the job that fills it.

    Raises:
        StorageError: The ledger is missing or damaged.
        KeyError: It does not list the sheet.
    """
    for row in read_json(layout.measurement_folder(codec, dataset) / "ledger.json"):
        if row["id"] == sheet:
            return Sheet(sheet, codec, dataset, tuple(row["units"]), row["metrics"])
    raise KeyError(sheet)
