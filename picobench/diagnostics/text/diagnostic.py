# SPDX-License-Identifier: BSD-3-Clause
"""What a codec does to the text of one picture.

The reference is looked at once: where is text, and what does it say? Reconstructions are then read at the
reference's places, so that a line the detector misses or cuts elsewhere does not count as misread, and are
searched anew only to see which lines a detector would still find.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from picobench.datasets.truth import TruthLine
from picobench.diagnostics.text.errors import (
    Errors,
    LineErrors,
    Reading,
    Substitution,
    compare_line,
    normalise_text,
    pool,
)
from picobench.diagnostics.text.ocr import Ocr, RapidOcr
from picobench.diagnostics.text.regions import (
    MaskedError,
    Quad,
    box_quad,
    covered_shares,
    draw_mask,
    masked_error,
)
from picobench.errors import MetricError, StorageError
from picobench.pixels import RGB8

FORMAT = 1

LEGIBLE = 0.8
"""Mean confidence from which on a detected line of a reference without truth counts as text."""

# A line is found if detections cover at least this share of it.
_FOUND = 0.5


@dataclass(frozen=True)
class Region:
    """A line of text in a reference.

    Attributes:
        corners: Where it stands.
        written: What it says: the truth, or without one what was read in the reference.
        reading: What was read in the reference.
        detected: Whether the detector finds it in the reference.
    """

    corners: Quad
    written: str
    reading: Reading
    detected: bool


@dataclass(frozen=True)
class TextReference:
    """The text of a reference picture.

    Attributes:
        regions: Its lines.
        has_truth: Whether `written` is known from the picture's maker and not from reading.
        rejected: Detected places that are no legible text, without truth.
        ocr: Identity of detector and recogniser.
    """

    regions: tuple[Region, ...]
    has_truth: bool
    rejected: int
    ocr: str

    def as_json(self) -> dict[str, Any]:
        """A JSON-able form."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, value: Any) -> "TextReference":
        """The inverse of `as_json`.

        Raises:
            StorageError: `value` is damaged or of a newer format.
        """
        try:
            if value["format"] != FORMAT:
                raise StorageError(
                    f"text of a reference: format {value['format']} is not the one this picobench reads; delete "
                    "it and run again"
                )
            regions = tuple(
                Region(
                    corners=tuple((float(x), float(y)) for x, y in region["corners"]),
                    written=region["written"],
                    reading=Reading(region["reading"]["text"], tuple(region["reading"]["confidences"])),
                    detected=region["detected"],
                )
                for region in value["regions"]
            )
            return cls(regions, value["has_truth"], value["rejected"], value["ocr"])
        except (KeyError, TypeError, ValueError) as error:
            raise StorageError(
                f"text of a reference: damaged ({error!r}); delete it and run again"
            ) from error


@dataclass(frozen=True)
class TextResult:
    """What became of a picture's text.

    Attributes:
        lines: Lines of text in the reference.
        detected: Those of them that the detector finds in the reference.
        found: Those of `detected` that it finds in the reconstruction; None if it was not searched.
        error: Pixel errors where there is text and where there is none.
        characters, words: Errors of the reconstruction's reading against what is written.
        own_characters, own_words: Errors of the reference's reading: the recogniser's own. None without truth,
            where what was read in the reference is taken as written.
        substitutions: Words that read as others, with certainty, and as written in the reference.
    """

    lines: int
    detected: int
    found: int | None
    error: MaskedError
    characters: Errors
    words: Errors
    own_characters: Errors | None
    own_words: Errors | None
    substitutions: tuple[Substitution, ...]

    @property
    def found_share(self) -> float | None:
        """Share of the detector's lines that are still found; None where there are none."""
        return None if self.found is None or not self.detected else self.found / self.detected

    def as_json(self) -> dict[str, Any]:
        """A JSON-able form; infinite PSNR becomes the text "inf"."""
        value = {"format": FORMAT, **asdict(self)}
        psnr = self.error.psnr_inside
        if psnr is not None and math.isinf(psnr):
            value["error"]["psnr_inside"] = str(psnr)
        return value


