# SPDX-License-Identifier: BSD-3-Clause
"""Human ratings: votes on pairs of reconstructions, and what can be concluded from them.

votes.py          the record of a study, its checks, and its table form
read_votes.py     CSV and HiFiC's JSON to that record
bradley_terry.py  strengths of the methods, with a posterior, on the Elo scale
uncertainty.py    intervals when votes are not independent, and the check of the Laplace approximation
raters.py         consistency of each rater with the others
perceptual.py     BD-rate at equal human score
agreement.py      how well an objective metric predicts the human score
simulate.py       studies with known strengths: do the intervals cover them?
elo_cli.py        `picobench elo`
"""
