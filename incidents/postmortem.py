"""What a post-mortem is made of: everything that was recorded about one incident, and the times that people count.

The words are written by `agents.scribe`; here are only values and arithmetic over them.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from incidents.alert import Alert
from incidents.approval import Choice, Decision
from incidents.diagnosis import Diagnosis
from incidents.evidence import Evidence
from incidents.execution import Execution
from incidents.fact import Fact
from incidents.finding import Gap
from incidents.incident import EventKind, Incident, TimelineEvent
from incidents.ledger import Entry
from incidents.proposal import Proposal
from incidents.value import Value
from incidents.verification import Verification


class Dossier(Value):
    """All records of one incident. Bodies of evidence may be left out: they are linked, not quoted."""

    incident: Incident
    alerts: tuple[Alert, ...] = ()
    facts: tuple[Fact, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    gaps: tuple[Gap, ...] = ()
    diagnosis: Diagnosis | None = None
    """The last one."""
    proposals: tuple[Proposal, ...] = ()
    """In the order in which they were made."""
    decisions: tuple[Decision, ...] = ()
    executions: tuple[Execution, ...] = ()
    verification: Verification | None = None
    timeline: tuple[TimelineEvent, ...] = ()
    ledger: tuple[Entry, ...] = ()
    follow_ups: tuple[str, ...] = ()
    """What the plan said should be done afterwards."""
    observations: int = 0
    """Looks that agents took, as toil is counted."""
    outcome: str = ""
    """Why it ended as it did, in a sentence."""


class Milestones(Value):
    """When each step of the way was reached; None for a step that was not."""

    began: datetime
    """The onset, as far as it is known; else the first alert."""
    alerted: datetime
    noticed: datetime
    """When the first alert was taken in."""
    diagnosed: datetime | None
    proposed: datetime | None
    decided: datetime | None
    acted: datetime | None
    ended: datetime | None


def milestones(dossier: Dossier) -> Milestones:
    """Read them out of the records."""
    incident, diagnosis = dossier.incident, dossier.diagnosis
    leading = diagnosis.leading if diagnosis else ()
    onsets = [hypothesis.onset for hypothesis in leading if hypothesis.onset]
    return Milestones(
        began=min([*onsets, incident.started_at]),
        alerted=incident.started_at,
        noticed=incident.opened_at,
        diagnosed=_first(e.at for e in dossier.timeline if e.kind is EventKind.HYPOTHESIS)
        or (diagnosis.at if leading and diagnosis else None),
        proposed=_first(proposal.body.created_at for proposal in dossier.proposals),
        decided=_last(decision.at for decision in dossier.decisions if decision.choice is Choice.APPROVE),
        acted=_first(e.dispatched_at for e in dossier.executions if e.dispatched_at and not e.undo),
        ended=incident.closed_at or (dossier.verification.ended_at if dossier.verification else None),
    )


def lasted(start: datetime, end: datetime | None) -> timedelta | None:
    """The time between two milestones; None when the second was not reached, never negative."""
    return None if end is None else max(end - start, timedelta(0))


def _first(moments: Iterable[datetime]) -> datetime | None:
    return min(moments, default=None)


def _last(moments: Iterable[datetime]) -> datetime | None:
    return max(moments, default=None)
