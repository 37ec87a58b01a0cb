"""Intervals: Wilson's figures as published, and honest ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.scores.interval import bootstrap, interval, wilson


@pytest.mark.parametrize(
    ("hits", "cases", "low", "high"),
    [
        pytest.param(0, 10, 0.0, 0.2775, id="none of ten is not surely none"),
        pytest.param(10, 10, 0.7225, 1.0, id="ten of ten is not surely all"),
        pytest.param(81, 263, 0.2553, 0.3662, id="the example of Newcombe 1998"),
    ],
)
def test_wilson_gives_the_published_bounds(hits: int, cases: int, low: float, high: float) -> None:
    found = wilson(hits, cases)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-4)


@given(st.lists(st.floats(min_value=0, max_value=1), min_size=1, max_size=30))
def test_an_interval_holds_its_figure(values: list[float]) -> None:
    found = interval(values)
    assert found.low - 1e-9 <= found.value <= found.high + 1e-9
    assert found == interval(values), "the same results have the same interval"


def test_the_bootstrap_of_equal_values_is_a_point() -> None:
    found = bootstrap([0.4] * 12)
    assert (found.low, found.value, found.high) == pytest.approx((0.4, 0.4, 0.4))


def test_no_case_is_no_figure() -> None:
    assert interval([]).cases == 0
