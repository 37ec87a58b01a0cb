"""Comparisons of places: they rank where to look, prove nothing, and take nothing from causes that are proven."""

from agents.diagnostician.diagnose import diagnose
from agents.diagnostician.weights import COMPARED_CAP, DIAGNOSED
from incidents.diagnosis import Diagnosis, Verdict
from incidents.fact import Fact, FactRole
from tests.agents.cases import NOW, case, entity, fact, library

LIBRARY = library(
    looks="facts:\n  must: [anomaly.origin(family=cpu/memory)]\n",
    killed="facts:\n  must: [container.oom_killed]\n",
    guessed="facts:\n  must: [change.flag]\n  likely: [errors.elevated]\n",
)
ERRORS = fact("errors.elevated", 0)


def origin(of: str, strength: float, *, family: str = "cpu") -> Fact:
    return fact("anomaly.origin", 0, of=of, strength=strength, family=family, role=FactRole.STATE)


def argued(*facts: Fact) -> Diagnosis:
    return diagnose(case(ERRORS, *facts), LIBRARY, now=NOW)


def test_places_stand_in_the_order_of_their_departures() -> None:
    found = argued(origin("bank", 0.2), origin("payments", 0.7), origin("checkout", 0.1))
    ranked = [h.entity for h in found.hypotheses if h.cause == "looks"]
    assert ranked.index(entity("payments")) < ranked.index(entity("bank"))


def test_a_comparison_is_no_diagnosis_however_clear_it_is() -> None:
    found = argued(origin("checkout", 1.0))
    first = found.hypotheses[0]
    assert found.verdict is Verdict.INCONCLUSIVE
    assert first.cause == "looks"
    assert first.probability < 1 / (1 + 2.718**-COMPARED_CAP) < DIAGNOSED
    assert "where to look is known, not what is wrong" in found.reason


def test_it_takes_nothing_from_a_cause_that_is_proven() -> None:
    killed = fact("container.oom_killed", 0)
    alone, beside = argued(killed), argued(killed, origin("checkout", 0.9), origin("payments", 0.8))
    assert alone.verdict is beside.verdict is Verdict.DIAGNOSED
    assert beside.hypotheses[0].probability == alone.hypotheses[0].probability


def test_it_goes_before_what_is_merely_thinkable() -> None:
    found = argued(origin("checkout", 0.6), fact("change.flag", 30))
    assert found.hypotheses[0].cause == "looks"


def test_that_a_callee_moved_too_is_not_held_against_it_twice() -> None:
    slow = fact("dependency.slow", 0, of="payments", caller="checkout", related=["checkout"])
    alone, beside = argued(origin("checkout", 0.6)), argued(origin("checkout", 0.6), slow)
    points = {p.text for h in beside.hypotheses if h.cause == "looks" for p in h.speaks_against}
    assert not any("was in trouble no later" in text for text in points)
    assert alone.hypotheses[0].entity == beside.hypotheses[0].entity == entity("checkout")
