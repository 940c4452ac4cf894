# SPDX-License-Identifier: BSD-3-Clause
"""Intervals that allow for what the votes of a rater, or on an image, have in common.

Clustering. The posterior takes votes as independent given the strengths. Votes of one rater share that rater's
taste, votes on one image share what the codecs do to it, so the posterior of a real study is too narrow for the
question "what would other raters say of other images?". `clustered` answers that with the sandwich covariance
H^-1 B H^-1, H the negative Hessian of the log-posterior and B the sum of outer products of score sums over raters,
plus the same over images, minus the same over (rater, image) cells, which both count (two-way clustering:
A. C. Cameron, J. B. Gelbach and D. L. Miller, Robust inference with multiway clustering, J. Bus. Econ. Stat. 29,
2011; the sandwich: P. J. Huber, Proc. 5th Berkeley Symp., 1967). Each term is multiplied by G / (G - 1), G its
number of clusters. The difference of three noisy matrices can be too small in some direction, even negative; since
clusters are no reason to believe votes more than independent ones, no contrast of strengths gets a smaller variance
than in the posterior (eigenvalues relative to the posterior that are below one are raised to one).

From covariance to draws. `widen` takes draws from the exact posterior and multiplies their deviations from the
mode by the one matrix A that is symmetric in the metric of H and turns H^-1 into the sandwich, A H^-1 A' =
H^-1 B H^-1, and each by sqrt(n / chi-square with n degrees of freedom), n = (smallest G) - 1. For a normal posterior
that is Student's t with the sandwich covariance; where votes are few, it keeps the skewness that the posterior has.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from picobench.ratings.bradley_terry import (
    Fit,
    Floats,
    centred,
    outcome_probabilities,
    vote_outcome_column,
)
from picobench.ratings.posterior import Draws
from picobench.ratings.votes import Votes

# Below this many raters or images their spread cannot be estimated; t with 4 degrees of freedom is wide already.
MIN_CLUSTERS = 5


@dataclass(frozen=True, eq=False)
class Clustered:
    """Covariance that allows for clusters.

    Attributes:
        stretch: (P, P), A of the module's text, for all parameters as in `Fit.mode`.
        covariance: (M, M) nats squared, of strengths relative to their mean; not below the posterior's.
        degrees_of_freedom: Of Student's t.
        factors: What votes were clustered by: raters, images or both.
    """

    stretch: Floats
    covariance: Floats
    degrees_of_freedom: int
    factors: tuple[str, ...]


def clustered(fit: Fit, votes: Votes) -> Clustered | str:
    """Covariance of the strengths that allows for raters and images, or the reason why there is none.

    Args:
        fit: The fit of exactly these votes.
        votes: The votes.
    """
    known = {"raters": (votes.raters, votes.rater), "images": (votes.images, votes.image)}
    labels = {
        name: np.unique(label, return_inverse=True)[1]
        for name, (names, label) in known.items()
        if len(names) > 1
    }
    enough = {name: label for name, label in labels.items() if label.max() + 1 >= MIN_CLUSTERS}
    if not enough:
        return f"needs at least {MIN_CLUSTERS} raters or {MIN_CLUSTERS} images with votes"
    scores = _Scores(fit, votes)
    middle = np.zeros_like(fit.hessian)
    for label in enough.values():
        middle += scores.outer_sum(label)
    if len(enough) == 2:
        rater, image = enough["raters"], enough["images"]
        _, cell = np.unique(rater * (image.max() + 1) + image, return_inverse=True)
        middle -= scores.outer_sum(cell)
    # In coordinates where the posterior has unit covariance, the sandwich is root' B root.
    root = np.linalg.cholesky(np.linalg.inv(fit.hessian))
    eigenvalue, vector = np.linalg.eigh(root.T @ middle @ root)
    stretch = root @ (vector * np.sqrt(eigenvalue.clip(min=1))) @ vector.T @ np.linalg.inv(root)
    covariance = centred(stretch @ np.linalg.inv(fit.hessian) @ stretch.T, len(fit.methods))
    freedom = int(min(label.max() + 1 for label in enough.values())) - 1
    return Clustered(stretch, covariance, freedom, tuple(enough))


def widen(draws: Draws, fit: Fit, spread: Clustered, seed: int | Sequence[int]) -> Draws:
    """Draws from the exact posterior of `fit` made as wide as `spread` says; the same seed gives the same draws."""
    random = np.random.default_rng(seed)
    freedom = spread.degrees_of_freedom
    heavy = np.sqrt(freedom / random.chisquare(freedom, (len(draws.parameters), 1)))
    deviation = (draws.parameters - fit.mode) @ spread.stretch.T
    return replace(draws, parameters=fit.mode + deviation * heavy)


class _Scores:
    """Gradient of each vote's log-likelihood, kept as its three entries that are not zero."""

    def __init__(self, fit: Fit, votes: Votes) -> None:
        probability = outcome_probabilities(
            fit.strengths[votes.first] - fit.strengths[votes.second], fit.log_tie
        )
        happened = np.eye(3)[vote_outcome_column(votes)]
        residual = happened - probability
        self._votes = votes
        self._strength = (residual[:, 0] - residual[:, 2]) / 2
        self._tie = residual[:, 1] if fit.log_tie is not None else None
        self._methods = len(fit.methods)

    def outer_sum(self, label: npt.NDArray[np.int64]) -> Floats:
        """G / (G - 1) times the sum over clusters of the outer product of their summed scores."""
        from scipy.sparse import coo_array

        columns = [self._votes.first, self._votes.second]
        values = [self._strength, -self._strength]
        if self._tie is not None:
            columns.append(np.full(label.size, self._methods))
            values.append(self._tie)
        groups = int(label.max()) + 1
        width = self._methods + (self._tie is not None)
        # Sparse: there are nearly as many cells as votes, and each touches few methods.
        place = (np.tile(label, len(columns)), np.concatenate(columns))
        sums = coo_array((np.concatenate(values), place), shape=(groups, width)).tocsr()
        return np.asarray((sums.T @ sums).toarray() * (groups / (groups - 1)))
