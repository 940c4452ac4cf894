# SPDX-License-Identifier: BSD-3-Clause
"""The language of claims: what it computes, and that it refuses everything else."""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import ttest_1samp

from picobench.claims.evidence import Evidence
from picobench.claims.expression import Context, evaluate, parse
from picobench.claims.functions import FUNCTIONS
from picobench.claims.quantity import Missing, NotStated, Quantity, Truth, exact
from picobench.errors import DefinitionError
from picobench.files import write_json

CODECS = {"new@1": "published reconstruction", "old@1": "published reconstruction", "own": "decoded"}
SCORES = [
    {"codec": codec, "dataset": "d", "image": f"i{k}", "bpp": bpp, "psnr": psnr, "note": ""}
    for codec, points in {
        "new@1": [(0.2, 30.0), (0.3, 31.5), (0.4, 33.0), (0.5, 34.0)],
        "old@1": [(0.25, 29.0), (0.3, 31.0), (0.5, 31.0), (0.5, 33.5)],
        "own": [(0.1, 25.0)],
    }.items()
    for k, (bpp, psnr) in enumerate(points)
]
RATES = [
    {"anchor": "old@1", "codec": "new@1", "bd_rate_percent": -60, "ci_low": -65, "ci_high": -55, "note": ""},
    {
        "anchor": "own",
        "codec": "new@1",
        "bd_rate_percent": "",
        "ci_low": "",
        "ci_high": "",
        "note": "no overlap",
    },
]


def write_rows(folder: Path, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    path = folder / "tables" / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    codecs = {name: {"trust": trust} for name, trust in CODECS.items()}
    write_json(tmp_path / "run.json", {"codecs": codecs, "datasets": {"d": {"images": 4}}, "metrics": {}})
    write_rows(tmp_path, "scores", SCORES)
    write_rows(tmp_path, "bd_rate", RATES)
    claimed = {
        "range": Quantity(None, (2.0, 4.0)),
        "open": Quantity(None, (3.0, math.inf)),
        "one": exact(1.0),
        "name": "left",
        "parts": frozenset({"a", "b"}),
        "silent": NotStated("main text"),
    }
    return Context(Evidence(tmp_path), claimed)


def value(text: str, context: Context) -> Any:
    return evaluate(parse(text, "test"), context)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "().__class__",
        "claim('one').value",
        "rows('scores').rows",
        "open('/etc/passwd')",
        "eval('1')",
        "getattr(1, 'real')",
        "count",
        "rows",
        "__name__",
        "rows('scores', __class__='x')",
        "9 ** 9 ** 9",
        "2 ** 2",
        "1 << 60",
        "5 // 2",
        "5 % 2",
        "1 @ 2",
        "~1",
        "1 & 2",
        "1e13",
        "10000000000000",
        "1e400",
        "1j",
        "b'x'",
        "None",
        "True",
        "...",
        "'x' * 1000000000" + " " * 2000 + "x",
        "lambda: 1",
        "[x for x in rows('scores')]",
        "[count(rows('scores'))]",
        "{1: 2}",
        "{1, 2}",
        "(1, 2)",
        "rows('scores')[0]",
        "f'{1}'",
        "1 if 1 < 2 else 3",
        "(x := 1)",
        "1 < 2 < 3",
        "1 in [1]",
        "1 is 1",
        "rows(*['scores'])",
        "rows('scores', **{})",
        "rows('sco' + 'res')",
        "claim(cell(rows('scores'), 'codec'))",
        "rows()",
        "rows('scores', codec=count(rows('scores')))",
        "count(rows('scores'), 1)",
        "count(rows('scores'), by='codec')",
        "mean(rows('scores'))",
        "count(rows)(rows)",
        "rows.count(1)",
        "await 1",
        "yield 1",
        "1; 2",
        "1\n2",
        "",
        "\x00",
        "(" * 150 + "1" + ")" * 150 + "(",
        "-" * 1500 + "1",
        "not " * 300 + "1",
        "+".join(["1"] * 200),
        "1+(" * 25 + "1" + ")" * 25,
        f"rows('{'x' * 201}')",
        "1 +",
        "import os",
    ],
)
def test_refuses_what_is_not_of_the_language(text: str) -> None:
    with pytest.raises(DefinitionError, match=r"^here: ") as caught:
        parse(text, "here")
    assert "\n" not in str(caught.value)


def test_a_misspelt_function_is_named_with_the_nearest() -> None:
    with pytest.raises(DefinitionError, match="did you mean 'count'"):
        parse("coumt(rows('scores'))", "here")