class TextDiagnostic:
    """Compares the text of reconstructions with that of their references."""

    def __init__(self, ocr: Ocr | None = None) -> None:
        """Use `ocr`, by default RapidOCR.

        Raises:
            MetricError: RapidOCR is missing, or holds other models.
        """
        self.ocr: Ocr = RapidOcr() if ocr is None else ocr

    def reference(
        self, pixels: RGB8, truth: Sequence[TruthLine] | None = None, *, search: bool = True
    ) -> TextReference:
        """Find and read the text of a reference.

        With `truth`, its lines are the text, whatever the detector says. Without, the detector's lines are,
        if the recogniser is sure enough of what they say: detectors also find text in leaves and stones.

        Args:
            pixels: Shape (height, width, 3), uint8.
            truth: What is written in it; None if nobody knows.
            search: With `truth`, whether to run the detector, which takes most of the time; if not, no line
                counts as detected.
        """
        height, width, _ = pixels.shape
        detections = self.ocr.detect(pixels) if search or truth is None else ()
        if truth is None:
            read = list(zip(detections, self.ocr.read(pixels, detections), strict=True))
            regions = tuple(
                Region(quad, reading.text, reading, detected=True)
                for quad, reading in read
                if reading.confidence >= LEGIBLE
            )
            return TextReference(regions, False, len(read) - len(regions), self.ocr.identity)
        quads = [box_quad(line.box, height, width) for line in truth]
        regions = tuple(
            Region(quad, normalise_text(line.text), reading, detected=share >= _FOUND)
            for line, quad, reading, share in zip(
                truth,
                quads,
                self.ocr.read(pixels, quads),
                covered_shares(quads, detections, height, width),
                strict=True,
            )
        )
        return TextReference(regions, True, 0, self.ocr.identity)

    def compare(
        self, text: TextReference, reference: RGB8, reconstruction: RGB8, *, search: bool = True
    ) -> TextResult:
        """Compare a reconstruction with its reference.

        Args:
            text: Of the reference.
            reference: Shape (height, width, 3), uint8.
            reconstruction: Of the same shape.
            search: Whether to run the detector on the reconstruction too, which takes most of the time.

        Raises:
            MetricError: The shapes differ, or `text` was made by another recogniser.
        """
        if text.ocr != self.ocr.identity:
            raise MetricError(
                f"the reference's text was read by {text.ocr}, this is {self.ocr.identity}; read it again"
            )
        height, width, _ = reference.shape
        quads = [region.corners for region in text.regions]
        error = masked_error(reference, reconstruction, draw_mask(quads, height, width))
        readings = self.ocr.read(reconstruction, quads)
        after = _compare(text.regions, readings)
        own = _compare(text.regions, [region.reading for region in text.regions])
        return TextResult(
            lines=len(quads),
            detected=sum(region.detected for region in text.regions),
            found=self._found(text, reconstruction) if search else None,
            error=error,
            characters=pool(line.characters for line in after),
            words=pool(line.words for line in after),
            own_characters=pool(line.characters for line in own) if text.has_truth else None,
            own_words=pool(line.words for line in own) if text.has_truth else None,
            # A word that cannot be read in the reference says nothing about the reconstruction.
            substitutions=tuple(
                item
                for line, before in zip(after, own, strict=True)
                for item in line.substitutions
                if item.word not in before.misread
            ),
        )

    def _found(self, text: TextReference, reconstruction: RGB8) -> int:
        quads = [region.corners for region in text.regions if region.detected]
        if not quads:
            return 0
        height, width, _ = reconstruction.shape
        shares = covered_shares(quads, self.ocr.detect(reconstruction), height, width)
        return sum(share >= _FOUND for share in shares)


def _compare(regions: Sequence[Region], readings: Sequence[Reading]) -> list[LineErrors]:
    return [
        compare_line(region.written, reading, number)
        for number, (region, reading) in enumerate(zip(regions, readings, strict=True))
    ]
