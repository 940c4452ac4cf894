# SPDX-License-Identifier: BSD-3-Clause
"""The registry of claims and its verdicts."""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from html_pages import parse as parse_page
from synthetic_run import make_small_run
from test_claims_expression import write_rows

from picobench.claims import cli
from picobench.claims.evidence import Evidence
from picobench.claims.judge import (
    AGAINST_PRIMARY,
    CONSISTENT,
    CONTRADICTED,
    INCONSISTENT,
    NOT_REPRODUCED,
    NOT_TESTABLE,
    REPRODUCED,
    VERDICTS,
    WITH_PRIMARY,
    Verdict,
    judge,
)
from picobench.claims.page import read_claims_page
from picobench.claims.registry import Registry, read_registry
from picobench.claims.results import COLUMNS, judge_run, write_claims
from picobench.definitions import Definitions
from picobench.errors import DefinitionError, StorageError
from picobench.files import read_json, write_json
from picobench.report import build

SOURCES = {
    "paper": {"kind": "primary", "title": "A paper"},
    "article": {"kind": "secondary", "title": "An article"},
}


def registry(folder: Path, claims: dict[str, Any], **document: Any) -> Registry:
    """A registry of one group; what a claim does not say is filled in."""
    group = {
        "title": "Group",
        "source": "paper",
        "place": "page 1",
        "claims": {},
        **document.pop("group", {}),
    }
    for name, claim in claims.items():
        group["claims"][name] = {"statement": "It is so.", **claim}
    (folder / "paper").mkdir(parents=True, exist_ok=True)
    path = folder / "paper" / "claims.yaml"
    path.write_text(yaml.safe_dump({"sources": SOURCES, "groups": {"g": group}, **document}))
    return read_registry([folder])


def make_evidence(folder: Path, **tables: list[dict[str, Any]]) -> Evidence:
    codecs = {
        "new": {"trust": "published reconstruction"},
        "av1@3.6": {"trust": "decoded"},
    }
    metrics = {"psnr": {"available": True}, "cmmd": {"available": False, "why": "no weights"}}
    datasets = {"d": {"images": 9}}
    write_json(folder / "run.json", {"codecs": codecs, "datasets": datasets, "metrics": metrics})
    for name, rows in tables.items():
        write_rows(folder, name, rows)
    defined = {"devices": {"phone"}, "codecs": {"vvc", "new"}, "datasets": {"clic"}, "metrics": {"fid"}}
    return Evidence(folder, {kind: frozenset(names) for kind, names in defined.items()})


def one(folder: Path, claim: dict[str, Any], **tables: list[dict[str, Any]]) -> Verdict:
    (verdict,) = judge(registry(folder, {"c": claim}), make_evidence(folder, **tables))
    return verdict


def rate(low: float | str, value: float | str, high: float | str, note: str = "") -> list[dict[str, Any]]:
    return [
        {
            "codec": "new",
            "anchor": "av1@3.6",
            "bd_rate_percent": value,
            "ci_low": low,
            "ci_high": high,
            "note": note,
        }
    ]


SAVING = {
    "value": {"at_least": 20, "at_most": 40},
    "unit": "%",
    "tolerance": {"absolute": 1},
    "recompute": "-bd_rate('bd_rate', anchor='av1', codec='new')",
}


