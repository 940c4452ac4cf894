# SPDX-License-Identifier: BSD-3-Clause
"""BD-rates: equal to the reference package, invariant where they must be, absent where data carry none."""

import math
import warnings
from typing import Any

import bjontegaard
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picobench.analysis.bdrate import (
    DIP_TOLERANCE,
    METHODS,
    MIN_OVERLAP,
    BDResult,
    Curve,
    Curves,
    Method,
    Reason,
    bd_quality,
    bd_rate,
    bd_rates,
)
from picobench.errors import CurveError

RATES = (0.1, 0.2, 0.4, 0.8, 1.6)
PSNR = (28.0, 31.0, 34.0, 37.0, 40.0)
LPIPS = (0.4, 0.25, 0.15, 0.08, 0.03)
ANCHOR = Curve(RATES, PSNR)


def reference(function: Any, anchor: Curve, test: Curve, method: Method) -> float:
    """What the package gives for points in the order of rising quality."""
    arguments = []
    for curve in (anchor, test):
        order = np.argsort(curve.qualities)
        arguments += [np.array(curve.rates)[order], np.array(curve.qualities)[order]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(function(*arguments, method, require_matching_points=False, min_overlap=0))


def random_curve(generator: np.random.Generator, higher_is_better: bool) -> Curve:
    """A curve as codecs have them: quality about linear in log rate, bent and with uneven steps."""
    points = generator.integers(4, 13)
    steps = generator.uniform(0.5, 1.5, points)
    log_rates = np.log(generator.uniform(0.05, 0.2)) + np.cumsum(steps) * 4 / points
    bend = generator.uniform(0.0, 0.4)
    slopes = np.linspace(1 + bend, 1 - bend, points) * generator.uniform(0.95, 1.05, points)
    qualities = generator.uniform(25, 28) + 4 * np.cumsum(steps * slopes) * 4 / points
    shuffle = generator.permutation(points)
    rates, qualities = np.exp(log_rates[shuffle]), qualities[shuffle]
    if not higher_is_better:
        qualities = 0.5 - qualities / 100
    return Curve(tuple(rates.tolist()), tuple(qualities.tolist()))


@pytest.mark.parametrize("method", METHODS)
def test_equals_the_reference_package_on_1000_random_pairs(method: Method) -> None:
    generator = np.random.default_rng(20260214)
    for number in range(1000):
        higher = bool(number % 2)
        anchor, test = (random_curve(generator, higher) for _ in range(2))
        result = bd_rate(anchor, test, method=method, higher_is_better=higher, min_overlap=0.0)
        assert result.percent is not None, result.note
        expected = reference(bjontegaard.bd_rate, anchor, test, method)
        assert result.percent == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_bd_quality_equals_the_reference_package(method: Method) -> None:
    generator = np.random.default_rng(7)
    for _ in range(100):
        anchor, test = (random_curve(generator, higher_is_better=True) for _ in range(2))
        result = bd_quality(anchor, test, method=method, higher_is_better=True)
        expected = reference(bjontegaard.bd_psnr, anchor, test, method)
        assert result.difference == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_overlap_is_that_of_the_reference_package() -> None:
    test = Curve(RATES, tuple(quality + 3 for quality in PSNR))
    result = bd_rate(ANCHOR, test, method="pchip", higher_is_better=True)
    assert result.overlap == pytest.approx((40 - 31) / (43 - 28))
    assert result.quality_range == (31.0, 40.0)


@pytest.mark.parametrize("method", METHODS)
def test_equal_shapes_give_the_ratio_of_rates(method: Method) -> None:
    test = Curve(tuple(0.7 * rate for rate in RATES), PSNR)
    result = bd_rate(ANCHOR, test, method=method, higher_is_better=True)
    assert result == BDResult(pytest.approx(-30.0), 1.0, None, "", (28.0, 40.0), 5, 5)
    assert bd_quality(ANCHOR, test, method=method, higher_is_better=True).difference == pytest.approx(
        3 * math.log(1 / 0.7) / math.log(2)
    )


@pytest.mark.parametrize("method", METHODS)
def test_lower_is_better_in_any_order(method: Method) -> None:
    """Points in the order of rising rate are what the package answers with a bare AssertionError."""
    anchor = Curve(RATES, LPIPS)
    test = Curve(tuple(0.9 * rate for rate in RATES[::-1]), LPIPS[::-1])
    result = bd_rate(anchor, test, method=method, higher_is_better=False)
    assert result.percent == pytest.approx(-10.0)
    assert result.quality_range == (0.03, 0.4)
    worse = Curve(RATES, tuple(value + 0.01 for value in LPIPS))
    difference = bd_quality(anchor, worse, method=method, higher_is_better=False).difference
    assert difference == pytest.approx(0.01)


steps = st.floats(0.05, 1.0)
shapes = st.lists(st.tuples(steps, steps), min_size=4, max_size=10)


def curve_of(shape: list[tuple[float, float]], rate: float, quality: float) -> Curve:
    """The curve that starts at `rate` and `quality` and takes the steps of `shape` (log rate, quality)."""
    log_rates, qualities = np.cumsum(np.array(shape), axis=0).T
    return Curve(tuple((rate * np.exp(log_rates)).tolist()), tuple((quality + qualities).tolist()))


@settings(max_examples=60, deadline=None)
@given(shapes, shapes, st.floats(0.5, 2.0), st.floats(-1.0, 1.0), st.sampled_from(METHODS), st.randoms())
def test_invariances(  # noqa: PLR0917  (what hypothesis draws)
    first: list[tuple[float, float]],
    second: list[tuple[float, float]],
    rate: float,
    quality: float,
    method: Method,
    random: Any,
) -> None:
    anchor, test = curve_of(first, 1.0, 0.0), curve_of(second, rate, quality)

    def percent(one: Curve, other: Curve, higher_is_better: bool = True) -> float | None:
        return bd_rate(one, other, method=method, higher_is_better=higher_is_better).percent

    value = percent(anchor, test)
    order = random.sample(range(len(test.rates)), len(test.rates))
    shuffled = Curve(tuple(test.rates[k] for k in order), tuple(test.qualities[k] for k in order))
    assert percent(anchor, shuffled) == value
    if value is None:
        return
    scaled = [Curve(tuple(3 * rate for rate in curve.rates), curve.qualities) for curve in (anchor, test)]
    assert percent(*scaled) == pytest.approx(value, rel=1e-6, abs=1e-6)
    turned = [Curve(curve.rates, tuple(5 - 2 * q for q in curve.qualities)) for curve in (anchor, test)]
    assert percent(*turned, higher_is_better=False) == pytest.approx(value, rel=1e-6, abs=1e-6)
    back = percent(test, anchor)
    assert back is not None
    assert (1 + value / 100) * (1 + back / 100) == pytest.approx(1.0)


@settings(max_examples=60, deadline=None)
@given(shapes, shapes, st.floats(-1.0, 1.0))
def test_pchip_stays_within_the_ratios_of_the_rates(
    first: list[tuple[float, float]], second: list[tuple[float, float]], quality: float
) -> None:
    anchor, test = curve_of(first, 1.0, 0.0), curve_of(second, 1.0, quality)
    result = bd_rate(anchor, test, method="pchip", higher_is_better=True)
    if result.percent is not None:
        assert min(test.rates) / max(anchor.rates) <= 1 + result.percent / 100 + 1e-9
        assert 1 + result.percent / 100 <= max(test.rates) / min(anchor.rates) + 1e-9
    else:
        assert result.reason in {Reason.NO_OVERLAP, Reason.SMALL_OVERLAP}


numbers = st.floats() | st.sampled_from([0.0, 0.1, 0.2, 0.4, 0.8, 30.0, 31.0, 32.0, math.inf, math.nan])
any_points = st.lists(st.tuples(numbers, numbers), max_size=8)
rising = st.lists(st.floats(1e-99, 1e99), min_size=4, max_size=8, unique=True).map(sorted)
rising_points = st.tuples(rising, rising).map(lambda axes: list(zip(*axes, strict=False)))


@settings(max_examples=150, deadline=None)
@given(any_points | rising_points, any_points | rising_points, st.sampled_from(METHODS), st.booleans())
def test_any_numbers_give_a_finite_figure_or_a_reason(
    first: list[tuple[float, float]], second: list[tuple[float, float]], method: Method, higher: bool
) -> None:
    anchor, test = (Curve(tuple(r for r, _ in p), tuple(q for _, q in p)) for p in (first, second))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rate = bd_rate(anchor, test, method=method, higher_is_better=higher, min_overlap=0.0)
        quality = bd_quality(anchor, test, method=method, higher_is_better=higher, min_overlap=0.0)
    for value, result in ((rate.percent, rate), (quality.difference, quality)):
        assert 0.0 <= result.overlap <= 1.0
        assert (value is None) == (result.reason is not None)
        assert value is None or math.isfinite(value)
        assert result.reason is None or result.note.startswith(result.reason)


@pytest.mark.parametrize("method", METHODS)
def test_a_stack_gives_what_its_pairs_give(method: Method) -> None:
    """Rows lose different points, so they are interpolated in groups of equal size."""
    generator = np.random.default_rng(3)
    rates = np.exp(np.cumsum(generator.uniform(0.3, 0.6, (40, 7)), axis=1))
    qualities = np.cumsum(generator.uniform(0.8, 1.2, (40, 7)), axis=1)
    qualities[5, 2] = np.nan
    qualities[9, 6] = np.inf
    qualities[13, 3] = qualities[13, 2]
    qualities[17, 3] = qualities[17, 1]
    rates[21, 0] = 0.0
    anchor, test = Curves(rates, qualities), Curves(rates[::-1] * 1.3, qualities[::-1] + 0.2)
    stack = bd_rates(anchor, test, method=method, higher_is_better=True)
    for row in range(40):
        single = bd_rate(
            *(Curve(tuple(c.rates[row].tolist()), tuple(c.qualities[row].tolist())) for c in (anchor, test)),
            method=method,
            higher_is_better=True,
        )
        together = stack.result(row)
        assert (together.reason, together.note) == (single.reason, single.note)
        expected = math.nan if single.percent is None else single.percent
        assert stack.percent[row] == pytest.approx(expected, rel=1e-12, nan_ok=True)
        assert (together.percent is None) == (single.percent is None)


def changed(place: int, quality: float) -> Curve:
    return Curve(RATES, (*PSNR[:place], quality, *PSNR[place + 1 :]))


NO_NUMBER = [
    pytest.param(
        changed(3, 33.0), Reason.NOT_MONOTONE, "test: a point falls short of a cheaper one by 8.3%", id="dip"
    ),
    pytest.param(Curve(RATES, (28, 40, 34, 37, 41)), Reason.NOT_MONOTONE, "46.2%", id="spike"),
    pytest.param(Curve(RATES, PSNR[::-1]), Reason.NOT_MONOTONE, "100.0%", id="falling"),
    pytest.param(Curve(RATES[:3], PSNR[:3]), Reason.TOO_FEW_POINTS, "test has 3", id="three points"),
    pytest.param(Curve((0.3,), (33.0,)), Reason.TOO_FEW_POINTS, "test has 1", id="one point"),
    pytest.param(Curve((), ()), Reason.TOO_FEW_POINTS, "test has 0", id="no point"),
    pytest.param(Curve(RATES, (34.0,) * 5), Reason.TOO_FEW_POINTS, "test has 1", id="flat"),
    pytest.param(Curve(RATES, (28, 31, 34, 34, 34)), Reason.TOO_FEW_POINTS, "test has 3", id="saturated"),
    pytest.param(Curve(RATES, (math.nan,) * 5), Reason.TOO_FEW_POINTS, "without a value", id="all missing"),
    pytest.param(Curve(RATES, (math.inf,) * 5), Reason.TOO_FEW_POINTS, "lossless", id="all lossless"),
    pytest.param(
        Curve(RATES, (-math.inf,) * 5), Reason.TOO_FEW_POINTS, "without a value", id="minus infinity"
    ),
    pytest.param(Curve((0.1,) * 5, PSNR), Reason.NOT_MONOTONE, "100.0%", id="one rate"),
    pytest.param(Curve(RATES, (50, 51, 52, 53, 54)), Reason.NO_OVERLAP, "", id="no overlap"),
    pytest.param(Curve(RATES, (40, 43, 46, 49, 52)), Reason.NO_OVERLAP, "", id="touching"),
    pytest.param(
        Curve(RATES, (39, 43, 46, 49, 52)), Reason.SMALL_OVERLAP, "0.04 of the joint", id="little overlap"
    ),
    pytest.param(Curve((0.0, 0.2, 0.4, 0.8, 1.6), PSNR), Reason.BAD_RATE, "(test: a rate", id="rate of 0"),
    pytest.param(
        Curve((-0.1, 0.2, 0.4, 0.8, 1.6), PSNR), Reason.BAD_RATE, "(test: a rate", id="negative rate"
    ),
    pytest.param(
        Curve((-math.inf, 0.2, 0.4, 0.8, 1.6), PSNR), Reason.BAD_RATE, "(test: a rate", id="rate of -inf"
    ),
]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("test", "reason", "words"), NO_NUMBER)
def test_no_number_but_a_reason(test: Curve, reason: Reason, words: str, method: Method) -> None:
    result = bd_rate(ANCHOR, test, method=method, higher_is_better=True)
    assert (result.percent, result.reason) == (None, reason)
    assert result.note.startswith(reason)
    assert words in result.note
    assert "\n" not in result.note
    assert 0.0 <= result.overlap <= 1.0
    other_way = bd_rate(test, ANCHOR, method=method, higher_is_better=True)
    assert (other_way.percent, other_way.reason) == (None, reason)


