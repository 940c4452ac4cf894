# SPDX-License-Identifier: BSD-3-Clause
"""Bringing in what others published: reconstructions with their rates, rate-distortion curves."""
