# SPDX-License-Identifier: BSD-3-Clause
"""RD and BD-rate tables: figures by hand, images that are missing, intervals, independence of row order."""

import io
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from picobench.analysis._bootstrap import bootstrap_interval, resample_weights
from picobench.analysis.bdrate import Curve, Reason, bd_rate
from picobench.analysis.tables import (
    BD_RATE_COLUMNS,
    BD_RATE_IMAGE_COLUMNS,
    bd_rate_images,
    bd_rate_table,
    rd_table,
)
from picobench.errors import DefinitionError, StorageError

DIRECTIONS = {"psnr_rgb": True, "lpips_alex": False}
POINTS = ("q10", "q30", "q50", "q70", "q90")


def make_scores(
    images: int = 8, codecs: tuple[str, ...] = ("jpeg", "webp", "avif"), seed: int = 1
) -> pd.DataFrame:
    """Scores of codecs that save about 0, 20, 40 ... % against the first, differently on each image."""
    generator = np.random.default_rng(seed)
    rows = []
    for image in range(images):
        level = generator.normal(0, 0.3)
        for rank, codec in enumerate(codecs):
            saving = math.log(1 - 0.2 * rank) + generator.normal(0, 0.05)
            for place, point in enumerate(POINTS):
                rate = math.exp(level + saving + 0.6 * place) / 5
                shift = generator.normal(0, 0.02)
                quality = (28 + 2.5 * place + shift, 0.4 * math.exp(-0.5 * place - shift))
                name = f"kodim{image:02}"
                rows.append(
                    [codec, "1.0", "kodak", name, point, 768, 512, 49152 * rate, rate, "ok", *quality]
                )
    columns = "codec version dataset image point width height bytes bpp status psnr_rgb lpips_alex"
    return pd.DataFrame(rows, columns=columns.split())


def fail(scores: pd.DataFrame, **where: str) -> pd.DataFrame:
    """The same scores where the named operating points have failed."""
    scores = scores.copy()
    hit = np.logical_and.reduce([scores[column] == value for column, value in where.items()])
    assert hit.any()
    scores.loc[hit, "status"] = "failed"
    scores.loc[hit, ["bpp", "psnr_rgb", "lpips_alex"]] = np.nan
    return scores


def psnr_table(scores: pd.DataFrame) -> pd.DataFrame:
    return bd_rate_table(scores, {"psnr_rgb": True}, "jpeg", ["pchip"], bootstrap_resamples=100)


def curve(scores: pd.DataFrame, codec: str, image: str, metric: str) -> Curve:
    rows = scores[(scores["codec"] == codec) & (scores["image"] == image)]
    return Curve(tuple(rows["bpp"]), tuple(rows[metric]))


def mean_curve(scores: pd.DataFrame, codec: str, metric: str) -> Curve:
    means = scores[scores["codec"] == codec].groupby("point")[["bpp", metric]].mean()
    return Curve(tuple(means["bpp"]), tuple(means[metric]))


