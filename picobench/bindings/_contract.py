# SPDX-License-Identifier: BSD-3-Clause
"""What a codec bound in process offers, and the checks that hold for every one of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from picobench.colour import ColourPath
from picobench.errors import CodecError, DefinitionError
from picobench.pixels import RGB8
from picobench.yamlfile import did_you_mean

Options = Mapping[str, Any]
"""The options of a codec merged with those of an operating point."""


@dataclass(frozen=True)
class Parameter:
    """One option that a binding accepts. All are required: a choice that changes the number has no default.

    Attributes:
        kind: Type of the value; float accepts whole numbers too, int and float accept no bool.
        meaning: What it does, with the unit.
        minimum, maximum: Closed interval of an int or float.
        choices: Allowed values of a str, or of an int with no interval.
    """

    kind: type[int] | type[float] | type[bool] | type[str]
    meaning: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str | int, ...] = ()

    def allowed(self) -> str:
        """The allowed values in words."""
        if self.kind is bool:
            return "true or false"
        if self.choices:
            return "one of " + ", ".join(str(choice) for choice in self.choices)
        noun = "a whole number" if self.kind is int else "a number"
        return f"{noun} from {self.minimum:g} to {self.maximum:g}"

    def accepts(self, value: object) -> bool:
        """Whether `value` has the type and lies among the allowed values."""
        if self.kind is bool or isinstance(value, bool):
            return self.kind is bool and isinstance(value, bool)
        if not isinstance(value, int | float if self.kind is float else self.kind):
            return False
        if self.choices:
            return value in self.choices
        if self.minimum is None or self.maximum is None or not isinstance(value, int | float):
            return False
        return self.minimum <= value <= self.maximum  # NaN fails both comparisons


@dataclass(frozen=True)
class Binding:
    """A codec in this process.

    Attributes:
        name: Such as "pillow.jpeg".
        extension: Of the bitstream's file name, without the dot.
        parameters: Every option it accepts.
        versions: Asks the libraries for their versions: all that determine the bytes and the pixels.
        encoder: Pixels and checked options to bitstream.
        decoder: Bitstream to pixels.
        describe: The library call, as text, that checked options lead to.
        colour_path: Our own conversion before the encoder, for checked options; None where the library takes RGB.
    """

    name: str
    extension: str
    parameters: Mapping[str, Parameter]
    versions: Callable[[], dict[str, str]]
    encoder: Callable[[RGB8, Options], bytes]
    decoder: Callable[[bytes], RGB8]
    describe: Callable[[Options], str]
    colour_path: Callable[[Options], ColourPath | None] = lambda options: None

    def check(self, options: Options) -> None:
        """Refuse options that are unknown, missing or out of range.

        Raises:
            DefinitionError: Names the option and says what is allowed.
        """
        for name, value in options.items():
            parameter = self.parameters.get(name)
            if parameter is None:
                hint = did_you_mean(str(name), sorted(self.parameters))
                raise DefinitionError(f"{self.name}: unknown option {name!r}{hint}")
            if not parameter.accepts(value):
                raise DefinitionError(
                    f"{self.name}: option {name!r} is {value!r}; it must be {parameter.allowed()}"
                )
        for name, parameter in self.parameters.items():
            if name not in options:
                raise DefinitionError(
                    f"{self.name}: the option {name!r} is missing; add it: {parameter.allowed()} "
                    f"({parameter.meaning})"
                )

    def encode(self, pixels: RGB8, options: Options) -> bytes:
        """Encode an image of shape (height, width, 3), dtype uint8, sRGB.

        Raises:
            CodecError: The pixels are not such an array, or the encoder failed.
            DefinitionError: An option is wrong.
        """
        self.check(options)
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
            raise CodecError(
                f"{self.name}: cannot encode an array of shape {pixels.shape} and type {pixels.dtype}; "
                "convert it to (height, width, 3) of uint8"
            )
        try:
            return self.encoder(np.ascontiguousarray(pixels), options)
        except Exception as error:  # whatever a library raises
            size = f"{pixels.shape[1]}x{pixels.shape[0]}"
            raise CodecError(f"{self.name}: cannot encode a picture of {size}: {_reason(error)}") from error

    def decode(self, bitstream: bytes) -> RGB8:
        """Decode to shape (height, width, 3), dtype uint8, sRGB, from nothing but the bitstream.

        Raises:
            CodecError: The bitstream is damaged or is not one of this binding.
        """
        try:
            pixels = self.decoder(bitstream)
        except Exception as error:  # whatever a library raises
            raise CodecError(
                f"{self.name}: cannot decode this bitstream of {len(bitstream)} bytes: {_reason(error)}; "
                "encode the picture again"
            ) from error
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
            raise CodecError(f"{self.name}: decoded to shape {pixels.shape} and type {pixels.dtype}, not RGB")
        return pixels

    def call(self, options: Options) -> str:
        """The library call as text, for the record of how a bitstream came to be."""
        self.check(options)
        return self.describe(options)


def call_text(function: str, *arguments: str, **keywords: object) -> str:
    """A Python call as text."""
    return f"{function}({', '.join([*arguments, *(f'{key}={value!r}' for key, value in keywords.items())])})"


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