class TestTheProjectsRegistry:
    def test_every_claim_has_a_computed_verdict_also_without_a_run(self, root: Path) -> None:
        claims, verdicts = judge_run(Definitions(root), None)
        assert [verdict.claim.id for verdict in verdicts] == list(claims.claims)
        assert len(verdicts) > 90
        assert {verdict.verdict for verdict in verdicts} <= set(VERDICTS)
        assert all(verdict.reason for verdict in verdicts)

    def test_no_verdict_can_be_written_by_hand(self, root: Path, tmp_path: Path) -> None:
        document = yaml.safe_load((root / "paper" / "claims.yaml").read_text())
        document["groups"]["table-2"]["claims"]["seam.with"]["verdict"] = REPRODUCED
        (tmp_path / "paper").mkdir()
        (tmp_path / "paper" / "claims.yaml").write_text(yaml.safe_dump(document))
        with pytest.raises(DefinitionError, match="unknown key 'verdict'"):
            read_registry([tmp_path])

    def test_nothing_is_recomputed_without_a_run(self, root: Path) -> None:
        _, verdicts = judge_run(Definitions(root), None)
        recomputed = [verdict for verdict in verdicts if verdict.claim.check == "recompute"]
        assert {verdict.verdict for verdict in recomputed} == {NOT_TESTABLE}
        assert all(
            "no run" in verdict.reason or "not in this run" in verdict.reason for verdict in recomputed
        )

    def test_what_the_registry_alone_decides(self, root: Path) -> None:
        _, verdicts = judge_run(Definitions(root), None)
        by_verdict: dict[str, set[str]] = {}
        for verdict in verdicts:
            by_verdict.setdefault(verdict.verdict, set()).add(verdict.claim.id)
        assert by_verdict[INCONSISTENT] == {"table-1.checkerboards-help", "encode-12mp.device"}
        reasons = {verdict.claim.id: verdict.reason for verdict in verdicts}
        assert reasons["encode-12mp.device"].endswith("device-readme is iPhone 17")
        assert by_verdict[AGAINST_PRIMARY] == {
            f"secondary.{name}"
            for name in (
                "ratings",
                "four-convolutions",
                "loss-weights",
                "size",
                "vtm-version",
                "repository",
                "code-public",
                "no-ml-runtime",
                "one-third-smaller",
            )
        }
        assert by_verdict[WITH_PRIMARY] == {"page-table.169-per-cent", "page-table.27-per-cent"}
        assert {"tiles", "size-and-disk", "table-1.resampling-haar"} <= by_verdict[CONSISTENT]

    def test_the_headline_numbers_are_those_of_the_paper(self, root: Path) -> None:
        claims = read_registry([root]).claims
        claimed = {name: claims[name].claimed for name in claims}
        expected = {
            "savings-traditional.jpeg-ai": "2.3 to 3 times",
            "savings-learned.mric": "20 to 40 %",
            "bd-standardised.heic": "at most -60 %",
            "encode-12mp": "at most 230 ms",
            "size.encoder": "15.2 million",
            "memory.decoder": "25.4 MB",
            "macs": "32.7 to 48 kMAC/pixel",
            "study.comparisons": "74,925 comparisons",
            "table-1.autoregression-checkerboard": "14.67 %",
            "table-1.everything-off": "31.69 %",
            "seam.with": "0.00097 of full range",
        }
        assert {name: claimed[name] for name in expected} == expected

    def test_the_hific_study_is_judged_once_its_table_is_there(
        self, root: Path, shared: Path, tmp_path: Path
    ) -> None:
        import csv
        import io

        from picobench.ratings.read_votes import read_votes
        from picobench.ratings.study import analyse_study
        from picobench.ratings.tables import TABLES, differences_csv, methods_csv, raters_csv, study_row

        study = analyse_study(read_votes(shared / "published" / "hific-userstudy" / "votes.json"))
        texts = {
            "elo": methods_csv(study, {}),
            "raters": raters_csv(study),
            "elo_differences": differences_csv(study),
        }
        tables: dict[str, list[dict[str, Any]]] = {
            name: [{"study": "hific", **row} for row in csv.DictReader(io.StringIO(text))]
            for name, text in texts.items()
        }
        about = ["hific", *study_row(study, {})]
        tables["studies"] = [dict(zip(TABLES["studies"], about, strict=True))]
        found = {v.claim.id: v for v in judge(read_registry([root]), make_evidence(tmp_path, **tables))}
        for name in ("votes", "raters", "methods", "ranked-above-bpg", "ranked-above-hyperprior"):
            assert found[f"hific-study.{name}"].verdict == REPRODUCED
        assert found["hific-study.preferred-to-hyperprior"].verdict == REPRODUCED
        # The intervals of the two overlap widely: by this study alone it is not settled.
        assert found["hific-study.preferred-to-bpg"].verdict == NOT_REPRODUCED
        # Its votes are not those of PICO's study.
        reason = found["study.comparisons"].reason
        assert reason.startswith("the votes of PICO's study (they are not published): table elo has no row")
        assert found["study.raters"].verdict == NOT_TESTABLE


