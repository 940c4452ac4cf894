# SPDX-License-Identifier: BSD-3-Clause
"""What was claimed, beside what can be recomputed: the registry `paper/*.yaml` and its computed verdicts.

    registry    reads and checks the claims
    expression  the closed language in which a claim says how it is recomputed
    quantity    numbers with intervals
    evidence    the tables and descriptions of a run that claims rest on
    functions   what an expression may call
    judge       the verdicts
    results     the verdicts as files

No verdict is written by hand: there is no key for one.
"""
