# SPDX-License-Identifier: BSD-3-Clause
"""From scores to rate-distortion curves, BD-rates and the tables of the report."""
