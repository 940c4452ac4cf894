# SPDX-License-Identifier: BSD-3-Clause
"""What the diagnostics found, for the page of diagnostics and for the marks beside codec names."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from picobench.report.cells import Cell, number, number_cell, plural
from picobench.report.records import Codec, Dataset, Run
from picobench.report.rows import Row, read_rows

# Below this a p-value is shown by its bound: no test here resolves finer.
_SMALLEST_P = 0.0001
SIGNIFICANT = 0.05
"""From here on down a p-value is marked."""


@dataclass(frozen=True)
class FindingGroup:
    """One fault of one codec on one dataset.

    Attributes:
        name: Of the finding.
        count: Rows that have it: pictures at operating points, or operating points for a whole dataset.
        points: Operating points that have it.
        evidence: Of its strongest case.
        where: The strongest case in words.
        effect: Largest effect in dB.
        threshold: From where on the finding is raised, and why there.
    """

    codec: Codec
    dataset: Dataset
    name: str
    count: str
    points: tuple[str, ...]
    evidence: str
    where: str
    effect: Cell
    threshold: str


@dataclass(frozen=True)
class Fidelity:
    """The tables of fidelity, summed up.

    Attributes:
        groups: The findings.
        checked: Codec, dataset, reconstructions checked, and how many of them could not be.
    """

    groups: tuple[FindingGroup, ...]
    checked: tuple[tuple[Codec, Dataset, int, int], ...]


def wanted(run: Run) -> tuple[str, ...]:
    """The diagnostics that the run asked for."""
    items: Iterable[Any] = run.config.get("diagnostics", ())
    return tuple(dict.fromkeys(item if isinstance(item, str) else item["id"] for item in items))


def marks(run: Run) -> Mapping[str, str]:
    """Names of the findings of each codec that has any, for the mark beside its name."""
    names: dict[str, list[str]] = {}
    for group in fidelity(run).groups if "fidelity" in wanted(run) else ():
        names.setdefault(group.codec.id, []).append(words(group.name))
    return {codec: ", ".join(dict.fromkeys(found)) for codec, found in names.items()}


def words(name: str) -> str:
    """The name of a finding in words."""
    return name.replace("_", " ")


def fidelity(run: Run) -> Fidelity:
    """Sum up the findings by codec and dataset.

    Raises:
        StorageError: The table is missing or damaged.
    """
    found: dict[tuple[str, str, str], list[Row]] = {}
    checked: dict[tuple[str, str], list[int]] = {}
    for row in _rows(run, "fidelity"):
        count = checked.setdefault((row.text("codec"), row.text("dataset")), [0, 0])
        count[bool(row.text("reason"))] += 1
    for row in _rows(run, "fidelity_findings"):
        key = row.text("codec"), row.text("dataset"), row.text("finding")
        found.setdefault(key, []).append(row)
    return Fidelity(
        tuple(_group(run, *key, rows) for key, rows in found.items()),
        tuple(
            (run.codecs[codec], run.datasets[dataset], done, missed)
            for (codec, dataset), (done, missed) in checked.items()
        ),
    )


def _group(run: Run, codec: str, dataset: str, name: str, rows: list[Row]) -> FindingGroup:
    worst = max(rows, key=lambda row: row.number("effect_db") or 0.0)
    images = sum(bool(row.text("image")) for row in rows)
    counts = [plural(images, "reconstruction")] if images else []
    if len(rows) > images:
        counts.append(plural(len(rows) - images, "finding") + " over the dataset")
    effect = worst.number("effect_db")
    return FindingGroup(
        run.codecs[codec],
        run.datasets[dataset],
        words(name),
        ", ".join(counts),
        tuple(dict.fromkeys(row.text("point") for row in rows)),
        worst.text("evidence"),
        f"{worst.text('image') or 'all images'} at {worst.text('point')}",
        number_cell(effect, 2, "undoing it has no effect that could be given in dB"),
        worst.text("threshold"),
    )


# Steps that the page shows: columns of the table and headings.
_STEPS = (
    *(("broad_luma", "broad, luma"), ("broad_chroma", "broad, chroma")),
    *(("narrow_luma", "narrow, luma"), ("narrow_chroma", "narrow, chroma")),
)


def seams(run: Run) -> Iterator[Mapping[str, Any]]:
    """Evidence of every codec, dataset, point and grid, with the size of the steps in grey levels.

    Raises:
        StorageError: A table is missing or damaged.
    """
    tests: dict[tuple[str, ...], list[tuple[bool, float]]] = {}
    grid = ("codec", "dataset", "point", "tile", "origin_x", "origin_y", "overlap")
    for row in _rows(run, "seams"):
        p_value = row.number("p_value")
        if p_value is not None:
            chance = row.number("attainable_level") or 0.0
            tests.setdefault(tuple(row.text(name) for name in grid), []).append(
                (p_value <= SIGNIFICANT, chance)
            )
    for row in _rows(run, "seams_datasets"):
        of_images = tests.get(tuple(row.text(name) for name in grid), [])
        why = row.text("reason")
        yield {
            **_where(run, row),
            "grid": _grid(row),
            "lattice": _lattice(row),
            "images": row.count("images"),
            "images_low": sum(low for low, _ in of_images),
            "images_by_chance": number(sum(chance for _, chance in of_images), 2),
            "p": _p_cell(row.number("p_value"), why),
            "steps": [(heading, _step_cell(row, name, why)) for name, heading in _STEPS],
            "border": number_cell(row.number("border_error"), 5, why),
            "elsewhere": number_cell(row.number("elsewhere_error"), 5, why),
        }


def _step_cell(row: Row, name: str, why: str) -> Cell:
    value, low, high = (row.number(f"{name}_{end}") for end in ("levels", "low", "high"))
    if value is None:
        return number_cell(None, 2, why or "not tested")
    details = () if low is None or high is None else (f"[{number(low, 2)}, {number(high, 2)}]",)
    return Cell(number(value, 2), key=repr(value), details=details)


def _lattice(row: Row) -> str:
    """Period of the codec's own grids that were told apart, where there was anything to tell."""
    return f"{row.count('lattice')} px" if row.text("lattice") else "–"


