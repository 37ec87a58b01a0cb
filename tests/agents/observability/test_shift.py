"""The change-point: what it finds, how exactly, and what it does not take for a shift."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.observability.shift import find_shift, robust_score, share
from tools.prometheus.curve import Curve

START = datetime(2026, 11, 17, 1, 35, tzinfo=UTC)
STEP = 30.0
COUNT = 150
ONSET = 120
FLOOR = share(0.05, at_least=0.001)

Noise = np.random.Generator


def curve_of(values: np.ndarray) -> Curve:
    known = tuple(None if np.isnan(value) else float(value) for value in values)
    return Curve(start=START, step=STEP, values=known)


def level(before: float, after: float, *, at: int = ONSET, count: int = COUNT) -> np.ndarray:
    return np.where(np.arange(count) >= at, after, before).astype(float)


def noisy(values: np.ndarray, sigma: float, seed: int = 7) -> np.ndarray:
    return values + np.random.default_rng(seed).normal(0, sigma, len(values))


def with_outliers(values: np.ndarray, seed: int = 3) -> np.ndarray:
    random = np.random.default_rng(seed)
    spiked = values.copy()
    spiked[random.choice(ONSET, 8, replace=False)] *= 20
    return spiked


def with_gaps(values: np.ndarray) -> np.ndarray:
    holed = values.copy()
    holed[30:45] = np.nan
    holed[ONSET - 2 : ONSET] = np.nan
    return holed


FOUND: list[tuple[str, np.ndarray, float, float]] = [
    ("a clean step", level(0.001, 0.071), 0.001, 0.071),
    ("a step in noise", noisy(level(10, 16), 0.8), 10, 16),
    ("a step down", noisy(level(50, 10), 2), 50, 10),
    ("a step among outliers", with_outliers(noisy(level(0.2, 0.9), 0.02)), 0.2, 0.9),
    ("a step with gaps", with_gaps(noisy(level(5, 9), 0.2)), 5, 9),
    ("a step out of nothing", level(0, 3.0), 0, 3),
    ("a step four samples ago", noisy(level(1, 4, at=COUNT - 4), 0.1), 1, 4),
    ("a step that halts halfway", noisy(level(1, 5) - 2.15 * (np.abs(np.arange(COUNT) - ONSET - 7) <= 4), 0.05), 1, 5),
    ("a step on a slow drift", noisy(level(10, 30) + np.linspace(0, 2, COUNT), 0.4), 10.8, 31.8),
]


@pytest.mark.parametrize(("values", "before", "after"), [row[1:] for row in FOUND], ids=[row[0] for row in FOUND])
def test_finds(values: np.ndarray, before: float, after: float) -> None:
    shift = find_shift(curve_of(values), floor=FLOOR)
    assert shift is not None
    assert shift.before == pytest.approx(before, rel=0.15, abs=0.01)
    assert shift.after == pytest.approx(after, rel=0.15, abs=0.01)
    assert shift.until is None


def test_the_onset_is_exact_to_the_sample() -> None:
    for at in range(10, COUNT - 4, 7):
        shift = find_shift(curve_of(noisy(level(10, 16, at=at), 0.5, seed=at)), floor=FLOOR)
        assert shift is not None
        assert abs((shift.at - START).total_seconds() / STEP - at) <= 1


def test_a_climb_over_a_rate_window_begins_at_its_foot() -> None:
    values = np.interp(np.arange(COUNT), [0, ONSET, ONSET + 4, COUNT], [0.0, 0.0, 0.08, 0.08])
    shift = find_shift(curve_of(values), floor=FLOOR)
    assert shift is not None
    assert shift.at == START + timedelta(seconds=STEP * (ONSET + 1))


def test_what_went_back_has_an_end() -> None:
    values = level(1, 5, at=60)
    values[100:] = 1
    shift = find_shift(curve_of(noisy(values, 0.05)), floor=FLOOR)
    assert shift is not None
    assert shift.until is not None
    assert shift.at == START + timedelta(seconds=STEP * 60)
    assert shift.until == START + timedelta(seconds=STEP * 100)


def test_bursts_are_found_when_they_are_averaged() -> None:
    values = level(0.0, 0.0)
    values[ONSET::3] = 0.3
    assert find_shift(curve_of(values), floor=FLOOR) is None
    assert find_shift(curve_of(values), floor=FLOOR, smooth=True) is not None


NOT_FOUND: list[tuple[str, Callable[[], np.ndarray]]] = [
    ("nothing but noise", lambda: noisy(level(10, 10), 2)),
    ("a constant", lambda: level(3, 3)),
    ("a drift of a whole level", lambda: noisy(np.linspace(10, 20, COUNT), 0.2)),
    ("the slope of a day", lambda: noisy(10 + 4 * np.sin(np.linspace(0.2, 1.2, COUNT)), 0.1)),
    ("a single outlier", lambda: level(1, 1) + np.where(np.arange(COUNT) == 70, 50, 0)),
    ("three outliers in a row", lambda: level(1, 1) + np.where(abs(np.arange(COUNT) - 70) < 2, 50, 0)),
    ("a ripple below the floor", lambda: level(100, 101)),
    ("too few samples", lambda: np.array([1.0, 1, 1, 9, 9, 9])),
    ("no samples", lambda: np.full(COUNT, np.nan)),
]


@pytest.mark.parametrize("values", [row[1] for row in NOT_FOUND], ids=[row[0] for row in NOT_FOUND])
def test_does_not_take_for_a_shift(values: Callable[[], np.ndarray]) -> None:
    assert find_shift(curve_of(values()), floor=FLOOR) is None


def test_noise_is_rarely_taken_for_a_shift() -> None:
    false = sum(
        find_shift(curve_of(noisy(level(10, 10), 2, seed=seed)), floor=FLOOR) is not None for seed in range(300)
    )
    assert false == 0


@given(st.floats(0.1, 1e6), st.floats(2.0, 50.0), st.integers(20, 130), st.integers(0, 2**31), st.floats(1e-3, 1e3))
def test_scaling_a_series_scales_its_shift_and_moves_no_time(
    before: float, ratio: float, at: int, seed: int, factor: float
) -> None:
    values = noisy(level(before, before * ratio, at=at), before * 0.02, seed=seed)
    relative = share(0.05, at_least=0.0)
    one, other = find_shift(curve_of(values), floor=relative), find_shift(curve_of(values * factor), floor=relative)
    assert one is not None
    assert other is not None
    assert other.at == one.at
    assert other.after == pytest.approx(one.after * factor, rel=1e-6)


def test_robust_score_is_not_moved_by_outliers() -> None:
    values = [10.0, 11, 9, 10, 10, 11, 9, 500]
    assert robust_score(values, 20, floor=share(0.0, at_least=0.1)) == pytest.approx(10 / 1.4826)
