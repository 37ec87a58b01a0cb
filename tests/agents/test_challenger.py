"""The challenger: what it doubts, and which questions it finds worth asking."""

import pytest

from agents.asking import whom
from agents.challenger import Challenge, challenge
from agents.diagnostician.calibration import as_stated
from agents.diagnostician.diagnose import diagnose
from agents.diagnostician.revising import retold, revised
from agents.wording import percent
from incidents.casefile import CaseFile
from incidents.diagnosis import Argument, Verdict
from incidents.fact import Fact, FactRole
from incidents.finding import AgentName, Topic
from tests.agents.cases import LIBRARY, NOW, case, entity, fact, library

ERRORS = fact("errors.elevated", 0)
OOM = fact("container.oom_killed", 0)
LOWERED = fact("change.memory_limit_lowered", -2)
FULL = fact("memory.at_limit", 0, peak=1, limit=1)


LOOKED = ("errors.elevated@checkout", "container.crash_loop@checkout", "change.none@checkout")
"""Everybody has looked at checkout."""


def doubt(given: CaseFile) -> Challenge:
    return challenge(given, diagnose(given, LIBRARY, now=NOW), LIBRARY, now=NOW)


def asked(answer: Challenge) -> list[tuple[AgentName, Topic, str]]:
    return [(q.to, q.topic, place.rsplit("/", 1)[-1]) for q in answer.questions for place in q.entities]


def test_a_clear_case_stands() -> None:
    answer = doubt(case(ERRORS, OOM, LOWERED, FULL))
    assert answer.agrees
    assert (answer.objections, answer.questions) == ((), ())
    assert answer.reason == "Stands: no rival explains the same as well."


def test_what_would_decide_is_asked_of_who_can_see_it() -> None:
    answer = doubt(case(ERRORS, fact("memory.at_limit", 0)))
    assert answer.diagnosis.verdict is Verdict.INCONCLUSIVE
    assert (AgentName.OBSERVABILITY, Topic.HEALTH, "checkout") in asked(answer)
    assert "could change that" in answer.reason


def test_a_question_whose_answer_changes_nothing_is_not_asked() -> None:
    given = case(ERRORS, OOM, LOWERED, FULL)
    assert diagnose(given, LIBRARY, now=NOW).hypotheses[0].would_decide == ("memory.used_before",)
    assert doubt(given).questions == ()


def test_a_figure_that_sizes_the_repair_is_asked_for() -> None:
    answer = doubt(case(ERRORS, OOM, LOWERED))
    (question,) = answer.questions
    assert (question.to, question.topic, question.entities) == (
        AgentName.OBSERVABILITY,
        Topic.HEALTH,
        (entity("checkout"),),
    )
    assert OOM.id in question.because


def test_usage_before_the_onset_is_asked_with_its_time() -> None:
    sized = library(
        low="facts:\n  must: [container.oom_killed]\nactions:\n  - set_resources: {memory_limit: 1.3 x memory.used_before.peak}\n"
    )
    given = case(ERRORS, OOM, covered=LOOKED)
    (question,) = challenge(given, diagnose(given, sized, now=NOW), sized, now=NOW).questions
    assert (question.topic, question.text) == (Topic.USAGE_BEFORE, "what did checkout use before 02:35?")
    assert question.before == given.onset


def test_the_trail_out_of_the_focus_is_followed() -> None:
    given = case(ERRORS, fact("dependency.errors", 0, of="payments", caller="checkout", related=["checkout"]))
    assert {(AgentName.KUBERNETES, Topic.HEALTH, "payments"), (AgentName.CICD, Topic.CHANGES, "payments")} <= set(
        asked(doubt(given))
    )
    looked = given.model_copy(
        update={
            "covered": frozenset({f"container.oom_killed@{entity('payments')}", f"change.code@{entity('payments')}"})
        }
    )
    assert not [q for q in asked(doubt(looked)) if q[2] == "payments" and q[1] is Topic.CHANGES]


