# SPDX-License-Identifier: BSD-3-Clause
"""Text of a reference against text of its reconstruction, with a scripted recogniser; sums over a dataset."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from picobench.datasets.truth import TruthLine
from picobench.diagnostics.text import Errors, Reading, TextDiagnostic, TextReference, TextResult, summarise
from picobench.diagnostics.text.regions import Quad, box_quad
from picobench.diagnostics.text.summary import Estimate, excess_errors, rate_difference, ratio_estimate
from picobench.errors import MetricError, StorageError
from picobench.pixels import RGB8, pixels_digest

SIZE = (60, 100)
BOXES = ((10, 10, 60, 16), (10, 40, 60, 46))
QUADS = tuple(box_quad(box, *SIZE) for box in BOXES)
LINES = tuple(
    TruthLine(text, box, "english", 6, 80, plate=True)
    for text, box in zip(("fresh lemon juice", "open"), BOXES, strict=True)
)


class Scripted:
    """A recogniser that answers by picture: the quads it detects, and what it reads in each quad asked for."""

    def __init__(self) -> None:
        self.identity = "scripted 1"
        self.detections: dict[str, tuple[Quad, ...]] = {}
        self.readings: dict[str, dict[Quad, Reading]] = {}
        self.searched = 0

    def say(self, pixels: RGB8, detections: Sequence[Quad], texts: Sequence[str], sure: float = 0.99) -> None:
        key = pixels_digest(pixels)
        self.detections[key] = tuple(detections)
        readings = [Reading(text, (sure,) * len(text)) for text in texts]
        self.readings[key] = dict(zip(QUADS, readings, strict=True))

    def detect(self, pixels: RGB8) -> tuple[Quad, ...]:
        self.searched += 1
        return self.detections[pixels_digest(pixels)]

    def read(self, pixels: RGB8, quads: Sequence[Quad]) -> tuple[Reading, ...]:
        return tuple(self.readings[pixels_digest(pixels)][quad] for quad in quads)


def picture(level: int) -> RGB8:
    return np.full((*SIZE, 3), level, np.uint8)


@pytest.fixture
def ocr() -> Scripted:
    made = Scripted()
    made.say(picture(100), QUADS, ["fresh lemon juice", "open"])
    return made


def compare(ocr: Scripted, truth: Sequence[TruthLine] | None, *, search: bool = True) -> TextResult:
    diagnostic = TextDiagnostic(ocr)
    reference = diagnostic.reference(picture(100), truth)
    return diagnostic.compare(reference, picture(100), picture(101), search=search)


@pytest.mark.parametrize("truth", [None, LINES])
def test_an_intact_text(ocr: Scripted, truth: Sequence[TruthLine] | None) -> None:
    ocr.say(picture(101), QUADS, ["fresh lemon juice", "open"])
    result = compare(ocr, truth)
    assert (result.lines, result.detected, result.found, result.found_share) == (2, 2, 2, 1.0)
    assert result.characters == Errors(21)
    assert result.words == Errors(4)
    assert result.substitutions == ()
    assert result.error.l1_inside == pytest.approx(1 / 255)
    assert result.error.pixels == 2 * 54 * 10


def test_a_replaced_word_is_flagged(ocr: Scripted) -> None:
    ocr.say(picture(101), QUADS, ["fresh river juice", "open"])
    result = compare(ocr, None)
    (item,) = result.substitutions
    assert (item.line, item.word, item.written, item.read) == (0, 1, "lemon", "river")
    assert result.words == Errors(4, 1, 0, 0, 0)
    assert result.own_characters is None


def test_a_lost_line(ocr: Scripted) -> None:
    ocr.say(picture(101), QUADS[:1], ["fresh lemon juice", ""])
    result = compare(ocr, None)
    assert (result.detected, result.found, result.found_share) == (2, 1, 0.5)
    assert result.characters == Errors(21, 0, 0, 4, 0)
    assert result.substitutions == ()


def test_errors_that_the_reference_has_too_are_the_recognisers_own(ocr: Scripted) -> None:
    ocr.say(picture(100), QUADS[:1], ["fresh lemen juice", "open"])
    ocr.say(picture(101), QUADS[:1], ["fresh lemen juice", "oven"])
    result = compare(ocr, LINES)
    assert result.characters == Errors(21, 2, 0, 0, 0)
    assert result.own_characters == Errors(21, 1, 0, 0, 0)
    assert result.own_words == Errors(4, 1, 0, 0, 0)
    assert [item.read for item in result.substitutions] == ["oven"]
    assert excess_errors(result) == 1
    assert (result.lines, result.detected) == (2, 1)


def test_a_word_that_the_reference_hardly_shows_is_not_flagged(ocr: Scripted) -> None:
    ocr.say(picture(100), QUADS, ["fresh lemen juice", "open"], sure=0.6)
    ocr.say(picture(101), QUADS, ["fresh lemer juice", "oven"])
    assert [item.read for item in compare(ocr, LINES).substitutions] == ["oven"]


def test_places_that_cannot_be_read_are_no_text(ocr: Scripted) -> None:
    ocr.say(picture(100), QUADS, ["leaves", ""], sure=0.7)
    reference = TextDiagnostic(ocr).reference(picture(100))
    assert (reference.regions, reference.rejected) == ((), 2)
    result = TextDiagnostic(ocr).compare(reference, picture(100), picture(101))
    assert (result.lines, result.found, result.found_share) == (0, 0, None)
    assert result.error.l1_inside is None
    assert result.characters.rate is None
    json.dumps(result.as_json(), allow_nan=False)


def test_without_search_nothing_is_searched(ocr: Scripted) -> None:
    ocr.say(picture(101), QUADS, ["fresh lemon juice", "open"])
    diagnostic = TextDiagnostic(ocr)
    reference = diagnostic.reference(picture(100), LINES, search=False)
    result = diagnostic.compare(reference, picture(100), picture(101), search=False)
    assert (ocr.searched, result.detected, result.found, result.found_share) == (0, 0, None, None)


def test_results_survive_json(ocr: Scripted) -> None:
    reference = TextDiagnostic(ocr).reference(picture(100), LINES)
    again = TextReference.from_json(json.loads(json.dumps(reference.as_json(), allow_nan=False)))
    assert again == reference
    exact = TextDiagnostic(ocr).compare(again, picture(100), picture(100))
    assert exact.error.psnr_inside == math.inf
    assert json.loads(json.dumps(exact.as_json(), allow_nan=False))["error"]["psnr_inside"] == "inf"


@pytest.mark.parametrize(
    "value", [None, [], {}, {"format": 2}, {"format": 1, "regions": [{}]}, {"format": 1, "regions": 5}]
)
def test_a_damaged_reference_text(value: object) -> None:
    with pytest.raises(StorageError, match="run again"):
        TextReference.from_json(value)


def test_another_recogniser_or_size_is_refused(ocr: Scripted) -> None:
    diagnostic = TextDiagnostic(ocr)
    reference = diagnostic.reference(picture(100))
    with pytest.raises(MetricError, match="cannot be compared"):
        diagnostic.compare(reference, picture(100), picture(101)[1:])
    ocr.identity = "scripted 2"
    with pytest.raises(MetricError, match="read by scripted 1, this is scripted 2"):
        diagnostic.compare(reference, picture(100), picture(101))


# Datasets


def results(
    ocr: Scripted, texts: Sequence[str], truth: Sequence[TruthLine] | None = None
) -> list[TextResult]:
    made = []
    for text in texts:
        ocr.say(picture(101), QUADS, [text, "open"])
        made.append(compare(ocr, truth))
    return made


def test_a_summary_pools(ocr: Scripted) -> None:
    made = results(ocr, ["fresh lemon juice", "fresh river juice"], LINES)
    empty = replace(made[0], lines=0, characters=Errors(), words=Errors())
    summary = summarise([*made, empty])
    assert (summary.pictures, summary.with_text, summary.lines, summary.substitutions) == (3, 2, 4, 1)
    assert summary.cer is not None
    assert summary.cer.value == pytest.approx(5 / 42)
    assert (summary.cer.low, summary.cer.high) == (0.0, pytest.approx(5 / 21))
    assert summary.wer is not None
    assert summary.wer.value == pytest.approx(1 / 8)
    assert (summary.own_cer, summary.own_wer) == (0.0, 0.0)
    assert summary.excess_cer == summary.cer
    assert summary.found_share == Estimate(1.0, 1.0, 1.0)
    assert summary.l1_inside is not None
    assert summary.l1_inside.value == pytest.approx(1 / 255)
    assert summary.l1_ratio == pytest.approx(1)


def test_a_summary_without_text_or_truth(ocr: Scripted) -> None:
    none = summarise([])
    assert (none.cer, none.l1_inside, none.psnr_inside, none.found_share, none.own_cer) == (None,) * 5
    untrue = summarise(results(ocr, ["fresh river juice"]))
    assert untrue.cer is not None
    assert (untrue.own_cer, untrue.excess_cer) == (None, None)


def test_differences_are_taken_picture_by_picture(ocr: Scripted) -> None:
    lighter = results(ocr, ["fresh lemon juice", "fresh lemon"])
    heavier = results(ocr, ["fresh lemon juic", "fresh lemo"])
    found = rate_difference(heavier, lighter)
    assert found is not None
    # One character more in each picture, so whatever pictures are drawn, the step is the same.
    assert (found.value, found.low, found.high) == (pytest.approx(1 / 21),) * 3


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    hits = 0
    for seed in range(200):
        lengths = rng.integers(20, 80, 60)
        estimate = ratio_estimate(list(rng.binomial(lengths, 0.1)), list(lengths), seed)
        assert estimate is not None
        hits += estimate.low <= 0.1 <= estimate.high
    # Binomial(200, 0.95) lies within these with a probability above 0.999; the bootstrap is a little narrow.
    assert 176 <= hits <= 199
