# SPDX-License-Identifier: BSD-3-Clause
"""picobench: a benchmark and reproducibility suite for image codecs."""

__version__ = "0.1.0"
