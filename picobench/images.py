# SPDX-License-Identifier: BSD-3-Clause
"""Container images of codecs: found in `containers/`, built, and compared with what they were built from.

`containers/<id>/Dockerfile` makes the image `picobench/<id>:latest`, or, where `images.yaml` stands beside
it, one image for each tag in it with that tag's build arguments. An image carries the digest of the recipe
that made it as a label, so that an image older than its recipe is seen.
"""

import os
import re
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from picobench.definitions import Definitions, codec_versions, read_codec
from picobench.errors import CodecError, DefinitionError
from picobench.files import content_key, sha256_file
from picobench.runners.docker import IMAGE_PREFIX
from picobench.yamlfile import did_you_mean, read_yaml

RECIPE_LABEL = "org.picobench.recipe"

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_ARGUMENT = re.compile(r"^ARG\s+([A-Z_]+)=(\S+)", re.MULTILINE)
_VARIABLE = re.compile(r"\$\{?([A-Z_]+)\}?")
_WEIGHTS = re.compile(r"^COPY\s+weights\s", re.MULTILINE)
_COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)
_PARENT = re.compile(rf"(?:^FROM\s+|--from=){re.escape(IMAGE_PREFIX)}(\S+)", re.MULTILINE)
# Building needs what the machine itself needs to reach the network; these are not kept in the image.
_PROXY_VARIABLES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_LOG_LINES = 25


@dataclass(frozen=True)
class Image:
    """An image that can be built.

    Attributes:
        folder: Of its Dockerfile.
        tag: Its tag.
        arguments: Build arguments.
        parents: Images of ours that the Dockerfile starts from or copies from.
    """

    folder: Path
    tag: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    parents: tuple["Image", ...] = ()

    @property
    def short_name(self) -> str:
        """As definitions name it: "av1:3.12"."""
        return f"{self.folder.name}:{self.tag}"

    @property
    def name(self) -> str:
        """As the engine names it: "picobench/av1:3.12"."""
        return IMAGE_PREFIX + self.short_name

    def recipe(self) -> str:
        """Digest of what goes into the build: the folder's files, the arguments, the parents' recipes."""
        files = {
            path.relative_to(self.folder).as_posix(): sha256_file(path)
            for path in _context_files(self.folder)
        }
        parents = {parent.name: parent.recipe() for parent in self.parents}
        return content_key({"files": files, "arguments": dict(self.arguments), "parents": parents})


def find_images(root: Path) -> list[Image]:
    """All images of `root`/containers, the base image first.

    Raises:
        DefinitionError: An images.yaml is wrong, or a Dockerfile starts from an image that nobody makes.
    """
    tags = {
        (dockerfile.parent, tag): arguments
        for dockerfile in sorted((root / "containers").glob("*/Dockerfile"))
        for tag, arguments in _tags(dockerfile.parent / "images.yaml").items()
    }
    found: dict[str, Image] = {}

    def add(folder: Path, tag: str, below: tuple[str, ...]) -> Image:
        name = f"{folder.name}:{tag}"
        dockerfile = folder / "Dockerfile"
        if name in below:
            raise DefinitionError(
                f"{dockerfile}: starts from itself by way of {', '.join(below)}; correct it"
            )
        if (folder, tag) not in tags:
            by_whom = f"{below[-1].partition(':')[0]}/Dockerfile" if below else str(dockerfile)
            raise DefinitionError(
                f"{folder.parent / by_whom}: {IMAGE_PREFIX}{name} is none of containers/; correct it"
            )
        if name not in found:
            arguments = tags[folder, tag]
            parents = tuple(
                add(folder.parent / parent, parent_tag, (*below, name))
                for parent, parent_tag in _parents(dockerfile, arguments)
            )
            found[name] = Image(folder, tag, arguments, parents)
        return found[name]

    for folder, tag in tags:
        add(folder, tag, ())
    return sorted(found.values(), key=lambda image: image.folder.name != "base")


def _tags(listing: Path) -> dict[str, dict[str, str]]:
    """Tags to build arguments."""
    tags = read_yaml(listing) if listing.is_file() else {"latest": {}}
    for tag, arguments in tags.items():
        if not isinstance(tag, str) or not _TAG.fullmatch(tag):
            raise DefinitionError(f'{listing}: {tag!r} is no tag; write it in quotes, such as "1.2"')
        if not isinstance(arguments, dict) or not all(isinstance(value, str) for value in arguments.values()):
            raise DefinitionError(f"{listing}: {tag}: build arguments must be texts; put them in quotes")
    return tags


def _parents(dockerfile: Path, arguments: Mapping[str, str]) -> list[tuple[str, str]]:
    """Folder and tag of each image of ours that a Dockerfile names."""
    text = _COMMENT.sub("", dockerfile.read_text(encoding="utf-8"))
    values = {**dict(_ARGUMENT.findall(text)), **arguments}
    names = [_VARIABLE.sub(lambda match: values.get(match[1], ""), name) for name in _PARENT.findall(text)]
    pairs = [name.partition(":") for name in dict.fromkeys(names)]
    return [(folder, tag or "latest") for folder, _, tag in pairs]


