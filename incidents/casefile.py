"""The shared case file (blackboard) of one incident: what all agents know, and what each adds to it."""

from datetime import datetime

from incidents.alert import Alert
from incidents.evidence import Evidence
from incidents.fact import Fact
from incidents.finding import AgentName, Finding, Gap, Question, Topic
from incidents.ids import EntityId
from incidents.incident import Incident
from incidents.topology import Topology
from incidents.value import Value


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
