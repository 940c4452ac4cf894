# SPDX-License-Identifier: BSD-3-Clause
"""Named faults of a pipeline: what was found, what it costs, and from where on it counts as a fault."""

from dataclasses import dataclass

# Rises of PSNR, in dB, from which on a correction counts as the undoing of a fault.
RANGE_DB = 0.25
SHIFT_DB = 0.25
MATRIX_DB = 0.05
# Of single channels: R, G, B. Codecs quantise chroma coarsely, which moves red and blue and hardly green.
GAIN_DB = (0.5, 0.15, 0.5)
GAIN_SHARE = 0.01
# Share of the squared mean errors of areas that such a correction takes away.
EXPLAINED_SHARE = 0.2
# What a bias or gain does to a channel, over how unevenly mean errors are spread once it is undone.
EVENNESS = 1.8

# Mean errors of Y, Cb and Cr that codecs have by themselves; patterns of rounding are 0.5 apart.
OWN_LEVELS = 0.2
# The same of how luma's mean error rises from black to white; patterns are 1 apart.
OWN_RISE = 0.5
# How uncertain a picture's mean errors are, over how unevenly they are spread.
PATTERN_EVENNESS = 0.75
# How uncertain their rise is, over its standard error.
RISE_ERRORS = 6.0
MOST_UNCERTAIN_LEVELS = 1.0
CONFIDENCE = 0.99

SHIFT_PIXELS = 0.1
PADDING_PIXELS = 64
NEAR_LEVELS = 4.0

_FIXED = (
    f"and undoing it takes away {100 * EXPLAINED_SHARE:g} % of the squared mean errors of areas of 32 x 32 pixels: "
    "coarse quantisation may look like it in the whole, but is off by another amount in every area"
)
_OF_ROUNDING = (
    f"what is measured is within {OWN_LEVELS:g} levels ({OWN_RISE:g} for a rise from black to white), which codecs are "
    f"off by themselves, and its uncertainty, and no error is not. Uncertain is {PATTERN_EVENNESS:g} times what areas "
    f"of a picture differ by, and nothing is said above {MOST_UNCERTAIN_LEVELS - OWN_LEVELS:g} levels; over pictures "
    f"{100 * CONFIDENCE:g} % confidence by their spread"
)

THRESHOLDS = {
    "size": "any difference: a decoder must return the reference's dimensions",
    "padding": f"1 to {PADDING_PIXELS} rows or columns too many: blocks and strides of codecs reach up to 64",
    "bias": (
        f"a mean error of Y, Cb or Cr above {OWN_LEVELS:g} levels by more than its uncertainty, that no wrong rounding "
        f"explains: in a picture {EVENNESS:g} times what areas differ by, as coarse quantisation is off by another "
        f"amount in every area; over pictures {100 * CONFIDENCE:g} % confidence by their spread"
    ),
    "gain": (
        f"a contrast {100 * GAIN_SHARE:g} % off in a channel that costs it {GAIN_DB[0]:g} dB, or {GAIN_DB[1]:g} dB "
        f"if it is green, beyond the bias, and moves it by {EVENNESS:g} times what areas of the picture differ by"
    ),
    "shift": (
        f"{SHIFT_PIXELS:g} pixel and {SHIFT_DB:g} dB: chroma filters and lost details move edges, but moving them back "
        "gains less"
    ),
    "range_compressed": f"{RANGE_DB:g} dB, {_FIXED}",
    "range_expanded": f"{RANGE_DB:g} dB, {_FIXED}",
    "matrix_601_as_709": f"{MATRIX_DB:g} dB, {_FIXED}",
    "matrix_709_as_601": f"{MATRIX_DB:g} dB, {_FIXED}",
    "channel_order": f"{RANGE_DB:g} dB, {_FIXED}",
    "truncation": f"mean errors of R, G and B of -0.5 levels at every level: {_OF_ROUNDING}",
    "rounded_up": f"mean errors of R, G and B of +0.5 levels at every level: {_OF_ROUNDING}",
    "shifted_depth": (
        "a mean error that falls from 0 at black to -1 level at white, as bits shifted by 8 leave that should be "
        f"scaled by 257: {_OF_ROUNDING}"
    ),
    "chroma_truncation": f"mean errors of Cb and Cr of -0.5 levels, of Y of 0: {_OF_ROUNDING}",
    "ycbcr_truncation": f"mean errors of Y, Cb and Cr of -0.5 levels: {_OF_ROUNDING}",
    "double_truncation": f"mean errors of Cb and Cr of -0.5 levels, of Y of -1: {_OF_ROUNDING}",
    "rounding": f"several of these explain the mean errors: {_OF_ROUNDING}",
    "exact_copy": "every pixel equal to the reference, which is not all one colour: only a lossless codec returns that",
    "duplicate": (
        f"equal pixels, or means of 16 x 16 areas that differ by less than {NEAR_LEVELS:g} levels: two "
        "reconstructions of one picture do, different pictures differ by tens"
    ),
}
"""From where on each finding is raised, and why there."""


@dataclass(frozen=True)
class Finding:
    """A fault of a reconstruction, or of a set of them.

    Attributes:
        name: A key of `THRESHOLDS`.
        evidence: What was measured, one sentence with units.
        effect_db: How much PSNR would rise were the fault undone, in dB; None where that has no meaning
            (no PSNR without undoing it, or an infinite one).
        values: The numbers of the evidence by name.
    """

    name: str
    evidence: str
    effect_db: float | None
    values: tuple[tuple[str, float], ...] = ()

    @property
    def threshold(self) -> str:
        """From where on this finding is raised, and why there."""
        return THRESHOLDS[self.name]
