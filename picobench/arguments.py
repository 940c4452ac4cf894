# SPDX-License-Identifier: BSD-3-Clause
"""Arguments of commands that are more than text: numbers in a range, and COLUMN=VALUE."""

import argparse
import math
from collections.abc import Callable


def whole_number(low: int) -> Callable[[str], int]:
    """The argparse type of a whole number that is at least `low`."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if value < low:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {low}")
        return value

    return parse


def number(low: float, high: float) -> Callable[[str], float]:
    """The argparse type of a number from `low` to `high`, both included."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {low:g} to {high:g}")
        return value

    return parse


def column_value(text: str) -> tuple[str, str]:
    """The argparse type of COLUMN=VALUE."""
    column, equals, value = text.partition("=")
    if not column or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not COLUMN=VALUE")
    return column, value
