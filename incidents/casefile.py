"""The shared case file (blackboard) of one incident: what all agents know, and what each adds to it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from incidents.alert import Alert
from incidents.canonical import digest_of, short
from incidents.evidence import Evidence
from incidents.fact import Fact
from incidents.finding import AgentName, Finding, Gap, Question, Topic
from incidents.focus import focus_of, onset_of
from incidents.ids import EntityId
from incidents.incident import Incident
from incidents.topology import Topology
from incidents.value import Value

IdT = TypeVar("IdT", bound=str)
ItemT = TypeVar("ItemT")


class Report(Value):
    """What one specialist adds in one round."""

    agent: AgentName
    round: int
    evidence: tuple[Evidence, ...] = ()
    facts: tuple[Fact, ...] = ()
    findings: tuple[Finding, ...] = ()
    questions: tuple[Question, ...] = ()
    gaps: tuple[Gap, ...] = ()
    topology: Topology = Topology()
    """Edges that this specialist discovered; merged into the case's topology."""
    inventory: tuple[EntityId, ...] = ()
    """Entities that it saw to exist: only these may be blamed or acted upon."""
    covered: tuple[str, ...] = ()
    """Fact kinds that were looked for and could have been seen: their absence counts as evidence."""
    probes: int = 0
    seconds: float = 0.0


class CaseFile(Value):
    """Everything known of an incident at one moment; assembled from the store, never kept in graph state."""

    incident: Incident
    alerts: tuple[Alert, ...]
    focus: tuple[EntityId, ...]
    """Entities the investigation looks at: those of the alerts and their neighbourhood, nearest first."""
    onset: datetime | None
    """Best estimate of when the trouble began: earliest symptom fact, else earliest alert."""
    topology: Topology
    inventory: frozenset[EntityId]
    evidence: tuple[Evidence, ...] = ()
    facts: tuple[Fact, ...] = ()
    findings: tuple[Finding, ...] = ()
    questions: tuple[Question, ...] = ()
    gaps: tuple[Gap, ...] = ()
    covered: frozenset[str] = frozenset()
    round: int = 0


class Assignment(Value):
    """What the supervisor asks a specialist in one round: entities and a topic, with the question that caused it."""

    agent: AgentName
    topic: Topic
    entities: tuple[EntityId, ...]
    round: int
    question: Question | None = None


def assembled(
    incident: Incident,
    *,
    alerts: tuple[Alert, ...],
    reports: Sequence[Report],
    evidence: tuple[Evidence, ...],
    facts: tuple[Fact, ...],
    findings: tuple[Finding, ...],
    questions: tuple[Question, ...],
    gaps: tuple[Gap, ...],
) -> CaseFile:
    """The case file of what is known: focus and onset follow from it. Of `reports` only what they survey is read."""
    topology = Topology.of(edge for report in reports for edge in report.topology.edges)
    return CaseFile(
        incident=incident,
        alerts=alerts,
        focus=focus_of(incident.entities, topology=topology),
        onset=onset_of(facts, started_at=incident.started_at),
        topology=topology,
        inventory=frozenset(entity for report in reports for entity in report.inventory),
        evidence=evidence,
        facts=facts,
        findings=findings,
        questions=questions,
        gaps=gaps,
        covered=frozenset(item for report in reports for item in report.covered),
        round=max((report.round for report in reports), default=0),
    )


def pooled(
    incident: Incident, *, alerts: tuple[Alert, ...], reports: Sequence[Report], asked: Sequence[Question] = ()
) -> CaseFile:
    """The case file of reports in the order in which they came, and of questions that no report carries.

    Everything is there once, by its id: a later fact or finding replaces an earlier one, anything else stays as it was
    first said.
    """
    facts = {fact.id: (report.round, fact) for report in reports for fact in report.facts}
    findings = {finding.id: (report.round, finding) for report in reports for finding in report.findings}
    gaps = {short(digest_of(gap)): (report.round, gap) for report in reversed(reports) for gap in report.gaps}
    said = [*(question for report in reports for question in report.questions), *asked]
    questions = {question.id: (question.round, question) for question in sorted(said, key=_newest_first)}
    evidence = {item.id: item for report in reversed(reports) for item in report.evidence}
    return assembled(
        incident,
        alerts=alerts,
        reports=reports,
        evidence=tuple(sorted(evidence.values(), key=lambda item: (item.observed_at, item.id))),
        facts=_by_round(facts),
        findings=_by_round(findings),
        questions=_by_round(questions),
        gaps=_by_round(gaps),
    )


def _newest_first(question: Question) -> int:
    return -question.round


def _by_round(known: Mapping[IdT, tuple[int, ItemT]]) -> tuple[ItemT, ...]:
    """By the round in which it was said, then by id."""
    order = sorted(known.items(), key=lambda entry: (entry[1][0], entry[0]))
    return tuple(item for _, (_, item) in order)