class TestVerdicts:
    @pytest.mark.parametrize(
        ("interval", "verdict"),
        [
            ((-35, -30, -25), REPRODUCED),
            ((-41, -30, -19), REPRODUCED),  # on the edges of the tolerance
            ((-41.001, -30, -19), NOT_REPRODUCED),
            ((-60, -30, -25), NOT_REPRODUCED),
            ((-90, -50, -25), NOT_REPRODUCED),  # the estimate is outside, the interval is not
            ((-90, -60, -41), NOT_REPRODUCED),  # the edge itself is not outside
            ((-90, -60, -41.001), CONTRADICTED),
            ((-18.9, -10, 5), CONTRADICTED),
            (("", -30, ""), NOT_REPRODUCED),  # no interval decides nothing
            (("", -90, ""), NOT_REPRODUCED),
        ],
    )
    def test_the_interval_decides(self, interval: tuple[Any, ...], verdict: str, tmp_path: Path) -> None:
        assert one(tmp_path, SAVING, bd_rate=rate(*interval)).verdict == verdict

    @pytest.mark.parametrize(
        ("count", "tolerance", "verdict"),
        [
            (3, 0, REPRODUCED),
            (4, 0, CONTRADICTED),
            (4, 1, REPRODUCED),
            (5, 1, CONTRADICTED),
            (2, 1, REPRODUCED),
        ],
    )
    def test_a_count_is_exact(self, count: int, tolerance: float, verdict: str, tmp_path: Path) -> None:
        claim = {
            "value": {"number": 3},
            "tolerance": {"absolute": tolerance},
            "recompute": "count(rows('votes'))",
        }
        assert one(tmp_path, claim, votes=[{"rater": k} for k in range(count)]).verdict == verdict

    @pytest.mark.parametrize(
        ("value", "verdict"), [(10.5, REPRODUCED), (10.50001, CONTRADICTED), (9.5, REPRODUCED)]
    )
    def test_a_relative_tolerance(self, value: float, verdict: str, tmp_path: Path) -> None:
        claim = {
            "value": {"number": 10},
            "tolerance": {"relative": 0.05},
            "recompute": "value(rows('t'), 'x')",
        }
        assert one(tmp_path, claim, t=[{"x": value}]).verdict == verdict

    def test_decimal_fractions_on_the_edge_count_as_inside(self, tmp_path: Path) -> None:
        claim = {
            "value": {"number": 0.1},
            "tolerance": {"absolute": 0.2},
            "recompute": "value(rows('t'), 'x')",
        }
        assert one(tmp_path, claim, t=[{"x": 0.3}]).verdict == REPRODUCED

    def test_what_was_used_is_recorded_with_its_trust(self, tmp_path: Path) -> None:
        verdict = one(tmp_path, SAVING, bd_rate=rate(-35, -30, -25, "8 of 9 images"))
        assert verdict.trace.rows == {"bd_rate": 1}
        assert verdict.trace.codecs == {"new", "av1@3.6"}
        assert verdict.trust == {"decoded", "published reconstruction"}
        assert "8 of 9 images" in verdict.reason

    def test_an_implementation_is_judged_like_the_codec_itself(self, tmp_path: Path) -> None:
        claim = {
            "value": {"number": 150},
            "unit": "ms",
            "tolerance": {"relative": 0.05},
            "needs": [{"codec": "pico", "trust": "decoded"}],
            "recompute": "1000 * value(rows('timing', codec='pico'), 'seconds')",
        }
        timing = [{"codec": "mine@v1", "seconds": 0.152}]
        assert one(tmp_path, claim, timing=timing).verdict == NOT_TESTABLE
        evidence = make_evidence(tmp_path, timing=timing)
        document = read_json(tmp_path / "run.json")
        document["codecs"]["mine@v1"] = {"trust": "decoded", "implements": "pico"}
        write_json(tmp_path / "run.json", document)
        evidence = Evidence(tmp_path, evidence.defined)
        (verdict,) = judge(registry(tmp_path, {"c": claim}), evidence)
        assert (verdict.verdict, verdict.trust) == (REPRODUCED, {"decoded"})

    def test_numbers_of_a_study_rest_on_published_votes(self, tmp_path: Path) -> None:
        claim = {
            "value": {"number": 2},
            "tolerance": {"absolute": 0},
            "recompute": "count(rows('elo', study='s'))",
        }
        verdict = one(tmp_path, claim, elo=[{"study": "s", "method": name} for name in "ab"])
        assert (verdict.verdict, verdict.trust) == (REPRODUCED, {"published votes"})

    def test_a_missing_table_becomes_a_verdict_once_it_is_there(self, tmp_path: Path) -> None:
        before = one(tmp_path, SAVING)
        assert (before.verdict, before.reason) == (NOT_TESTABLE, "this run has no table bd_rate")
        empty = one(tmp_path, SAVING, bd_rate=rate("", "", "", "curves do not overlap"))
        assert empty.verdict == NOT_TESTABLE
        assert "curves do not overlap" in empty.reason
        assert one(tmp_path, SAVING, bd_rate=rate(-35, -30, -25)).verdict == REPRODUCED

    @pytest.mark.parametrize(
        ("need", "why"),
        [
            ({"table": "timing"}, "this run has no table timing"),
            ({"table": "t", "columns": ["x", "seconds"]}, "table t has no column seconds"),
            ({"table": "t", "rows": {"x": 2}}, "table t has no row with x 2"),
            ({"table": "t", "rows": {"y": "a"}}, "t.csv has no column y"),
            ({"codec": "vvc"}, "codec vvc is not in this run"),
            ({"codec": "c3@wd"}, "codec c3@wd is not in this run, nor is any of that name defined"),
            ({"metric": "cmmdd"}, "metric cmmdd is not in this run, nor is any of that name defined"),
            ({"codec": "new", "trust": "decoded"}, "codec new is here as published reconstruction only"),
            ({"dataset": "clic"}, "dataset clic is not in this run"),
            ({"dataset": "d", "images": 10}, "dataset d has 9 of 10 pictures here"),
            ({"metric": "cmmd"}, "metric cmmd is unavailable: no weights"),
            ({"metric": "fid"}, "metric fid is not in this run"),
            ({"device": "phone"}, "nothing was timed on device phone"),
            ({"device": "watch"}, "device watch is not defined"),
            ({"codec": "vvc", "what": "the anchor"}, "the anchor: codec vvc"),
        ],
    )
    def test_what_is_missing_is_named(self, need: dict[str, Any], why: str, tmp_path: Path) -> None:
        claim = {"value": {"number": 1}, "tolerance": {"absolute": 0}, "recompute": "value(rows('t'), 'x')"}
        verdict = one(tmp_path, {**claim, "needs": [need]}, t=[{"x": 1}])
        assert verdict.verdict == NOT_TESTABLE
        assert why in verdict.reason

    @pytest.mark.parametrize(
        "need",
        [
            {"table": "t"},
            {"table": "t", "rows": {"x": 1}},
            {"codec": "av1", "trust": "decoded"},
            {"dataset": "d", "images": 9},
            {"metric": "psnr"},
            {"device": "watch"},
        ],
    )
    def test_needs_that_are_met(self, need: dict[str, Any], tmp_path: Path) -> None:
        claim = {"value": {"number": 1}, "tolerance": {"absolute": 0}, "recompute": "value(rows('t'), 'x')"}
        timing = [{"device": "watch", "seconds": 1}]
        assert one(tmp_path, {**claim, "needs": [need]}, t=[{"x": 1}], timing=timing).verdict == REPRODUCED

    @pytest.mark.parametrize(
        ("claim", "verdict"),
        [
            ({"value": {"truth": True}, "recompute": "value(rows('t'), 'x') > 0"}, REPRODUCED),
            ({"value": {"truth": False}, "recompute": "value(rows('t'), 'x') > 0"}, CONTRADICTED),
            (
                {"value": {"truth": True}, "recompute": "value(rows('t'), 'x', low='l', high='h') > 0"},
                NOT_REPRODUCED,
            ),
            ({"value": {"text": "GPU"}, "recompute": "cell(rows('t'), 'unit')"}, REPRODUCED),
            ({"value": {"text": "cpu"}, "recompute": "cell(rows('t'), 'unit')"}, CONTRADICTED),
        ],
    )
    def test_statements_and_texts(self, claim: dict[str, Any], verdict: str, tmp_path: Path) -> None:
        assert one(tmp_path, claim, t=[{"x": 1, "l": -1, "h": 3, "unit": "gpu"}]).verdict == verdict

    @pytest.mark.parametrize(("claimed", "verdict"), [(3, INCONSISTENT), (2, CONSISTENT)])
    def test_claims_of_one_source_are_compared(self, claimed: float, verdict: str, tmp_path: Path) -> None:
        claims = {
            "a": {"value": {"number": claimed}, "consistent": "claim('a') <= claim('b')"},
            "b": {"value": {"number": 2}, "consistent": "claim('b') > 0"},
        }
        first, _ = judge(registry(tmp_path, claims), Evidence(None))
        assert first.verdict == verdict
        assert "b is 2" in first.reason

    @pytest.mark.parametrize(
        ("value", "tolerance", "verdict"),
        [
            ({"number": 30}, 0, WITH_PRIMARY),
            ({"number": 41}, 1, WITH_PRIMARY),
            ({"number": 41.1}, 1, AGAINST_PRIMARY),
            ({"at_most": 19}, 0, AGAINST_PRIMARY),
            ({"at_least": 40}, 0, WITH_PRIMARY),
        ],
    )
    def test_an_article_is_compared_with_the_paper(
        self, value: dict[str, Any], tolerance: float, verdict: str, tmp_path: Path
    ) -> None:
        article = {
            "source": "article",
            "value": value,
            "tolerance": {"absolute": tolerance},
            "primary": "claim('p')",
        }
        _, found = judge(registry(tmp_path, {"p": SAVING, "s": article}), Evidence(None))
        assert found.verdict == verdict

    def test_an_article_may_not_add_to_the_paper(self, tmp_path: Path) -> None:
        facts = {"f": {"source": "paper", "place": "all of it", "value": {"not_stated": "main text"}}}
        article = {"source": "article", "value": {"text": "version 15"}, "primary": "claim('f')"}
        (found,) = judge(registry(tmp_path, {"s": article}, facts=facts), Evidence(None))
        assert found.verdict == AGAINST_PRIMARY
        assert "not stated in the main text" in found.reason