def select(images: list[Image], names: list[str]) -> list[Image]:
    """The images of those names ("av1" for all its tags, "av1:3.12" for one); all when there are none.

    Raises:
        DefinitionError: There is no such image.
    """
    if not names:
        return images
    known = sorted({image.folder.name for image in images} | {image.short_name for image in images})
    for name in names:
        if name not in known:
            raise DefinitionError(f"no image {name!r} in containers/{did_you_mean(name, known)}")
    return [image for image in images if {image.folder.name, image.short_name} & set(names)]


def with_parents(chosen: list[Image]) -> list[Image]:
    """`chosen` and what they start from, parents first."""
    ordered: dict[str, Image] = {}

    def add(image: Image) -> None:
        for parent in image.parents:
            add(parent)
        ordered.setdefault(image.name, image)

    for image in chosen:
        add(image)
    return list(ordered.values())


def codecs_by_image(definitions: Definitions) -> dict[str, list[str]]:
    """The codecs that run in each image, by its short name."""
    users: dict[str, list[str]] = {}
    for name in definitions.ids("codecs"):
        for codec_id in codec_versions(definitions, name):
            image = read_codec(definitions, codec_id).command.get("image", "")
            if image:
                users.setdefault(image, []).append(codec_id)
    return users


def missing_weights(image: Image, definitions: Definitions, codecs: list[str]) -> list[str]:
    """The weights that must be put beside the Dockerfile by hand and are not there, each with where to get it.

    Args:
        image: To be built.
        definitions: Where its codecs are defined.
        codecs: Those that run in it.
    """
    if not _WEIGHTS.search((image.folder / "Dockerfile").read_text(encoding="utf-8")):
        return []
    declared = {
        entry["file"]: entry["url"]
        for codec in codecs
        for entry in read_codec(definitions, codec).command.get("weights", [])
    }
    folder = image.folder / "weights"
    absent = [f"{folder / file} from {url}" for file, url in declared.items() if not (folder / file).exists()]
    return absent if absent or folder.is_dir() else [str(folder)]


def user_problem(user: str) -> str:
    """Why a container must not run as the user of an image's configuration; empty where it may.

    Args:
        user: `USER` of the image: "uid", "uid:gid", or names, which only the image can look up.
    """
    uid = user.partition(":")[0].strip()
    if uid in {"", "root"} or (uid.lstrip("+-").isdigit() and int(uid) == 0):
        return "runs as root; end its Dockerfile with USER 10001:10001"
    if not (uid.isascii() and uid.isdigit()):
        return f"runs as {user!r}, which may be root; end its Dockerfile with USER 10001:10001"
    return ""


def state(client: Any, image: Image) -> tuple[str, str]:
    """Whether an image is "current", "stale" (its recipe has changed) or "absent", and its digest."""
    import docker.errors

    try:
        built = client.images.get(image.name)
    except docker.errors.ImageNotFound:
        return "absent", ""
    recipe = (built.labels or {}).get(RECIPE_LABEL, "")
    return ("current" if recipe == image.recipe() else "stale"), built.id


def build(client: Any, image: Image) -> str:
    """Build an image with the host's network; returns its digest.

    Raises:
        CodecError: The build failed; ends with the last lines of its log.
    """
    proxies = {name: os.environ[name] for name in _PROXY_VARIABLES if name in os.environ}
    # On disk and not in memory: weights may be among the files.
    with tempfile.TemporaryFile() as context:
        _write_context(image.folder, context)
        stream = client.api.build(
            fileobj=context,
            custom_context=True,
            tag=image.name,
            buildargs={**image.arguments, **proxies},
            labels={RECIPE_LABEL: image.recipe()},
            network_mode="host",
            rm=True,
            forcerm=True,
            decode=True,
        )
        log: list[str] = []
        for message in stream:
            log += [line for line in str(message.get("stream", "")).splitlines() if line.strip()]
            if "error" in message:
                problem = f"{image.name} cannot be built: {message['error'].strip()}"
                raise CodecError("\n".join([f"{image.folder / 'Dockerfile'}: {problem}", *log[-_LOG_LINES:]]))
    built: str = client.images.get(image.name).id
    return built


def _context_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _write_context(folder: Path, stream: IO[bytes]) -> None:
    """The folder as a tar archive that depends on names and contents alone, not on times or owners."""
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for path in _context_files(folder):
            entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
            entry.size = path.stat().st_size
            entry.mode = 0o755 if os.access(path, os.X_OK) else 0o644
            with path.open("rb") as content:
                archive.addfile(entry, content)
    stream.seek(0)
