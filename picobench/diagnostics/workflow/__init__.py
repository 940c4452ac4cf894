# SPDX-License-Identifier: BSD-3-Clause
"""Diagnostics as jobs of a run: what is asked for, what a job writes down, what tables say of it."""

from picobench.diagnostics.workflow.request import Diagnostic, read_diagnostic

__all__ = ["Diagnostic", "read_diagnostic"]
