"""What a specialist says to the others: findings that cite, questions to one another, and what could not be seen."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from incidents.ids import EntityId, EvidenceId, FactId, FindingId, QuestionId
from incidents.value import Value


class AgentName(StrEnum):
    """Who speaks. The four specialists and those who own the argument."""

    SUPERVISOR = "supervisor"
    KUBERNETES = "kubernetes"
    CICD = "cicd"
    OBSERVABILITY = "observability"
    COST = "cost"
    DIAGNOSTICIAN = "diagnostician"
    CHALLENGER = "challenger"
    PLANNER = "planner"
    SCRIBE = "scribe"


class RuledOut(Value):
    """A suspicion that was checked and does not hold, with the reason."""

    suspicion: str
    entity: EntityId | None = None
    because: str
    evidence: tuple[EvidenceId, ...] = ()


class Finding(Value):
    """A claim of one specialist. Without evidence there is no finding."""

    id: FindingId
    agent: AgentName
    text: str
    confidence: float = Field(ge=0, le=1)
    facts: tuple[FactId, ...] = ()
    evidence: tuple[EvidenceId, ...] = Field(min_length=1)
    entities: tuple[EntityId, ...] = ()
    ruled_out: tuple[RuledOut, ...] = ()
    at: datetime
    round: int = Field(ge=1)


class Topic(StrEnum):
    """What a question is about; a specialist says which topics it answers."""

    OVERVIEW = "overview"
    """First round: everything a specialist looks at for the entities of the incident."""
    USAGE_BEFORE = "usage_before"
    """What an entity used (CPU, memory) before a given time."""
    CHANGES = "changes"
    """What changed on these entities, with the exact fields."""
    HEALTH = "health"
    """Is this entity (a dependency, a node) healthy, since when not."""
    LOGS = "logs"
    """What its logs say since the onset that they did not say before."""
    DEPENDENCIES = "dependencies"
    """How the entity's callers and callees do."""
    COMPARISON = "comparison"
    """Whose metrics, of all workloads around the entity, departed from their past, how far and since when."""
    COST = "cost"
    """What it costs, and what a change of it would."""


class Question(Value):
    """One agent asks another about entities. The supervisor delivers it if it can change the decision."""

    id: QuestionId
    asker: AgentName
    to: AgentName
    topic: Topic
    entities: tuple[EntityId, ...] = Field(min_length=1)
    text: str
    """As a colleague would ask it: `what did checkout use before 02:35?`"""
    because: tuple[FactId, ...] = ()
    before: datetime | None = None
    told: EvidenceId | None = None
    """What a person told, when the question looks into that."""
    round: int = Field(ge=1)


class Gap(Value):
    """Something that could not be seen, and why: it is shown to the person who decides."""

    agent: AgentName
    what: str
    why: str
    entities: tuple[EntityId, ...] = ()
