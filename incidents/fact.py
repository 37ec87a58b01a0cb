"""A typed statement that a detector read out of evidence. Facts are what causes are argued with; text never is."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from incidents.canonical import digest_of, short
from incidents.ids import EntityId, EvidenceId, FactId, FactKind
from incidents.value import Scalar, Value


class FactRole(StrEnum):
    """What part a fact plays in an argument."""

    SYMPTOM = "symptom"
    """What hurts: errors, latency, unavailability. Causes explain symptoms; a symptom never proves a cause alone."""
    MECHANISM = "mechanism"
    """How it breaks: OOM kill, failing probe, refused admission. Points at a kind of cause."""
    CHANGE = "change"
    """Somebody or something changed the estate: has an exact time, an actor and a field."""
    STATE = "state"
    """How things are, with no time of their own: a selector that matches nothing, a missing key."""
    CLEARED = "cleared"
    """Was looked for and is not so. Only what could have been seen counts as cleared."""


class FactSpec(Value):
    """The declaration of a fact kind by the detector that emits it: the vocabulary of runbooks."""

    kind: FactKind
    role: FactRole
    meaning: str
    """One sentence for people who write runbooks."""
    attributes: dict[str, str] = {}
    """Attribute name -> what it is, with its unit."""


class Fact(Value):
    """One statement about one entity. `entity` is as specific as the evidence (usually the workload, not each pod)."""

    id: FactId
    kind: FactKind
    role: FactRole
    entity: EntityId
    at: datetime | None
    """When it began to be so (onset, or the moment of the change); None for a state whose start is unknown."""
    until: datetime | None = None
    """When it ceased to be so; None while it lasts."""
    text: str
    """One sentence with figures and units, for people: `2 of 6 containers OOMKilled at 256Mi, 9 times since 02:35`."""
    attributes: dict[str, Scalar] = {}
    related: tuple[EntityId, ...] = ()
    """Other entities it speaks of: the pods, the node, the callee of a failing call."""
    evidence: tuple[EvidenceId, ...] = Field(min_length=1)
    detector: str
    strength: float = Field(default=1.0, ge=0, le=1)
    """How sure the detector is that it is so (1 = read off an API field; less for statistics)."""


def fact_id(*, kind: FactKind, entity: EntityId, at: datetime | None, attributes: dict[str, Scalar]) -> FactId:
    """The same statement has the same id, whichever evidence it was read from."""
    body = {"kind": kind, "entity": entity, "at": at.isoformat() if at else None, "attributes": attributes}
    return FactId("fa-" + short(digest_of(body)))
