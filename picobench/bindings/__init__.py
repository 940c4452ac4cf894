# SPDX-License-Identifier: BSD-3-Clause
"""Codecs of Python libraries, run in this process: found by name, imported only when asked for."""

from collections.abc import Callable
from importlib import import_module

from picobench.bindings._contract import Binding, Options, Parameter
from picobench.errors import CodecError, DefinitionError
from picobench.yamlfile import did_you_mean

__all__ = ["Binding", "Options", "Parameter", "get", "names"]

# Name of the binding: module of this package, function in it that makes the binding, package to install.
_REGISTRY = {
    "imagecodecs.avif": ("_imagecodecs", "avif", "imagecodecs"),
    "imagecodecs.jpegxl": ("_imagecodecs", "jpegxl", "imagecodecs"),
    "pillow.jpeg": ("_pillow", "jpeg", "pillow"),
    "pillow.jpeg2000": ("_pillow", "jpeg2000", "pillow"),
    "pillow.webp": ("_pillow", "webp", "pillow"),
    "pillow_heif.x265": ("_heif", "x265", "pillow-heif"),
    "pyav.svtav1": ("_svtav1", "svtav1", "av"),
}


def names() -> list[str]:
    """Names of all bindings, whether their libraries are installed or not."""
    return sorted(_REGISTRY)


def get(name: str) -> Binding:
    """The binding `name`; imports its library.

    Raises:
        DefinitionError: There is no such binding.
        CodecError: Its library is missing, or was built without the codec.
    """
    if name not in _REGISTRY:
        raise DefinitionError(f"unknown binding {name!r}{did_you_mean(name, names())}")
    module, function, package = _REGISTRY[name]
    try:
        make: Callable[[], Binding] = getattr(import_module(f"{__name__}.{module}"), function)
        return make()
    except ImportError as error:
        raise CodecError(f"{name} needs the Python package {package}: install it ({error})") from error
