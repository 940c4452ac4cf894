# SPDX-License-Identifier: BSD-3-Clause
"""Diagnostics of reconstructions: artefacts with a null hypothesis, and faults of the pipeline by name."""