class TestWrongRegistries:
    @pytest.mark.parametrize(
        ("claim", "message"),
        [
            ({"value": {"number": 1}}, "claims.c"),
            ({"value": {"number": 1}, "recompute": "1", "consistent": "1 < 2"}, "claims.c"),
            ({"value": {"number": 1}, "recompute": "count(rows('t'))"}, "needs a tolerance"),
            ({"value": {"number": 1, "text": "one"}, "consistent": "1 < 2"}, "value"),
            ({"value": {"not_stated": "text"}, "consistent": "1 < 2"}, "value"),
            ({"value": {"at_least": 2, "at_most": 1}, "consistent": "1 < 2"}, "at_least is above at_most"),
            ({**SAVING, "recompute": "import os"}, "claim c: not an expression"),
            ({**SAVING, "recompute": "claim('c')"}, "recomputed from a claim"),
            ({**SAVING, "source": "papper"}, "did you mean 'paper'"),
            ({**SAVING, "source": "article"}, "'primary' is for claims of secondary sources"),
            (
                {"value": {"number": 1}, "primary": "claim('c')"},
                "'primary' is for claims of secondary sources",
            ),
            ({"value": {"number": 1}, "consistent": "claim('d') > 1"}, "unknown claim 'd'"),
            ({"value": {"number": 1}, "consistent": "count(rows('t')) > 1"}, "reads no tables"),
            ({"source": "article", "value": {"number": 1}, "primary": "claim('c')"}, "of a secondary source"),
            ({**SAVING, "needs": [{"codex": "av1"}]}, "needs"),
        ],
    )
    def test_are_refused_in_one_line(self, claim: dict[str, Any], message: str, tmp_path: Path) -> None:
        with pytest.raises(DefinitionError, match=message) as caught:
            registry(tmp_path, {"c": claim})
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        "claim",
        [
            {"value": {"text": "one"}, "recompute": "count(rows('t'))"},
            {"value": {"number": 1}, "consistent": "claim('c')"},
            {"value": {"number": 1}, "tolerance": {"absolute": 0}, "recompute": "count(rows('t')) > 0"},
        ],
    )
    def test_kinds_that_do_not_fit(self, claim: dict[str, Any], tmp_path: Path) -> None:
        with pytest.raises(DefinitionError, match=r"^claim c: "):
            one(tmp_path, claim, t=[{"x": 1}])

    def test_a_claim_may_not_be_given_in_two_files(self, tmp_path: Path) -> None:
        registry(tmp_path / "a", {"c": SAVING})
        text = (tmp_path / "a" / "paper" / "claims.yaml").read_text()
        (tmp_path / "b" / "paper").mkdir(parents=True)
        (tmp_path / "b" / "paper" / "own.yaml").write_text(text.replace("  g:", "  h:"))
        with pytest.raises(DefinitionError, match="'c' is there already"):
            read_registry([tmp_path / "a", tmp_path / "b"])

    def test_none_at_all(self, tmp_path: Path) -> None:
        with pytest.raises(DefinitionError, match="no registry of claims"):
            read_registry([tmp_path])


