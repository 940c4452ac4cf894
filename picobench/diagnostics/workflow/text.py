# SPDX-License-Identifier: BSD-3-Clause
"""Text in a run: references read once, every reconstruction compared with them, sums over a dataset."""

from collections.abc import Mapping
from typing import Any

from picobench.diagnostics.text import (
    Errors,
    MaskedError,
    Substitution,
    TextDiagnostic,
    TextReference,
    TextResult,
    summarise,
)
from picobench.diagnostics.workflow.record import (
    DATASET_COLUMNS,
    IMAGE_COLUMNS,
    Examine,
    PointResults,
    Row,
    Tables,
    back,
)
from picobench.pixels import RGB8

COLUMNS = {
    "text": (
        *IMAGE_COLUMNS,
        *("lines", "detected", "found", "found_share"),
        *("l1_inside", "l1_outside", "l1_ratio", "psnr_inside"),
        *("characters", "cer", "confident_rate", "deletions", "words", "wer"),
        *("own_cer", "own_wer", "excess_cer", "words_replaced", "replaced"),
    ),
    "text_datasets": (
        *DATASET_COLUMNS,
        *("with_text", "lines", "detected", "found_share", "found_share_low", "found_share_high"),
        *("l1_inside", "l1_inside_low", "l1_inside_high", "l1_outside", "l1_ratio", "psnr_inside"),
        *("characters", "cer", "cer_low", "cer_high", "confident_rate", "deletions", "deletion_rate"),
        *("words", "wer", "wer_low", "wer_high"),
        *("own_cer", "own_wer", "excess_cer", "excess_cer_low", "excess_cer_high", "words_replaced"),
    ),
}
"""Intervals are 95 %, by bootstrap over pictures; see `TextSummary`."""


def examine(options: Mapping[str, Any], references: Mapping[str, Any]) -> Examine:
    """The comparison.

    Args:
        options: Of the diagnostic; `search` says whether the detector runs on reconstructions too.
        references: What was read in the references, by image, as `TextReference.as_json` has it.
    """
    diagnostic = TextDiagnostic()

    def compare(image: str, reference: RGB8, reconstruction: RGB8) -> dict[str, Any]:
        text = TextReference.from_json(references[image])
        return diagnostic.compare(text, reference, reconstruction, search=options["search"]).as_json()

    return compare


def tables(results: PointResults) -> Tables:
    """Rows of the tables for one operating point."""
    rows, texts = [], []
    for image in results.images:
        row = results.image_row(image)
        if not image.reason:
            result = _unpacked(image.result)
            texts.append(result)
            row |= _image_cells(result)
        rows.append(row)
    about = results.dataset_row(len(texts), "" if texts else "no picture could be examined")
    return {"text": rows, "text_datasets": [about | _dataset_cells(texts)]}


def _image_cells(result: TextResult) -> Row:
    characters, words, error = result.characters, result.words, result.error
    own, own_words = result.own_characters, result.own_words
    excess = None
    if own is not None and characters.length:
        excess = (characters.total - own.total) / characters.length
    return {
        "lines": result.lines,
        "detected": result.detected,
        "found": result.found,
        "found_share": result.found_share,
        "l1_inside": error.l1_inside,
        "l1_outside": error.l1_outside,
        "l1_ratio": error.ratio,
        "psnr_inside": error.psnr_inside,
        "characters": characters.length,
        "cer": characters.rate,
        "confident_rate": characters.confident_rate,
        "deletions": characters.deletions,
        "words": words.length,
        "wer": words.rate,
        "own_cer": own.rate if own else None,
        "own_wer": own_words.rate if own_words else None,
        "excess_cer": excess,
        "words_replaced": len(result.substitutions),
        "replaced": "; ".join(f"{item.written} -> {item.read}" for item in result.substitutions),
    }


def _dataset_cells(texts: list[TextResult]) -> Row:
    if not texts:
        return {}
    summary = summarise(texts)
    row: Row = {
        "with_text": summary.with_text,
        "lines": summary.lines,
        "detected": sum(result.detected for result in texts),
        "l1_outside": summary.l1_outside.value if summary.l1_outside else None,
        "l1_ratio": summary.l1_ratio,
        "psnr_inside": summary.psnr_inside,
        "characters": summary.characters.length,
        "confident_rate": summary.characters.confident_rate,
        "deletions": summary.characters.deletions,
        "deletion_rate": summary.characters.deletion_rate,
        "words": summary.words.length,
        "own_cer": summary.own_cer,
        "own_wer": summary.own_wer,
        "words_replaced": summary.substitutions,
    }
    for name in ("found_share", "l1_inside", "cer", "wer", "excess_cer"):
        estimate = getattr(summary, name)
        if estimate is not None:
            row |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    return row


def _unpacked(value: Mapping[str, Any]) -> TextResult:
    error = value["error"]
    counts = {
        name: None if value[name] is None else Errors(**value[name])
        for name in ("own_characters", "own_words")
    }
    return TextResult(
        lines=value["lines"],
        detected=value["detected"],
        found=value["found"],
        error=MaskedError(**{**error, "psnr_inside": back(error["psnr_inside"])}),
        characters=Errors(**value["characters"]),
        words=Errors(**value["words"]),
        own_characters=counts["own_characters"],
        own_words=counts["own_words"],
        substitutions=tuple(Substitution(**item) for item in value["substitutions"]),
    )
