"""How far columns departed and since when: what must not matter, and what a plain N-Sigma or robust scaler gets wrong."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from agents.observability.departure import HELD, OUT_OF_NOTHING, departures, moment_of

ROWS, MOMENT = 120, 80
Values = NDArray[np.float64]


def table(seed: int, *, columns: int = 12, level: float = 100.0, noise: float = 3.0) -> Values:
    """Columns that vary about a level of their own."""
    random = np.random.default_rng(seed)
    levels = level * random.uniform(0.5, 5, columns)
    return levels * (1 + random.normal(0, noise / level, (ROWS, columns)))


def planted(values: Values, column: int, *, factor: float) -> Values:
    changed = values.copy()
    changed[MOMENT:, column] *= factor
    return changed


def n_sigma(values: Values) -> Values:
    """N-Sigma as RCAEval computes it: the largest z-score (mean and standard deviation before); constants divide by 1."""
    mean, deviation = values[:MOMENT].mean(axis=0), values[:MOMENT].std(axis=0)
    return np.asarray(((values[MOMENT:] - mean) / np.where(deviation > 0, deviation, 1)).max(axis=0))


def robust_scorer(values: Values) -> Values:
    """BARO's RobustScorer: the same by median and interquartile range (Pham, Ha, Zhang, FSE 2024, section 4.2)."""
    low, middle, high = np.percentile(values[:MOMENT], [25, 50, 75], axis=0)
    return np.asarray(((values[MOMENT:] - middle) / np.where(high > low, high - low, 1)).max(axis=0))


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), column=st.integers(0, 11), factor=st.sampled_from([0.3, 1.6, 3.0, 40.0]))
def test_a_planted_shift_is_ranked_first_and_dated(seed: int, column: int, factor: float) -> None:
    values = planted(table(seed), column, factor=factor)
    moment = moment_of(values)
    assert abs(moment - MOMENT) <= 1
    assert int(np.argmax(departures(values, moment=moment).score)) == column


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), exponent=st.integers(-9, 12))
def test_units_do_not_matter(seed: int, exponent: int) -> None:
    values = planted(table(seed), 3, factor=2.0)
    scaled = values * 10.0**exponent
    before, after = departures(values, moment=MOMENT), departures(scaled, moment=MOMENT)
    assert after.score == pytest.approx(before.score, rel=1e-6)
    assert moment_of(scaled) == moment_of(values)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), share=st.floats(0, 0.6))
def test_gaps_do_not_matter(seed: int, share: float) -> None:
    values = planted(table(seed), 5, factor=4.0)
    holes = np.random.default_rng(seed).random(values.shape) < share
    scores = departures(np.where(holes, np.nan, values), moment=MOMENT).score
    assert np.isfinite(scores).all()
    assert int(np.argmax(scores)) == 5


def test_a_constant_that_moves_a_little_does_not_beat_a_culprit() -> None:
    values = planted(table(1), 0, factor=3.0)
    values[:, 7] = 250e6
    values[MOMENT:, 7] += 4096
    assert int(np.argmax(departures(values, moment=MOMENT).score)) == 0
    assert int(np.argmax(n_sigma(values))) == 7, "one page of memory, by a standard deviation of nothing"
    assert int(np.argmax(robust_scorer(values))) == 7


def test_spikes_that_are_usual_are_no_departure() -> None:
    values = table(2)
    values[::15, 4] *= 6
    calm = departures(values, moment=MOMENT).score
    assert calm[4] < 3.5
    assert departures(planted(values, 4, factor=2.0), moment=MOMENT).score[4] > 3.5


def test_one_odd_scrape_is_no_level() -> None:
    values = table(3)
    values[MOMENT + 5, 2] *= 50
    assert departures(values, moment=MOMENT).score[2] < 3.5
    values[MOMENT + 5 : MOMENT + 5 + HELD, 2] = values[MOMENT + 5, 2]
    assert departures(values, moment=MOMENT).score[2] > 100


def test_what_passed_again_is_still_seen() -> None:
    values = table(4)
    values[MOMENT : MOMENT + 8, 1] *= 3
    found = departures(values, moment=MOMENT)
    assert int(np.argmax(found.score)) == 1
    assert found.after[1] == pytest.approx(3 * found.before[1], rel=0.2)


def test_something_out_of_nothing_has_no_scale() -> None:
    values = table(5)
    values[:, 0] = 0.0
    assert departures(values, moment=MOMENT).score[0] == 0
    values[MOMENT:, 0] = 7.0
    assert departures(values, moment=MOMENT).score[0] == OUT_OF_NOTHING
    counted = np.zeros(values.shape[1])
    counted[0] = 1.0
    assert departures(values, moment=MOMENT, least_noise=counted).score[0] == pytest.approx(7.0)


@pytest.mark.parametrize("column", [np.full(ROWS, np.nan), np.where(np.arange(ROWS) < MOMENT, np.nan, 9.0)])
def test_without_a_past_nothing_is_known(column: Values) -> None:
    values = table(6)
    values[:, 3] = column
    found = departures(values, moment=MOMENT)
    assert found.score[3] == 0
    assert found.after[3] == found.before[3]


def test_that_recording_began_is_no_moment() -> None:
    values = planted(table(7), 0, factor=3.0)
    values[:40] = np.nan
    assert moment_of(values) == MOMENT
    assert moment_of(values, first=20) == MOMENT


def test_the_moment_is_looked_for_where_the_alert_says() -> None:
    values = planted(table(8), 0, factor=3.0)
    values[30:, 1] *= 5
    assert moment_of(values, first=60, last=100) in range(60, 101)
    assert moment_of(values, first=len(values), last=len(values)) < len(values)
