# SPDX-License-Identifier: BSD-3-Clause
"""Blind mode: which tile size, if any, explains the steps in the error of one picture or of many?

Every line of the lattice of candidate borders is scored once (`strips.py`). A candidate size is as good as
the standardised sum of the scores of its borders, less what lines of their classes score. The best candidate
is judged against the best candidate of the same lines exchanged at random within their classes, which pays
for having tried all sizes (Westfall and Young, Resampling-Based Multiple Testing, Wiley 1993).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from picobench.diagnostics.seams.exchange import IntArray, tail_share
from picobench.diagnostics.seams.families import choose_lattice
from picobench.diagnostics.seams.grids import LATTICES, TileGrid, lattice_class
from picobench.diagnostics.seams.strips import BANDS, F32, F64, Lines, error_planes, without_trend
from picobench.errors import MetricError
from picobench.pixels import RGB8

SIZES = tuple(range(128, 1025, 8))
"""Tile sizes tried by default: all that a codec with 8-pixel blocks could use without padding its tiles."""

_MARGIN = max(BANDS[0].widths)
_AMBIGUOUS = TileGrid.square(2 * LATTICES[0])
_ROWS_PER_EDGE = 128
_EXCHANGES = 999
_SEED = 2025


@dataclass(frozen=True)
class LineScores:
    """What blind mode keeps of one picture: scores of the lines that candidate borders could be.

    Attributes:
        shape: (height, width) of the picture.
        vertical: Standardised scores of vertical lines, (lines, 6): bands by luma, chroma, both.
        horizontal: The same of horizontal lines.
        lattice: Period in pixels of the transform grids that lines are told apart by.
    """

    shape: tuple[int, int]
    vertical: F64
    horizontal: F64
    lattice: int


@dataclass(frozen=True)
class TileSize:
    """The tile size that fits best.

    Attributes:
        size: In pixels; None where no candidate has a border in any picture.
        p_value: Of "no candidate explains anything", corrected for trying them all.
        borders: Lines that the best candidate's grid has in the pictures.
        ranking: The five best candidates with their scores, best first. Sizes that share borders (a half, a
            double) follow the right one closely.
    """

    size: int | None
    p_value: float
    borders: int
    ranking: tuple[tuple[int, float], ...]


def score_lines(
    reference: RGB8, reconstruction: RGB8, step: int = 8, lattice: int | None = None
) -> LineScores:
    """Score every `step`-th line of a picture.

    Args:
        reference: (height, width, 3) uint8.
        reconstruction: Of the same shape.
        step: Greatest common divisor of the candidate borders, in pixels.
        lattice: See `measure_seams`; None: the one that it would take for tiles of 256 pixels, whose borders are the
            first that the largest blocks of a codec can be taken for. (Of tiles of 128, all are.)

    Raises:
        MetricError: The shapes differ.
    """
    planes = error_planes(reference, reconstruction)
    height, width, _ = planes.shape
    used = choose_lattice(_AMBIGUOUS, (height, width), _MARGIN) if lattice is None else lattice
    turned = planes.swapaxes(0, 1)
    return LineScores((height, width), _standard(planes, step, used), _standard(turned, step, used), used)


def find_tile_size(
    pictures: Iterable[LineScores],
    sizes: Sequence[int] = SIZES,
    origin: tuple[int, int] = (0, 0),
    step: int = 8,
) -> TileSize:
    """Find the square tile size that fits the steps of the pictures best.

    Args:
        pictures: From `score_lines`, all of one codec; evidence adds up over them.
        sizes: Candidates.
        origin: Where a tile starts (x, y) in every picture.
        step: That of `score_lines`; sizes and origin must be multiples of it.

    Raises:
        MetricError: A candidate does not fit `step`.
    """
    wrong = [value for value in (*sizes, *origin) if value % step]
    if wrong:
        raise MetricError(f"{wrong[0]} is no multiple of {step}; score lines with a step that divides it")
    generator = np.random.default_rng(_SEED)
    counts = np.zeros(len(sizes))
    sums = np.zeros((_EXCHANGES + 1, len(sizes), 6))
    for picture in pictures:
        height, width = picture.shape
        grids = [TileGrid.square(size, origin) for size in sizes]
        for scores, length, way in (
            (picture.vertical, width, grids),
            (picture.horizontal, height, [grid.transposed() for grid in grids]),
        ):
            if not len(scores):
                continue
            first = -(-_MARGIN // step)
            member = np.zeros((len(sizes), len(scores)))
            for row, grid in enumerate(way):
                member[row, grid.borders_x(length, _MARGIN) // step - first] = 1
            counts += member.sum(axis=1)
            positions = (first + np.arange(len(scores), dtype=np.int64)) * step
            classes = lattice_class(positions, picture.lattice)
            sums += np.einsum("sl,elc->esc", member, _exchanged(scores, classes, generator), optimize=True)
    tried = np.flatnonzero(counts)
    if not len(tried):
        return TileSize(None, 1.0, 0, ())
    quality = (sums[:, tried] / np.sqrt(counts[tried])[None, :, None]).max(axis=2)
    order = np.argsort(-quality[0], kind="stable")
    best = tried[order[0]]
    return TileSize(
        size=sizes[best],
        p_value=tail_share(quality.max(axis=1)),
        borders=int(counts[best]),
        ranking=tuple((sizes[tried[index]], float(quality[0, index])) for index in order[:5]),
    )


def _standard(planes: F32, step: int, lattice: int) -> F64:
    """Scores of every `step`-th vertical line less the median of their class, in robust deviations."""
    height, width, _ = planes.shape
    if width < 2 * _MARGIN:
        return np.zeros((0, 6))
    cuts = np.arange(_ROWS_PER_EDGE, height, _ROWS_PER_EDGE, dtype=np.int64)
    lines = Lines(np.ascontiguousarray(planes), cuts, 0, _MARGIN)
    first = -(-lines.first // step) * step
    columns = []
    for band in BANDS:
        every = without_trend(lines.scores(band))
        scores = every[first - lines.first :: step]
        classes = lattice_class(first + step * np.arange(len(scores), dtype=np.int64), lattice)
        luma, blue, red = _robust(scores, classes).T
        chroma = _robust((blue + red)[:, None], classes)[:, 0]
        columns += [luma, chroma, _robust((luma + chroma)[:, None], classes)[:, 0]]
    return np.stack(columns, axis=1)


def _robust(scores: F64, classes: IntArray) -> F64:
    centred = scores.copy()
    for kind in np.unique(classes):
        chosen = classes == kind
        centred[chosen] -= np.median(scores[chosen], axis=0)
    # 1.4826 median absolute deviations are a standard deviation of normal values.
    spread = 1.4826 * np.median(np.abs(centred), axis=0)
    return np.asarray(centred / np.where(spread > 0, spread, 1.0))


def _exchanged(scores: F64, classes: IntArray, generator: np.random.Generator) -> F64:
    """The scores themselves, then with lines exchanged within classes: (exchanges + 1, lines, 6)."""
    result = np.repeat(scores[None], _EXCHANGES + 1, axis=0)
    for kind in np.unique(classes):
        index = np.flatnonzero(classes == kind)
        order = np.argsort(generator.random((_EXCHANGES, len(index))), axis=1)
        result[1:, index] = scores[index[order]]
    return result
