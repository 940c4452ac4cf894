# SPDX-License-Identifier: BSD-3-Clause
"""Named faults of a pipeline: what was found, what it costs, and from where on it counts as a fault."""

from dataclasses import dataclass

# Rises of PSNR, in dB, from which on a correction counts as the undoing of a fault.
RANGE_DB = 0.25
SHIFT_DB = 0.25
MATRIX_DB = 0.05
# Of single channels: R, G, B. Codecs quantise chroma coarsely, which moves red and blue and hardly green.
BIAS_DB = (0.25, 0.1, 0.25)
GAIN_DB = (0.5, 0.15, 0.5)

BIAS_LEVELS = 1.0
GAIN_SHARE = 0.01
# What a bias or gain does to a channel, over how unevenly mean errors are spread once it is undone.
EVENNESS = 1.6
# Around -0.5 levels, of R, G, B.
TRUNCATION_LEVELS = (0.4, 0.25, 0.4)
CHROMA_TRUNCATION_LEVELS = 0.2
LUMA_LEVELS = 0.25
SHIFT_PIXELS = 0.1
PADDING_PIXELS = 64
NEAR_LEVELS = 4.0

THRESHOLDS = {
    "size": "any difference: a decoder must return the reference's dimensions",
    "padding": f"1 to {PADDING_PIXELS} rows or columns too many: blocks and strides of codecs reach up to 64",
    "bias": (
        f"a mean error of {BIAS_LEVELS:g} grey level in a channel, which no wrong rounding of RGB or YCbCr "
        f"reaches (0.9 at most), that costs the channel {BIAS_DB[0]:g} dB, or {BIAS_DB[1]:g} dB if it is green, "
        f"and that is {EVENNESS:g} times what areas of the picture differ by: coarse quantisation is off "
        "by another amount in every area"
    ),
    "gain": (
        f"a contrast {100 * GAIN_SHARE:g} % off in a channel that costs it {GAIN_DB[0]:g} dB, or {GAIN_DB[1]:g} dB "
        f"if it is green, beyond the bias, and moves it by {EVENNESS:g} times what areas of the picture differ by"
    ),
    "shift": (
        f"{SHIFT_PIXELS:g} pixel and {SHIFT_DB:g} dB: chroma filters and lost details of good codecs stay below both"
    ),
    "range_compressed": f"{RANGE_DB:g} dB: undoing it costs a good reconstruction at least 0.8 dB",
    "range_expanded": f"{RANGE_DB:g} dB: undoing it costs a good reconstruction at least 0.4 dB",
    "matrix_601_as_709": f"{MATRIX_DB:g} dB: undoing it never helped a good reconstruction",
    "matrix_709_as_601": f"{MATRIX_DB:g} dB: undoing it never helped a good reconstruction",
    "channel_order": f"{RANGE_DB:g} dB: undoing it costs a good reconstruction at least 0.5 dB",
    "truncation": (
        f"mean error within {TRUNCATION_LEVELS[1]:g} of -0.5 levels in green and within {TRUNCATION_LEVELS[0]:g} in "
        "red and blue: rounding to the nearest leaves 0, which coarse quantisation of chroma moves by some tenths in "
        "red and blue and hardly in green; no good reconstruction came into all three ranges"
    ),
    "chroma_truncation": (
        f"mean error of Cb and Cr within {CHROMA_TRUNCATION_LEVELS:g} of -0.45 levels, what 8-bit conversions leave "
        f"that round colour differences down, and that of luma within {LUMA_LEVELS:g} of 0"
    ),
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
