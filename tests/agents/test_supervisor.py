"""The supervisor: everybody looks first, then questions that matter, then an end with a reason."""

import pytest

from agents.asking import ask
from agents.challenger import Challenge, challenge
from agents.diagnostician.diagnose import diagnose
from agents.supervisor import Ask, Budget, Spent, Stop, next_step
from incidents.casefile import CaseFile
from incidents.finding import AgentName, Question, Topic
from incidents.told import Claim, evidence_of, question_about
from tests.agents.cases import LIBRARY, NOW, ONSET, case, entity, fact

BUDGET = Budget(rounds=3, probes=50, seconds=60)
CLEAR = case(
    fact("errors.elevated", 0),
    fact("container.oom_killed", 0),
    fact("change.memory_limit_lowered", -2),
    fact("memory.at_limit", 0, peak=1),
)
OPEN = case(fact("errors.elevated", 0), fact("memory.at_limit", 0))


def doubt(given: CaseFile) -> Challenge:
    return challenge(given, diagnose(given, LIBRARY, now=NOW), LIBRARY, now=NOW)


def colleague(name: str, *, to: AgentName = AgentName.OBSERVABILITY) -> Question:
    return ask(AgentName.KUBERNETES, to, Topic.USAGE_BEFORE, entities=[entity(name)], onset=ONSET, round_=1)


def test_first_all_four_look_at_the_focus() -> None:
    step = next_step(CLEAR, challenge=None, budget=BUDGET, spent=Spent.none())
    assert isinstance(step, Ask)
    assert [a.agent.value for a in step.assignments] == ["kubernetes", "cicd", "observability", "cost"]
    assert {a.topic for a in step.assignments} == {Topic.OVERVIEW}
    assert {a.entities for a in step.assignments} == {CLEAR.focus}
    assert step.reason == "first look at checkout by everybody"


def test_a_clear_case_ends_after_one_round() -> None:
    step = next_step(CLEAR, challenge=doubt(CLEAR), budget=BUDGET, spent=Spent(rounds=1))
    assert step == Stop(
        reason="No further question would change the decision. Stands: no rival explains the same as well."
    )


def test_a_finding_of_one_becomes_a_question_for_another() -> None:
    given = CLEAR.model_copy(update={"questions": (colleague("checkout"),)})
    step = next_step(given, challenge=doubt(given), budget=BUDGET, spent=Spent(rounds=1))
    assert isinstance(step, Ask)
    (assignment,) = step.assignments
    assert (assignment.agent, assignment.topic, assignment.round) == (AgentName.OBSERVABILITY, Topic.USAGE_BEFORE, 2)
    assert assignment.question == given.questions[0]
    assert step.reason == "kubernetes asks observability: what did checkout use before 02:35?"


@pytest.mark.parametrize(
    ("given", "spent", "delivered"),
    [
        pytest.param(
            CLEAR.model_copy(update={"questions": (colleague("cart"),)}),
            Spent(rounds=1),
            (),
            id="about something that nobody suspects",
        ),
        pytest.param(
            CLEAR.model_copy(update={"questions": (colleague("checkout"),)}),
            Spent(rounds=2),
            (),
            id="late, when the case is settled",
        ),
        pytest.param(
            CLEAR.model_copy(update={"questions": (colleague("checkout"),)}),
            Spent(rounds=1),
            (colleague("checkout").id,),
            id="delivered already",
        ),
    ],
)
def test_a_question_is_not_delivered(given: CaseFile, spent: Spent, delivered: tuple[str, ...]) -> None:
    step = next_step(given, challenge=doubt(given), budget=BUDGET, spent=spent, delivered=delivered)
    assert isinstance(step, Stop)


def test_an_open_case_asks_what_would_decide_and_stops_when_it_was_asked() -> None:
    first = next_step(OPEN, challenge=doubt(OPEN), budget=BUDGET, spent=Spent(rounds=1))
    assert isinstance(first, Ask)
    ids = [a.question.id for a in first.assignments if a.question]
    again = next_step(OPEN, challenge=doubt(OPEN), budget=BUDGET, spent=Spent(rounds=2), delivered=ids)
    assert isinstance(again, Stop)


@pytest.mark.parametrize(
    ("spent", "says"),
    [
        pytest.param(Spent(rounds=3), "The budget of 3 rounds", id="rounds"),
        pytest.param(Spent(rounds=1, probes=50), "The budget of 50 probes", id="probes"),
        pytest.param(Spent(rounds=1, seconds=61), "The budget of 60 s", id="time"),
    ],
)
def test_a_spent_budget_ends_it(spent: Spent, says: str) -> None:
    step = next_step(OPEN, challenge=doubt(OPEN), budget=BUDGET, spent=spent)
    assert isinstance(step, Stop)
    assert step.reason.startswith(says)


def told(name: str) -> Question:
    claim = Claim(text=f"{name} was deployed by hand", topic=Topic.CHANGES, entities=(entity(name),))
    return question_about(claim, evidence_of(claim, by="Dana", now=NOW), by="Dana")


def test_what_people_told_is_looked_into_first_also_where_nobody_suspects_anything() -> None:
    given = CLEAR.model_copy(update={"questions": (colleague("checkout"), told("cart"))})
    step = next_step(given, challenge=doubt(given), budget=BUDGET, spent=Spent(rounds=1))
    assert isinstance(step, Ask)
    assert [a.question for a in step.assignments] == [told("cart"), colleague("checkout")]
    delivered = [told("cart").id, colleague("checkout").id]
    again = next_step(given, challenge=doubt(given), budget=BUDGET, spent=Spent(rounds=2), delivered=delivered)
    assert isinstance(again, Stop), "once looked into, it is not asked again"


def test_talk_does_not_crowd_out_the_argument() -> None:
    many = tuple(told(f"cart-{number}") for number in range(9))
    given = CLEAR.model_copy(update={"questions": (colleague("checkout"), *many)})
    step = next_step(given, challenge=doubt(given), budget=BUDGET, spent=Spent(rounds=1))
    assert isinstance(step, Ask)
    assert colleague("checkout") in step.questions
    assert len(step.questions) == 4


def test_a_claim_by_itself_moves_no_cause() -> None:
    claim = Claim(text="checkout was deployed by hand", topic=Topic.CHANGES, entities=(entity("checkout"),))
    evidence = evidence_of(claim, by="Dana", now=NOW)
    for given in (CLEAR, OPEN):
        with_it = given.model_copy(
            update={"evidence": (*given.evidence, evidence), "questions": (question_about(claim, evidence, by="Dana"),)}
        )
        assert diagnose(with_it, LIBRARY, now=NOW) == diagnose(given, LIBRARY, now=NOW)