LEFT_OUT = [
    pytest.param(changed(3, 34.0), "no better than a cheaper one", id="tie"),
    pytest.param(changed(3, 34.0 - 0.9 * DIP_TOLERANCE * 12), "no better than a cheaper one", id="tiny dip"),
    pytest.param(changed(3, math.inf), "lossless", id="lossless"),
    pytest.param(changed(3, math.nan), "without a value", id="missing"),
    pytest.param(Curve((0.1, 0.2, 0.4, math.nan, 1.6), PSNR), "without a value", id="rate missing"),
    pytest.param(Curve((0.1, 0.2, 0.4, math.inf, 1.6), PSNR), "without a value", id="infinite rate"),
]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("test", "cause"), LEFT_OUT)
def test_a_point_left_out_is_named(test: Curve, cause: str, method: Method) -> None:
    result = bd_rate(ANCHOR, test, method=method, higher_is_better=True)
    without = Curve((*RATES[:3], *RATES[4:]), (*PSNR[:3], *PSNR[4:]))
    assert result.percent == bd_rate(ANCHOR, without, method=method, higher_is_better=True).percent
    assert result.note == f"test: 1 point left out ({cause})"
    assert (result.anchor_points, result.test_points) == (5, 4)


def test_a_repeated_point_counts_once() -> None:
    test = Curve((*RATES, 0.4, 0.4), (*PSNR, 34.0, 33.95))
    result = bd_rate(ANCHOR, test, method="pchip", higher_is_better=True)
    assert result.percent == 0.0
    assert result.note == "test: 2 points left out (no better than a cheaper one)"


