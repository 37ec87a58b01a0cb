"""The shared case file (blackboard) of one incident: what all agents know, and what each adds to it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

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


class _Named(Protocol):
    """What has an id."""

    @property
    def id(self) -> str: ...


NamedT = TypeVar("NamedT", bound=_Named)


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


def extended(case: CaseFile, reports: Sequence[Report]) -> CaseFile:
    """The case file with reports of its next round: the same as `pooled` over all of them, without doing it anew."""
    if not reports:
        return case
    return assembled(
        case.incident,
        alerts=case.alerts,
        reports=(_survey(case), *reports),
        evidence=tuple(
            sorted(_first(case.evidence, *(r.evidence for r in reports)), key=lambda item: (item.observed_at, item.id))
        ),
        facts=_renewed(case.facts, [fact for report in reports for fact in report.facts]),
        findings=_renewed(case.findings, [finding for report in reports for finding in report.findings]),
        questions=_first(case.questions, *(report.questions for report in reports)),
        gaps=tuple(dict.fromkeys((*case.gaps, *(gap for report in reports for gap in report.gaps)))),
    )


def _survey(case: CaseFile) -> Report:
    """What the reports so far say about the estate as a whole; whose they were does not matter any more."""
    inventory, covered = tuple(sorted(case.inventory)), tuple(sorted(case.covered))
    return Report(
        agent=AgentName.SUPERVISOR, round=case.round, topology=case.topology, inventory=inventory, covered=covered
    )


def _first(*groups: Sequence[NamedT]) -> tuple[NamedT, ...]:
    """Everything once, as it was first said."""
    known: dict[str, NamedT] = {}
    for item in (item for group in groups for item in group):
        known.setdefault(item.id, item)
    return tuple(known.values())


def _renewed(known: Sequence[NamedT], said: Sequence[NamedT]) -> tuple[NamedT, ...]:
    """What is known but was not said anew, then what was said, by its id."""
    new = {item.id: item for item in said}
    return (*(item for item in known if item.id not in new), *(new[key] for key in sorted(new)))


def _newest_first(question: Question) -> int:
    return -question.round


def _by_round(known: Mapping[IdT, tuple[int, ItemT]]) -> tuple[ItemT, ...]:
    """By the round in which it was said, then by id."""
    order = sorted(known.items(), key=lambda entry: (entry[1][0], entry[0]))
    return tuple(item for _, (_, item) in order)
