# SPDX-License-Identifier: BSD-3-Clause
"""Definitions of codecs, datasets, metrics, published curves and studies: found, read, checked.

`codecs/<id>.yaml`, `datasets/<id>.yaml`, `metrics/<id>.yaml`, `curves/<id>.yaml` and `studies/<id>.yaml` of the
project, then of each folder that the configuration names under `definitions`.
"""

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from picobench.errors import DefinitionError
from picobench.yamlfile import did_you_mean, read_yaml, validate

Kind = Literal["codecs", "datasets", "metrics", "curves", "studies"]
_SCHEMA: dict[Kind, str] = {
    "codecs": "codec",
    "datasets": "dataset",
    "metrics": "metric",
    "curves": "curve",
    "studies": "study",
}


_TILED = "tiled:"


@dataclass(frozen=True)
class Definitions:
    """The folders that hold definitions.

    Attributes:
        root: The project's folder, with `codecs/`, `datasets/` and `metrics/` in it.
        extra: A user's own folders of the same shape.
        mirrors: Folders that hold files others published, by the name of the dataset or collection.
    """

    root: Path
    extra: tuple[Path, ...] = ()
    mirrors: Mapping[str, Sequence[Path]] = field(default_factory=dict)

    def mirrors_of(self, name: str) -> list[Path]:
        """Folders to look in before anything is downloaded: the configuration's, then the environment's."""
        named = os.environ.get("PICOBENCH_MIRRORS", "")
        return [*self.mirrors.get(name, ()), *(Path(part) for part in named.split(os.pathsep) if part)]

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


def definitions_of(root: Path, config: Mapping[str, Any]) -> Definitions:
    """The definitions that a configuration (valid) sees: the project's and the user's own, and its mirrors."""
    return Definitions(
        root,
        tuple(Path(folder).expanduser() for folder in config.get("definitions", [])),
        {
            name: tuple(Path(folder).expanduser() for folder in folders)
            for name, folders in config.get("mirrors", {}).items()
        },
    )


