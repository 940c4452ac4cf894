# SPDX-License-Identifier: BSD-3-Clause
"""Diagnostics in the workflow: what is computed when, and what tables and pages say of it."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from workflow_case import Case

from picobench import layout
from picobench.diagnostics.workflow import read_diagnostic
from picobench.errors import DefinitionError

SEAMS = {"id": "seams", "tile": 40}
NAMES = ("one", "two", "tones")
POINTS = ("q20", "q80")


def picture(name: str) -> Image.Image:
    """A picture of 240 x 160; JPEG returns `tones` without any error: its steps fit both quantisers of DC."""
    if name == "tones":
        picture = Image.new("RGB", (240, 160), (128, 128, 128))
        picture.paste((143, 143, 143), (128, 0, 240, 160))
        return picture
    rng = np.random.default_rng(len(name) + ord(name[0]))
    y, x = np.mgrid[0:160, 0:240]
    base = 128 + 70 * np.sin(x / 11) + 30 * np.cos(y / 17)
    pixels = np.stack([base, base[::-1], base[:, ::-1]], axis=2) + rng.normal(0, 6, (160, 240, 3))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A case that was run once without diagnostics; tests of this module change it one after the other."""
    case = Case(tmp_path_factory.mktemp("diagnose"))
    for path in (case.folder / "pictures").glob("*.png"):
        path.unlink()
    for name in NAMES:
        picture(name).save(case.folder / "pictures" / f"{name}.png")
    case.config["codecs"] = [{"id": "jpeg-one", "points": list(POINTS)}]
    jobs = case.run()
    assert not jobs.keys() & {"diagnose", "diagnosed", "references"}
    assert not (case.folder / "results" / "diagnostics").exists()
    assert not page(case).exists()
    return case


def page(case: Case) -> Path:
    return case.folder / "results" / "case" / "report" / "diagnostics.html"


def table(case: Case, name: str) -> pd.DataFrame:
    return pd.read_csv(case.folder / "results" / "case" / "tables" / f"{name}.csv").fillna({"image": ""})


