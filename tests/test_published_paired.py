# SPDX-License-Identifier: BSD-3-Clause
"""Comparison at nearly equal rate, and published curves in RD tables and BD-rates."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from picobench.analysis.bdrate import Curve, bd_rate
from picobench.analysis.paired import PAIRED_COLUMNS, paired_table
from picobench.analysis.published import curve_bd_rates, with_curves
from picobench.analysis.tables import rd_table

DIRECTIONS = {"psnr_rgb": True, "lpips_alex": False}
IMAGES = [f"i{n}" for n in range(8)]
Points = Mapping[str, tuple[float, float, float]]


def scores(codecs: Mapping[str, Mapping[str, Points]]) -> pd.DataFrame:
    """Rows from {codec: {image: {point: (bpp, psnr, lpips)}}}; NaN for an image means that it is absent."""
    rows: list[dict[str, Any]] = []
    for codec, images in codecs.items():
        for image, points in images.items():
            for point, (bpp, psnr, lpips) in points.items():
                row = {
                    "codec": codec,
                    "version": "1",
                    "dataset": "d",
                    "image": image,
                    "point": point,
                    "bpp": bpp,
                }
                status = "absent" if math.isnan(bpp) else "ok"
                rows.append({**row, "status": status, "psnr_rgb": psnr, "lpips_alex": lpips})
    return pd.DataFrame(rows)


def single(values: Sequence[tuple[float, float, float]]) -> dict[str, Points]:
    return {image: {"page": value} for image, value in zip(IMAGES, values, strict=True)}


def compare(table: pd.DataFrame, **options: Any) -> pd.DataFrame:
    return paired_table(
        table, DIRECTIONS, "base", **{"tolerance": 0.15, "bootstrap_resamples": 500, **options}
    )


def test_mean_difference_and_rates_are_those_of_a_hand_computation() -> None:
    base = [(0.2 + n / 100, 30.0 + n, 0.10) for n in range(8)]
    test = [
        (rate * (1 + 0.01 * n), psnr + 1 + 0.1 * n, 0.08 - 0.001 * n)
        for n, (rate, psnr, _) in enumerate(base)
    ]
    table = compare(scores({"base": single(base), "test": single(test)})).set_index("metric")
    psnr = table.loc["psnr_rgb"]
    assert psnr["difference"] == pytest.approx(1.35)
    assert psnr["ci_low"] < 1.35 < psnr["ci_high"]
    assert psnr["codec_better"] == 8
    assert psnr["rate_difference_percent"] == pytest.approx(
        100 * (math.exp(np.mean([math.log(1 + 0.01 * n) for n in range(8)])) - 1)
    )
    assert (psnr["rate_difference_low_percent"], psnr["rate_difference_high_percent"]) == pytest.approx(
        (0, 7)
    )
    assert table.loc["lpips_alex", "difference"] == pytest.approx(-0.0235)
    assert table.loc["lpips_alex", "codec_better"] == 8
    assert (psnr["images_used"], psnr["images_total"], psnr["note"]) == (8, 8, "")


def test_nearest_rate_is_taken_and_far_ones_are_left_out_with_the_reason() -> None:
    base = single([(0.2, 30.0, 0.1)] * 8)
    test: dict[str, Points] = {
        image: {"a": (0.17, 20.0, 0.3), "b": (0.21, 31.0, 0.1), "c": (0.24, 40.0, 0.0)} for image in IMAGES
    }
    test["i0"] = {"a": (0.1, 1.0, 1.0)}
    test["i1"] = {"a": (math.nan, math.nan, math.nan)}
    row = compare(scores({"base": base, "test": test})).iloc[0]
    assert row["difference"] == pytest.approx(1.0)
    assert row["images_used"] == 6
    assert row["note"] == "no rate within 15 %: 1 image (i0); the codec has no result: 1 image (i1)"


def test_the_limit_itself_is_near_enough() -> None:
    table = scores({"base": single([(0.4, 30.0, 0.1)] * 8), "test": single([(0.46, 31.0, 0.1)] * 8)})
    assert compare(table).iloc[0]["images_used"] == 8
    assert compare(table, tolerance=0.149).iloc[0]["images_used"] == 0


def test_few_images_get_no_interval() -> None:
    base, test = single([(0.2, 30.0, 0.1)] * 8), single([(0.2, 31.0, 0.1)] * 8)
    table = compare(scores({"base": base, "test": dict(list(test.items())[:4])}))
    row = table.iloc[0]
    assert row["difference"] == pytest.approx(1.0)
    assert math.isnan(row["ci_low"])
    assert "no interval from fewer than 5 images" in row["note"]


def test_infinite_values_are_left_out() -> None:
    values = [(0.2, 30.0, 0.1)] * 7
    table = scores(
        {"base": single([*values, (0.2, math.inf, 0.0)]), "test": single([*values, (0.2, 50.0, 0.1)])}
    )
    row = compare(table).iloc[0]
    assert (row["images_used"], row["note"]) == (7, "no finite difference: 1 image (i7)")


def test_codecs_with_enough_points_are_left_to_the_bd_rate() -> None:
    points: Points = {f"q{n}": (0.1 * n, 30.0 + n, 0.1) for n in range(1, 5)}
    many = dict.fromkeys(IMAGES, points)
    assert compare(scores({"base": many, "test": many})).empty
    table = compare(scores({"base": many, "test": single([(0.2, 31.0, 0.1)] * 8)}))
    assert list(table.columns) == list(PAIRED_COLUMNS)
    assert sorted(table["base_point"].unique()) == ["q1", "q2", "q3", "q4"]


def test_absent_images_are_told_apart_in_the_rd_table() -> None:
    values = [(0.2, 30.0, 0.1)] * 7 + [(math.nan, math.nan, math.nan)]
    row = rd_table(scores({"x": single(values)}), list(DIRECTIONS)).iloc[0]
    assert (row["images_used"], row["note"]) == (7, "no published picture: 1 image (i7)")


class TestCurves:
    rates = (0.1, 0.2, 0.4, 0.8, 1.6)
    psnr = (28.0, 31.0, 34.0, 37.0, 40.0)

    def measured(self, images: int = 8) -> pd.DataFrame:
        points: Points = {
            f"q{n}": (1.1 * rate, psnr, 0.1)
            for n, (rate, psnr) in enumerate(zip(self.rates, self.psnr, strict=True))
        }
        return rd_table(scores({"ours": dict.fromkeys(IMAGES[:images], points)}), list(DIRECTIONS))

    def curves(self, images: int = 8) -> pd.DataFrame:
        rows = [
            {
                "curve": "theirs",
                "dataset": "d",
                "point": f"p{n}",
                "images": images,
                "bpp": rate,
                "psnr_rgb": psnr,
            }
            for n, (rate, psnr) in enumerate(zip(self.rates, self.psnr, strict=True))
        ]
        return pd.DataFrame(rows).assign(lpips_alex=math.nan)

    def rate(self, anchor: str, rd: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
        return curve_bd_rates(rd, curves, DIRECTIONS, anchor, ["pchip"], min_overlap=0.5).set_index("metric")

    @pytest.mark.parametrize(("anchor", "percent"), [("ours", -100 / 11), ("theirs", 10.0)])
    def test_bd_rate_on_mean_curves(self, anchor: str, percent: float) -> None:
        rd = with_curves(self.measured(), self.curves(), list(DIRECTIONS), {"theirs": "beware"})
        table = self.rate(anchor, rd, self.curves())
        row = table.loc["psnr_rgb"]
        assert row["bd_rate_percent"] == pytest.approx(percent)
        ours = Curve(tuple(1.1 * rate for rate in self.rates), self.psnr)
        pair = (
            (ours, Curve(self.rates, self.psnr)) if anchor == "ours" else (Curve(self.rates, self.psnr), ours)
        )
        expected = bd_rate(*pair, method="pchip", higher_is_better=True, min_overlap=0.5)
        assert row["bd_rate_percent"] == pytest.approx(expected.percent)
        assert row["aggregation"] == "mean curve"
        assert math.isnan(row["ci_low"])
        assert "beware" in row["note"]
        assert math.isnan(table.loc["lpips_alex", "bd_rate_percent"])
        assert "no values of lpips_alex" in table.loc["lpips_alex", "note"]

    def test_means_over_other_numbers_of_images_are_not_compared(self) -> None:
        curves = self.curves(images=24)
        rd = with_curves(self.measured(), curves, list(DIRECTIONS), {"theirs": ""})
        row = self.rate("theirs", rd, curves).loc["psnr_rgb"]
        assert math.isnan(row["bd_rate_percent"])
        assert row["note"].startswith("n/a: means over 8 and 24 images")

    def test_measured_codecs_are_left_to_the_other_table(self) -> None:
        rd = self.measured()
        none = self.curves().iloc[:0]
        assert with_curves(rd, none, list(DIRECTIONS), {}) is rd
        assert self.rate("ours", rd, none).empty