def test_what_an_expression_rests_on_is_known_before_it_is_evaluated() -> None:
    parsed = parse("claim('a') + count(rows('scores')) - bd_rate('bd_rate', codec='x')", "here")
    assert (parsed.claims, parsed.tables) == ({"a"}, {"scores", "bd_rate"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3 - 4 / 8", 6.5),
        ("-(2 - 3)", 1),
        ("count(rows('scores'))", 9),
        ("count(rows('scores', codec='new'))", 4),
        ("count(rows('scores', codec=['new', 'own']))", 5),
        ("count(rows('scores', codec='ne'))", 0),
        ("count(rows('scores', trust='decoded'))", 1),
        ("count(rows('scores', bpp=0.5))", 3),
        ("distinct(rows('scores'), 'image')", 4),
        ("total(rows('scores', codec='new'), 'bpp')", 1.4),
        ("mean(rows('scores', codec='new'), 'psnr')", 32.125),
        ("smallest(rows('scores', codec='new'), 'psnr')", 30),
        ("largest(rows('scores', codec='new'), 'psnr')", 34),
        ("smallest(3, 1, 2)", 1),
        ("value(rows('scores', codec='own'), 'bpp')", 0.1),
        ("value(rows('datasets', dataset='d'), 'images')", 4),
        ("claim('one')", 1),
    ],
)
def test_exact_numbers(text: str, expected: float, context: Context) -> None:
    found = value(text, context)
    assert found.value == pytest.approx(expected)
    assert found.interval == pytest.approx((expected, expected))


def test_a_bd_rate_brings_its_interval_through_the_arithmetic(context: Context) -> None:
    found = value("1 / (1 + bd_rate('bd_rate', anchor='old', codec='new') / 100)", context)
    assert found.value == pytest.approx(2.5)
    assert found.interval == pytest.approx((1 / 0.45, 1 / 0.35))


def test_paired_difference_is_a_t_interval_over_pictures(context: Context) -> None:
    new, old = "rows('scores', codec='new')", "rows('scores', codec='old')"
    found = value(f"paired_difference({new}, {old}, 'psnr')", context)
    expected = ttest_1samp([1.0, 0.5, 2.0, 0.5], 0).confidence_interval(0.95)
    assert found.value == pytest.approx(1.0)
    assert found.interval == pytest.approx(tuple(expected))
    wider = value(f"paired_difference({new}, {old}, 'psnr', comparisons=5)", context)
    expected = ttest_1samp([1.0, 0.5, 2.0, 0.5], 0).confidence_interval(0.99)
    assert wider.interval == pytest.approx(tuple(expected))
    ratio = value(f"paired_ratio({new}, {old}, 'bpp')", context)
    assert ratio.value == pytest.approx((0.8 * 1 * 0.8 * 1) ** 0.25)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 < 2", True),
        ("2 <= 2", True),
        ("2 < 2", False),
        ("1 == 1 and 2 > 3", False),
        ("not 1 == 1", False),
        ("1 > 2 or 2 >= 1", True),
        ("claim('range') < 5", True),
        ("claim('range') < 2", False),
        ("claim('range') < 3", None),
        ("claim('range') < 3 and 1 > 2", False),
        ("claim('range') < 3 or 1 < 2", True),
        ("claim('range') < 3 and 1 < 2", None),
        ("claim('range') == 3", None),
        ("claim('range') == 5", False),
        ("claim('range') != 5", True),
        ("claim('open') > 2", True),
        ("overlaps(claim('range'), claim('open'))", True),
        ("overlaps(claim('range'), 5)", False),
        ("claim('name') == 'left'", True),
        ("claim('parts') != claim('parts')", False),
        ("cell(rows('scores', codec='own'), 'dataset') == 'd'", True),
        # Too few pictures for an interval, so nothing can be said.
        ("estimated_mean(rows('scores', codec='own'), 'psnr') > 1", None),
    ],
)
def test_statements(text: str, expected: bool | None, context: Context) -> None:
    assert value(text, context) == Truth(expected)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("count(rows('timing'))", "this run has no table timing"),
        ("mean(rows('scores', codec='absent'), 'bpp')", "no row of scores with codec absent"),
        ("distinct(rows('scores', codec='absent'), 'image')", "no row of scores with codec absent"),
        ("mean(rows('scores'), 'bpp')", "different trust levels"),
        ("mean(rows('scores', codec='new'), 'lpips')", "scores has no column lpips"),
        ("count(rows('scores', raters=3))", "has no column raters"),
        ("value(rows('scores', codec='new'), 'bpp')", "4 rows of scores with codec new where one is needed"),
        ("bd_rate('bd_rate', anchor='own', codec='new')", "no overlap"),
        ("1 / (claim('range') - 3)", "divisor can be zero"),
        ("claim('silent') + 1", "not stated in the main text"),
        ("claim('open') - claim('open')", "not a number"),
        ("cell(rows('scores'), 'codec')", "3 different values of codec"),
        (
            "paired_ratio(rows('scores', codec='new'), rows('scores', codec='absent'), 'bpp')",
            "no picture is in both",
        ),
    ],
)
def test_missing_evidence_is_named(text: str, why: str, context: Context) -> None:
    with pytest.raises(Missing, match=why):
        value(text, context)


@pytest.mark.parametrize(
    "text",
    [
        "1 + 'a'",
        "1 == 'a'",
        "not 1",
        "1 and 2",
        "rows('scores')",
        "mean(1, 'bpp')",
        "smallest('a', 'b')",
        "-rows('scores')",
    ],
)
def test_different_kinds_are_not_combined(text: str, context: Context) -> None:
    with pytest.raises(DefinitionError):
        value(text, context)


def test_the_documentation_lists_every_function(root: Path) -> None:
    text = (root / "docs" / "claims.md").read_text()
    assert [name for name in FUNCTIONS if f"`{name}(" not in text] == []