def tile_sizes(run: Run) -> Iterator[Mapping[str, Any]]:
    """The tile size that fits each codec, dataset and point best, and the sizes that single images show.

    Raises:
        StorageError: A table is missing or damaged.
    """
    single: dict[tuple[str, ...], list[str]] = {}
    where = ("codec", "dataset", "point")
    for row in _rows(run, "tile_sizes"):
        p_value = row.number("p_value")
        if p_value is not None and p_value <= SIGNIFICANT:
            shown = f"{row.count('tile')} px in {row.text('image')}"
            single.setdefault(tuple(row.text(name) for name in where), []).append(shown)
    for row in _rows(run, "tile_sizes_datasets"):
        yield {
            **_where(run, row),
            "images": row.count("images"),
            "tile": number_cell(row.number("tile"), 0, row.text("reason")),
            "p": _p_cell(row.number("p_value"), row.text("reason")),
            "lattice": _lattice(row),
            "others": row.text("others"),
            "single": ", ".join(single.get(tuple(row.text(name) for name in where), ())),
        }


def _grid(row: Row) -> str:
    text = f"{row.count('tile')} px"
    if row.count("origin_x") or row.count("origin_y"):
        text += f" from ({row.count('origin_x')}, {row.count('origin_y')})"
    return text + (f", overlap {row.count('overlap')}" if row.count("overlap") else "")


def _p_cell(value: float | None, reason: str) -> Cell:
    if value is None:
        return number_cell(None, 4, reason or "not tested")
    text = f"< {_SMALLEST_P:.4f}" if value < _SMALLEST_P else number(value, 4)
    return Cell(text, "costs" if value <= SIGNIFICANT else "", key=repr(value))


def text(run: Run) -> Iterator[Mapping[str, Any]]:
    """What becomes of the text of a dataset, for every codec and point.

    Raises:
        StorageError: The table is missing or damaged.
    """
    for row in _rows(run, "text_datasets"):
        why = row.text("reason") or "no text in these images"
        yield {
            **_where(run, row),
            "images": row.count("images"),
            "with_text": row.count("with_text"),
            "l1": _l1_cell(row, why),
            "ratio": number_cell(row.number("l1_ratio"), 2, why),
            "psnr": number_cell(row.number("psnr_inside"), 2, why),
            "found": _share_cell(row, "found_share", why),
            "cer": _share_cell(row, "cer", why),
            "excess": _share_cell(row, "excess_cer", "needs known text"),
            "confident": _share_cell(row, "confident_rate", why),
            "deleted": _share_cell(row, "deletion_rate", why),
            "wer": _share_cell(row, "wer", why),
            "replaced": row.count("words_replaced"),
        }


def _l1_cell(row: Row, why: str) -> Cell:
    value, low, high = (row.number(f"l1_inside{end}") for end in ("", "_low", "_high"))
    details = () if low is None or high is None else (f"[{number(low, 4)}, {number(high, 4)}]",)
    return (
        number_cell(None, 4, why)
        if value is None
        else Cell(number(value, 4), key=repr(value), details=details)
    )


def _share_cell(row: Row, name: str, why: str) -> Cell:
    value = row.number(name)
    if value is None:
        return number_cell(None, 2, why)
    low, high = (row.number(f"{name}_{end}") if f"{name}_{end}" in row else None for end in ("low", "high"))
    details = () if low is None or high is None else (f"[{number(100 * low, 2)}, {number(100 * high, 2)}]",)
    return Cell(number(100 * value, 2), key=repr(value), details=details)


def _where(run: Run, row: Row) -> Mapping[str, Any]:
    return {
        "codec": run.codecs[row.text("codec")],
        "dataset": run.datasets[row.text("dataset")],
        "point": row.text("point"),
    }


def _rows(run: Run, table: str) -> Iterator[Row]:
    path: Path = run.folder / "tables" / f"{table}.csv"
    yield from read_rows(path, {"codec": run.codecs, "dataset": run.datasets})
