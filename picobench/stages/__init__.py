# SPDX-License-Identifier: BSD-3-Clause
"""What the workflow's jobs do, one module a stage."""
