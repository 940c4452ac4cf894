# SPDX-License-Identifier: BSD-3-Clause
"""Reads a run folder into the records that the pages are made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from picobench.errors import StorageError
from picobench.files import read_json
from picobench.report.records import (
    TRUST_LEVELS,
    BdRate,
    Codec,
    Dataset,
    Evidence,
    Failure,
    ImageBdRate,
    MeanPoint,
    Metric,
    Run,
    Score,
    ScoreKey,
    Study,
)
from picobench.report.rows import REMEDY, Row, clean, read_rows

FORMAT = 1
"""Version of `run.json` that this module reads."""

_Described = TypeVar("_Described", Codec, Dataset, Metric, Study)


def load(run_folder: Path) -> Run:
    """Read the description and the tables of a run.

    Raises:
        StorageError: A file is missing, damaged, of another format, or at odds with `run.json`.
    """
    path = run_folder / "run.json"
    info = clean(read_json(path))
    if not isinstance(info, dict) or info.get("format") != FORMAT:
        raise StorageError(f"{path}: not format {FORMAT}; use the picobench that made it, or {REMEDY}")
    try:
        config = dict(info["config"])
        codecs = _described(Codec, info["codecs"], config.get("codecs", ()))
        datasets = _described(Dataset, info["datasets"], config.get("datasets", ()))
        metrics = _described(Metric, info["metrics"], config.get("metrics", ()))
        studies = _described(Study, info.get("studies", {}), config.get("studies", ()))
        name, anchor = str(info["run"]), codecs[info["anchor"]].id
        created_with = {key: info["created_with"][key] for key in ("picobench", "python", "platform")}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StorageError(f"{path}: damaged ({error!r}); {REMEDY}") from None
    for codec in codecs.values():
        if codec.trust not in TRUST_LEVELS:
            raise StorageError(f"{path}: codec {codec.id!r} has no known trust level; {REMEDY}")

    tables = run_folder / "tables"
    known: dict[str, Mapping[str, Any]] = {"codec": codecs, "anchor": codecs, "dataset": datasets}
    rated = {**known, "metric": metrics}
    evidence = tables / "evidence.csv"
    return Run(
        folder=run_folder,
        name=name,
        anchor=anchor,
        created_with=created_with,
        config=config,
        codecs=codecs,
        datasets=datasets,
        metrics=metrics,
        scores=tuple(_score(row, metrics) for row in read_rows(tables / "scores.csv", known)),
        means=tuple(_mean_point(row, metrics) for row in read_rows(tables / "rd.csv", known)),
        bd_rates=tuple(map(_bd_rate, read_rows(tables / "bd_rate.csv", rated))),
        image_bd_rates=tuple(map(_image_bd_rate, read_rows(tables / "bd_rate_images.csv", rated))),
        failures=tuple(map(_failure, read_rows(tables / "failures.csv", known))),
        evidence=dict(map(_evidence, read_rows(evidence, known))) if evidence.exists() else {},
        studies=studies,
    )


def _described(
    kind: type[_Described], entries: Mapping[str, Mapping[str, Any]], wanted: Sequence[Any]
) -> dict[str, _Described]:
    """Records by id, in the order in which the configuration asks for them."""
    known = {item.name for item in fields(kind)}
    described = {}
    for key in sorted(entries, key=_places(wanted)):
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in entries[key].items()
            if name in known and value is not None
        }
        described[key] = kind(**{**values, "id": key})
    return described


def _places(wanted: Sequence[Any]) -> Callable[[str], tuple[int, str]]:
    """Sort key of an id; one that stands for several versions (`av1` for `av1@3.12`) keeps them together."""
    names = [item.get("name", item.get("id")) if isinstance(item, Mapping) else item for item in wanted]

    def place(key: str) -> tuple[int, str]:
        for name in (key, key.partition("@")[0]):
            if name in names:
                return names.index(name), key
        return len(names), key

    return place


def _values(row: Row, metrics: Mapping[str, Metric], suffix: str = "") -> dict[str, float]:
    found = {name: row.number(name + suffix) for name in metrics if name + suffix in row}
    return {name: value for name, value in found.items() if value is not None}


def _score(row: Row, metrics: Mapping[str, Metric]) -> Score:
    return Score(
        codec=row.text("codec"),
        version=row.text("version"),
        dataset=row.text("dataset"),
        image=row.text("image"),
        point=row.text("point"),
        width=row.integer("width"),
        height=row.integer("height"),
        size_bytes=row.integer("bytes"),
        bpp=row.number("bpp"),
        ok=row.text("status") == "ok",
        values=_values(row, metrics),
    )


def _mean_point(row: Row, metrics: Mapping[str, Metric]) -> MeanPoint:
    return MeanPoint(
        dataset=row.text("dataset"),
        codec=row.text("codec"),
        point=row.text("point"),
        images_used=row.count("images_used"),
        images_total=row.count("images_total"),
        bpp=row.number("bpp"),
        values=_values(row, metrics),
        of_mean_mse=_values(row, metrics, "_of_mean_mse"),
        note=row.text("note"),
    )


def _bd_rate(row: Row) -> BdRate:
    return BdRate(
        dataset=row.text("dataset"),
        metric=row.text("metric"),
        anchor=row.text("anchor"),
        codec=row.text("codec"),
        method=row.text("method"),
        aggregation=row.text("aggregation"),
        percent=row.number("bd_rate_percent"),
        low=row.number("ci_low"),
        high=row.number("ci_high"),
        overlap=row.number("overlap"),
        images_used=row.count("images_used"),
        images_total=row.count("images_total"),
        note=row.text("note"),
    )


def _image_bd_rate(row: Row) -> ImageBdRate:
    return ImageBdRate(
        dataset=row.text("dataset"),
        image=row.text("image"),
        metric=row.text("metric"),
        anchor=row.text("anchor"),
        codec=row.text("codec"),
        method=row.text("method"),
        percent=row.number("bd_rate_percent"),
        overlap=row.number("overlap"),
        note=row.text("note"),
    )


def _failure(row: Row) -> Failure:
    return Failure(
        codec=row.text("codec"),
        version=row.text("version"),
        dataset=row.text("dataset"),
        image=row.text("image"),
        point=row.text("point"),
        stage=row.text("stage"),
        metric=row.text("metric") if "metric" in row else "",
        reason=row.text("reason"),
        stderr_tail=row.text("stderr_tail"),
    )


def _evidence(row: Row) -> tuple[ScoreKey, Evidence]:
    key = (row.text("codec"), row.text("dataset"), row.text("image"), row.text("point"))
    return key, Evidence(
        bitstream=row.text("bitstream"),
        bitstream_sha256=row.text("bitstream_sha256"),
        reconstruction_sha256=row.text("reconstruction_sha256"),
        encode_seconds=row.number("encode_seconds"),
        decode_seconds=row.number("decode_seconds"),
        published_file=row.text("published_file") if "published_file" in row else "",
        reason=row.text("reason") if "reason" in row else "",
    )