@pytest.mark.xdist_group("workflow-diagnose")
class TestOnlyWhatIsNew:
    """Counted in jobs that Snakemake finished."""

    def test_adding_diagnostics_encodes_and_measures_nothing(self, case: Case) -> None:
        case.config["diagnostics"] = ["fidelity"]
        jobs = case.run()
        assert (jobs["encode"], jobs["measure"]) == (0, 0)
        assert (jobs["diagnose"], jobs["diagnosed"], jobs["page"]) == (len(POINTS), 2, 1)

    def test_findings(self, case: Case) -> None:
        images = table(case, "fidelity")
        assert sorted(zip(images["point"], images["image"], strict=True)) == sorted(
            (point, name) for point in POINTS for name in NAMES
        )
        tones, others = images[images["image"] == "tones"], images[images["image"] != "tones"]
        assert list(tones["findings"]) == ["exact_copy"] * len(POINTS)
        assert others["findings"].isna().all()
        assert others["psnr_db"].between(15, 45).all()
        assert others["bias_g"].abs().between(0, 1, inclusive="right").all()
        findings = table(case, "fidelity_findings")
        assert list(zip(findings["point"], findings["image"], findings["finding"], strict=True)) == [
            (point, "tones", "exact_copy") for point in POINTS
        ]

    def test_findings_stand_beside_the_codec(self, case: Case) -> None:
        assert "exact copy" in page(case).read_text()
        front = page(case).with_name("index.html").read_text()
        assert '<a class="finding" href="diagnostics.html#fidelity" title="exact copy">' in front

    def test_adding_another_computes_only_that(self, case: Case) -> None:
        case.config["diagnostics"].append(SEAMS)
        jobs = case.run()
        assert (jobs["encode"], jobs["measure"], jobs["diagnose"]) == (0, 0, len(POINTS))

    def test_second_run_does_nothing(self, case: Case) -> None:
        assert case.run() == Counter()

    def test_combined_evidence(self, case: Case) -> None:
        images, datasets = table(case, "seams"), table(case, "seams_datasets")
        assert len(images) == len(POINTS) * len(NAMES)
        assert (images["borders"] > 0).all()
        assert set(images["tile"]) == {40}
        for point in POINTS:
            row = datasets[datasets["point"] == point].iloc[0]
            assert row["images"] == len(NAMES)
            assert row["borders"] == images[images["point"] == point]["borders"].sum()
            assert 0 < row["p_value"] <= 1
            assert row["broad_luma_levels"] >= 0
        parts = table(case, "seams_parts")
        assert Counter(parts["image"]) == dict.fromkeys(NAMES, 6 * len(POINTS))
        assert "Tile seams" in page(case).read_text()

    def test_taking_one_off_the_list_takes_its_table_and_marks_away(self, case: Case) -> None:
        case.config["diagnostics"] = [SEAMS]
        jobs = case.run()
        assert jobs["diagnose"] == 0
        assert not (case.folder / "results" / "case" / "tables" / "fidelity.csv").exists()
        assert 'class="finding"' not in page(case).with_name("index.html").read_text()

    def test_tiles_made_on_purpose_and_a_size_that_is_not_known(self, case: Case) -> None:
        case.config["codecs"].append({"id": "tiled:jpeg-one:128", "points": ["q20"]})
        case.config["diagnostics"] = ["tilesize"]
        jobs = case.run()
        assert (jobs["encode"], jobs["diagnose"]) == (1, len(POINTS) + 1)
        images, datasets = table(case, "tile_sizes"), table(case, "tile_sizes_datasets")
        assert len(images) == (len(POINTS) + 1) * len(NAMES)
        assert set(datasets["codec"]) == {"jpeg-one", "tiled:jpeg-one:128"}
        assert datasets["p_value"].between(0, 1, inclusive="right").all()
        # Every border has 64 pixels on both sides, so pictures of 240 x 160 have room for one border in one direction.
        assert images["tile"].between(128, 240 - 64).all()
        assert set(datasets["borders"]) == {len(NAMES)}
        assert "a JPEG, tiles of 128 px" in page(case).read_text()
        scores = {row["codec"]: row for row in case.scores() if row["point"] == "q20"}
        assert int(scores["tiled:jpeg-one:128"]["bytes"]) > int(scores["jpeg-one"]["bytes"]) + 20


class TestRequests:
    def test_defaults_are_part_of_the_key(self) -> None:
        assert read_diagnostic("seams") == read_diagnostic({"id": "seams", "tile": 504})
        assert read_diagnostic("seams").key != read_diagnostic(SEAMS).key
        assert read_diagnostic(read_diagnostic(SEAMS).request) == read_diagnostic(SEAMS)

    def test_datasets_say_where_and_not_what(self) -> None:
        some = read_diagnostic({"id": "seams", "datasets": ["kodak"]})
        assert some.key == read_diagnostic("seams").key
        assert (some.covers("kodak"), some.covers("sample")) == (True, False)
        assert read_diagnostic("seams").covers("sample")

    def test_a_grid_that_makes_no_sense(self) -> None:
        with pytest.raises(DefinitionError, match="correct the grid"):
            read_diagnostic({"id": "seams", "tile": 40, "overlap": 30})

    def test_a_run_cannot_take_the_folder(self) -> None:
        assert "diagnostics" in layout.RESERVED_RUN_NAMES


@pytest.mark.xdist_group("workflow-diagnose")
@pytest.mark.parametrize(
    ("diagnostics", "expected"),
    [
        (["seam"], "did you mean 'seams'?"),
        ([{"id": "seams", "tiles": 504}], "tiles"),
        (["seams", {"id": "seams", "tile": 504}], "asked for twice"),
        ([{"id": "seams", "datasets": ["foldr"]}], "did you mean 'folder'?"),
    ],
)
def test_mistakes(tmp_path: Path, diagnostics: list[Any], expected: str) -> None:
    case = Case(tmp_path)
    case.config["diagnostics"] = diagnostics
    case.run(succeeds=False)
    assert expected in case.output
    assert "Traceback" not in case.output
    assert not (tmp_path / "results").exists()
