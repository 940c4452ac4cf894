# SPDX-License-Identifier: BSD-3-Clause
"""Human ratings: votes on pairs of reconstructions, and what can be concluded from them.

votes.py          the record of a study, its checks, and its table form
read_votes.py     CSV and HiFiC's JSON to that record
bradley_terry.py  strengths of the methods, on the Elo scale
posterior.py      draws from the exact posterior: intervals and their error
uncertainty.py    draws when votes are not independent
study.py          all of this for one study
per_image.py      scores on each image by itself
raters.py         consistency of each rater with the others
perceptual.py     BD-rate at equal human score
agreement.py      how well an objective metric predicts the human score
simulate.py       studies with known strengths: do the intervals cover them?
elo_cli.py        `picobench elo`
"""
