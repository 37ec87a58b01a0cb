"""Alerts that belong together, with a phase and a timeline."""

from datetime import datetime
from enum import StrEnum

from incidents.alert import Severity
from incidents.ids import EntityId, IncidentId
from incidents.value import Scalar, Value


class Phase(StrEnum):
    """Where an incident stands. `incidents.lifecycle` holds the allowed transitions."""

    OPEN = "open"
    INVESTIGATING = "investigating"
    AWAITING_DECISION = "awaiting_decision"
    EXECUTING = "executing"
    VERIFYING = "verifying"
    VERIFIED = "verified"
    """Fixed by an executed proposal, and telemetry says so."""
    UNDONE = "undone"
    """A change was made, hurt or did not help, and was taken back. People own it now."""
    ESCALATED = "escalated"
    """Midwatch cannot or must not go on. People own it."""
    REJECTED = "rejected"
    """A person rejected the proposal; people own it."""
    EXPIRED = "expired"
    """Nobody decided in time."""
    INCONCLUSIVE = "inconclusive"
    """Investigated; no cause stands above the threshold. Reopened by new alerts."""
    RESOLVED = "resolved"
    """All its alerts resolved without a change by Midwatch."""


CLOSED = frozenset({Phase.VERIFIED, Phase.RESOLVED})
"""Nothing more happens; later alerts open a new incident."""

SETTLED = CLOSED | {Phase.UNDONE, Phase.ESCALATED, Phase.REJECTED, Phase.EXPIRED, Phase.INCONCLUSIVE}
"""The graph has ended; people own those that are not closed."""


class JoinReason(StrEnum):
    """Why an alert belongs to an incident: stored and shown."""

    OPENED = "opened"
    """It opened the incident."""
    SAME_ALERT = "same_alert"
    SAME_GROUP = "same_group"
    SAME_ENTITY = "same_entity"
    NEIGHBOUR = "neighbour"
    """Its entity calls, is called by, runs on or hosts an entity of the incident."""


class Incident(Value):
    """The head of an incident; alerts, evidence, proposals stand in rows of their own."""

    id: IncidentId
    title: str
    severity: Severity
    phase: Phase
    cluster: str
    entities: tuple[EntityId, ...]
    """What the alerts point at, most specific first; what a diagnosis blames is in the diagnosis."""
    opened_at: datetime
    """When the first alert was taken in."""
    started_at: datetime
    """The earliest startsAt of its alerts."""
    closed_at: datetime | None = None
    graph_version: str


class EventKind(StrEnum):
    """Kinds of timeline events; each has a place in Slack's thread and in the console."""

    ALERT = "alert"
    PHASE = "phase"
    AGENT = "agent"
    """An agent started, finished, or could not see."""
    FINDING = "finding"
    QUESTION = "question"
    HYPOTHESIS = "hypothesis"
    PROPOSAL = "proposal"
    DECISION = "decision"
    EXECUTION = "execution"
    VERIFICATION = "verification"
    NOTE = "note"


class TimelineEvent(Value):
    """One line of the incident's story, in the order of `seq`."""

    incident: IncidentId
    seq: int
    at: datetime
    kind: EventKind
    actor: str
    text: str
    refs: tuple[str, ...] = ()
    """Ids of evidence, facts, proposals that the line speaks of."""
    data: dict[str, Scalar] = {}