class TestFilesOfARun:
    def test_table_and_page(self, root: Path, tmp_path: Path) -> None:
        run = make_small_run(tmp_path)
        assert read_claims_page(run) is None
        write_claims(Definitions(root), run)
        table = pd.read_parquet(run / "claims" / "claims.parquet")
        assert list(table.columns) == list(COLUMNS)
        assert list(table["id"]) == list(read_registry([root]).claims)
        assert set(table["verdict"]) <= set(VERDICTS)
        before = (run / "claims" / "claims.csv").read_bytes()
        write_claims(Definitions(root), run)
        assert (run / "claims" / "claims.csv").read_bytes() == before

        page = parse_page(build(run, root / "reports", run / "report").parent / "claims.html")
        for claim in table.itertuples():
            assert claim.statement in page.text
        assert "internally inconsistent" in page.text
        assert (run / "report" / "data" / "claims.csv").read_bytes() == before
        rows = [
            entry["claims"] for entry in json.loads((run / "claims" / "claims.json").read_text())["verdicts"]
        ]
        assert sum(rows) == len(table)

    def test_hostile_texts_stay_texts(self, root: Path, tmp_path: Path) -> None:
        run = make_small_run(tmp_path)
        nasty = "<script>alert(1)</script>"
        registry(tmp_path, {"c": {**SAVING, "statement": nasty, "unit": "<b>", "reading": nasty}})
        write_claims(Definitions(tmp_path), run)
        text = (build(run, root / "reports", run / "report").parent / "claims.html").read_text()
        assert "<script>alert" not in text
        assert text.count("&lt;script&gt;alert") == 2

    def test_damage_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "claims").mkdir()
        (tmp_path / "claims" / "claims.json").write_text('{"format": 2}')
        with pytest.raises(StorageError, match="not format 1"):
            read_claims_page(tmp_path)
        (tmp_path / "run.json").write_text('{"codecs": []}')
        with pytest.raises(StorageError, match=r"run\.json: damaged"):
            _ = Evidence(tmp_path).description


