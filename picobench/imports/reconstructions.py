# SPDX-License-Identifier: BSD-3-Clause
"""From published pictures and rates to a manifest, with a list of everything that did not fit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from picobench.datasets.names import image_name, printable
from picobench.datasets.normalise import normalise
from picobench.datasets.refused import RefusedPictureError
from picobench.errors import DatasetError
from picobench.files import sha256_bytes
from picobench.imports.patterns import Pattern
from picobench.imports.pictures import read_pictures
from picobench.imports.rates import Defaults, FileList, Key, Rate
from picobench.manifest import Published, rate_problem
from picobench.pixels import pixels_digest


@dataclass(frozen=True)
class Reference:
    """A reference picture: width and height in pixels, and digest of the pixels."""

    width: int
    height: int
    sha256: str


@dataclass
class Findings:
    """What an import found.

    Attributes:
        rows: Rows of the manifest, by codec, image, point; those refused say why.
        references: Reference pictures by image.
        unmatched: Pictures whose path fits no pattern, or is not in the table of files.
        duplicates: Further pictures of what there is one of already.
        without_rate: Pictures that no rate was published for; not in the manifest.
        without_picture: Rates without a picture.
        links: Links, which are not followed.
        converted: Reconstructions that are no 8-bit sRGB, and what makes them so; the files stay as they are.
    """

    rows: dict[Key, Published] = field(default_factory=dict)
    references: dict[str, Reference] = field(default_factory=dict)
    unmatched: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    without_rate: list[str] = field(default_factory=list)
    without_picture: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    converted: list[str] = field(default_factory=list)

    @property
    def refused(self) -> list[Published]:
        """Rows that are not used."""
        return [row for row in self.rows.values() if row.refused]


@dataclass(frozen=True)
class Request:
    """What to import.

    Attributes:
        source: Folder or zip archive of the pictures.
        paths: What the paths of reconstructions mean.
        rates: Published rates by codec, image, point; empty where paths carry them.
        defaults: Codec and point where paths do not name them.
        reference_pattern: For the paths of references inside `source`.
        references: A folder of references, `<image>.png` and the like.
    """

    source: Path
    paths: Pattern | FileList
    rates: Mapping[Key, Rate]
    defaults: Defaults
    reference_pattern: Pattern | None = None
    references: Path | None = None


def gather(request: Request) -> Findings:
    """Read every picture, match it with its rate and its reference, and list what does not fit.

    A picture is refused, never changed, when its SHA-256 is not the one published with its rate, it cannot be read
    as 8-bit sRGB, is not of its reference's size, or has a rate that no picture of its size can have (see
    `rate_problem`).

    Raises:
        DatasetError: The source or the references cannot be read, or nothing matched.
    """
    findings = Findings()
    if request.references is not None:
        for path, data in read_pictures(request.references, findings.links):
            _add_reference(findings, path, image_name(Path(path).name), data)
    found: dict[Key, list[_Candidate]] = {}
    for path, data in read_pictures(request.source, findings.links):
        if request.reference_pattern and (fields := request.reference_pattern.match(path)):
            _add_reference(findings, path, image_name(fields["image"]), data)
        elif (fields := request.paths.match(path)) is not None:
            key = (
                fields.get("codec") or request.defaults.codec,
                fields["image"],
                fields.get("point") or request.defaults.point,
            )
            found.setdefault(key, []).append(_candidate(path, data, fields.get("bpp", "")))
        else:
            findings.unmatched.append(printable(path))
    for key, candidates in found.items():
        _add(findings, request, key, candidates)
    findings.without_picture += [
        printable(" ".join(key) + (f": {rate.file}" if rate.file else ""))
        for key, rate in request.rates.items()
        if key not in found
    ]
    if not findings.rows:
        raise DatasetError(
            f"{request.source}: no picture matches {request.paths.text!r} and has a rate; correct one of them "
            f"(first path: {(findings.unmatched or findings.without_rate or ['none'])[0]})"
        )
    return findings


@dataclass(frozen=True)
class _Candidate:
    path: str
    sha256: str
    width: int
    height: int
    bpp: str
    problem: str
    conversions: tuple[str, ...] = ()


def _candidate(path: str, data: bytes, bpp: str) -> _Candidate:
    digest = sha256_bytes(data)
    try:
        result = normalise(data)
    except RefusedPictureError as error:
        return _Candidate(path, digest, 1, 1, bpp, str(error))
    height, width, _ = result.pixels.shape
    return _Candidate(path, digest, width, height, bpp, "", result.conversions)


def _add_reference(findings: Findings, path: str, image: str, data: bytes) -> None:
    if image in findings.references:
        raise DatasetError(f"{printable(path)}: a second reference of {image!r}; keep one of them")
    try:
        pixels = normalise(data).pixels
    except RefusedPictureError as error:
        raise DatasetError(f"reference {printable(path)}: {error}") from None
    findings.references[image] = Reference(pixels.shape[1], pixels.shape[0], pixels_digest(pixels))


def _add(findings: Findings, request: Request, key: Key, candidates: list[_Candidate]) -> None:
    codec, image, point = key
    first, *others = candidates
    name = image_name(image)
    differing = [other.path for other in others if other.sha256 != first.sha256]
    findings.duplicates += [f"{printable(other.path)}: like {printable(first.path)}" for other in others]
    rate = request.rates.get(key)
    if rate is None and not first.bpp:
        findings.without_rate.append(printable(first.path))
        return
    if first.conversions:
        findings.converted.append(f"{printable(first.path)}: {'; '.join(first.conversions)}")
    rate = rate or Rate(bpp=first.bpp)
    reference = findings.references.get(name)
    named_twice = first.bpp and rate.bpp and abs(float(first.bpp) - _number(rate.bpp)) > _tolerance(rate.bpp)
    problems = [
        "its SHA-256 is not that of the table" if rate.sha256 and rate.sha256 != first.sha256 else "",
        first.problem,
        f"two different pictures: {first.path}, {differing[0]}" if differing else "",
        rate_problem(rate.bytes, rate.bpp, first.width, first.height),
        f"its name says {first.bpp} bpp, the table {rate.bpp}" if named_twice else "",
        _size_problem(first, reference) if findings.references and not first.problem else "",
    ]
    row = Published(
        codec=codec,
        image=name,
        point=point,
        bytes=rate.bytes,
        bpp=rate.bpp,
        file=first.path,
        sha256=first.sha256,
        width=first.width,
        height=first.height,
        reference_sha256=reference.sha256 if reference else "",
        refused=printable(next(filter(None, problems), "")),
    )
    if (earlier := findings.rows.setdefault((codec, name, point), row)) is not row:
        raise DatasetError(
            f"{printable(first.path)}: would be image {name!r} like {printable(earlier.file)}; rename one of them"
        )


def _size_problem(picture: _Candidate, reference: Reference | None) -> str:
    if reference is None:
        return "no reference of this name"
    if (picture.width, picture.height) == (reference.width, reference.height):
        return ""
    sizes = f"{picture.width}x{picture.height}, its reference {reference.width}x{reference.height} pixels"
    return f"the picture is {sizes}"


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _tolerance(bpp: str) -> float:
    """Half of the last digit shown."""
    return 0.51 * 10.0 ** -len(bpp.partition(".")[2])
