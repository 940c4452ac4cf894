# SPDX-License-Identifier: BSD-3-Clause
"""The study's figures as tables of docs/text.md."""

from collections.abc import Callable, Mapping, Sequence

from picobench.datasets.truth import TruthLine
from picobench.diagnostics.text.diagnostic import Region, TextReference, TextResult
from picobench.diagnostics.text.errors import compare_line, pool, wrong_characters
from picobench.diagnostics.text.summary import Estimate, rate_difference, summarise
from picobench.diagnostics.text.swaps import Swap

_CONFIDENCES = (0.99, 0.9, 0.8, 0.5, 0.0)

Pair = tuple[TruthLine, Region]
Read = Sequence[tuple[Sequence[TruthLine], TextReference]]


def own_tables(read: Read) -> str:
    """The recogniser's own errors on undistorted references, by kind of line and by confidence."""
    pairs = [pair for lines, reference in read for pair in zip(lines, reference.regions, strict=True)]
    groups: list[tuple[str, Callable[[TruthLine], object]]] = [
        ("script", lambda line: line.script),
        ("x-height", lambda line: f"{line.x_height:2d} px"),
        ("contrast", lambda line: f"{line.contrast:3d} levels"),
        ("ground", lambda line: "plate" if line.plate else "photograph"),
    ]
    table = [
        "| lines | number | characters | CER | of it confident | WER | found by the detector |",
        "|---|---:|---:|---:|---:|---:|---:|",
        _own_row("all", pairs),
    ]
    for name, key in groups:
        for value in sorted({str(key(line)) for line, _ in pairs}):
            table.append(
                _own_row(f"{name}: {value.strip()}", [pair for pair in pairs if str(key(pair[0])) == value])
            )
    return "\n".join([*table, "", *_calibration([region for _, region in pairs])])


def _own_row(name: str, pairs: Sequence[Pair]) -> str:
    errors = [compare_line(region.written, region.reading) for _, region in pairs]
    characters, words = pool(one.characters for one in errors), pool(one.words for one in errors)
    found = sum(region.detected for _, region in pairs)
    return (
        f"| {name} | {len(pairs)} | {characters.length} | {_percent(characters.rate)} | "
        f"{_percent(characters.confident_rate)} | {_percent(words.rate)} | {_percent(found / len(pairs))} |"
    )


def _calibration(regions: Sequence[Region]) -> list[str]:
    """How often characters and lines are wrong that were read with a given confidence."""
    count = dict.fromkeys(_CONFIDENCES, 0)
    wrong = dict.fromkeys(_CONFIDENCES, 0)
    by_line: dict[float, list[Region]] = {floor: [] for floor in _CONFIDENCES}
    for region in regions:
        by_line[_floor(region.reading.confidence)].append(region)
        misread = wrong_characters(region.written, region.reading)
        for place, confidence in enumerate(region.reading.confidences):
            count[_floor(confidence)] += 1
            wrong[_floor(confidence)] += place in misread
    table = [
        "| confidence | characters | wrong | lines of that mean confidence | their CER |",
        "|---|---:|---:|---:|---:|",
    ]
    for floor in _CONFIDENCES:
        rate = pool(compare_line(region.written, region.reading).characters for region in by_line[floor]).rate
        share = wrong[floor] / count[floor] if count[floor] else None
        table.append(
            f"| from {floor:g} | {count[floor]} | {_percent(share)} | {len(by_line[floor])} | {_percent(rate)} |"
        )
    return table


def _floor(confidence: float) -> float:
    return next(floor for floor in _CONFIDENCES if confidence >= floor)


def swap_table(tried: Sequence[tuple[Swap, TextResult, TextResult]]) -> str:
    """Replaced words that were flagged, by size of the text, and false alarms on the honest pictures."""
    table = [
        "| x-height | forged | flagged as substitution | CER | L1 in text | honest | flagged |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    sizes = sorted({swap.lines[0].x_height for swap, _, _ in tried})
    for label, chosen in [*((f"{size} px", {size}) for size in sizes), ("all", set(sizes))]:
        part = [item for item in tried if item[0].lines[0].x_height in chosen]
        flagged = sum(any(item.word == 1 for item in forged.substitutions) for _, forged, _ in part)
        alarms = sum(bool(honest.substitutions) for _, _, honest in part)
        summary = summarise([forged for _, forged, _ in part])
        table.append(
            f"| {label} | {len(part)} | {flagged} | {_interval(summary.cer)} | "
            f"{summary.l1_inside.value if summary.l1_inside else 0:.4f} | {len(part)} | {alarms} |"
        )
    return "\n".join(table)


def compression_table(codecs: Mapping[str, Mapping[str, tuple[float, list[TextResult]]]]) -> str:
    """Rates and pixel errors of each operating point, and the step of CER from the lighter point before it."""
    table = [
        "| codec | point | bpp | L1 in text | ratio | PSNR in text | found | CER | beyond own | step of CER "
        "| WER | confident | deleted | words replaced |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    steps: list[Estimate] = []
    for codec, points in codecs.items():
        before: list[TextResult] | None = None
        for point, (bpp, results) in points.items():
            summary = summarise(results)
            step = rate_difference(results, before) if before else None
            steps += [step] if step else []
            before = results
            table.append(
                f"| {codec} | {point} | {bpp:.3f} | {summary.l1_inside.value if summary.l1_inside else 0:.4f} | "
                f"{summary.l1_ratio:.2f} | {summary.psnr_inside:.2f} dB | {_interval(summary.found_share)} | "
                f"{_interval(summary.cer)} | {_interval(summary.excess_cer)} | {_interval(step)} | "
                f"{_interval(summary.wer)} | "
                f"{_percent(summary.characters.confident_rate)} | {_percent(summary.characters.deletion_rate)} | "
                f"{summary.substitutions} |"
            )
    improved = [step for step in steps if step.value < 0]
    certain = [step for step in steps if step.high < 0]
    pictures = next(iter(next(iter(codecs.values())).values()))[1]
    searched = sum(result.found is not None for result in pictures)
    table += [
        "",
        f"{len(pictures)} pictures, of which {searched} were searched for lines. "
        f"Steps to heavier compression: {len(steps)}; with a smaller mean CER: {len(improved)}; "
        f"with one that is smaller beyond its 95 % interval: {len(certain)}.",
    ]
    return "\n".join(table)


def _interval(estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    return f"{100 * estimate.value:.2f} ({100 * estimate.low:.2f} to {100 * estimate.high:.2f}) %"


def _percent(share: float | None) -> str:
    return "n/a" if share is None else f"{100 * share:.2f} %"
