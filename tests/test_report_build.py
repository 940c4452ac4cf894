# SPDX-License-Identifier: BSD-3-Clause
"""Building the report: the same every time, as a whole or not at all, and clear about damage."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from html_pages import contents, parse
from synthetic_run import make_run, make_small_run

from picobench.errors import StorageError
from picobench.report import build, cells, views
from picobench.report.load import load
from picobench.report.site import Site

ROOT = Path(__file__).parents[1]
TEMPLATES = ROOT / "reports"


def replace_in(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.fixture
def small_run(tmp_path: Path) -> Path:
    return make_small_run(tmp_path)


class TestBuild:
    def test_same_tables_give_the_same_bytes(self, small_run: Path, tmp_path: Path) -> None:
        """In another process, with another hash seed, other settings of matplotlib, another locale."""
        shutil.copytree(small_run.parent, tmp_path / "again")
        copy = tmp_path / "again" / small_run.name
        first = build(small_run, TEMPLATES, small_run / "report").parent
        settings = tmp_path / "matplotlibrc"
        settings.write_text("lines.linewidth: 9\nfont.size: 30\nsvg.fonttype: path\naxes.grid: False\n")
        code = "import sys; from pathlib import Path; from picobench.report import build; "
        code += "build(*map(Path, sys.argv[1:]))"
        argv = [sys.executable, "-c", code, str(copy), str(TEMPLATES), str(copy / "report")]
        changes = {
            "PYTHONHASHSEED": "7",
            "MATPLOTLIBRC": str(settings),
            "LC_ALL": "C",
            "PYTHONPATH": str(ROOT),
        }
        subprocess.run(argv, env={**os.environ, **changes}, check=True, cwd=tmp_path)
        assert len(contents(first)) > 20
        assert contents(copy / "report") == contents(first)

    def test_replaces_an_earlier_report_as_a_whole(self, small_run: Path) -> None:
        output = small_run / "report"
        build(small_run, TEMPLATES, output)
        before = contents(output)
        (output / "left-over.html").write_text("old")
        build(small_run, TEMPLATES, output)
        assert contents(output) == before
        assert sorted(path.name for path in small_run.iterdir()) == ["report", "run.json", "tables"]

    def test_failing_leaves_the_earlier_report_and_nothing_else(
        self, small_run: Path, tmp_path: Path
    ) -> None:
        output = small_run / "report"
        build(small_run, TEMPLATES, output)
        before = contents(output)
        templates = tmp_path / "templates"
        shutil.copytree(TEMPLATES, templates)
        (templates / "failures.html.j2").unlink()
        with pytest.raises(StorageError, match=r"failures\.html\.j2"):
            build(small_run, templates, output)
        assert contents(output) == before
        assert sorted(path.name for path in small_run.iterdir()) == ["report", "run.json", "tables"]

    def test_clears_what_a_killed_build_left(self, small_run: Path) -> None:
        for name in (".report.part", ".report.old"):
            (small_run / name).mkdir()
            (small_run / name / "half").write_text("written")
        build(small_run, TEMPLATES, small_run / "report")
        assert sorted(path.name for path in small_run.iterdir()) == ["report", "run.json", "tables"]

    def test_never_replaces_a_folder_that_is_no_report(self, small_run: Path, tmp_path: Path) -> None:
        precious = tmp_path / "precious"
        precious.mkdir()
        (precious / "thesis.txt").write_text("ten years")
        with pytest.raises(StorageError, match="not a report"):
            build(small_run, TEMPLATES, precious)
        assert contents(precious) == {"thesis.txt": b"ten years"}

    def test_a_new_page_takes_a_function_and_a_template(
        self, small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        templates = tmp_path / "templates"
        shutil.copytree(TEMPLATES, templates)
        (templates / "timing.html.j2").write_text(
            '{% extends "base.html.j2" %}{% block content %}<h1>{{ page.title }}</h1>{{ answer }}{% endblock %}'
        )

        def timing(site: Site) -> Any:
            answer = f"{len(site.run.scores)} <timed>"
            yield views.Page("timing.html", "timing.html.j2", "Timing", {"answer": answer}, "Timing")

        monkeypatch.setattr(views, "PAGES", (*views.PAGES, timing))
        folder = build(small_run, templates, small_run / "report").parent
        assert "16 <timed>" in parse(folder / "timing.html").text
        image = parse(folder / "images" / "sample" / "coffee.html")
        assert [link for link in image.of("a") if link["href"] == "../../timing.html"]

    def test_a_run_of_the_anchor_alone(self, tmp_path: Path) -> None:
        made = make_run(
            tmp_path / "results", labels={"jpeg": "JPEG"}, images={"sample": ["coffee"]}, points=4
        )
        folder = build(made, TEMPLATES, made / "report").parent
        assert "There is no codec besides the anchor." in parse(folder / "index.html").text


class TestDamage:
    @pytest.mark.parametrize(
        ("damage", "message"),
        [
            (lambda run: (run / "run.json").unlink(), "run.json: no such file"),
            (
                lambda run: replace_in(run / "run.json", '"format": 1', '"format": 2'),
                "run.json: not format 1",
            ),
            (lambda run: replace_in(run / "run.json", '"decoded"', '"trust me"'), "no known trust level"),
            (lambda run: (run / "tables" / "rd.csv").unlink(), "rd.csv: no such file"),
            (
                lambda run: replace_in(run / "tables" / "scores.csv", "codec,dataset", "kodek,dataset"),
                "scores.csv, line 2: no column 'codec'",
            ),
            (
                lambda run: replace_in(run / "tables" / "bd_rate.csv", ",webp,", ",webb,"),
                "bd_rate.csv, line 2: codec 'webb' is not in run.json",
            ),
            (
                lambda run: replace_in(run / "tables" / "scores.csv", ",768,", ",wide,"),
                "scores.csv, line 2: width is not a number: 'wide'",
            ),
            (
                lambda run: replace_in(
                    run / "tables" / "rd.csv", "sample,jpeg,", "sample,jpeg,,,,,,,,,,,,,,"
                ),
                "rd.csv, line 2: not as many cells as columns",
            ),
        ],
    )
    def test_is_told_in_one_line(
        self, small_run: Path, damage: Callable[[Path], object], message: str
    ) -> None:
        damage(small_run)
        with pytest.raises(StorageError, match=re.escape(message)) as caught:
            load(small_run)
        assert "\n" not in str(caught.value)


class TestCells:
    @pytest.mark.parametrize(
        ("value", "decimals", "text"),
        [
            (-0.04, 1, "0.0"),
            (-0.06, 1, "\u22120.1"),
            (12345.6, 0, "12,346"),
            (float("inf"), 2, "\u221e"),
            (30.005, 2, "30.00"),
        ],
    )
    def test_number(self, value: float, decimals: int, text: str) -> None:
        assert cells.number(value, decimals) == text

    @pytest.mark.parametrize(
        ("value", "text"), [(3.21, "+3.2"), (-3.21, "\u22123.2"), (0.04, "0.0"), (-0.04, "0.0"), (0.0, "0.0")]
    )
    def test_signed(self, value: float, text: str) -> None:
        assert cells.signed(value, 1) == text

    def test_slugs_are_distinct_and_safe(self) -> None:
        names = [
            "kodim01",
            "Kodim01",
            "a/b",
            "a-b",
            "..",
            ".",
            "",
            "ä",
            "ö",
            "x" * 300,
            "x" * 301,
            "av1@3.12",
        ]
        slugs = [cells.slug(name) for name in names]
        assert slugs[0] == "kodim01"
        assert len({slug.lower() for slug in slugs}) == len(names)
        assert all(re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,90}", slug) for slug in slugs)

    @pytest.mark.parametrize(
        "address",
        ["javascript:alert(1)", "JAVASCRIPT:x", "data:text/html,x", "//host/x", "https:", "http://[", ""],
    )
    def test_only_web_addresses_become_links(self, address: str) -> None:
        assert cells.web_address(address) == ""

    def test_web_addresses_are_kept(self) -> None:
        assert cells.web_address("https://example.org/a?b=c#d") == "https://example.org/a?b=c#d"

    @pytest.mark.parametrize("path", ["", ".", "..", "../x", "a/../../x", "/etc/passwd", "//x", "a\\..\\x"])
    def test_paths_outside_are_refused(self, path: str) -> None:
        assert cells.inner_path(path) == ""

    def test_inner_paths_are_normalised(self) -> None:
        assert cells.inner_path("bitstreams/./jpeg/../webp/a.bin") == "bitstreams/webp/a.bin"
