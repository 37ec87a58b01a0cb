"""Did it help, did it hurt: judged from measurements, never guessed."""

from __future__ import annotations

from datetime import timedelta
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.evidence import Window
from incidents.verification import AWAY, Check, CheckRole, Comparison, Judgement, Measurement, judge
from tests.incidents.making import NOW, after, check

WINDOW = Window(start=NOW, end=after(600))
GOAL = check(hold=timedelta(minutes=5))
READY = check(measure="workload_available", comparison=Comparison.AT_LEAST, threshold=6, unit="pods", text="6/6 ready")
ALERTS = check(measure="alert_resolved", threshold=0, unit="alerts", baseline=3, text="resolved")
GUARD = check(CheckRole.GUARD, measure="latency_p99", threshold=0.45, unit="seconds", baseline=0.41, text="p99")


def series(index: int, *points: tuple[float, float | None]) -> list[Measurement]:
    return [Measurement(check=index, at=after(seconds), value=value) for seconds, value in points]


def every(index: int, value: float | None, *, start: int = 0, end: int, step: int = 15) -> list[Measurement]:
    return series(index, *((second, value) for second in range(start, end + 1, step)))


@pytest.mark.parametrize(
    ("checks", "measured", "at", "judgement"),
    [
        pytest.param([GOAL], every(0, 0.002, end=290), 290, Judgement.WAIT, id="held for less than its hold: wait"),
        pytest.param([GOAL], every(0, 0.002, end=300), 300, Judgement.HELPED, id="held for its hold: helped"),
        pytest.param(
            [GOAL],
            [*every(0, 0.002, end=150), *series(0, (160, 0.07)), *every(0, 0.002, start=175, end=310)],
            310,
            Judgement.WAIT,
            id="a break starts the hold again",
        ),
        pytest.param(
            [GOAL],
            series(0, (0, 0.002), (300, 0.002)),
            300,
            Judgement.WAIT,
            id="two good values five minutes apart are no hold",
        ),
        pytest.param(
            [GOAL],
            [*every(0, 0.002, end=100), *every(0, None, start=115, end=140), *every(0, 0.002, start=145, end=310)],
            310,
            Judgement.HELPED,
            id="a short silence does not break it",
        ),
        pytest.param(
            [GOAL], every(0, 0.07, end=600), 600, Judgement.DID_NOT_HELP, id="not reached by the end: did not help"
        ),
        pytest.param(
            [GOAL],
            every(0, 0.02, end=600),
            600,
            Judgement.HELPED_IN_PART,
            id="most of the way from 7.1 % to 0.5 %: better is kept",
        ),
        pytest.param(
            [GOAL, ALERTS],
            [*every(0, 0.002, end=600), *every(1, 1, end=600)],
            600,
            Judgement.HELPED_IN_PART,
            id="all that is measured is well and an alert lingers: kept",
        ),
        pytest.param(
            [check(baseline=0.004, hold=timedelta(minutes=5)), ALERTS],
            [*every(0, 0.002, end=600), *every(1, 1, end=600)],
            600,
            Judgement.DID_NOT_HELP,
            id="nothing that was bad got better: an alert that lingers decides",
        ),
        pytest.param(
            [ALERTS], every(0, 1, end=600), 600, Judgement.DID_NOT_HELP, id="fewer alerts alone are not better"
        ),
        pytest.param(
            [GOAL],
            [*every(0, 0.07, end=560), *every(0, 0.06, start=575, end=600)],
            600,
            Judgement.DID_NOT_HELP,
            id="a little better is not better",
        ),
        pytest.param([GOAL], every(0, None, end=600), 600, Judgement.BLIND, id="never readable: blind"),
        pytest.param(
            [GOAL],
            series(0, (1000, 0.002)),
            1000,
            Judgement.WAIT,
            id="first measured long after the end and good: nobody looked, so it is waited for",
        ),
        pytest.param(
            [GOAL],
            every(0, 0.002, start=1000, end=1300),
            1300,
            Judgement.HELPED,
            id="held after a long silence: helped",
        ),
        pytest.param(
            [GOAL],
            series(0, (1000, 0.07)),
            1000,
            Judgement.WAIT,
            id="first measured long after the end and bad: nobody saw the window, so it is watched now",
        ),
        pytest.param(
            [GOAL],
            every(0, 0.07, start=1000, end=1600),
            1600,
            Judgement.DID_NOT_HELP,
            id="watched late and bad all the time: did not help",
        ),
        pytest.param(
            [READY, ALERTS],
            [*every(0, 6, end=540), *every(1, 1, end=540), *series(0, (900, 6)), *series(1, (900, 1))],
            900,
            Judgement.WAIT,
            id="back after an outage: the alerts' end may not have been delivered yet",
        ),
        pytest.param(
            [ALERTS],
            [*every(0, 1, end=540), *every(0, 1, start=900, end=1200)],
            1200,
            Judgement.DID_NOT_HELP,
            id="back after an outage and still firing when Alertmanager must have sent again: did not help",
        ),
        pytest.param(
            [GOAL],
            [*every(0, 0.07, start=1000, end=1480), *every(0, 0.002, start=1495, end=1600), *series(0, (1610, 0.07))],
            1610,
            Judgement.DID_NOT_HELP,
            id="broken while it was waited for: did not help",
        ),
        pytest.param(
            [GOAL],
            every(0, 0.002, start=0, end=600 + 3600, step=100),
            600 + 3600,
            Judgement.BLIND,
            id="good whenever anybody looked, and nobody looked often: blind, not undone",
        ),
        pytest.param(
            [GOAL, ALERTS],
            [*every(0, 0.002, end=600 + 3600, step=100), *every(1, 1, end=600 + 3600, step=100)],
            600 + 3600,
            Judgement.HELPED_IN_PART,
            id="the same, and an alert lingers: kept",
        ),
        pytest.param(
            [ALERTS],
            every(0, 1, end=18_000, step=240),
            18_000,
            Judgement.DID_NOT_HELP,
            id="a process that comes and goes all the time does not put the end off for ever",
        ),
        pytest.param([GOAL], [], 600, Judgement.BLIND, id="nothing measured: blind"),
        pytest.param([GOAL], [], 10, Judgement.WAIT, id="nothing measured yet: wait"),
        pytest.param([READY], series(0, (10, 6)), 10, Judgement.HELPED, id="without a hold one value is enough"),
        pytest.param(
            [READY, GUARD], [*series(0, (10, 6))], 10, Judgement.WAIT, id="a guard that was not read yet makes it wait"
        ),
        pytest.param(
            [READY, GUARD], [*series(0, (10, 6))], 600, Judgement.BLIND, id="a guard that was never read makes it blind"
        ),
        pytest.param(
            [READY, GUARD],
            [*series(0, (10, 6)), *series(1, (10, 0.4))],
            10,
            Judgement.HELPED,
            id="goals reached and guards fine: helped",
        ),
        pytest.param(
            [READY, GUARD],
            [*series(0, (105, 6)), *series(1, (90, 0.9), (105, 0.9))],
            105,
            Judgement.WORSENED,
            id="harm decides before help",
        ),
        pytest.param(
            [check(), GUARD],
            [*series(0, (30, 0.002)), *series(1, (15, 0.9), (30, 0.9))],
            30,
            Judgement.WAIT,
            id="what a rate still sees of the change itself is no harm",
        ),
        pytest.param(
            [READY, GUARD],
            [*series(0, (30, 5)), *series(1, (15, 0.4), (30, 0.9))],
            30,
            Judgement.WAIT,
            id="one odd scrape does not undo a change",
        ),
        pytest.param(
            [READY, GUARD],
            [*series(0, (600, 6)), *every(1, 0.4, end=585), *series(1, (600, 0.9))],
            600,
            Judgement.WORSENED,
            id="at the end the last value of a guard counts",
        ),
        pytest.param(
            [GUARD],
            every(0, 0.4, end=600),
            600,
            Judgement.BLIND,
            id="nobody said what success is: never called a success",
        ),
        pytest.param(
            [READY, GOAL],
            [*series(0, (600, 5)), *every(1, None, end=600)],
            600,
            Judgement.DID_NOT_HELP,
            id="one goal missed decides although another is unreadable",
        ),
    ],
)
def test_judgements(checks: list[Check], measured: list[Measurement], at: float, judgement: Judgement) -> None:
    assert judge(checks, measured, window=WINDOW, now=after(at)).judgement is judgement