def test_a_question_is_asked_once() -> None:
    given = case(ERRORS, fact("memory.at_limit", 0))
    first = doubt(given)
    again = doubt(given.model_copy(update={"questions": first.questions}))
    assert {q.id for q in first.questions} & {q.id for q in again.questions} == set()


RELEASED = fact("change.image_changed", -1, of="payments")
BROKEN = fact("errors.elevated", 0, of="payments")
SEEN_FAILING = fact("dependency.errors", 0, of="payments", caller="checkout", related=["checkout"])


def test_a_close_rival_lowers_the_leader() -> None:
    given = case(
        ERRORS, fact("container.image_pull_failed", 0), fact("change.image_changed", -3), fact("traffic.surge", -1)
    )
    before = diagnose(given, LIBRARY, now=NOW)
    answer = challenge(given, before, LIBRARY, now=NOW)
    assert before.leading
    assert before.hypotheses[1].probability * 4 > before.hypotheses[0].probability
    assert answer.diagnosis.hypotheses[0].probability < before.hypotheses[0].probability
    assert "explains the same" in answer.objections[0].text


def test_what_callers_see_of_the_same_failure_is_no_rival() -> None:
    given = case(ERRORS, RELEASED, BROKEN, SEEN_FAILING)
    before = diagnose(given, LIBRARY, now=NOW)
    rivals = {(h.cause, h.entity): h.probability for h in before.hypotheses}
    assert rivals["dependency_outage", entity("payments")] * 4 > before.hypotheses[0].probability
    answer = challenge(given, before, LIBRARY, now=NOW)
    assert not [point for point in answer.objections if "explains the same" in point.text]


@pytest.mark.parametrize(
    ("facts", "covered", "wanted"),
    [
        pytest.param([SEEN_FAILING], [], True, id="blamed by its callers alone: its log is read"),
        pytest.param([SEEN_FAILING], ["log.error_class@payments"], False, id="its log was read already"),
        pytest.param([OOM, LOWERED], [], False, id="it shows itself what is wrong"),
    ],
)
def test_the_log_of_whoever_is_blamed_from_outside_is_read(facts: list[Fact], covered: list[str], wanted: bool) -> None:
    logs = [
        (to, place) for to, topic, place in asked(doubt(case(ERRORS, *facts, covered=covered))) if topic is Topic.LOGS
    ]
    assert logs == ([(AgentName.OBSERVABILITY, "payments")] if wanted else [])


def test_figures_that_moved_earlier_do_not_doubt_the_order_when_something_hurts() -> None:
    moved = fact("metric.shifted", -30)
    answer = doubt(case(ERRORS, OOM, LOWERED, FULL, moved))
    assert not [point for point in answer.objections if "after what it should explain" in point.text]


def test_a_mechanism_that_begins_after_its_symptom_is_doubted() -> None:
    given = case(ERRORS, fact("container.oom_killed", 6), LOWERED, FULL.model_copy(update={"at": None}))
    answer = doubt(given)
    assert "after what it should explain" in answer.objections[0].text
    assert answer.diagnosis.hypotheses[0].speaks_against[-1] == answer.objections[0]


def test_one_uncertain_observation_is_not_enough() -> None:
    weak = library(odd="alerts: [CheckoutErrors]\nfacts:\n  must: [saturation.cpu_throttled]\n")
    given = case(ERRORS, fact("saturation.cpu_throttled", 0, strength=0.65))
    before = diagnose(given, weak, now=NOW)
    answer = challenge(given, before, weak, now=NOW)
    assert "rests on one uncertain observation" in answer.objections[0].text
    assert answer.diagnosis.hypotheses[0].probability < before.hypotheses[0].probability


def test_it_agrees_that_nothing_is_proven() -> None:
    answer = doubt(case(covered=LOOKED))
    assert answer.agrees
    assert answer.reason.startswith("Agreed that nothing is proven.")


