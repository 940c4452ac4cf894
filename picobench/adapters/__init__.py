# SPDX-License-Identifier: BSD-3-Clause
"""Ways to run a codec: in process, by command, or from published reconstructions."""
