# SPDX-License-Identifier: BSD-3-Clause
"""Detector and recogniser of text: RapidOCR with the models that come in its package, on one thread.

The models (PP-OCRv6 small, by PaddleOCR, Apache-2.0) know Latin letters with and without accents, digits,
Chinese and Japanese; no Cyrillic, Arabic or Indic scripts, whose letters they take for similar Latin ones.
"""

from collections.abc import Sequence
from functools import cached_property
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from picobench.diagnostics.text.errors import Reading, make_reading
from picobench.diagnostics.text.regions import Quad
from picobench.errors import MetricError
from picobench.files import sha256_file
from picobench.pixels import RGB8

# Other models read with other errors: numbers are comparable for these alone.
_MODELS = {
    "Det": ("PP-OCRv6_det_small.onnx", "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f"),
    "Rec": ("PP-OCRv6_rec_small.onnx", "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884"),
}

# Pictures with a longer side are scaled down to it before the detector sees them (RapidOCR's own limit, 2000,
# would do so to most photographs and lose small text); lines are read from the full picture in any case.
_LONGEST_SIDE = 4096


class Ocr(Protocol):
    """What the diagnostic needs of a detector and recogniser."""

    @property
    def identity(self) -> str:
        """Everything that its results depend on, in words."""

    def detect(self, pixels: RGB8) -> tuple[Quad, ...]:
        """Lines of text in a picture of shape (height, width, 3), in reading order."""

    def read(self, pixels: RGB8, quads: Sequence[Quad]) -> tuple[Reading, ...]:
        """What is written in each of `quads`."""


class RapidOcr:
    """RapidOCR: deterministic on one machine; another processor may differ in the last digit of a confidence.

    Raises:
        MetricError: The package is missing, or holds other models.
    """

    def __init__(self) -> None:
        try:
            self._package = import_module("rapidocr")
            self._version, runtime = version("rapidocr"), version("onnxruntime")
            import_module("cv2").setNumThreads(1)
        except (ImportError, PackageNotFoundError) as error:
            raise MetricError(
                f"the text diagnostic needs the packages rapidocr and onnxruntime: install them ({error})"
            ) from error
        self.identity = f"rapidocr {self._version}, onnxruntime {runtime}, PP-OCRv6 small"

    def detect(self, pixels: RGB8) -> tuple[Quad, ...]:
        """Lines of text; see `Ocr`. Corners are rounded to a tenth of a pixel."""
        boxes = self._detector(_bgr(pixels)).boxes
        if boxes is None:
            return ()
        return tuple(tuple((round(float(x), 1), round(float(y), 1)) for x, y in box) for box in boxes)

    def read(self, pixels: RGB8, quads: Sequence[Quad]) -> tuple[Reading, ...]:
        """What is written in each of `quads`; see `Ocr`. Lines are read one by one: none affects another."""
        picture = _bgr(pixels)
        crop = import_module("rapidocr.utils.process_img").get_rotate_crop_image
        readings = []
        for quad in quads:
            part = crop(picture, np.array(quad, dtype=np.float32))
            result = self._recogniser(part, return_word_box=True)
            text = result.txts[0] if result.txts else ""
            readings.append(make_reading(text, result.word_results[0].confs if text else ()))
        return tuple(readings)

    @cached_property
    def _detector(self) -> Any:
        return self._engine(use_det=True, use_rec=False)

    @cached_property
    def _recogniser(self) -> Any:
        return self._engine(use_det=False, use_rec=True)

    def _engine(self, **parts: bool) -> Any:
        threads = {f"EngineConfig.onnxruntime.{scope}_op_num_threads": 1 for scope in ("intra", "inter")}
        options = {
            **threads,
            **{f"Global.{name}": value for name, value in parts.items()},
            **{f"{part}.model_path": str(self._model(part)) for part in _MODELS},
            # Photographs are taken upright; the classifier for text upside down errs on short words.
            "Global.use_cls": False,
            "Global.max_side_len": _LONGEST_SIDE,
            "Global.log_level": "critical",
            # A batch is padded to its longest line, which changes what is read in the others.
            "Rec.rec_batch_num": 1,
        }
        return self._package.RapidOCR(params=options)

    def _model(self, part: str) -> Path:
        name, sha256 = _MODELS[part]
        path = Path(str(self._package.__file__)).parent / "models" / name
        if not path.is_file() or sha256_file(path) != sha256:
            raise MetricError(
                f"{path}: missing in rapidocr {self._version}, or another model than the one numbers are "
                "comparable for; install the version of requirements.lock"
            )
        return path


def _bgr(pixels: RGB8) -> RGB8:
    return np.ascontiguousarray(pixels[:, :, ::-1])
