# SPDX-License-Identifier: BSD-3-Clause
"""`truth.json`: what is written in the pictures of a dataset, and where."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from picobench.errors import StorageError
from picobench.files import read_json, write_json

TRUTH_FILE = "truth.json"
"""Its name in the dataset's folder."""

FORMAT = 1


@dataclass(frozen=True)
class TruthLine:
    """One line of text in a picture.

    Attributes:
        text: What it says, words separated by single spaces.
        box: Left, top, right and bottom of its ink in pixels; right and bottom are exclusive.
        script: Group of characters it is made of, as the dataset names it.
        x_height: Height of a small x in pixels.
        contrast: Difference in luma between ink and what it stands on, in grey levels.
        plate: Whether it stands on a plain plate; otherwise it stands on the photograph itself.
    """

    text: str
    box: tuple[int, int, int, int]
    script: str
    x_height: int
    contrast: int
    plate: bool


Truth = Mapping[str, Sequence[TruthLine]]
"""Lines by image name."""


def write_truth(path: Path, dataset: str, truth: Truth) -> None:
    """Write the lines of all pictures atomically; equal content gives equal bytes."""
    images = {image: [asdict(line) for line in lines] for image, lines in truth.items()}
    write_json(path, {"format": FORMAT, "dataset": dataset, "images": images})


def read_truth(path: Path) -> dict[str, tuple[TruthLine, ...]]:
    """Read a `truth.json`.

    Raises:
        StorageError: It is missing, damaged, or of a newer format.
    """
    document = read_json(path)
    try:
        if document["format"] > FORMAT:
            raise StorageError(
                f"{path}: format {document['format']} is newer than this picobench reads; update picobench"
            )
        return {image: tuple(map(_line, lines)) for image, lines in document["images"].items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StorageError(f"{path}: damaged ({error!r}); delete it and prepare the dataset again") from error


def _line(value: dict[str, Any]) -> TruthLine:
    left, top, right, bottom = value["box"]
    return TruthLine(**{**value, "box": (left, top, right, bottom)})
