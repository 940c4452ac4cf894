# SPDX-License-Identifier: BSD-3-Clause
"""The pages of the report: what they show, and what they must never show."""

import csv
import json
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest
from html_pages import contents, parse
from synthetic_run import DEFAULT_LABELS, WHY_NO_DISTS, make_run, make_small_run

from picobench.report import build

TEMPLATES = Path(__file__).parents[1] / "reports"
HOSTILE = "\"'><script>alert(1)</script><!-- ]]> & $x^{ \x00\x1b[31m\u202e{{ 7*7 }}"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("plain") / "results", points=4)


@pytest.fixture(scope="module")
def report(run: Path) -> Path:
    return build(run, TEMPLATES, run / "report").parent


@pytest.fixture(scope="module")
def hostile_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    labels = {"jpeg": "<b>J</b>", "webp": "_underscore", "svt-av1": "$\\frac{1}", "theirs": "a" * 80}
    images = {"kodak": ["kodim05", "../../escape", "CON?#%41", "con?#%41"], "sample": ["<img src=x>"]}
    results = tmp_path_factory.mktemp("hostile") / "results"
    made = make_run(results, labels=labels, images=images, points=4, hostile=HOSTILE)
    return build(made, TEMPLATES, made / "report").parent


@pytest.fixture
def small_run(tmp_path: Path) -> Path:
    return make_small_run(tmp_path)


class TestFirstPage:
    def test_says_what_was_run(self, report: Path) -> None:
        text = parse(report / "index.html").text
        assert "7 codecs on 26 images of 2 datasets, 4 of 5 metrics available." in text
        for label in DEFAULT_LABELS.values():
            assert label in text
        for fact in ("libjpeg-turbo 3.1.2", "free for any use", "published reconstruction", "pyiqa 0.1.16"):
            assert fact in text
        assert re.search(r"LPIPS \(AlexNet v0.1\) lower", text)
        assert re.search(r"PSNR \(RGB\) higher dB", text)

    def test_shows_bd_rates_with_interval_and_overlap(self, run: Path, report: Path) -> None:
        with (run / "tables" / "bd_rate.csv").open() as stream:
            row = next(
                row
                for row in csv.DictReader(stream)
                if (row["dataset"], row["codec"], row["metric"], row["aggregation"])
                == ("kodak", "avif", "psnr_rgb", "per-image mean")
            )
        expected = (
            f"{float(row['bd_rate_percent']):.1f} "
            f"[{float(row['ci_low']):.1f}, {float(row['ci_high']):.1f}] "
            f"overlap {100 * float(row['overlap']):.0f} %"
        ).replace("-", "\u2212")
        assert expected in parse(report / "index.html").text
        assert "95 % bootstrap interval" in parse(report / "index.html").text

    def test_marks_a_mean_that_misses_images(self, report: Path) -> None:
        page = parse(report / "index.html")
        assert page.text.count("23 of 24 images") == 4
        assert "without kodim05: fewer than 4 usable points" in page.text
        points = parse(report / "datasets" / "kodak.html").text
        assert "23 of 24" in points
        assert "without kodim05 (failed)" in points

    def test_gives_the_reason_of_a_missing_bd_rate(self, report: Path) -> None:
        page = parse(report / "index.html")
        reason = "shared range too small: 0.12 of the joint range"
        assert [cell for cell in page.of("td") if cell.get("title") == reason]
        assert reason in page.text
        assert [link for link in page.of("a") if link["href"] == "#bd-kodak-1"]
        assert [item for item in page.of("li") if item.get("id") == "bd-kodak-1"]

    def test_unavailable_metrics_are_named_with_the_reason_in_every_table(self, report: Path) -> None:
        for name in ("index.html", "datasets/kodak.html", "images/kodak/kodim01.html", "codecs/jpeg.html"):
            assert f"unavailable: {WHY_NO_DISTS}" in parse(report / name).text
        assert not (report / "plots" / "kodak--dists.svg").exists()

    def test_no_cell_is_blank(self, report: Path) -> None:
        for path in report.rglob("*.html"):
            blank = re.findall(r"<td[^>]*>\s*</td>", path.read_text())
            assert blank == [], path

    def test_codecs_datasets_and_metrics_keep_the_order_of_the_configuration(self, report: Path) -> None:
        text = parse(report / "provenance.html").text
        labels = [*DEFAULT_LABELS.values(), "Kodak", "Sample", "PSNR (RGB)", "MS-SSIM", "LPIPS", "DISTS"]
        places = [text.index(label, text.index("What the numbers")) for label in labels]
        assert places == sorted(places)

    def test_offers_the_tables_unchanged(self, run: Path, report: Path) -> None:
        tables = contents(run / "tables")
        assert len(tables) == 12
        assert contents(report / "data") == {**tables, "run.json": (run / "run.json").read_bytes()}
        links = {link["href"] for link in parse(report / "index.html").of("a")}
        assert {f"data/{name}" for name in (*tables, "run.json")} <= links


