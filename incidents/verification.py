"""Did it help, did it hurt: checks registered with a proposal, judged from telemetry over a watch window."""

from datetime import datetime, timedelta
from enum import StrEnum

from incidents.ids import EntityId, EvidenceId
from incidents.value import Value


class CheckRole(StrEnum):
    """What a check decides."""

    SUCCESS = "success"
    """All of these have to hold, for as long as they say, for `verified`."""
    GUARD = "must_not_worsen"
    """One of these that worsens against its baseline undoes the change."""


class Comparison(StrEnum):
    """How a measurement is held against the threshold."""

    AT_MOST = "<="
    AT_LEAST = ">="


class Check(Value):
    """One measurable condition. The measure is a named one (`error_rate`, `latency_p99`, `workload_available`,
    `alert_resolved`, `saturation`) that the observability tools resolve to a query for the entity."""

    role: CheckRole
    measure: str
    entity: EntityId
    comparison: Comparison
    threshold: float
    unit: str
    """`ratio`, `seconds`, `pods`, `alerts`, `usd_per_hour`."""
    hold: timedelta = timedelta(0)
    """How long it has to hold without a break."""
    baseline: float | None = None
    """The value when the proposal was made (during the incident)."""
    healthy: float | None = None
    """The value before the onset, when it could be seen."""
    text: str
    """As the card says it: `5xx < 0.5 % for 5 min`."""
    query: str | None = None
    """Exact query, when the measure has one."""


class Measurement(Value):
    """One value of one check at one time; value None means it could not be read."""

    check: int
    """Index into the proposal's checks."""
    at: datetime
    value: float | None
    evidence: EvidenceId | None = None
    note: str = ""


class Outcome(StrEnum):
    """How every execution ends (invariant 8)."""

    VERIFIED = "verified"
    UNDONE = "undone"
    ESCALATED = "escalated"


class Judgement(StrEnum):
    """What the measurements say now."""

    WAIT = "wait"
    """Not decided: the window is open."""
    HELPED = "helped"
    WORSENED = "worsened"
    """A guard failed: undo."""
    DID_NOT_HELP = "did_not_help"
    """The window closed and success was not reached: undo when the action is reversible and change nothing more."""
    BLIND = "blind"
    """The window closed and what decides could not be read: escalate, never guess."""


class CheckResult(Value):
    """One check at the end, before and after, for the card and the record."""

    check: Check
    before: float | None
    after: float | None
    held: bool | None
    """None when it could not be read."""
    text: str
    """`5xx 7.1 % -> 0.2 %`."""


class Verification(Value):
    """The verdict of one execution."""

    outcome: Outcome
    judgement: Judgement
    results: tuple[CheckResult, ...]
    evidence: tuple[EvidenceId, ...]
    started_at: datetime
    ended_at: datetime
    reason: str