def test_everything_around_is_compared_once_when_no_known_cause_stands() -> None:
    given = case(covered=LOOKED)
    (question,) = doubt(given).questions
    assert (question.to, question.topic) == (AgentName.OBSERVABILITY, Topic.COMPARISON)
    assert question.text.startswith("of all workloads around checkout, whose metrics departed farthest")
    asked_already = given.model_copy(update={"questions": (question,)})
    assert doubt(asked_already).questions == ()
    well = case(fact("estate.healthy", None, role=FactRole.CLEARED), covered=LOOKED)
    assert doubt(well).questions == (), "nothing is wrong, so there is nothing to be found by comparing"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("change.image_changed", (AgentName.CICD, Topic.CHANGES)),
        ("memory.used_before", (AgentName.OBSERVABILITY, Topic.USAGE_BEFORE)),
        ("memory.growing", (AgentName.OBSERVABILITY, Topic.HEALTH)),
        ("log.error_class", (AgentName.OBSERVABILITY, Topic.LOGS)),
        ("dependency.slow", (AgentName.OBSERVABILITY, Topic.DEPENDENCIES)),
        ("node.cpu_high", (AgentName.OBSERVABILITY, Topic.HEALTH)),
        ("node.not_ready", (AgentName.KUBERNETES, Topic.HEALTH)),
        ("service.selector_mismatch", (AgentName.KUBERNETES, Topic.HEALTH)),
        ("cost.idle", (AgentName.COST, Topic.COST)),
    ],
)
def test_each_kind_of_fact_has_somebody_who_can_see_it(kind: str, expected: tuple[AgentName, Topic]) -> None:
    assert whom(kind) == expected


def test_the_same_failure_at_a_caller_is_a_consequence_and_no_rival() -> None:
    given = case(
        ERRORS,
        fact("dependency.errors", 0, of="payments", caller="checkout", related=["checkout"]),
        fact("dependency.errors", 0, of="checkout", caller="web", related=["web"]),
        fact("log.error_class", 0, of="checkout"),
    )
    before = diagnose(given, LIBRARY, now=NOW)
    first, second = before.hypotheses[:2]
    assert (first.entity, second.entity) == (entity("payments"), entity("checkout"))
    assert first.cause == second.cause
    assert second.probability * 4 > first.probability, "close enough to be doubted otherwise"
    answer = challenge(given, before, LIBRARY, now=NOW)
    assert not [objection for objection in answer.objections if "explains the same" in objection.text]


def test_the_reason_says_what_stands_after_the_attack() -> None:
    clear = doubt(case(ERRORS, OOM, LOWERED, FULL)).diagnosis
    assert f"stands at {percent(clear.hypotheses[0].probability)}." in clear.reason
    before = diagnose(case(ERRORS, OOM, LOWERED, FULL), LIBRARY, now=NOW)
    first = before.hypotheses[0]
    blow = Argument(text="it has an alibi", weight=-20.0)
    after = revised(before, attacks={first.entity + first.cause: (blow,)}, unasked=True)
    assert after.verdict is Verdict.INCONCLUSIVE
    told = retold(as_stated(after), before=before, objections=(blow,))
    assert told.reason.endswith(f"stands at {percent(told.hypotheses[0].probability)}, below 65 %: it has an alibi.")
    others = [first.model_copy(update={"entity": entity(name), "probability": 0.8}) for name in ("cart", "web", "pay")]
    three = before.model_copy(update={"verdict": Verdict.SEVERAL, "hypotheses": tuple(others), "reason": "three"})
    fewer = revised(three, attacks={others[1].entity + others[1].cause: (blow,)}, unasked=False)
    said = retold(as_stated(fewer), before=three, objections=(blow,)).reason
    assert said.startswith("2 causes are at work at once")
    assert said.endswith(f"{first.title} at cart, {first.title} at pay.")
    unproven = doubt(case(ERRORS)).diagnosis
    assert unproven.reason == diagnose(case(ERRORS), LIBRARY, now=NOW).reason, "nothing stood before either"