class TestEvidence:
    def test_image_page_leads_to_bitstreams(self, run: Path, report: Path) -> None:
        path = report / "images" / "kodak" / "kodim05.html"
        links = [link["href"] for link in parse(path).of("a") if "bitstreams/" in link["href"]]
        assert len(links) == len(DEFAULT_LABELS) * 4 - 2
        for link in links:
            assert (path.parent / link).resolve().is_relative_to(run.parent.resolve() / "bitstreams")

    def test_failures_are_shown_and_linked(self, report: Path) -> None:
        page = parse(report / "failures.html")
        assert page.text.count("encoder left with status 1") == 2
        assert "Svt[error]: instance 1: bad bitrate" in page.text
        image = parse(report / "images" / "kodak" / "kodim05.html")
        targets = [link["href"] for link in image.of("a") if "failures.html#" in link["href"]]
        assert targets == ["../../failures.html#failure-1", "../../failures.html#failure-2"]
        assert "failed to encode: encoder left with status 1" in image.text

    def test_reason_of_a_single_metric_stands_in_its_cell(self, small_run: Path) -> None:
        table = small_run / "tables" / "scores.csv"
        rows = list(csv.DictReader(table.open()))
        rows[0]["ms_ssim_rgb"] = ""
        rows[1]["psnr_rgb"] = "inf"
        with table.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        failure = "codec,version,dataset,image,point,stage,metric,reason,stderr_tail\n"
        failure += f"jpeg,1,sample,coffee,{rows[0]['point']},score,ms_ssim_rgb,smaller than 161 pixels,\n"
        (small_run / "tables" / "failures.csv").write_text(failure)
        folder = build(small_run, TEMPLATES, small_run / "report").parent
        page = parse(folder / "images" / "sample" / "coffee.html")
        assert [cell for cell in page.of("td") if cell.get("title") == "smaller than 161 pixels"]
        assert "\u221e" in page.text
        assert "score (ms_ssim_rgb) smaller than 161 pixels" in parse(folder / "failures.html").text

    def test_bitstreams_outside_the_results_are_not_linked(self, small_run: Path) -> None:
        evidence = small_run / "tables" / "evidence.csv"
        (small_run.parents[1] / "secret").write_text("secret")
        rows = list(csv.DictReader(evidence.open()))
        outside = ("../secret", str(small_run.parents[1] / "secret"), "javascript:alert(1)", "missing.bin")
        for row, path in zip(rows, outside, strict=False):
            row["bitstream"] = path
        with evidence.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        folder = build(small_run, TEMPLATES, small_run / "report").parent
        page = parse(folder / "images" / "sample" / "coffee.html")
        assert page.text.count("not kept") == len(outside)
        assert not [link for link in page.of("a") if "secret" in link["href"] or "javascript" in link["href"]]

    def test_codec_page_has_calls_versions_and_checksum(self, run: Path, report: Path) -> None:
        text = parse(report / "codecs" / "avif.html").text
        codec = json.loads((run / "run.json").read_text())["codecs"]["avif"]
        for fact in (codec["definition_sha256"], "libaom 3.12.1", "chroma: '4:4:4'", codec["citation"]):
            assert fact in text
        for calls in codec["calls"].values():
            assert calls["encode"] in text

    def test_trust_level_follows_every_name_of_a_codec(self, report: Path) -> None:
        link = re.compile(r'<a href="[^"]*codecs/[^"]+\.html">.*?</a>\s*(<span class="trust|\.</p>)')
        for path in report.rglob("*.html"):
            html = path.read_text()
            assert len(link.findall(html)) == len(re.findall(r'codecs/[^"]+\.html">', html)), path


