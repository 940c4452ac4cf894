# SPDX-License-Identifier: BSD-3-Clause
"""Command lines from templates, and the declared parameters that fill them. There is no shell.

A template is a list. Each text is one argument, with `{name}` replaced by a value. A list inside it is a
group: it appears only where every parameter that it names is given.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from picobench.errors import DefinitionError
from picobench.yamlfile import did_you_mean

Template = Sequence[str | Sequence[str]]

_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
# No leading dash, so that a value cannot become an option; no path upwards.
_TEXT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:,+=-]*")


def placeholders(template: Template) -> set[str]:
    """The names that a template refers to."""
    return {name for part in _arguments(template) for name in _PLACEHOLDER.findall(part)}


def expand(template: Template, values: Mapping[str, Any]) -> list[str]:
    """The command line for these values.

    Raises:
        DefinitionError: A name outside a group has no value.
    """
    argv: list[str] = []
    for part in template:
        group = [part] if isinstance(part, str) else part
        missing = sorted(placeholders(group) - set(values))
        if missing and isinstance(part, str):
            raise DefinitionError(f"argument {part!r}: no value for {missing[0]!r}; give it as an option")
        if not missing:
            argv += [_PLACEHOLDER.sub(lambda match: _text(values[match[1]]), item) for item in group]
    return argv


def check_options(options: Mapping[str, Any], parameters: Mapping[str, Mapping[str, Any]]) -> None:
    """Check options against the parameters that a definition declares.

    Args:
        options: Names to values.
        parameters: Names to `type` ("integer", "number", "string") with `minimum`, `maximum`, or `choices`.

    Raises:
        DefinitionError: An option is unknown, of another type or out of range.
    """
    for name, value in options.items():
        if name not in parameters:
            raise DefinitionError(f"unknown option {name!r}{did_you_mean(name, sorted(parameters))}")
        _check_value(name, value, parameters[name])


def check_pattern(pattern: str) -> None:
    """Raise DefinitionError unless the pattern that finds a version is a regular expression with a group."""
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise DefinitionError(
            f"version: pattern {pattern!r} is no regular expression ({error}); correct it"
        ) from None
    if not groups:
        raise DefinitionError(f"version: pattern {pattern!r} has no group; put one around the version")


def _check_value(name: str, value: Any, parameter: Mapping[str, Any]) -> None:
    choices = parameter.get("choices")
    if choices is not None:
        if value not in choices or isinstance(value, bool):
            raise DefinitionError(
                f"option {name}: {value!r} is not known{did_you_mean(str(value), [str(x) for x in choices])}"
            )
        return
    kinds = {"integer": (int,), "number": (int, float), "string": (str,)}[parameter["type"]]
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise DefinitionError(f"option {name}: {value!r} is no {parameter['type']}; correct it")
    if isinstance(value, str):
        if not _TEXT.fullmatch(value):
            raise DefinitionError(
                f"option {name}: {value!r} holds characters that no option needs; correct it"
            )
        return
    low, high = parameter.get("minimum", -math.inf), parameter.get("maximum", math.inf)
    if not low <= value <= high or not math.isfinite(value):
        raise DefinitionError(f"option {name}: {value} is outside {low} to {high}; correct it")


def _arguments(template: Template) -> list[str]:
    return [item for part in template for item in ([part] if isinstance(part, str) else part)]


def _text(value: Any) -> str:
    # repr of a float is exact, and never in scientific notation between 1e-4 and 1e16.
    return repr(value) if isinstance(value, float) else str(value)
