# SPDX-License-Identifier: BSD-3-Clause
"""Studies of people that a run may show: `studies/<id>.yaml` names the votes, their checksum and their source."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from picobench.analysis.bdrate import MIN_POINTS
from picobench.definitions import Definitions
from picobench.errors import DefinitionError, RatingsError
from picobench.mirrored import mirrored_file
from picobench.ratings.bradley_terry import Prior
from picobench.ratings.read_votes import read_votes
from picobench.ratings.study import MethodInfo, rated_curves
from picobench.ratings.votes import Votes, resolve_undecided, without_raters
from picobench.yamlfile import did_you_mean


@dataclass(frozen=True)
class StudyDefinition:
    """A study as a run uses it.

    Attributes:
        path: The verified file of votes.
        undecided: What votes count as whose outcome was drawn, see `votes.resolve_undecided`.
        repeats: Whether repeats of a vote are used, see `votes.collect`.
        exclude: Raters that are left out.
        prior: Prior of the strengths.
        anchor: The curve that the page compares with; "" for none.
        minimum_points: Operating points that a curve needs for a BD-rate.
        dataset: Id of the dataset that was shown; "" if not said.
        methods: What is known of the methods.
        shown: For methods whose pictures a run may have: codec and operating point.
        text: What the report shows: source, licence, citation, note, file.
    """

    id: str
    label: str
    path: Path
    sha256: str
    undecided: Literal["as-recorded", "tie", "drop"]
    repeats: Literal["keep", "first"]
    exclude: tuple[str, ...]
    prior: Prior
    anchor: str
    minimum_points: int
    dataset: str
    methods: Mapping[str, MethodInfo]
    shown: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    text: Mapping[str, str] = field(default_factory=dict)

    def votes(self) -> Votes:
        """The votes, as the definition wants them counted.

        Raises:
            RatingsError: The file cannot be used, or a method or rater of the definition is not in it.
        """
        votes = resolve_undecided(
            without_raters(read_votes(self.path, self.repeats), self.exclude), self.undecided
        )
        for name in self.methods:
            if name not in votes.methods:
                hint = did_you_mean(name, list(votes.methods))
                raise RatingsError(f"study {self.id}: no votes on the method {name!a}{hint}")
        return votes


def read_study(definitions: Definitions, name: str) -> StudyDefinition:
    """Read `studies/<name>.yaml` and find its file in the mirrors.

    Raises:
        DefinitionError: The definition is wrong, or its file is not here.
        StorageError: The file is another one.
    """
    raw = definitions.read("studies", name)
    methods = {
        method: MethodInfo(info.get("label"), info.get("curve"), info.get("bpp"))
        for method, info in raw["methods"].items()
    }
    anchor, curves = raw.get("anchor", ""), list(rated_curves(methods))
    if anchor and anchor not in curves:
        raise DefinitionError(
            f"study {name}: no method is of the curve {anchor!r}{did_you_mean(anchor, curves)}"
        )
    return StudyDefinition(
        id=name,
        label=raw["label"],
        path=mirrored_file(definitions, raw, "study"),
        sha256=raw["sha256"],
        undecided=raw.get("undecided", "as-recorded"),
        repeats=raw.get("repeats", "keep"),
        exclude=tuple(raw.get("exclude_raters", [])),
        prior=Prior(strength_sd=raw["prior_sd"]) if "prior_sd" in raw else Prior(),
        anchor=anchor,
        minimum_points=raw.get("minimum_points", MIN_POINTS),
        dataset=raw.get("dataset", ""),
        methods=methods,
        shown={
            method: (info["codec"], info["point"])
            for method, info in raw["methods"].items()
            if "codec" in info
        },
        text={
            "file": f"{raw['collection']}/{raw['file']}",
            **{key: raw[key] for key in ("source", "licence", "citation", "note") if key in raw},
        },
    )