class TestSafety:
    def test_all_internal_links_resolve(self, report: Path, hostile_report: Path) -> None:
        for folder in (report, hostile_report):
            pages = {path.resolve(): parse(path) for path in folder.rglob("*.html")}
            for path, page in pages.items():
                for attributes in page.of("a", "img", "link", "script"):
                    address = attributes.get("href") or attributes["src"]
                    parts = urlsplit(address)
                    if parts.scheme:
                        continue
                    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
                    assert target.is_file(), f"{path}: {address}"
                    if parts.fragment:
                        ids = {found.get("id") for _, found in pages[target].tags}
                        assert parts.fragment in ids, f"{path}: {address}"

    def test_nothing_is_loaded_from_elsewhere(self, report: Path, hostile_report: Path) -> None:
        homepages = set()
        for path in (*report.rglob("*.html"), *hostile_report.rglob("*.html")):
            page = parse(path)
            for attributes in page.of("img", "link", "script"):
                address = attributes.get("href") or attributes["src"]
                assert urlsplit(address)[:2] == ("", ""), address
            for attributes in page.of("a"):
                parts = urlsplit(attributes["href"])
                assert parts.scheme in ("", "https"), attributes["href"]
                homepages |= {attributes["href"]} if parts.scheme else set()
            assert not page.of("style", "iframe", "object", "embed", "form", "base")
            assert "default-src 'none'" in path.read_text()
        assert homepages == {
            "https://example.org/dataset",
            *(f"https://example.org/{codec}" for codec in DEFAULT_LABELS),
        }
        for name in ("style.css", "report.js"):
            assert not re.search(
                r"https?:|url\(|@import|fetch\(|innerHTML|eval\(", (TEMPLATES / name).read_text()
            )

    def test_hostile_texts_stay_texts(self, hostile_report: Path) -> None:
        paths = list(hostile_report.rglob("*.html"))
        assert len(paths) == 4 + 2 + 4 + 5
        for path in paths:
            page = parse(path)
            assert [attributes.get("src", "") for attributes in page.of("script")] == [
                "../" * len(path.relative_to(hostile_report).parts[1:]) + "report.js"
            ]
            for _, attributes in page.tags:
                assert not [name for name in attributes if name.startswith("on") or name == "style"]
            assert "\x00" not in page.text
        overview = parse(hostile_report / "index.html")
        assert "<script>alert(1)</script>" in overview.text
        assert "{{ 7*7 }}" in overview.text
        assert "<b>J</b>" in overview.text
        codec = parse(hostile_report / "codecs" / "jpeg.html")
        assert "javascript:alert(1)" in codec.text
        assert not [link for link in codec.of("a") if "javascript" in link["href"]]

    def test_hostile_labels_in_plots_stay_texts(self, hostile_report: Path) -> None:
        plots = list((hostile_report / "plots").glob("*.svg"))
        assert len(plots) == 8
        for path in plots:
            tree = ElementTree.fromstring(path.read_bytes())  # noqa: S314 - our own file, of known size
            names = {element.tag.rpartition("}")[2] for element in tree.iter()}
            drawn = {"svg", "title", "defs", "style", "g", "path", "use", "text", "clipPath", "rect"}
            assert names <= drawn | {"metadata", "RDF", "Work"}
            text = "\n".join(tree.itertext())
            assert "<b>J</b>" in text
            assert "_underscore" in text
            assert "$\\frac{1}" in text
            assert "a" * 40 + "\u2026 (published reconstruction)" in text
            targets = [v for e in tree.iter() for k, v in e.attrib.items() if k.endswith("href")]
            assert targets
            assert all(target.startswith("#") for target in targets)

    def test_pages_of_equal_looking_images_are_distinct(self, hostile_report: Path) -> None:
        names = [path.name for path in (hostile_report / "images" / "kodak").iterdir()]
        assert len({name.lower() for name in names}) == 4
        assert all(re.fullmatch(r"[a-z0-9][a-z0-9._-]*\.html", name) for name in names)

    def test_pages_are_accessible(self, report: Path) -> None:
        for path in report.rglob("*.html"):
            page = parse(path)
            assert page.of("html") == [{"lang": "en"}]
            assert len(page.of("h1")) == 1
            assert all(image["alt"] for image in page.of("img"))
            assert all("scope" in header for header in page.of("th"))
            ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
            assert len(ids) == len(set(ids)), path


class TestPlots:
    def test_says_direction_and_names_codecs(self, report: Path) -> None:
        tree = ElementTree.parse(report / "plots" / "kodak--lpips_alex.svg")  # noqa: S314 - our own file
        text = "\n".join(tree.getroot().itertext())
        assert "LPIPS (AlexNet v0.1)  (lower is better)" in text
        assert "Rate [bits per pixel]" in text
        assert "PICO (project page) (published reconstruction)" in text
        for label in list(DEFAULT_LABELS.values())[:-1]:
            assert label in text

    def test_incomplete_means_have_hollow_markers(self, report: Path) -> None:
        hollow = re.compile(r'<use [^>]*style="fill: #ffffff; stroke: #[0-9a-f]{6}')
        assert len(hollow.findall((report / "plots" / "kodak--psnr_rgb.svg").read_text())) == 2
        assert not hollow.search((report / "plots" / "sample--psnr_rgb.svg").read_text())
