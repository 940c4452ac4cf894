# SPDX-License-Identifier: BSD-3-Clause
"""Can the intervals of human scores be trusted? Figures from simulated studies, for `make validate`."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from picobench.ratings.read_votes import read_votes
from picobench.ratings.simulate import DESIGNS, Coverage, Design, coverage, order_effect, simulate_study

STUDIES = 200
_SHUFFLES = 200
_SEED = 2026


def coverage_table(processes: int) -> str:
    """How often 95 % intervals hold the truth in studies with known strengths, as Markdown."""
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(_coverage, DESIGNS))
    lines = [
        f"{STUDIES} simulated studies a row; share of 95 % intervals, over all methods, that hold the true Elo.",
        "",
        "| study | votes | methods | raters | images "
        "| if votes are independent | half width | raters and images | half width |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for one in found:
        design = one.design
        lines.append(
            f"| {design.name} | {design.votes:,} | {len(design.strengths_elo)} | {design.raters} | {design.images} "
            f"| **{one.posterior:.1%}** | {one.half_width_elo:.0f} Elo "
            f"| **{one.clustered:.1%}** | {one.clustered_half_width_elo:.0f} Elo |"
        )
    return "\n".join(lines)


def order_table(votes: Path) -> str:
    """What the order of the same votes does to online Elo and to Bradley-Terry, as Markdown."""
    random = np.random.default_rng(_SEED)
    studies = [
        ("simulated, 5,000 independent votes", simulate_study(DESIGNS[0], random)),
        ("the HiFiC study", read_votes(votes)),
    ]
    lines = [
        f"The same votes in {_SHUFFLES} orders; Elo of the method that moves most.",
        "",
        "| votes | online update (K = 32): standard deviation | largest less smallest | other ranking "
        "| Bradley-Terry: largest less smallest |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, study in studies:
        effect = order_effect(study, _SHUFFLES, _SEED)
        lines.append(
            f"| {name} | {effect.online_sd:.0f} Elo | {effect.online_range:.0f} Elo "
            f"| {effect.rank_changes:.0%} of orders | {effect.bradley_terry_range:.1g} Elo |"
        )
    return "\n".join(lines)


def _coverage(design: Design) -> Coverage:
    return coverage(design, STUDIES, _SEED)