def test_measurements_from_before_the_change_do_not_count() -> None:
    before = series(0, (-30, 6.0))
    assert judge([READY], before, window=WINDOW, now=after(1)).judgement is Judgement.WAIT


def test_results_say_before_and_after_with_units() -> None:
    measured = [*series(0, (10, 0.002)), *series(1, (10, 0.24)), *series(2, (10, None))]
    reading = judge([check(), GUARD, READY], measured, window=WINDOW, now=after(10))
    assert [r.text for r in reading.results] == [
        "error rate of checkout 7.1 % -> 0.2 %",
        "p99 latency of checkout 410 ms -> 240 ms",
        "available pods of checkout 0.071 -> unknown",
    ]
    assert [r.held for r in reading.results] == [True, True, None]


VALUES = st.lists(st.tuples(st.integers(0, 900), st.none() | st.floats(0, 1)), max_size=30)


@given(VALUES, VALUES, st.integers(0, 900))
def test_help_is_never_claimed_over_harm_or_blindness(
    goal: list[tuple[float, float | None]], guard: list[tuple[float, float | None]], at: int
) -> None:
    measured = [*series(0, *goal), *series(1, *guard)]
    reading = judge([check(), GUARD], measured, window=WINDOW, now=after(at))
    seen = [m for m in sorted(measured, key=lambda m: m.at) if m.at <= after(at) and m.value is not None]
    if reading.judgement is Judgement.HELPED:
        last = {m.check: m.value for m in seen}
        assert last[0] is not None
        assert last[0] <= 0.005
        assert 1 in last
    if reading.judgement is Judgement.WORSENED:
        assert [m.value for m in seen if m.check == 1][-1] > 0.45
    looked = [NOW, *(m.at for m in sorted(measured, key=lambda m: m.at) if m.at <= after(at))]
    away = any(later - before > AWAY for before, later in pairwise(looked))
    assert (reading.judgement is Judgement.WAIT) <= (at < 600 or away)


@given(st.lists(st.sampled_from([15, 60, 121, 300, 4000]), min_size=400, max_size=400))
def test_however_a_process_comes_and_goes_a_window_closes(gaps: list[int]) -> None:
    moments = list(accumulate(gaps))
    measured = series(0, *((moment, 1.0) for moment in moments))
    reading = judge([ALERTS], measured, window=WINDOW, now=after(moments[-1]))
    assert reading.judgement is Judgement.DID_NOT_HELP