@dataclass(frozen=True)
class Codec:
    """A codec as the workflow sees it: one version of one definition.

    Attributes:
        id: `<id>` or `<id>@<version>`.
        points: Operating point names to the options that they add to `options`.
        encode_seconds, decode_seconds: Expected, for one megapixel.
        reconstructions: For published pictures: manifest, collection, and folders that may hold it.
        tiled: For `tiled:` codecs: the codec that is run on tiles, and how pictures are cut.
        timeout_seconds: Limit for one call on one image; None for a generous multiple of what is expected.
        implements: Id of the codec that this is an implementation of, for claims about that one; "" for none.
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
    reconstructions: Mapping[str, Any] = field(default_factory=dict)
    tiled: "Tiling | None" = None
    implements: str = ""

    @property
    def trust(self) -> str:
        """Trust level of its numbers."""
        return "published reconstruction" if self.adapter == "reconstructions" else "decoded"

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


@dataclass(frozen=True)
class Tiling:
    """How `tiled:<codec>:<size>[+<padding>]` cuts pictures: size of tiles and context on each side, in pixels."""

    codec: Codec
    size: int
    padding: int


def codec_versions(definitions: Definitions, name: str) -> list[str]:
    """The ids that `name` stands for: itself, or one `id@version` for each version it lists."""
    if name.startswith(_TILED):
        inner, cut = _split_tiled(name)
        return [f"{_TILED}{version}:{cut}" for version in codec_versions(definitions, inner)]
    if "@" in name:
        return [name]
    versions = definitions.read("codecs", name).get("versions", {})
    return [f"{name}@{version}" for version in versions] or [name]


def read_codec(definitions: Definitions, name: str, *, check: bool = True) -> Codec:
    """Read the codec `id` or `id@version`, or `tiled:` and one of these.

    Raises:
        DefinitionError: The definition is missing or wrong, or lists no such version.
    """
    if name.startswith(_TILED):
        return _read_tiled(definitions, name, check=check)
    base, _, version = name.partition("@")
    raw = definitions.read("codecs", base, check=check)
    if check and "implements" in raw:
        definitions.path("codecs", raw["implements"])
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
    chosen = {**raw, **changes}
    seconds = chosen["seconds_per_megapixel"]
    text: dict[str, str] = {
        key: chosen[key] for key in ("homepage", "licence", "citation", "notes") if key in chosen
    }
    reconstructions = _reconstructions(definitions, base, chosen)
    is_program = chosen["adapter"] == "command"
    return Codec(
        id=name,
        label=changes.get("label", f"{raw['label']} {version}".strip()),
        adapter=chosen["adapter"],
        binding=raw.get("binding", ""),
        command={**raw.get("command", {}), **changes.get("command", {})} if is_program else {},
        options={**raw.get("options", {}), **changes.get("options", {})},
        points=_points(name, chosen, reconstructions),
        encode_seconds=seconds["encode"],
        decode_seconds=seconds["decode"],
        timeout_seconds=raw.get("timeout_seconds"),
        deterministic=raw.get("deterministic", True),
        text=text,
        sha256=hashlib.sha256(definitions.path("codecs", base).read_bytes()).hexdigest(),
        reconstructions=reconstructions,
        implements=raw.get("implements", ""),
    )


def _split_tiled(name: str) -> tuple[str, str]:
    inner, _, cut = name.removeprefix(_TILED).rpartition(":")
    if not inner or inner.startswith(_TILED) or not re.fullmatch(r"[1-9][0-9]{0,4}(\+[0-9]{1,4})?", cut):
        raise DefinitionError(
            f"codec {name}: write tiled:<codec>:<size> or tiled:<codec>:<size>+<padding>, such as tiled:jpeg:504+4"
        )
    return inner, cut


def _read_tiled(definitions: Definitions, name: str, *, check: bool) -> Codec:
    inner_name, cut = _split_tiled(name)
    inner = read_codec(definitions, inner_name, check=check)
    if inner.adapter == "reconstructions":
        raise DefinitionError(
            f"codec {name}: published pictures cannot be coded again; name a codec that runs"
        )
    size, padding = (int(part or 0) for part in cut.partition("+")[::2])
    more_pixels = ((size + 2 * padding) / size) ** 2
    context = f", {padding} px of context" if padding else ""
    return replace(
        inner,
        id=name,
        label=f"{inner.label}, tiles of {size} px{context}",
        adapter="tiled",
        encode_seconds=inner.encode_seconds * more_pixels,
        decode_seconds=inner.decode_seconds * more_pixels,
        tiled=Tiling(inner, size, padding),
        implements="",
    )


def _reconstructions(definitions: Definitions, base: str, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The block with its manifest looked up, and with the folders that may hold the pictures."""
    if chosen["adapter"] != "reconstructions":
        return {}
    block = chosen.get("reconstructions")
    if block is None:
        raise DefinitionError(f"codec {base}: the adapter reconstructions needs a block of that name; add it")
    beside = definitions.path("codecs", base).parent
    places = [beside, *(folder / "codecs" for folder in definitions.extra)]
    manifests = [place / block["manifest"] for place in places]
    manifest = next((path for path in manifests if path.is_file()), manifests[0])
    folders = definitions.mirrors_of(block["collection"])
    return {**block, "manifest": str(manifest), "folders": [str(folder) for folder in folders]}


def _points(
    name: str, chosen: Mapping[str, Any], reconstructions: Mapping[str, Any]
) -> Mapping[str, Mapping[str, Any]]:
    if reconstructions:
        # Which points there are is the manifest's to say; where there is none yet, its adapter says so.
        from picobench.manifest import published_points  # not needed by jobs of other codecs

        manifest = Path(reconstructions["manifest"])
        return published_points(manifest, reconstructions["codec"]) if manifest.is_file() else {}
    points: Mapping[str, Mapping[str, Any]] = chosen.get("points", {})
    if not points:
        raise DefinitionError(f"codec {name}: has no operating points; add them under points")
    return points
