# SPDX-License-Identifier: BSD-3-Clause
"""Which methods the comparisons of a study link, and so which can be put on one scale."""

from typing import Literal

import numpy as np

from picobench.errors import RatingsError
from picobench.ratings.votes import SECOND, TIE, Votes


def unlinked_groups(votes: Votes) -> list[list[str]]:
    """Groups of methods that no chain of comparisons links, largest first; one group is what one wants."""
    return _groups(votes, "weak")


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


def separated(votes: Votes) -> bool:
    """True if some methods never lost to any of the others (a tie counts as losing).

    Then the likelihood has no maximum (Ford, 1957) and the distance of those methods rests on the prior.
    """
    return len(_groups(votes, "strong")) > 1


def _groups(votes: Votes, connection: Literal["weak", "strong"]) -> list[list[str]]:
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
    used = np.union1d(votes.first, votes.second)
    groups = [[votes.methods[k] for k in used if label[k] == group] for group in np.unique(label[used])]
    return sorted(groups, key=len, reverse=True)