class TestCommand:
    def call(self, root: Path, *arguments: str) -> int:
        parser = argparse.ArgumentParser()
        parser.add_argument("--root", type=Path, default=root)
        cli.register(parser.add_subparsers(required=True))
        args = parser.parse_args(["claims", *arguments])
        status: int = args.run(args)
        return status

    def test_prints_every_claim(
        self, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert self.call(root) == 0
        printed = capsys.readouterr().out
        assert printed.startswith("no run")
        claims = read_registry([root]).claims
        assert all(f"\n{name} " in printed for name in claims)
        assert f"{len(claims)} claims: " in printed
        make_small_run(tmp_path)
        assert self.call(root, "--run", "demo", "--why", "--verdict", NOT_TESTABLE) == 0
        printed = capsys.readouterr().out
        assert printed.startswith("run: demo\n")
        assert "this run has no table perceptual_bd_rate" in printed
        assert "table-1.checkerboards-help" not in printed

    def test_an_unknown_run_is_refused(
        self, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        make_small_run(tmp_path)
        with pytest.raises(StorageError, match="no run 'other'; runs: demo"):
            self.call(root, "--run", "other")
        (tmp_path / "results" / "demo").rename(tmp_path / "results" / "a")
        make_small_run(tmp_path)
        with pytest.raises(StorageError, match="several runs"):
            self.call(root)


def test_the_workflow_knows_the_target(root: Path, tmp_path: Path) -> None:
    """The page waits for the verdicts, and they for every table that a rule makes."""
    argv = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        str(root / "Snakefile"),
        "--directory",
        str(tmp_path),
    ]
    done = subprocess.run([*argv, "claims", "--rulegraph"], capture_output=True, text=True, check=True)
    numbers = dict(reversed(pair) for pair in re.findall(r'(\d+)\[label = "(\w+)"', done.stdout))
    edges = set(re.findall(r"(\d+) -> (\d+)", done.stdout))
    for before, after in (("judge", "page"), ("judge", "claims"), ("page", "claims"), ("analyse", "judge")):
        assert (numbers[before], numbers[after]) in edges
