# SPDX-License-Identifier: BSD-3-Clause
"""A study of people in a run: from votes to tables, page and agreement with metrics."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from workflow_case import Case

POINTS = ("q20", "q40", "q60", "q80")
RATES = {"q20": 0.2, "q40": 0.35, "q60": 0.6, "q80": 1.0}
LABEL = "Study of <b>ours</b>"


def votes(seed: int = 0) -> str:
    """Votes that prefer the higher quality most of the time; `other` is a codec that the run has not."""
    random = np.random.default_rng(seed)
    methods = [*POINTS, "other"]
    strength = dict(zip(methods, (-1.5, -0.5, 0.5, 1.5, 0.0), strict=True))
    rows = ["rater,image,method_a,method_b,winner", "r0,a.png,q20,q20,q20"]
    for rater in range(6):
        for image in ("a.png", "b.png", "c.png"):
            for _ in range(20):
                one, two = random.choice(methods, 2, replace=False)
                wins = random.random() < 1 / (1 + np.exp(strength[two] - strength[one]))
                rows.append(f"r{rater},{image},{one},{two},{one if wins else two}")
    return "\n".join(rows) + "\n"


def define_study(case: Case, **changes: object) -> None:
    path = case.folder / "mirror" / "people" / "votes.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_text(votes())
    methods = {
        point: {"label": point, "curve": "jpeg-one", "bpp": RATES[point], "codec": "jpeg-one", "point": point}
        for point in POINTS
    }
    definition = {
        "id": "ours", "label": LABEL, "collection": "people", "file": "votes.csv",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "source": "https://example.org", "licence": "none",
        "anchor": "jpeg-one", "dataset": "folder",
        "methods": {**methods, "other": {"curve": "alone", "bpp": 0.5}},
    }  # fmt: skip
    target = case.folder / "own" / "studies" / "ours.yaml"
    target.parent.mkdir(parents=True, exist_ok=True)
    kept = {key: value for key, value in {**definition, **changes}.items() if value is not None}
    target.write_text(json.dumps(kept))


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    case = Case(tmp_path_factory.mktemp("rated"))
    define_study(case)
    case.config |= {
        "codecs": ["jpeg-one"],
        "metrics": ["psnr_rgb", "dists"],
        "studies": ["ours"],
        "mirrors": {"people": [str(case.folder / "mirror")]},
    }
    case.run(TORCH_HOME=str(case.folder / "no-weights"))
    return case


def test_scores_of_people(case: Case) -> None:
    elo = case.frame("elo")
    assert set(elo["study"]) == {"ours"}
    assert [name for name in elo["method"] if name != "other"] == list(reversed(POINTS))
    assert elo["votes"].sum() == 2 * 6 * 3 * 20
    assert (elo["elo_low"].astype(float) < elo["elo"].astype(float)).all()
    assert set(case.frame("raters")["rater"]) == {f"r{number}" for number in range(6)}


def test_votes_read_and_used_and_what_the_scores_rest_on(case: Case) -> None:
    (row,) = case.frame("studies").to_dict("records")
    assert (row["votes_read"], row["votes_set_aside"], row["votes"]) == (361, 1, 360)
    assert (row["methods"], row["raters"], row["images"]) == (5, 6, 3)
    assert (row["raters_tested"], row["raters_flagged"]) == (0, 0)
    assert (row["prior_sd"], round(row["prior_sd_elo"], 1)) == (3, 521.2)
    assert (row["clustered_by"], row["degrees_of_freedom"], row["ties"]) == ("raters", 5, "no")
    assert 0 < row["interval_error"] < 10
    assert row["note"] == ""


def test_every_two_methods_are_compared(case: Case) -> None:
    differences = case.frame("elo_differences").set_index(["method", "other"])
    assert len(differences) == 5 * 4
    row = differences.loc[("q80", "q20")]
    elo = case.frame("elo").set_index("method")["elo"].astype(float)
    assert float(row["elo_difference"]) == pytest.approx(elo["q80"] - elo["q20"])
    assert 0 < float(row["clustered_low"]) < float(row["difference_low"]) < float(row["elo_difference"])
    assert float(row["elo_difference"]) < float(row["difference_high"]) < float(row["clustered_high"])
    assert float(row["probability_better"]) > 0.99


def test_every_method_on_every_image(case: Case) -> None:
    images = case.frame("elo_images")
    assert set(images["image"]) == {"a.png", "b.png", "c.png"}
    assert len(images) == 3 * 5
    assert images["votes"].sum() == 2 * 360
    low, elo, high = (images[name].astype(float) for name in ("elo_low", "elo", "elo_high"))
    assert ((low < elo) & (elo < high)).all()
    # A third of the votes each: wider than the scores over all images.
    assert (high - low).median() > 1.4 * (
        case.frame("elo")["elo_high"].astype(float) - case.frame("elo")["elo_low"].astype(float)
    ).median()


def test_bd_rates_go_both_ways_and_say_why_there_is_none(case: Case) -> None:
    rates = case.frame("perceptual_bd_rate")
    assert set(zip(rates["anchor"], rates["codec"], strict=True)) == {
        ("jpeg-one", "alone"),
        ("alone", "jpeg-one"),
    }
    assert set(rates["bd_rate_percent"]) == {""}
    assert set(rates["note"]) == {"n/a: a curve needs 4 operating points and alone has 1"}


def test_metrics_are_compared_over_what_the_run_has(case: Case) -> None:
    agreement = case.frame("agreement").set_index("metric")
    psnr = agreement.loc["psnr_rgb"]
    assert (psnr["methods"], psnr["images"], psnr["resampled"]) == (4, 3, "images")
    assert float(psnr["spearman"]) == pytest.approx(1)
    assert float(psnr["pairs"]) == pytest.approx(1)
    assert 0.5 < float(psnr["votes"]) <= 1
    assert agreement.loc["dists", "spearman"] == ""
    assert "unavailable" in agreement.loc["dists", "note"]


def test_page(case: Case) -> None:
    text = case.page("ratings.html")
    assert LABEL in text
    assert "votes theirs, analysis ours" in text
    assert "n/a" in text
    assert "361 votes read, 360 used, of 6 raters on 3 images" in text
    assert "1 comparisons of a method with itself are set aside" in text
    assert "Prior: strengths normal with a standard deviation of 3 nats, 521 Elo" in text
    assert "Intervals: 95 % of 40,000 draws from the exact posterior" in text
    assert "Measured error of their ends" in text
    assert "None of 6 raters could be tested: 6 with fewer than 5 images." in text
    assert text.count("not tested: fewer than 5 images") == 6
    assert "None is flagged" not in text
    assert "of 10 pairs: the 95 % interval of their difference, which allows for raters and images," in text
    html = (case.folder / "results" / "case" / "report" / "ratings.html").read_text()
    for name in ("elo_differences.csv", "elo_images.csv"):
        assert f'href="data/{name}"' in html
        assert (case.folder / "results" / "case" / "report" / "data" / name).is_file()
    assert "<b>ours" not in (case.folder / "results" / "case" / "report" / "ratings.html").read_text()
    assert (case.folder / "results" / "case" / "report" / "plots" / "study-ours.svg").is_file()
    assert "ratings.html" in (case.folder / "results" / "case" / "report" / "index.html").read_text()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sha256": "0" * 64}, "get the file again"),
        ({"file": "other.csv"}, "is not here"),
        ({"anchor": "jpeg-two"}, "did you mean 'jpeg-one'?"),
        ({"method": {}}, "did you mean 'methods'?"),
        (
            {"methods": {"q21": {"bpp": 1}}, "anchor": None},
            "no votes on the method 'q21'; did you mean 'q20'?",
        ),
        ({"exclude_raters": ["r9"]}, "no rater is called 'r9'"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(
    tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    case = Case(tmp_path)
    define_study(case, **changes)
    case.config |= {"studies": ["ours"], "mirrors": {"people": [str(tmp_path / "mirror")]}}
    case.run(succeeds=False)
    assert words in case.output
    assert "Traceback" not in case.output
    assert not (tmp_path / "results" / "bitstreams").exists()


def test_a_method_that_never_lost_is_named_on_the_page(tmp_path: Path) -> None:
    case = Case(tmp_path)
    path = tmp_path / "mirror" / "people" / "votes.csv"
    path.parent.mkdir(parents=True)
    lines = ["image,method_a,method_b,winner"]
    pairs = ("q20,q40,q40", "q20,q40,q20", "q40,q60,q60", "q60,q40,q40", "q60,q80,q80", "other,q20,q20")
    path.write_text("\n".join(lines + [f"a.png,{pair}" for pair in (*pairs, "q20,other,other")]) + "\n")
    define_study(case)
    case.config |= {
        "codecs": ["jpeg-one"],
        "studies": ["ours"],
        "mirrors": {"people": [str(tmp_path / "mirror")]},
    }
    case.run()
    text = case.page("ratings.html")
    assert "q80 never lost to the others: how far it is ahead rests on the prior" in text
    assert "no interval over raters and images: needs at least 5 raters or 5 images with votes" in text
    assert "Raters: not compared, the votes name fewer than 3." in text
    assert "which takes votes as independent, does not hold zero" in text
    images = case.frame("elo_images").set_index("method")
    assert images.loc["q80", "note"] == "never lost"


# Last: it changes what the others look at.
def test_only_what_depends_on_the_votes_runs_again(case: Case) -> None:
    weights = str(case.folder / "no-weights")
    assert case.run(TORCH_HOME=weights) == {}
    (case.folder / "mirror" / "people" / "votes.csv").write_text(votes(1))
    define_study(case)
    again = case.run(TORCH_HOME=weights)
    assert again.keys() >= {"rate", "page"}
    assert not again.keys() & {"encode", "measure"}
    case.config.pop("studies")
    case.run(TORCH_HOME=weights)
    assert not (case.folder / "results" / "case" / "tables" / "elo.csv").exists()
    assert not (case.folder / "results" / "case" / "report" / "ratings.html").exists()
