"""What is only a name gives way to a reason; load is followed to whoever makes it; old changes and past harm say little."""

from datetime import timedelta

import pytest

from agents.diagnostician.diagnose import diagnose
from incidents.casefile import CaseFile
from incidents.diagnosis import Diagnosis
from tests.agents.cases import NOW, ONSET, case, entity, fact
from tests.agents.runbooks.test_shipped import LIBRARY

ERRORS = fact("errors.elevated", 0)
SLOW = fact("dependency.slow", 0, of="payments", caller="checkout", related=["checkout"])
THREADS = fact("threads.exhausted", 0, of="payments")
SURGE = fact("traffic.surge", 0, of="payments")
FULL = fact("saturation.cpu_throttled", 0, of="payments")
RETRIES = fact("change.env_changed", -1)


def leaders(given: CaseFile) -> list[tuple[str, str]]:
    return [(h.cause, h.entity.rsplit("/", 1)[1]) for h in verdict(given).leading]


def verdict(given: CaseFile) -> Diagnosis:
    return diagnose(given, LIBRARY, now=NOW)


def chance(given: CaseFile, cause: str, name: str) -> float:
    found = (h.probability for h in verdict(given).hypotheses if (h.cause, h.entity) == (cause, entity(name)))
    return next(found, 0.0)


def test_a_slow_callee_without_a_reason_is_called_slow() -> None:
    assert leaders(case(ERRORS, SLOW)) == [("dependency_slow", "payments")]


def test_a_slow_callee_whose_threads_hang_is_called_by_its_reason() -> None:
    given = case(ERRORS, SLOW, THREADS, covered=["traffic.surge@payments"])
    assert leaders(given) == [("process_limits_exhausted", "payments")]
    named, reason = chance(given, "dependency_slow", "payments"), chance(given, "process_limits_exhausted", "payments")
    assert named <= 1 - reason + 0.01


def test_more_load_from_outside_is_a_surge_where_it_hurts() -> None:
    outside = fact("traffic.surge", 0, of="checkout")
    assert ("traffic_surge", "payments") in leaders(case(ERRORS, SLOW, SURGE, FULL, outside))


def test_load_that_a_changed_caller_makes_is_no_surge() -> None:
    given = case(ERRORS, SLOW, SURGE, FULL, RETRIES)
    assert ("traffic_surge", "payments") not in leaders(given)
    alone = case(ERRORS, SLOW, SURGE, FULL)
    assert chance(given, "traffic_surge", "payments") < chance(alone, "traffic_surge", "payments")


@pytest.mark.parametrize(
    ("minutes", "refuted"),
    [
        pytest.param(-5, True, id="a limit that was lowered just now refutes a leak"),
        pytest.param(-3 * 24 * 60, False, id="a limit that was lowered days ago does not"),
    ],
)
def test_a_change_refutes_as_far_as_it_could_have_set_it_off(minutes: float, refuted: bool) -> None:
    facts = [ERRORS, fact("memory.growing", -200), fact("container.oom_killed", 0)]
    given = case(*facts, fact("change.memory_limit_lowered", minutes))
    assert (("memory_leak", "checkout") not in leaders(given)) is refuted


def test_what_hurt_and_was_over_before_anybody_asked_is_not_diagnosed() -> None:
    facts = [fact("errors.elevated", 0, until=4), fact("change.image_changed", -1), fact("log.new_pattern", 0)]
    given = case(*facts, alerts=["AmbientLook"])
    assert leaders(given), "while it lasts, the release is blamed"
    later = given.incident.model_copy(update={"started_at": ONSET + timedelta(minutes=60)})
    assert leaders(given.model_copy(update={"incident": later})) == []


def test_a_figure_that_moved_before_does_not_make_a_change_come_too_late() -> None:
    facts = [ERRORS, fact("change.image_changed", -1), fact("log.new_pattern", 0), fact("metric.shifted", -20)]
    assert leaders(case(*facts)) == [("bad_code_deploy", "checkout")]
