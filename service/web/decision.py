"""What the right column shows of a proposal, and whether the person who looks may decide it now. Pure.

It only decides which buttons are shown: every click is judged again, under a lock, by `orchestrator.decisions`.
"""

from collections.abc import Sequence
from datetime import datetime

from incidents.approval import Accepted, Choice, Decision, Person, Refused, judge, may_change
from incidents.ids import ProposalDigest
from incidents.incident import Phase
from incidents.narrowing import NotNarrower
from incidents.proposal import ProposalStatus
from incidents.value import Value
from incidents.verification import Check, CheckRole
from orchestrator.store.proposals import StoredProposal
from service.story.changing import INTRODUCTION, Field, Typed, fields_of, refilled
from service.story.record import IncidentRecord, ProposalRecord
from service.story.steps import WHILE_PAUSED
from service.story.words import PHASES, hm

STATES = {
    ProposalStatus.PENDING: "waiting for a decision",
    ProposalStatus.APPROVED: "approved",
    ProposalStatus.REJECTED: "rejected",
    ProposalStatus.EXPIRED: "expired",
    ProposalStatus.SUPERSEDED: "withdrawn",
    ProposalStatus.DENIED: "not allowed",
    ProposalStatus.EXECUTED: "executed",
}


class Attempt(Value):
    """A change of a proposal that was refused: what the form shows again."""

    digest: ProposalDigest
    typed: Typed
    refused: NotNarrower | None = None
    """What speaks against single fields."""


class Panel(Value):
    """The decision panel."""

    proposal: ProposalRecord
    state: str
    """In a word or two."""
    tone: str
    """The same for the style sheet: a status of a proposal, or the outcome of its verification."""
    approvals: int
    needed: int
    open: bool
    """Still takes decisions."""
    may_approve: bool
    may_reject: bool
    why_not: str
    """What speaks against this person approving it; empty when nothing does."""
    success: tuple[Check, ...]
    guards: tuple[Check, ...]
    changes: tuple[Field, ...]
    """What this person may choose narrower now; empty when they may not change it."""
    introduction: str = INTRODUCTION
    """What stands above the form that changes it."""
    attempted: bool = False
    """The form holds what was refused just now."""
    paused: str
    """What an approval would come to while execution is paused; empty when it is not."""
    superseded: int
    """Earlier proposals that were withdrawn."""


def panel_of(
    record: IncidentRecord, proposal: ProposalRecord | None, *, person: Person, attempt: Attempt | None = None
) -> Panel | None:
    """The panel for a proposal; None before there is one."""
    if proposal is None:
        return None
    approve = _judge(record, proposal, person=person, choice=Choice.APPROVE)
    reject = _judge(record, proposal, person=person, choice=Choice.REJECT)
    waiting = proposal.status is ProposalStatus.PENDING and record.now < proposal.body.expires_at
    refused = may_change(proposal.body, status=proposal.status, person=person, now=record.now)
    again = attempt if attempt and attempt.digest == proposal.digest else None
    fields = () if refused else fields_of(proposal.body, now=record.now)
    return Panel(
        proposal=proposal,
        state=_state(proposal, over=not waiting),
        tone=_tone(proposal, over=not waiting),
        approvals=_approvals(proposal.decisions),
        needed=max(1, proposal.body.policy.approvals),
        open=waiting,
        may_approve=waiting and isinstance(approve, Accepted),
        may_reject=waiting and isinstance(reject, Accepted),
        why_not="" if isinstance(approve, Accepted) else approve.message,
        success=tuple(check for check in proposal.body.checks if check.role is CheckRole.SUCCESS),
        guards=tuple(check for check in proposal.body.checks if check.role is CheckRole.GUARD),
        changes=refilled(fields, again.typed, again.refused) if again else fields,
        attempted=again is not None,
        paused=WHILE_PAUSED if record.switch.paused else "",
        superseded=sum(1 for other in record.proposals if other.status is ProposalStatus.SUPERSEDED),
    )


def may_approve(
    stored: StoredProposal, *, decided: Sequence[Decision], person: Person, now: datetime
) -> Accepted | Refused:
    """What an approval of this proposal by this person would be answered now."""
    return judge(
        stored.proposal.body,
        status=stored.status,
        decided=decided,
        requested_by=stored.requested_by,
        person=person,
        choice=Choice.APPROVE,
        reason="-",
        now=now,
    )


def no_proposal(record: IncidentRecord) -> str:
    """What stands in the panel's place when there is no proposal."""
    phase = record.incident.phase
    match phase:
        case Phase.OPEN | Phase.INVESTIGATING | Phase.AWAITING_DECISION:
            return "A proposal will be here when a cause is clear enough to act on. Nothing changes without a decision."
        case Phase.INCONCLUSIVE:
            return "No cause stands above the threshold, so nothing is proposed. New alerts reopen the investigation."
        case Phase.RESOLVED:
            closed = record.incident.closed_at
            when = f" at {hm(closed)}" if closed else ""
            return f"The alerts resolved{when} before anything was proposed."
        case _:
            return f"Nothing is proposed: this incident is {PHASES[phase]}, people own it."


def _judge(record: IncidentRecord, proposal: ProposalRecord, *, person: Person, choice: Choice) -> Accepted | Refused:
    return judge(
        proposal.body,
        status=proposal.status,
        decided=proposal.decisions,
        requested_by=proposal.requested_by,
        person=person,
        choice=choice,
        reason="-",
        now=record.now,
    )


def _tone(proposal: ProposalRecord, *, over: bool) -> str:
    if proposal.verification is not None:
        return proposal.verification.outcome.value
    expired = over and proposal.status is ProposalStatus.PENDING
    return (ProposalStatus.EXPIRED if expired else proposal.status).value


def _state(proposal: ProposalRecord, *, over: bool) -> str:
    tone = _tone(proposal, over=over)
    return STATES[ProposalStatus(tone)] if tone in set(ProposalStatus) else tone


def _approvals(decisions: Sequence[Decision]) -> int:
    return sum(1 for decision in decisions if decision.choice is Choice.APPROVE)
