"""Whom to ask next, and when to stop: a pure decision with its reason. The graph only carries it out."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Self

from pydantic import Field

from agents.challenger import SETTLED, Challenge
from agents.diagnostician.calibration import stated
from agents.diagnostician.wording import label_of
from agents.specialist import SPECIALISTS
from agents.wording import duration, listed
from incidents.casefile import Assignment, CaseFile
from incidents.finding import AgentName, Question, Topic
from incidents.ids import EntityId, QuestionId
from incidents.topology import Topology
from incidents.value import Value

OPEN_ROUNDS = 2
"""Up to this round questions of the specialists are delivered even when the case looks settled: they cost a second, and
what they bring (what was used before, how callers do) belongs on the card."""

MOST_QUESTIONS = 6
"""Questions delivered in one round."""

MOST_TOLD = 3
"""Of them, about what people told: talk in a thread must not crowd out the argument's own questions."""

RELEVANT = stated(0.05)
"""Hypotheses from this probability make questions about their entity relevant."""

SURE = stated(SETTLED)
"""Probability, as it is told, from which a case is settled."""


class Budget(Value):
    """What one investigation may use."""

    rounds: int = Field(default=3, ge=1)
    probes: int = Field(default=200, ge=1)
    seconds: float = Field(default=120.0, gt=0)


class Spent(Value):
    """What it has used so far."""

    rounds: int = 0
    probes: int = 0
    seconds: float = 0.0

    @classmethod
    def none(cls) -> Self:
        """Nothing yet."""
        return cls()


class Ask(Value):
    """Go on: who is asked what."""

    assignments: tuple[Assignment, ...] = Field(min_length=1)
    reason: str

    @property
    def by_agent(self) -> Mapping[AgentName, tuple[Assignment, ...]]:
        """What each is asked, in the order in which it is asked."""
        agents = dict.fromkeys(assignment.agent for assignment in self.assignments)
        return {agent: tuple(a for a in self.assignments if a.agent is agent) for agent in agents}

    @property
    def questions(self) -> tuple[Question, ...]:
        """The questions that are delivered with it."""
        return tuple(assignment.question for assignment in self.assignments if assignment.question is not None)


class Stop(Value):
    """Enough: the diagnosis stands as it is."""

    reason: str


def next_step(
    case: CaseFile,
    *,
    challenge: Challenge | None,
    budget: Budget,
    spent: Spent,
    delivered: Iterable[QuestionId] = (),
) -> Ask | Stop:
    """Decide. `challenge` is None before the first round; `delivered` are the questions that were already put."""
    if spent.rounds == 0 or challenge is None:
        return _overview(case)
    if exhausted := _exhausted(budget, spent):
        return Stop(reason=exhausted)
    questions = _worth_asking(case, challenge, spent=spent, delivered=frozenset(delivered))
    if not questions:
        return Stop(reason=f"No further question would change the decision. {challenge.reason}")
    number = spent.rounds + 1
    assignments = tuple(_assignment(question, number=number) for question in questions)
    told = "; ".join(f"{question.asker} asks {question.to}: {question.text}" for question in questions)
    return Ask(assignments=assignments, reason=told)


def _overview(case: CaseFile) -> Ask:
    assignments = tuple(
        Assignment(agent=agent, topic=Topic.OVERVIEW, entities=case.focus, round=1) for agent in SPECIALISTS
    )
    names = listed(label_of(entity) for entity in case.focus) or "the estate"
    return Ask(assignments=assignments, reason=f"first look at {names} by everybody")


def _exhausted(budget: Budget, spent: Spent) -> str:
    if spent.rounds >= budget.rounds:
        return f"The budget of {budget.rounds} rounds of questions is spent."
    if spent.probes >= budget.probes:
        return f"The budget of {budget.probes} probes is spent."
    if spent.seconds >= budget.seconds:
        return f"The budget of {duration(budget.seconds)} is spent."
    return ""


def _worth_asking(
    case: CaseFile, challenge: Challenge, *, spent: Spent, delivered: frozenset[QuestionId]
) -> tuple[Question, ...]:
    """What people told, then questions of the challenger, which were tried out, then those that concern the argument.

    People's come first wherever they lead: they know what the argument does not.
    """
    wanted = [*_told(case), *challenge.questions]
    if spent.rounds < OPEN_ROUNDS or not _settled(challenge):
        wanted += _relevant(case, challenge)
    fresh = {question.id: question for question in wanted if question.id not in delivered}
    return tuple(fresh.values())[:MOST_QUESTIONS]


def _told(case: CaseFile) -> list[Question]:
    told = (question for question in case.questions if question.told is not None and question.to in SPECIALISTS)
    return sorted(told, key=lambda question: question.id)[:MOST_TOLD]


def _settled(challenge: Challenge) -> bool:
    leading = challenge.diagnosis.leading
    return bool(leading) and all(hypothesis.probability >= SURE for hypothesis in leading)


def _relevant(case: CaseFile, challenge: Challenge) -> list[Question]:
    near = _concerned(case.topology, focus=case.focus, challenge=challenge)
    return sorted(
        (question for question in case.questions if near & set(question.entities) and question.to in SPECIALISTS),
        key=lambda question: (question.round, question.id),
    )


def _concerned(topology: Topology, *, focus: Sequence[EntityId], challenge: Challenge) -> set[EntityId]:
    """The focus, what is suspected, and what either of them calls."""
    suspected = {h.entity for h in challenge.diagnosis.hypotheses if h.probability >= RELEVANT}
    centre = suspected | set(focus)
    return centre | {callee for entity in centre for callee in topology.callees(entity)}


def _assignment(question: Question, *, number: int) -> Assignment:
    return Assignment(
        agent=question.to, topic=question.topic, entities=question.entities, round=number, question=question
    )
