# SPDX-License-Identifier: BSD-3-Clause
"""Definitions of codecs, datasets and metrics: found in the project's folders, read, checked.

`codecs/<id>.yaml`, `datasets/<id>.yaml` and `metrics/<id>.yaml` of the project, then of each folder that
the configuration names under `definitions`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from picobench.errors import DefinitionError
from picobench.yamlfile import did_you_mean, read_yaml, validate

Kind = Literal["codecs", "datasets", "metrics"]
_SCHEMA: dict[Kind, str] = {"codecs": "codec", "datasets": "dataset", "metrics": "metric"}


@dataclass(frozen=True)
class Definitions:
    """The folders that hold definitions.

    Attributes:
        root: The project's folder, with `codecs/`, `datasets/` and `metrics/` in it.
        extra: A user's own folders of the same shape.
    """

    root: Path
    extra: tuple[Path, ...] = ()

    def ids(self, kind: Kind) -> list[str]:
        """All ids of a kind, sorted."""
        return sorted({path.stem for base in self._folders(kind) for path in base.glob("*.yaml")})

    def path(self, kind: Kind, name: str) -> Path:
        """The file that defines `name`.

        Raises:
            DefinitionError: There is none, or more than one.
        """
        found = [base / f"{name}.yaml" for base in self._folders(kind) if (base / f"{name}.yaml").is_file()]
        if not found:
            noun = _SCHEMA[kind]
            raise DefinitionError(f"unknown {noun} {name!r}{did_you_mean(name, self.ids(kind))}")
        if len(found) > 1:
            raise DefinitionError(
                f"{found[1]}: {name!r} is defined already in {found[0]}; give it another id"
            )
        return found[0]

    def read(self, kind: Kind, name: str, *, check: bool = True) -> dict[str, Any]:
        """The definition of `name` as a mapping.

        Args:
            kind: Folder to look in.
            name: The id.
            check: Whether to check it against the schema. Jobs do not: it was done before the run.

        Raises:
            DefinitionError: The definition is missing or wrong.
        """
        path = self.path(kind, name)
        value = read_yaml(path)
        if check:
            validate(value, _SCHEMA[kind], str(path))
            if value["id"] != name:
                raise DefinitionError(
                    f"{path}: the id is {value['id']!r}; it must be the file's name, {name!r}"
                )
        return value

    def _folders(self, kind: Kind) -> list[Path]:
        return [base / kind for base in (self.root, *self.extra)]


@dataclass(frozen=True)
class Codec:
    """A codec as the workflow sees it: one version of one definition.

    Attributes:
        id: `<id>` or `<id>@<version>`.
        points: Operating point names to the options that they add to `options`.
        encode_seconds, decode_seconds: Expected, for one megapixel.
        timeout_seconds: Limit for one call on one image; None for a generous multiple of what is expected.
        text: What the report shows: homepage, licence, citation, notes.
        sha256: Digest of the definition's file.
    """

    id: str
    label: str
    adapter: str
    binding: str
    command: Mapping[str, Any]
    options: Mapping[str, Any]
    points: Mapping[str, Mapping[str, Any]]
    encode_seconds: float
    decode_seconds: float
    timeout_seconds: float | None
    deterministic: bool
    text: Mapping[str, str] = field(default_factory=dict)
    sha256: str = ""

    def point_options(self, point: str) -> dict[str, Any]:
        """The options that encoder and decoder get at an operating point.

        Raises:
            DefinitionError: There is no such point.
        """
        if point not in self.points:
            raise DefinitionError(
                f"codec {self.id}: no point {point!r}{did_you_mean(point, list(self.points))}"
            )
        return {**self.options, **self.points[point]}


def codec_versions(definitions: Definitions, name: str) -> list[str]:
    """The ids that `name` stands for: itself, or one `id@version` for each version it lists."""
    if "@" in name:
        return [name]
    versions = definitions.read("codecs", name).get("versions", {})
    return [f"{name}@{version}" for version in versions] or [name]


def read_codec(definitions: Definitions, name: str, *, check: bool = True) -> Codec:
    """Read the codec `id` or `id@version`.

    Raises:
        DefinitionError: The definition is missing or wrong, or lists no such version.
    """
    base, _, version = name.partition("@")
    raw = definitions.read("codecs", base, check=check)
    changes: Mapping[str, Any] = {}
    versions = raw.get("versions", {})
    if version:
        if version not in versions:
            raise DefinitionError(
                f"codec {base}: no version {version!r}{did_you_mean(version, list(versions))}"
            )
        changes = versions[version]
    elif versions:
        raise DefinitionError(f"codec {base} has versions: name one, such as {base}@{next(iter(versions))}")
    seconds = raw["seconds_per_megapixel"]
    text: dict[str, str] = {
        key: raw[key] for key in ("homepage", "licence", "citation", "notes") if key in raw
    }
    return Codec(
        id=name,
        label=changes.get("label", f"{raw['label']} {version}".strip()),
        adapter=raw["adapter"],
        binding=raw.get("binding", ""),
        command={**raw.get("command", {}), **changes.get("command", {})},
        options={**raw.get("options", {}), **changes.get("options", {})},
        points=raw["points"],
        encode_seconds=seconds["encode"],
        decode_seconds=seconds["decode"],
        timeout_seconds=raw.get("timeout_seconds"),
        deterministic=raw.get("deterministic", True),
        text={**text, **({"notes": changes["notes"]} if "notes" in changes else {})},
        sha256=hashlib.sha256(definitions.path("codecs", base).read_bytes()).hexdigest(),
    )
