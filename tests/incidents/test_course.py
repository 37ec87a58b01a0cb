"""Times and counts over many incidents: who is counted in which, and what recurs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from incidents.alert import Severity
from incidents.course import RECURS_WITHIN, Course, recurrences, statistics
from incidents.ids import CauseSlug, EntityId, IncidentId
from incidents.incident import Phase
from incidents.verification import Outcome
from tests.incidents.making import NOW

CHECKOUT = EntityId("prod-eu/shop/deployment/checkout")


def course(name: str = "a", *, days_ago: float = 1, **changes: object) -> Course:
    noticed = NOW - timedelta(days=days_ago)
    given: dict[str, object] = {
        "incident": IncidentId(f"inc-{name}"),
        "title": name,
        "severity": Severity.SEV1,
        "phase": Phase.VERIFIED,
        "cluster": "prod-eu",
        "began": noticed - timedelta(minutes=3),
        "alerted": noticed - timedelta(minutes=1),
        "noticed": noticed,
        "cause": CauseSlug("memory_limit_too_low"),
        "cause_title": "Memory limit",
        "entity": CHECKOUT,
    }
    return Course.model_validate(given | changes)


def test_times_are_means_over_those_that_reached_both_ends() -> None:
    first = course("a", cause=None)
    later = course("b", cause=None, noticed=first.noticed, ended=first.noticed + timedelta(minutes=9))
    slow = course("c", cause=None, ended=first.noticed + timedelta(minutes=29), phase=Phase.RESOLVED)
    found = statistics((first, later, slow), since=NOW - timedelta(days=7), until=NOW)
    restore = found.span("restore")
    assert (restore.count, restore.mean, restore.median) == (2, 20 * 60.0, 20 * 60.0)
    assert found.span("detect").mean == 180.0
    assert found.span("acknowledge").mean is None
    assert found.by_phase == {"verified": 2, "resolved": 1}


def test_a_step_that_came_before_the_one_it_is_counted_from_took_no_time() -> None:
    one = course("a")
    found = statistics((one.model_copy(update={"diagnosed": one.noticed - timedelta(seconds=5)}),), since=one.noticed, until=NOW)  # fmt: skip
    assert found.span("diagnose").mean == 0.0


def test_the_period_takes_its_beginning_and_leaves_its_end() -> None:
    at_start, at_end = course("a", days_ago=7), course("b", days_ago=0)
    found = statistics((at_start, at_end), since=NOW - timedelta(days=7), until=NOW)
    assert found.incidents == 1


@pytest.mark.parametrize(
    ("changes", "again"),
    [
        pytest.param({}, True, id="the same cause at the same place"),
        pytest.param({"cause": CauseSlug("pool_too_small")}, False, id="another cause"),
        pytest.param({"entity": EntityId("prod-eu/shop/deployment/cart")}, False, id="another place"),
        pytest.param({"cause": None}, False, id="no cause"),
    ],
)
def test_what_recurs(changes: dict[str, object], again: bool) -> None:
    before, after = course("before", days_ago=20), course("after", days_ago=1, **changes)
    found = statistics((after, before), since=NOW - timedelta(days=7), until=NOW)
    assert bool(found.recurred) is again


def test_after_thirty_days_it_is_a_new_story() -> None:
    late = course("late", days_ago=0)
    just = course("just", days_ago=RECURS_WITHIN.days)
    too_old = course("old", days_ago=RECURS_WITHIN.days + 0.01)
    assert recurrences((just, late)) == (late,)
    assert recurrences((too_old, late)) == ()


def test_fixes_are_counted_by_what_telemetry_said() -> None:
    ends = (Outcome.VERIFIED, Outcome.UNDONE, None)
    found = statistics(
        [course(str(i), outcome=end, entity=None, waited=60.0, observations=40) for i, end in enumerate(ends)],
        since=NOW - timedelta(days=7),
        until=NOW,
    )
    assert (found.executed, found.verified, found.undone, found.waited) == (2, 1, 1, 180.0)
    assert found.toil_saved == 120 * 60.0
    [cause] = found.causes
    assert (cause.count, cause.executed, cause.verified, cause.recurred) == (3, 2, 1, 0)
