# SPDX-License-Identifier: BSD-3-Clause
"""The one exception of normalisation."""

from picobench.errors import DatasetError


class RefusedPictureError(DatasetError):
    """A picture cannot become 8-bit sRGB without guessing.

    The message is the reason and what to do, without the picture's name: whoever knows it puts it in front.
    """
