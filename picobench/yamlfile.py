# SPDX-License-Identifier: BSD-3-Clause
"""YAML files read defensively and checked against a closed JSON Schema, with errors a user can act on."""

import difflib
from collections.abc import Hashable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from picobench.errors import DefinitionError

_MAXIMUM_BYTES = 4 << 20
_SCHEMAS = Path(__file__).resolve().parent.parent / "config" / "schemas"


class _Loader(yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader):  # type: ignore[misc]
    """Safe loader that also refuses repeated keys (a silent overwrite) and aliases (exponential growth)."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.constructor.ConstructorError(
                None, None, "aliases (*name) are not allowed", self.peek_event().start_mark
            )
        node: yaml.Node | None = super().compose_node(parent, index)
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable):
                if key in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"key {key!r} is given twice", key_node.start_mark
                    )
                seen.add(key)
        result: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return result


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file whose top level is a mapping.

    Raises:
        DefinitionError: The file is missing, too large, not UTF-8 or not such YAML; the line is named.
    """
    try:
        if path.stat().st_size > _MAXIMUM_BYTES:
            raise DefinitionError(
                f"{path}: larger than {_MAXIMUM_BYTES >> 20} MB; this is no definition file"
            )
        value = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506  a safe loader
    except FileNotFoundError:
        raise DefinitionError(f"{path}: no such file; check the name") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DefinitionError(f"{path}: cannot be read ({error}); it must be a UTF-8 text file") from None
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or type(error).__name__
        raise DefinitionError(f"{path}{place}: not valid YAML ({problem}); correct that line") from None
    if not isinstance(value, dict):
        raise DefinitionError(f"{path}: must be a mapping of keys to values; see the files beside it")
    return value


@cache
def _validator(schema: str) -> Any:
    import jsonschema  # not needed by jobs, whose definitions were checked before the run
    from referencing import Registry
    from referencing.jsonschema import DRAFT202012

    registry: Registry[Any] = Registry().with_resources(
        (path.name, DRAFT202012.create_resource(read_yaml(path))) for path in sorted(_SCHEMAS.glob("*.yaml"))
    )
    document = read_yaml(_SCHEMAS / f"{schema}.schema.yaml")
    return jsonschema.Draft202012Validator(document, registry=registry)


def validate(value: Mapping[str, Any], schema: str, source: str) -> None:
    """Check `value` against `config/schemas/<schema>.schema.yaml`.

    Args:
        value: The mapping to check.
        schema: Name of the schema, such as "codec".
        source: What to name in the error: the file.

    Raises:
        DefinitionError: The first problem found, as one line with the place and, for an unknown key or
            value, the nearest known one.
    """
    errors = sorted(
        _validator(schema).iter_errors(value), key=lambda error: [str(part) for part in error.path]
    )
    if errors:
        raise DefinitionError(_explain(_most_telling(errors), source))


def _most_telling(errors: list[Any]) -> Any:
    # A misspelt key also shows up as a missing required key: name the misspelling.
    for error in errors:
        if error.validator in {"additionalProperties", "unevaluatedProperties"}:
            return error
    error = errors[0]
    while error.context:
        error = min(error.context, key=lambda inner: -len(inner.path))
    return error


def _explain(error: Any, source: str) -> str:
    place = ".".join(str(part) for part in error.absolute_path)
    where = f"{source}: {place}" if place else source
    if error.validator in {"additionalProperties", "unevaluatedProperties"}:
        known = sorted(error.schema.get("properties", {}))
        unknown = [str(key) for key in error.instance if key not in known]
        inside = f" in {place!r}" if place else ""
        return f"{source}: unknown key {unknown[0]!r}{inside}{did_you_mean(unknown[0], known)}"
    if error.validator == "required":
        missing = [key for key in error.validator_value if key not in error.instance]
        return f"{where}: the key {missing[0]!r} is missing; add it"
    if error.validator == "enum":
        choices = [str(choice) for choice in error.validator_value]
        return f"{where}: {error.instance!r} is not known{did_you_mean(str(error.instance), choices)}"
    message = error.message if len(error.message) < 200 else error.message[:200] + "..."
    return f"{where}: {message}; correct it"


def did_you_mean(name: str, known: list[str]) -> str:
    """The end of an error line: the nearest known name, or the list of them."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known: {', '.join(known) or 'none'}"
