"""What a class of changes has earned: the bound, the terms, and one bad outcome."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.autonomy import (
    ChangeClass,
    EarnedTerms,
    Grade,
    Graded,
    TrackRecord,
    change_class,
    earned,
    lower_bound,
    records,
    trials_needed,
)
from incidents.canonical import digest_of
from incidents.ids import ActionKind, CauseSlug, ProposalDigest
from tests.incidents.making import CHECKOUT, NOW

ROLLBACK = change_class(ActionKind("rollback_workload"), CauseSlug("memory_limit_too_low"), CHECKOUT)
TERMS = EarnedTerms(at_least=0.9, signed_by="dana", signed_at=NOW - timedelta(days=30))


def graded(grade: Grade, *, number: int, days_ago: float = 1, change: ChangeClass = ROLLBACK) -> Graded:
    digest = ProposalDigest(digest_of(f"{grade} {number}".encode()))
    return Graded(change=change, grade=grade, at=NOW - timedelta(days=days_ago), proposal=digest)


def record(verified: int, *, bad: Grade | None = None, days_ago: float = 1) -> TrackRecord:
    items = [graded(Grade.VERIFIED, number=n, days_ago=days_ago) for n in range(verified)]
    items += [graded(bad, number=0, days_ago=days_ago)] if bad else []
    [found] = records(items, now=NOW, days=180)
    return found


@pytest.mark.parametrize(
    ("successes", "trials", "bound"),
    [
        pytest.param(0, 10, 0.0, id="none of ten"),
        pytest.param(10, 10, 0.741134, id="ten of ten: 0.05 ** (1 / 10)"),
        pytest.param(9, 10, 0.605838, id="nine of ten, as in the tables"),
        pytest.param(59, 59, 0.950493, id="fifty-nine of fifty-nine reach 95 %"),
        pytest.param(95, 100, 0.897742, id="ninety-five of a hundred"),
    ],
)
def test_the_bound_is_that_of_clopper_and_pearson(successes: int, trials: int, bound: float) -> None:
    assert lower_bound(successes, trials, confidence=0.95) == pytest.approx(bound, abs=2e-4)


@given(st.integers(1, 60), st.data())
def test_the_bound_is_below_the_rate_and_grows_with_successes(trials: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(1, trials))
    bound = lower_bound(successes, trials, confidence=0.95)
    assert 0 < bound < successes / trials
    assert bound > lower_bound(successes - 1, trials, confidence=0.95)
    assert bound > lower_bound(successes, trials, confidence=0.99)


@given(st.integers(1, 12), st.floats(0.05, 0.99))
def test_the_bound_is_seldom_above_the_truth(trials: int, truth: float) -> None:
    """Its promise, computed exactly: over all outcomes, it exceeds the true rate with at most 5 %."""
    above = math.fsum(
        math.comb(trials, k) * truth**k * (1 - truth) ** (trials - k)
        for k in range(trials + 1)
        if lower_bound(k, trials, confidence=0.95) > truth
    )
    assert above <= 0.05 + 1e-9


@pytest.mark.parametrize(
    ("found", "is_earned", "because"),
    [
        pytest.param(None, False, "nothing of this kind", id="no record"),
        pytest.param(record(30), True, "30 of 30 verified", id="thirty of thirty"),
        pytest.param(record(28), False, "less than the 90 %".replace(" %", "%"), id="twenty-eight are one too few"),
        pytest.param(record(12), False, "it takes 20", id="too few trials"),
        pytest.param(record(200, bad=Grade.UNDONE), False, "sign it anew", id="one that was undone"),
        pytest.param(record(200, bad=Grade.ESCALATED), False, "sign it anew", id="one that was escalated"),
        pytest.param(record(200, bad=Grade.UNKNOWN), False, "sign it anew", id="one that nobody could see"),
        pytest.param(record(200, bad=Grade.REJECTED), True, "200 of 201", id="a rejection only counts"),
        pytest.param(record(30, bad=Grade.REJECTED), False, "30 of 31", id="a rejection counts against it"),
        pytest.param(record(200, bad=Grade.UNDONE, days_ago=60), True, "200 of 201", id="one before it was signed"),
    ],
)
def test_what_is_earned(found: TrackRecord | None, is_earned: bool, because: str) -> None:
    answer = earned(found, TERMS)
    assert answer.earned is is_earned
    assert because in answer.because


def test_signing_anew_gives_it_back_when_the_bound_still_holds() -> None:
    found = record(200, bad=Grade.UNDONE)
    assert not earned(found, TERMS).earned
    assert earned(found, TERMS.model_copy(update={"signed_at": NOW})).earned


def test_old_outcomes_do_not_count_and_a_proposal_counts_once() -> None:
    items = [graded(Grade.VERIFIED, number=n, days_ago=200) for n in range(50)]
    items += [graded(Grade.VERIFIED, number=99), graded(Grade.VERIFIED, number=99)]
    [found] = records(items, now=NOW, days=180)
    assert found.trials == 1


def test_classes_are_kept_apart() -> None:
    other = ROLLBACK.model_copy(update={"namespace": "search"})
    items = [graded(Grade.VERIFIED, number=1), graded(Grade.UNDONE, number=2, change=other)]
    assert {r.change.namespace: r.successes for r in records(items, now=NOW, days=180)} == {"shop": 1, "search": 0}


@pytest.mark.parametrize("at_least", [0.8, 0.9, 0.95, 0.99])
def test_how_many_it_takes_is_what_the_bound_says(at_least: float) -> None:
    needed = trials_needed(at_least, confidence=0.95)
    assert lower_bound(needed, needed, confidence=0.95) >= at_least - 1e-9
    assert lower_bound(needed - 1, needed - 1, confidence=0.95) < at_least
