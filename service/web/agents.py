"""The agents at work on an incident: what each is doing or found, and what they asked one another. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from itertools import takewhile

from incidents.finding import AgentName, Finding, Question
from incidents.incident import EventKind, TimelineEvent
from incidents.value import Value
from service.story.gaps import Unseen, unseen_once
from service.story.record import IncidentRecord

MOST_FINDINGS = 4
"""Findings of one agent that its place on the page has room for."""
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
    gaps: tuple[Unseen, ...]
    probes: int


class Asked(Value):
    """A question between agents, and whether it was looked into."""

    question: Question
    answers: tuple[Finding, ...]
    """What the asked agent found when it looked into it; nothing when it only confirmed what was known."""
    taken_up: bool


def team_of(record: IncidentRecord) -> tuple[Agent, ...]:
    """All four, in a fixed order: nothing jumps while they work."""
    return tuple(_agent(name, record) for name in TEAM)


def questions_of(record: IncidentRecord) -> tuple[Asked, ...]:
    """The questions in the order in which they were asked."""
    return tuple(_asked(question, record) for question in record.case.questions)


def _agent(name: AgentName, record: IncidentRecord) -> Agent:
    last, steps = last_and_steps(name, record.timeline)
    return Agent(
        name=name,
        activity=activity_of(steps),
        doing=last.text if last else "not asked yet",
        at=last.at if last else None,
        findings=_once(finding for finding in record.case.findings if finding.agent is name),
        gaps=unseen_once(tuple(gap for gap in record.case.gaps if gap.agent is name)),
        probes=sum(int(event.data.get("probes", 0)) for event in steps if event.data.get("step") == "end"),
    )


def last_and_steps(
    name: AgentName, timeline: Sequence[TimelineEvent]
) -> tuple[TimelineEvent | None, list[TimelineEvent]]:
    """Its last line, and the lines at which it began or ended something."""
    lines = [event for event in timeline if event.kind is EventKind.AGENT and event.actor == name]
    return (lines[-1] if lines else None), [event for event in lines if event.data.get("step") in ("start", "end")]


def activity_of(steps: Sequence[TimelineEvent]) -> Activity:
    """Whether it is at work, by what it began and ended."""
    if not steps:
        return Activity.WAITING
    begun = sum(1 for event in steps if event.data["step"] == "start")
    return Activity.WORKING if begun > len(steps) - begun else Activity.DONE


def _asked(question: Question, record: IncidentRecord) -> Asked:
    lines = [event for event in record.timeline if event.actor == question.to]
    begun = next((i for i, event in enumerate(lines) if _begins(event) and question.text in event.text), None)
    if begun is None:
        return Asked(question=question, answers=(), taken_up=False)
    told = list(takewhile(lambda event: event.kind is not EventKind.AGENT, lines[begun + 1 :]))
    ids = {ref for event in told if event.kind is EventKind.FINDING for ref in event.refs}
    answers = tuple(finding for finding in record.case.findings if finding.id in ids)
    return Asked(question=question, answers=answers[:2], taken_up=True)


def _begins(event: TimelineEvent) -> bool:
    return event.kind is EventKind.AGENT and event.data.get("step") == "start"


def _once(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The surest of what was said, each text once."""
    unique = {finding.text: finding for finding in findings}.values()
    return tuple(sorted(unique, key=lambda finding: -finding.confidence)[:MOST_FINDINGS])
