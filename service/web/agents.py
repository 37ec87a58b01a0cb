"""The agents at work on an incident: what each is doing or found, and what they asked one another. Pure."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from incidents.finding import AgentName, Finding, Gap, Question
from incidents.incident import EventKind, TimelineEvent
from incidents.value import Value
from service.web.record import IncidentRecord

TEAM = (AgentName.KUBERNETES, AgentName.CICD, AgentName.OBSERVABILITY, AgentName.COST)


class Activity(StrEnum):
    """Whether an agent is at work."""

    WAITING = "waiting"
    WORKING = "working"
    DONE = "done"


class Agent(Value):
    """One specialist as the page shows it."""

    name: AgentName
    activity: Activity
    doing: str
    """Its last line: `looking at checkout, web`, or what it ended with."""
    at: datetime | None
    findings: tuple[Finding, ...]
    gaps: tuple[Gap, ...]
    probes: int


class Asked(Value):
    """A question between agents, and whether it was looked into."""

    question: Question
    answers: tuple[Finding, ...]
    """What the asked agent found in the round in which it looked into it."""
    taken_up: bool


def team_of(record: IncidentRecord) -> tuple[Agent, ...]:
    """All four, in a fixed order: nothing jumps while they work."""
    return tuple(_agent(name, record) for name in TEAM)


def questions_of(record: IncidentRecord) -> tuple[Asked, ...]:
    """The questions in the order in which they were asked."""
    lines = [event for event in record.timeline if event.kind is EventKind.AGENT]
    return tuple(_asked(question, record, lines) for question in record.case.questions)


def _agent(name: AgentName, record: IncidentRecord) -> Agent:
    lines = [event for event in record.timeline if event.kind is EventKind.AGENT and event.actor == name]
    steps = [event for event in lines if event.data.get("step") in ("start", "end")]
    last = lines[-1] if lines else None
    return Agent(
        name=name,
        activity=_activity(steps),
        doing=last.text if last else "not asked yet",
        at=last.at if last else None,
        findings=tuple(finding for finding in record.case.findings if finding.agent is name),
        gaps=tuple(gap for gap in record.case.gaps if gap.agent is name),
        probes=sum(int(event.data.get("probes", 0)) for event in steps if event.data.get("step") == "end"),
    )


def _activity(steps: Sequence[TimelineEvent]) -> Activity:
    if not steps:
        return Activity.WAITING
    begun = sum(1 for event in steps if event.data["step"] == "start")
    return Activity.WORKING if begun > len(steps) - begun else Activity.DONE


def _asked(question: Question, record: IncidentRecord, lines: Sequence[TimelineEvent]) -> Asked:
    taken_up = [event for event in lines if event.actor == question.to and question.text in event.text]
    rounds = {event.data.get("round") for event in taken_up}
    answers = (f for f in record.case.findings if f.agent is question.to and f.round in rounds)
    about = set(question.entities)
    return Asked(
        question=question,
        answers=tuple(finding for finding in answers if about & set(finding.entities))[:2],
        taken_up=bool(taken_up),
    )
