# SPDX-License-Identifier: BSD-3-Clause
"""The report of a run: a static site that opens from disk, with every number traceable to its evidence.

The tables are read by `load`, put into words by `cells`, laid out by `sections`, drawn by `plots`, handed
out by `site`, arranged into pages by `views` and written by `build`.

To add a page: write `reports/<name>.html.j2` and a function in `views` that yields `Page` records, and list
that function in `views.PAGES`.
"""

from picobench.report.build import build

__all__ = ["build"]
