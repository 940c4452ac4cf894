# SPDX-License-Identifier: BSD-3-Clause
"""File-name patterns such as `{image}/{codec}.png` or `rate{point}/{image}_{bpp}bpp.png`."""

import re
from dataclasses import dataclass

from picobench.errors import DatasetError
from picobench.yamlfile import did_you_mean

_FIELDS = {
    "image": r"[^/]+?",
    "codec": r"[A-Za-z0-9][A-Za-z0-9._-]*?",
    "point": r"[A-Za-z0-9][A-Za-z0-9._-]*?",
    "bpp": r"[0-9]+(?:\.[0-9]+)?",
}
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Pattern:
    """A pattern for the whole relative path of a picture; `*` stands for anything but `/`."""

    text: str
    expression: re.Pattern[str]

    def match(self, path: str) -> dict[str, str] | None:
        """The fields of a path that fits, else None."""
        found = self.expression.fullmatch(path)
        return None if found is None else found.groupdict()


def parse_pattern(text: str, required: tuple[str, ...] = ("image",)) -> Pattern:
    """Parse a pattern.

    Args:
        text: The pattern; its placeholders are {image}, {codec}, {point} and {bpp}.
        required: Placeholders that it must have.

    Raises:
        DatasetError: A placeholder is unknown, twice there or missing.
    """
    names = _PLACEHOLDER.findall(text)
    for name in names:
        if name not in _FIELDS:
            raise DatasetError(
                f"pattern {text!r}: no placeholder {name!r}{did_you_mean(name, list(_FIELDS))}"
            )
        if names.count(name) > 1:
            raise DatasetError(f"pattern {text!r}: {{{name}}} is there twice; write * for one of them")
    for name in required:
        if name not in names:
            raise DatasetError(f"pattern {text!r}: {{{name}}} is missing; add it where the path has it")
    parts = _PLACEHOLDER.split(text)
    # Text and names of placeholders take turns.
    expression = "".join(
        f"(?P<{part}>{_FIELDS[part]})" if index % 2 else re.escape(part).replace(r"\*", "[^/]*")
        for index, part in enumerate(parts)
    )
    return Pattern(text, re.compile(expression))
