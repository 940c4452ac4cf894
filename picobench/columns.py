# SPDX-License-Identifier: BSD-3-Clause
"""The header of a table that a user wrote."""

from collections.abc import Sequence

from picobench.yamlfile import did_you_mean

_SHOWN_CHARACTERS = 80


def columns_problem(header: Sequence[str], known: Sequence[str]) -> str:
    """What is wrong with the names of columns, as the end of an error line: one unknown, or twice there; else ""."""
    for name in header:
        shown = ascii(name[:_SHOWN_CHARACTERS])
        if name not in known:
            return f"unknown column {shown}{did_you_mean(name[:_SHOWN_CHARACTERS], list(known))}"
        if header.count(name) > 1:
            return f"the column {shown} is there twice; keep one of them"
    return ""
