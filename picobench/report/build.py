# SPDX-License-Identifier: BSD-3-Clause
"""Writes the report: all files into a folder beside the output, which then takes its place."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from picobench.errors import StorageError
from picobench.files import storage_error
from picobench.report import cells, views
from picobench.report.load import load
from picobench.report.plots import plot_style
from picobench.report.published import curves_on
from picobench.report.records import TRUST_LEVELS
from picobench.report.site import Site

if TYPE_CHECKING:
    import jinja2

_ASSETS = ("style.css", "report.js")
_PLOT_STYLE = "plot.mplstyle"
# Marks a folder as a report, so that only a report is ever replaced.
_MARKER = ".picobench-report"


def build(run_dir: Path, templates: Path, output: Path) -> Path:
    """Build the report of a run; the same tables give the same bytes.

    Args:
        run_dir: The run: `run.json` and `tables/`. Bitstreams are linked in the folder above it.
        templates: Page templates, style sheet, script and plot style.
        output: Folder of the report. An earlier report there is replaced as a whole.

    Returns:
        The first page.

    Raises:
        StorageError: An input is missing or damaged, or the output cannot be written.
    """
    run = load(run_dir)
    site = Site(run, output)
    for name in (*_ASSETS, _PLOT_STYLE):
        if not (templates / name).is_file():
            raise StorageError(f"{templates / name}: no such file; restore it from the repository")
    environment = _environment(templates)
    with _replaced(output) as folder, plot_style(templates / _PLOT_STYLE):
        pages = [page for make in views.PAGES for page in make(site)]
        for page in pages:
            _write(folder, page.path, _render(environment, site, page, pages).encode())
            for path, data in page.files.items():
                _write(folder, path, data)
        for name in _ASSETS:
            _write(folder, name, (templates / name).read_bytes())
        for download in site.downloads:
            for path, _ in download.files.values():
                _write(folder, path, (run_dir / "tables" / PurePosixPath(path).name).read_bytes())
        _write(folder, "data/run.json", (run_dir / "run.json").read_bytes())
    return output / "index.html"


def _environment(templates: Path) -> "jinja2.Environment":
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        codec_path=views.codec_path,
        dataset_path=views.dataset_path,
        image_path=views.image_path,
        slug=cells.slug,
        plural=cells.plural,
        number=cells.number,
        unavailable=cells.unavailable,
        web_address=cells.web_address,
        lines=cells.lines,
        in_a_line=cells.in_a_line,
        trust_levels=TRUST_LEVELS,
        curves_on=curves_on,
    )
    return environment


def _render(
    environment: "jinja2.Environment", site: Site, page: views.Page, pages: Sequence[views.Page]
) -> str:
    import jinja2

    root = "../" * (len(PurePosixPath(page.path).parts) - 1)
    try:
        template = environment.get_template(page.template)
    except jinja2.TemplateNotFound as error:
        raise StorageError(f"{page.template}: no such template ({error}); restore it") from None
    shared = {"run": site.run, "page": page, "pages": pages, "root": root, "findings": site.findings}
    return template.render({**page.context, **shared})


def _write(folder: Path, path: str, data: bytes) -> None:
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)


@contextmanager
def _replaced(output: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `output` if all goes well and vanishes otherwise.

    The names of the folders beside `output` are fixed, so that what a killed build leaves is cleared by
    the next one. Two builds of one run at a time are excluded by the workflow's lock.
    """
    fresh, stale = (output.with_name(f".{output.name}.{word}") for word in ("part", "old"))
    if output.is_dir() and any(output.iterdir()) and not (output / _MARKER).is_file():
        raise StorageError(f"{output}: not a report, so it is not replaced; choose another folder")
    try:
        for leftover in (fresh, stale):
            if leftover.exists():
                shutil.rmtree(leftover)
        fresh.mkdir(parents=True)
        (fresh / _MARKER).touch()
        yield fresh
        if output.exists():
            output.rename(stale)
        fresh.rename(output)
        shutil.rmtree(stale, ignore_errors=True)
    except OSError as error:
        raise storage_error(output, error) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
