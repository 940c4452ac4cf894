# SPDX-License-Identifier: BSD-3-Clause
"""The scores of methods on each image by itself."""

from dataclasses import dataclass

import numpy as np

from picobench.errors import RatingsError
from picobench.ratings.bradley_terry import Fit, Floats, Prior, fit_votes
from picobench.ratings.linking import Separation, separations, unlinked_groups
from picobench.ratings.posterior import elo_intervals, interval_errors, sample_posterior
from picobench.ratings.votes import Votes, compacted, select


@dataclass(frozen=True, eq=False)
class ImageScores:
    """The methods on one image.

    Attributes:
        image: Name of the image.
        votes: The votes on it, with the methods that were seen there.
        fit: Mode of the posterior; Elo is relative to the mean of the methods seen on this image.
        intervals: (M, 2) 95 % intervals of the Elo, which take the votes on an image as independent.
        errors: (M,) twice the standard error of their ends that comes from drawing, Elo.
        separations: Methods that never lost, or never won, on this image.
    """

    image: str
    votes: Votes
    fit: Fit
    intervals: Floats
    errors: Floats
    separations: tuple[Separation, ...]


def analyse_images(votes: Votes, prior: Prior | None = None, seed: int = 0) -> list[ImageScores]:
    """Estimate the strengths of the methods from the votes on each image by itself.

    Images whose comparisons fall into groups without a vote between them have no common scale and are missing from
    the result.

    Args:
        votes: The votes.
        prior: Prior of the strengths, the same for every image.
        seed: Seed of the draws, not negative.

    Raises:
        RatingsError: The votes do not say which image was shown.
    """
    if not votes.images:
        raise RatingsError(f"{votes.source}: no column image; per-image scores need it")
    found = []
    for index, name in enumerate(votes.images):
        part = select(votes, votes.image == index)
        if len(part) == 0 or len(unlinked_groups(part)) > 1:
            continue
        part = compacted(part)
        fit = fit_votes(part, prior)
        draws = sample_posterior(fit, (seed, 2, index))
        found.append(
            ImageScores(
                name, part, fit, elo_intervals(draws), interval_errors(draws), tuple(separations(part))
            )
        )
    return found


def votes_of_methods(scores: ImageScores) -> list[int]:
    """Votes that each method took part in on the image."""
    pairs = np.concatenate([scores.votes.first, scores.votes.second])
    return [int(count) for count in np.bincount(pairs, minlength=len(scores.fit.methods))]
