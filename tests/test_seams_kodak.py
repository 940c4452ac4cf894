# SPDX-License-Identifier: BSD-3-Clause
"""Tile seams on photographs: false alarms, power, published pictures, and the study that measures them."""

from pathlib import Path

import numpy as np
import pytest

from picobench.diagnostics.seams import TileGrid, find_tile_size, measure_seams, score_lines
from picobench.diagnostics.seams import study as seam_study
from picobench.diagnostics.seams.study_alarms import (
    alarm_table,
    grid_table,
    other_pictures,
    try_untiled,
    untiled_grids,
)
from picobench.diagnostics.seams.tiling import tiled
from picobench.diagnostics.studies import Coder, picture_files, read_picture


@pytest.fixture(scope="module")
def reference_files(kodak: Path) -> list[Path]:
    return [kodak / f"kodim{number:02}.png" for number in (4, 5, 8, 13, 15, 23)]


def test_jpeg_in_whole_blocks_does_not_mind_tiles(kodak: Path) -> None:
    """4:4:4 JPEG has no memory across 8 pixels: the tiler adds nothing of its own."""
    pixels = read_picture(kodak / "kodim15.png")
    codec = Coder("jpeg", "q55")
    assert (tiled(codec, 256)(pixels) == codec(pixels)).all()


def test_power_on_kodak(reference_files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seam_study, "DEVIATIONS", {256: (0.5, 1.0)})
    curves = seam_study.power_curves(reference_files)
    assert len(curves) == 2 * 2 * 2
    for (coder, (_, colour, deviation)), found in curves.items():
        hits = sum(one.p_value < 0.05 for one in found)
        assert hits >= (6 if deviation == 1.0 else 5), (coder, colour, deviation)


def test_false_alarms_are_neither_many_nor_missing(kodak: Path) -> None:
    """Untiled JPEG, all Kodak pictures, grids with different borders: 192 tests of 0.05, about independent.

    Of a binomial number with that mean (9.6) 99.9 % lie in 2 to 20: a test that fires often fails here, and
    so does one that never fires. Of 192 fair coins 99.9 % are between 40 and 60 % heads (a half of 192 with a
    deviation of 6.9): p-values that crowd at 1 fail.
    """
    grids = [
        TileGrid.square(size, (size // 3, size // 5)) for size in (150, 190, 230, 270, 310, 350, 390, 430)
    ]
    coder, p_values = Coder("jpeg-420", "q50"), []
    for path in picture_files(kodak):
        reference = read_picture(path)
        reconstruction = coder(reference)
        results = [measure_seams(reference, reconstruction, grid) for grid in grids]
        assert all(result.p_floor <= 0.01 for result in results)
        p_values += [result.p_value for result in results if result.p_value is not None]
    assert len(p_values) == 192
    assert 2 <= sum(p <= 0.05 for p in p_values) <= 20
    assert 0.4 <= np.mean([p <= 0.5 for p in p_values]) <= 0.6


def test_published_pictures_have_the_tiles_that_were_published(shared: Path) -> None:
    folder = shared / "published" / "pico-project-page" / "b1400e99ef413c8fee7d5c0be41d7d1e"
    reference = read_picture(folder / "reference.png")

    def p_value(codec: str) -> float:
        found = measure_seams(reference, read_picture(folder / f"{codec}.png"), TileGrid.square(504)).p_value
        assert found is not None
        return found

    assert p_value("pico") < 0.001
    assert p_value("dcvc") > 0.05
    assert find_tile_size([score_lines(reference, read_picture(folder / "pico.png"))]).size == 504


def test_tables_of_false_alarms(shared: Path, kodak: Path) -> None:
    others = other_pictures(shared / "published" / "pico-project-page")
    assert len(others) == 9 + 6
    assert all(path.is_file() and "kodim" not in str(path) for path in others)
    tried = [try_untiled((Coder("jpeg-420", "q50"), kodak / f"kodim{number:02}.png")) for number in (15, 23)]
    of_504 = [index for index, (name, _) in enumerate(untiled_grids()) if name == "504"]
    assert [round(one.tried[index].attainable, 3) for one in tried for index in of_504] == [0.026, 0.026]
    assert "| Kodak, jpeg-420 |" in alarm_table(tried, tried[:1])
    rows = grid_table(tried, tried[:1]).splitlines()
    (row,) = [row for row in rows if row.startswith("| 504 |")]
    assert row.split(" | ")[1] == "2"
    assert row.split(" | ")[4] == "2.6 %"


def test_the_study_writes_its_block(
    kodak: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "kodim15.png").symlink_to(kodak / "kodim15.png")
    document = tmp_path / "page.md"
    document.write_text("a\n<!-- begin seam-power -->\nold\n<!-- end seam-power -->\nb\n")
    monkeypatch.setattr(seam_study, "DEVIATIONS", {256: (2.0,)})
    monkeypatch.setattr(seam_study, "INTERVAL_SIZES", (256,))
    argv = ["--kodak", str(pictures), "--only", "seam-power", "--document", str(document)]
    assert seam_study.main(argv) == 0
    text = document.read_text()
    assert "| 256 | jpeg2000 r40 | grey | p < 0.05 | 1 |" in text
    assert "old" not in text
    assert seam_study.main(["--kodak", str(tmp_path / "nowhere"), "--only", "seam-power"]) == 1
    assert "no PNG files" in capsys.readouterr().err