def test_a_dip_has_no_number_where_the_package_has_one() -> None:
    dip = changed(3, 33.0)
    assert abs(reference_in_order(ANCHOR, dip)) > 1
    assert bd_rate(ANCHOR, dip, method="cubic", higher_is_better=True).percent is None


def test_a_saturated_curve_gives_no_outlier() -> None:
    """A polynomial swings between points that crowd at one quality; the package then gives any number."""
    saturated = Curve((0.1, 0.5, 2.0, 8.0), (30.0, 39.9, 39.95, 40.0))
    assert reference_in_order(saturated, ANCHOR) > 1e6
    result = bd_rate(saturated, ANCHOR, method="cubic", higher_is_better=True)
    assert (result.percent, result.reason) == (None, Reason.BAD_FIT)
    assert "choose pchip" in result.note
    monotone = bd_rate(saturated, ANCHOR, method="pchip", higher_is_better=True).percent
    assert monotone is not None
    assert 0 < monotone < 300


def reference_in_order(anchor: Curve, test: Curve) -> float:
    return float(
        bjontegaard.bd_rate(anchor.rates, anchor.qualities, test.rates, test.qualities, "cubic", False)
    )


def test_thin_overlap_is_a_warning_and_the_limit_can_be_chosen() -> None:
    test = Curve(RATES, tuple(quality + 6 for quality in PSNR))
    result = bd_rate(ANCHOR, test, method="pchip", higher_is_better=True)
    assert result.note == "thin overlap of 0.33"
    strict = bd_rate(ANCHOR, test, method="pchip", higher_is_better=True, min_overlap=0.75)
    assert (strict.percent, strict.reason) == (None, Reason.SMALL_OVERLAP)
    assert "0.33 of the joint range, at least 0.75 needed" in strict.note
    assert MIN_OVERLAP < 0.33


def test_lengths_must_agree() -> None:
    with pytest.raises(CurveError, match="5 rates but 4 qualities"):
        Curve(RATES, PSNR[:4])