def one(table: pd.DataFrame, **where: Any) -> Any:
    """The only row with these values."""
    for column, value in where.items():
        table = table[table[column] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_rd_table_means() -> None:
    scores = make_scores()
    table = rd_table(scores, list(DIRECTIONS))
    columns = "dataset codec version point images_used images_total bpp"
    assert list(table) == [*columns.split(), "psnr_rgb", "psnr_rgb_of_mean_mse", "lpips_alex", "note"]
    assert len(table) == 15
    assert table.groupby("codec")["bpp"].apply(lambda rates: rates.is_monotonic_increasing).all()
    row = one(table, codec="webp", point="q50")
    own = scores[(scores["codec"] == "webp") & (scores["point"] == "q50")]
    assert (row["images_used"], row["images_total"], row["note"]) == (8, 8, "")
    assert row["bpp"] == pytest.approx(own["bpp"].mean())
    assert row["psnr_rgb"] == pytest.approx(own["psnr_rgb"].mean())
    mse = (255**2 / 10 ** (own["psnr_rgb"] / 10)).mean()
    assert row["psnr_rgb_of_mean_mse"] == pytest.approx(10 * math.log10(255**2 / mse))
    assert row["psnr_rgb_of_mean_mse"] < row["psnr_rgb"]


def test_rd_table_marks_what_rests_on_fewer_images() -> None:
    scores = fail(make_scores(), codec="webp", point="q50", image="kodim03")
    scores.loc[(scores["codec"] == "avif") & (scores["image"] == "kodim01"), "lpips_alex"] = np.nan
    scores.loc[(scores["codec"] == "jpeg") & (scores["image"] == "kodim02"), "psnr_rgb"] = np.inf
    table = rd_table(scores, list(DIRECTIONS))
    failed = one(table, codec="webp", point="q50")
    assert tuple(failed[["images_used", "images_total", "note"]]) == (7, 8, "no result: 1 image (kodim03)")
    own = scores[(scores["codec"] == "webp") & (scores["point"] == "q50")]
    assert failed["psnr_rgb"] == pytest.approx(own["psnr_rgb"].mean())
    assert one(table, codec="avif", point="q50")["note"] == "lpips_alex over 7 images only"
    lossless = one(table, codec="jpeg", point="q50")
    assert lossless["note"] == "psnr_rgb infinite on 1"
    assert lossless["psnr_rgb"] == np.inf
    assert np.isfinite(lossless["psnr_rgb_of_mean_mse"])


def test_a_row_that_is_absent_counts_as_missing() -> None:
    scores = make_scores()
    gone = (scores["codec"] == "webp") & (scores["point"] == "q50") & (scores["image"] == "kodim03")
    row = one(rd_table(scores[~gone], ["psnr_rgb"]), codec="webp", point="q50")
    assert (row["images_used"], row["images_total"]) == (7, 8)
    row = one(psnr_table(scores[~gone]), codec="webp", aggregation="mean curve")
    assert (row["images_used"], row["images_total"]) == (7, 8)


def test_a_codec_without_any_result_has_no_figures() -> None:
    scores = fail(make_scores(), codec="webp")
    row = one(rd_table(scores, ["psnr_rgb"]), codec="webp", point="q50")
    assert row["images_used"] == 0
    assert np.isnan([row["bpp"], row["psnr_rgb"], row["psnr_rgb_of_mean_mse"]]).all()
    table = bd_rate_table(scores, DIRECTIONS, "jpeg", ["pchip"], bootstrap_resamples=100)
    webp = table[table["codec"] == "webp"]
    assert len(webp) == 4
    assert webp["bd_rate_percent"].isna().all()
    assert (
        webp["note"].str.contains("n/a: 0 of 8 images, at least 4 needed; test lacks results: 8 images").all()
    )
    anchor_failed = bd_rate_table(scores, DIRECTIONS, "webp", ["pchip"], bootstrap_resamples=100)
    assert anchor_failed["bd_rate_percent"].isna().all()
    assert anchor_failed["note"].str.contains("anchor lacks results: 8 images").all()


@pytest.mark.parametrize("method", ["pchip", "akima", "cubic"])
def test_bd_rate_table_figures(method: Any) -> None:
    scores = make_scores()
    table = bd_rate_table(scores, DIRECTIONS, "jpeg", [method], bootstrap_resamples=500, seed=3)
    assert tuple(table) == BD_RATE_COLUMNS
    assert len(table) == 2 * 2 * 2
    assert set(table["codec"]) == {"webp", "avif"}
    for metric, higher_is_better in DIRECTIONS.items():
        row = one(table, codec="avif", metric=metric, aggregation="per-image mean")
        singles = [
            bd_rate(
                curve(scores, "jpeg", image, metric),
                curve(scores, "avif", image, metric),
                method=method,
                higher_is_better=higher_is_better,
            ).percent
            for image in sorted(set(scores["image"]))
        ]
        assert row["bd_rate_percent"] == pytest.approx(np.mean(np.array(singles, float)))
        assert row["ci_low"] < row["bd_rate_percent"] < row["ci_high"]
        assert (row["ci_low"] > -50, row["ci_high"] < -30) == (True, True)

        row = one(table, codec="avif", metric=metric, aggregation="mean curve")
        whole = bd_rate(
            mean_curve(scores, "jpeg", metric),
            mean_curve(scores, "avif", metric),
            method=method,
            higher_is_better=higher_is_better,
        )
        assert row["bd_rate_percent"] == pytest.approx(whole.percent)
        assert row["overlap"] == pytest.approx(whole.overlap)
        assert row["ci_low"] < row["bd_rate_percent"] < row["ci_high"]
        assert (row["images_used"], row["images_total"], row["note"]) == (8, 8, "")


def test_the_interval_of_the_mean_curve_is_that_of_resampled_mean_curves() -> None:
    """Every resample once more the slow way: pick the images, average them, compare."""
    scores = make_scores(images=6, codecs=("jpeg", "webp"))
    options: Any = {"bootstrap_resamples": 100, "seed": 5, "confidence": 0.9}
    table = bd_rate_table(scores, {"psnr_rgb": True}, "jpeg", ["pchip"], **options)
    row = one(table, aggregation="mean curve")
    statistics, names = [], sorted(set(scores["image"]))
    for weights in resample_weights(6, 100, 5, *b"kodak"):
        drawn = [name for name, count in zip(names, weights, strict=True) for _ in range(int(count))]
        assert len(drawn) == 6
        picked = pd.concat([scores[scores["image"] == name] for name in drawn])
        result = bd_rate(
            mean_curve(picked, "jpeg", "psnr_rgb"),
            mean_curve(picked, "webp", "psnr_rgb"),
            method="pchip",
            higher_is_better=True,
        )
        statistics.append(result.percent)
    expected = bootstrap_interval(np.array(statistics, float), 6, 0.9)
    assert expected == pytest.approx((row["ci_low"], row["ci_high"]))


def test_the_order_of_rows_does_not_matter() -> None:
    scores = fail(make_scores(), codec="webp", point="q50", image="kodim03")
    shuffled = scores.sample(frac=1, random_state=4)
    for build in (
        lambda table: rd_table(table, list(DIRECTIONS)),
        lambda table: bd_rate_table(table, DIRECTIONS, "jpeg", ["pchip"], bootstrap_resamples=100),
        lambda table: bd_rate_images(table, DIRECTIONS, "jpeg", ["pchip"]),
    ):
        assert build(scores).to_csv() == build(shuffled).to_csv()


def test_a_table_read_from_csv_gives_the_same() -> None:
    """The reader turns names such as "10" into numbers and empty columns into NaN."""
    scores = make_scores().assign(version="", dists=None)
    scores["point"] = scores["point"].str.removeprefix("q")
    again = pd.read_csv(io.StringIO(scores.to_csv(index=False)))
    assert again["point"].dtype != scores["point"].dtype
    for table in (scores, again):
        table["dists"] = table["dists"].astype(object)
    assert rd_table(scores, ["psnr_rgb", "dists"]).to_csv() == rd_table(again, ["psnr_rgb", "dists"]).to_csv()
    first, second = (
        bd_rate_table(table, DIRECTIONS | {"dists": False}, "jpeg", ["pchip"], bootstrap_resamples=100)
        for table in (scores, again)
    )
    assert first.to_csv() == second.to_csv()
    unavailable = first[first["metric"] == "dists"]
    assert len(unavailable) == 4
    assert unavailable["bd_rate_percent"].isna().all()
    assert unavailable["note"].str.contains("anchor lacks dists: 8 images").all()


def test_the_seed_decides_the_interval_and_nothing_else() -> None:
    scores = make_scores()
    tables = [
        bd_rate_table(scores, DIRECTIONS, "jpeg", ["pchip"], bootstrap_resamples=300, seed=seed)
        for seed in (1, 1, 2)
    ]
    assert tables[0].equals(tables[1])
    assert (tables[0]["bd_rate_percent"] == tables[2]["bd_rate_percent"]).all()
    assert (tables[0]["ci_low"] != tables[2]["ci_low"]).all()


def test_another_codec_or_dataset_changes_no_row() -> None:
    scores = make_scores()
    more = pd.concat([scores, make_scores(seed=9).assign(dataset="a-dataset")])
    options: Any = {"bootstrap_resamples": 100}
    whole = bd_rate_table(more, DIRECTIONS, "jpeg", ["pchip"], **options)
    fewer = bd_rate_table(scores[scores["codec"] != "avif"], DIRECTIONS, "jpeg", ["pchip"], **options)
    same = whole[(whole["dataset"] == "kodak") & (whole["codec"] == "webp")].reset_index(drop=True)
    assert same.to_csv() == fewer.to_csv()


def test_an_incomplete_image_is_left_out_and_counted() -> None:
    scores = fail(make_scores(), codec="webp", point="q50", image="kodim03")
    table = psnr_table(scores)
    for aggregation in ("per-image mean", "mean curve"):
        row = one(table, codec="webp", aggregation=aggregation)[["images_used", "images_total", "note"]]
        assert tuple(row) == (7, 8, "test lacks results: 1 image (kodim03)")
        assert one(table, codec="avif", aggregation=aggregation)["images_used"] == 8
    row = one(table, codec="webp", aggregation="mean curve")
    rest = scores[scores["image"] != "kodim03"]
    expected = bd_rate(
        mean_curve(rest, "jpeg", "psnr_rgb"),
        mean_curve(rest, "webp", "psnr_rgb"),
        method="pchip",
        higher_is_better=True,
    )
    assert row["bd_rate_percent"] == pytest.approx(expected.percent)


def test_an_image_without_a_bd_rate_is_named_with_its_reason() -> None:
    scores = make_scores()
    far = (scores["codec"] == "webp") & (scores["image"] == "kodim05")
    scores.loc[far, "psnr_rgb"] += 40
    table = psnr_table(scores)
    row = one(table, codec="webp", aggregation="per-image mean")
    assert (row["images_used"], row["note"]) == (7, f"{Reason.NO_OVERLAP}: 1 image (kodim05)")
    images = bd_rate_images(scores, {"psnr_rgb": True}, "jpeg", ["pchip"])
    assert tuple(images) == BD_RATE_IMAGE_COLUMNS
    assert len(images) == 16
    single = one(images, codec="webp", image="kodim05")
    assert np.isnan(single["bd_rate_percent"])
    assert (single["overlap"], single["note"]) == (0.0, Reason.NO_OVERLAP)
    others = images[(images["codec"] == "webp") & (images["image"] != "kodim05")]
    assert row["bd_rate_percent"] == pytest.approx(others["bd_rate_percent"].mean())
    assert row["overlap"] == pytest.approx(others["overlap"].mean())


def test_too_few_images_give_no_figure() -> None:
    scores = make_scores()
    for number in range(5):
        scores = fail(scores, codec="webp", point="q50", image=f"kodim{number:02}")
    table = psnr_table(scores)
    for aggregation in ("per-image mean", "mean curve"):
        row = one(table, codec="webp", aggregation=aggregation)
        assert np.isnan([row["bd_rate_percent"], row["ci_low"], row["ci_high"]]).all()
        assert row["note"].startswith("n/a: 3 of 8 images, at least 4 needed; test lacks results: 5 images")
        assert "(kodim00, kodim01, kodim02, ...)" in row["note"]


@pytest.mark.parametrize("images", [1, 4])
def test_few_images_give_a_figure_without_an_interval(images: int) -> None:
    table = bd_rate_table(make_scores(images), DIRECTIONS, "jpeg", ["pchip"], bootstrap_resamples=100)
    assert table["bd_rate_percent"].notna().all()
    assert table["ci_low"].isna().all()
    assert (table["note"] == "no interval from fewer than 5 images").all()


def test_a_lossless_image_takes_its_point_from_the_mean_curve() -> None:
    scores = make_scores()
    lossless = (scores["codec"] == "webp") & (scores["image"] == "kodim02") & (scores["point"] == "q90")
    scores.loc[lossless, "psnr_rgb"] = np.inf
    table = psnr_table(scores)
    row = one(table, codec="webp", aggregation="mean curve")
    assert row["note"] == "test: 1 point left out (lossless)"
    assert row["ci_low"] < row["bd_rate_percent"] < row["ci_high"]
    row = one(table, codec="webp", aggregation="per-image mean")
    assert (row["images_used"], row["note"]) == (8, "points left out: 1 image (kodim02)")


def test_versions_that_did_the_same_work_are_codecs_of_their_own() -> None:
    scores = make_scores()
    newer = scores[scores["codec"] == "webp"].assign(version="1.5")
    newer["bpp"] *= 0.9
    both = pd.concat([scores, newer])
    table = bd_rate_table(both, {"psnr_rgb": True}, "webp@1.0", ["pchip"], bootstrap_resamples=100)
    assert list(dict.fromkeys(table["codec"])) == ["avif", "jpeg", "webp@1.5"]
    row = one(table, codec="webp@1.5", aggregation="mean curve")
    assert row["bd_rate_percent"] == pytest.approx(-10.0)
    with pytest.raises(
        DefinitionError, match=r"anchor 'webp' is not a codec of this run; did you mean 'webp@1\.."
    ):
        bd_rate_table(both, {"psnr_rgb": True}, "webp", ["pchip"])


def test_versions_that_share_the_work_are_one_codec_and_said() -> None:
    scores = make_scores()
    scores.loc[(scores["codec"] == "webp") & (scores["image"] == "kodim00"), "version"] = "0.9"
    table = psnr_table(scores)
    notes = table[table["codec"] == "webp"]["note"]
    assert list(notes) == ["test coded by several versions (0.9, 1.0)"] * 2
    row = one(rd_table(scores, ["psnr_rgb"]), codec="webp", point="q50")
    assert (row["version"], row["images_used"], row["note"]) == ("0.9, 1.0", 8, "coded by several versions")


def test_a_failure_without_a_version_stays_with_its_codec() -> None:
    scores = fail(make_scores(), codec="webp", point="q50", image="kodim03")
    scores.loc[scores["status"] == "failed", "version"] = ""
    row = one(rd_table(scores, ["psnr_rgb"]), codec="webp", point="q50")
    assert (row["version"], row["images_used"], row["images_total"]) == ("1.0", 7, 8)
    notes = psnr_table(scores)["note"]
    assert not notes.str.contains("several versions").any()


def test_a_dataset_without_the_anchor_says_so() -> None:
    scores = make_scores()
    other = scores[scores["codec"] == "webp"].assign(dataset="clic")
    table = bd_rate_table(pd.concat([scores, other]), {"psnr_rgb": True}, "jpeg", ["pchip"])
    clic = table[table["dataset"] == "clic"]
    assert len(clic) == 2
    assert clic["bd_rate_percent"].isna().all()
    assert clic["note"].str.contains("anchor lacks results: 8 images").all()


def test_wrong_scores_give_one_line() -> None:
    scores = make_scores()
    with pytest.raises(StorageError, match="no column 'psnr_y'; did you mean 'psnr_rgb'"):
        rd_table(scores, ["psnr_y"])
    with pytest.raises(StorageError, match=r"two rows for kodak / avif / 1\.0 / kodim00 / q10"):
        rd_table(pd.concat([scores, scores]), ["psnr_rgb"])
    with pytest.raises(StorageError, match="'psnr_rgb' is not numeric"):
        rd_table(scores.assign(psnr_rgb="high"), ["psnr_rgb"])
    with pytest.raises(DefinitionError, match="anchor 'jpg' is not a codec of this run; did you mean 'jpeg'"):
        bd_rate_table(scores, DIRECTIONS, "jpg", ["pchip"])


def test_tables_without_rows_keep_their_columns() -> None:
    empty = make_scores()[:0]
    assert rd_table(empty, ["psnr_rgb"]).empty
    only_anchor = make_scores(codecs=("jpeg",))
    assert tuple(bd_rate_table(only_anchor, DIRECTIONS, "jpeg", ["pchip"])) == BD_RATE_COLUMNS
    assert tuple(bd_rate_images(only_anchor, DIRECTIONS, "jpeg", ["pchip"])) == BD_RATE_IMAGE_COLUMNS


@pytest.mark.parametrize("images", [6, 24])
def test_the_interval_covers_what_it_promises(images: int) -> None:
    """BD-rates drawn from a normal distribution: 95 of 100 intervals hold its mean."""
    generator = np.random.default_rng(11)
    weights = resample_weights(images, 1000, 1)
    hits = 0
    for _ in range(600):
        sample = generator.normal(-37, 5, images)
        interval = bootstrap_interval(weights @ sample / images, images, 0.95)
        assert interval is not None
        hits += interval[0] <= -37 <= interval[1]
    # Four standard errors of a share of 0.95 among 600; the plain percentile interval has 0.86 for 6 images.
    assert hits / 600 == pytest.approx(0.95, abs=0.036)


def test_no_interval_where_resamples_have_no_value() -> None:
    for without, there in ((40, True), (60, False)):
        statistics = np.arange(1000.0)
        statistics[:without] = np.nan
        assert (bootstrap_interval(statistics, 24, 0.95) is not None) == there
