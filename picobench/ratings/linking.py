# SPDX-License-Identifier: BSD-3-Clause
"""Which methods the comparisons of a study link, and so which can be put on one scale."""

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from picobench.errors import RatingsError
from picobench.ratings.votes import SECOND, TIE, Votes

_Indices = npt.NDArray[np.int64]


def unlinked_groups(votes: Votes) -> list[list[str]]:
    """Groups of methods that no chain of comparisons links, largest first; one group is what one wants."""
    used, label, _, _ = _linked(votes, "weak")
    groups = [[votes.methods[k] for k in used if label[k] == group] for group in np.unique(label[used])]
    return sorted(groups, key=len, reverse=True)


def require_common_scale(votes: Votes) -> None:
    """Refuse votes that put the methods on more than one scale.

    Raises:
        RatingsError: The comparisons fall into groups between which no vote was given.
    """
    groups = unlinked_groups(votes)
    if len(groups) > 1:
        named = " | ".join(", ".join(group[:4]) + (" ..." if len(group) > 4 else "") for group in groups[:4])
        raise RatingsError(
            f"{votes.source}: no common scale: nobody compared a method of one of these {len(groups)} groups "
            f"with one of another: {named}; collect votes between the groups, or rate each group by itself"
        )


class Separation(NamedTuple):
    """Methods that never lost to any of the others (`ahead`), or else never won; a tie would have been both."""

    methods: tuple[str, ...]
    ahead: bool


def separations(votes: Votes) -> list[Separation]:
    """The methods whose distance from the others rests on the prior; empty if there are none.

    Where some methods never lost to the others the likelihood has no maximum (Ford, 1957). More than half of the
    methods are the others.
    """
    used, label, loser, winner = _linked(votes, "strong")
    named: dict[int, list[str]] = {}
    for k in used:
        named.setdefault(int(label[k]), []).append(votes.methods[k])
    crossing = label[loser] != label[winner]
    lost, won = set(label[loser[crossing]].tolist()), set(label[winner[crossing]].tolist())
    few = {group: tuple(methods) for group, methods in named.items() if 2 * len(methods) <= used.size}
    ahead = [Separation(methods, True) for group, methods in few.items() if group not in lost]
    return ahead + [Separation(methods, False) for group, methods in few.items() if group not in won]


def _linked(
    votes: Votes, connection: Literal["weak", "strong"]
) -> tuple[_Indices, _Indices, _Indices, _Indices]:
    """Methods with votes, the label of each method's group, and loser and winner of every edge."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    # An edge runs from the loser to the winner; a tie could have gone either way and runs in both directions.
    forward, backward = votes.outcome != SECOND, votes.outcome == SECOND
    tied = votes.outcome == TIE
    loser = np.concatenate([votes.second[forward], votes.first[backward], votes.first[tied]])
    winner = np.concatenate([votes.first[forward], votes.second[backward], votes.second[tied]])
    size = len(votes.methods)
    graph = coo_array((np.ones(loser.size), (loser, winner)), shape=(size, size)).tocsr()
    _, label = connected_components(graph, directed=True, connection=connection)
    return np.union1d(votes.first, votes.second), label.astype(np.int64), loser, winner
