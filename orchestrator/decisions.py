"""Decisions: a click becomes a row with its ledger entry before anybody is told that it counted.

Refusals are recorded too.

Everything is judged here, on the server, under a lock on the proposal, whichever door the click came through.
"""

import secrets
from datetime import datetime

from incidents.approval import Accepted, Channel, Choice, Decision, Person, Refusal, Refused, judge
from incidents.card import card_of
from incidents.ids import DecisionId, IncidentId, ProposalDigest
from incidents.incident import CLOSED, EventKind, Phase
from incidents.ledger import EntryKind
from incidents.lifecycle import may_move
from incidents.proposal import Proposal, ProposalStatus
from incidents.rejection import Wish, rejection_of
from orchestrator.jobs import Task, enqueue
from orchestrator.refusing import refuse, refuse_in
from orchestrator.store.control import Switch, set_switch, switch_of
from orchestrator.store.database import Store
from orchestrator.store.decisions import RefusedClick, decisions_on, save_decision, save_refusal
from orchestrator.store.errors import UnknownError
from orchestrator.store.executions import plan_executions
from orchestrator.store.incidents import incident_of, lock_incident, move
from orchestrator.store.ledger import record
from orchestrator.store.narrowings import Asked, narrowing_of
from orchestrator.store.proposals import StoredProposal, pending_proposals, proposal_by, set_proposal_status
from orchestrator.store.rejections import save_rejection
from orchestrator.store.timeline import append_event
from orchestrator.store.transaction import Tx

SWITCH_ROLES = frozenset({"oncall", "admin"})
"""Who may pause and resume execution."""
UNKNOWN = Refused(refusal=Refusal.UNKNOWN_PROPOSAL, message="There is no such proposal: open the incident again.")


async def decide(
    store: Store,
    digest: ProposalDigest,
    *,
    person: Person,
    choice: Choice,
    reason: str = "",
    channel: Channel,
    now: datetime,
    wish: Wish = Wish(),  # noqa: B008 - a frozen value
) -> Accepted | Refused:
    """Judge and record one person's choice. When this returns, the decision (or its refusal) is committed.

    `wish` is what somebody who rejects wants of later proposals.
    """
    async with store.transaction() as tx:
        try:
            stored = await locked(tx, digest)
        except UnknownError:
            await _refuse(tx, UNKNOWN, None, digest, person=person, choice=choice, channel=channel, now=now)
            return UNKNOWN
        judged = judge(
            stored.proposal.body,
            status=stored.status,
            decided=await decisions_on(tx, digest),
            requested_by=stored.requested_by,
            person=person,
            choice=choice,
            reason=reason,
            now=now,
        )
        incident = stored.proposal.body.incident
        if isinstance(judged, Accepted):
            judged = await closed(tx, incident) or judged
        if isinstance(judged, Refused):
            if (narrowing := await narrowing_of(tx, digest)) is not None:
                judged = replaced(judged, narrowing)
            await _refuse(tx, judged, incident, digest, person=person, choice=choice, channel=channel, now=now)
            return judged
        decision = Decision(
            id=DecisionId("de-" + secrets.token_hex(8)),
            digest=digest,
            person=person,
            choice=choice,
            reason=reason,
            at=now,
            channel=channel,
        )
        await _accept(tx, stored.proposal, decision, judged, wish=wish)
        return judged


async def expire(store: Store, *, now: datetime, digest: ProposalDigest | None = None) -> tuple[ProposalDigest, ...]:
    """Expire the pending proposals whose time is over (only that one, when given).

    Early or repeated calls do nothing.
    """
    async with store.transaction() as tx:
        due = [s.proposal for s in await pending_proposals(tx, expired_at=now) if digest in (None, s.proposal.digest)]
    expired = []
    for proposal in due:
        async with store.transaction() as tx:
            if await _expire(tx, proposal, now=now):
                expired.append(proposal.digest)
    return tuple(expired)


async def supersede(tx: Tx, stored: StoredProposal, *, because: str, actor: str, now: datetime) -> None:
    """Withdraw a pending (or approved, not yet executed) proposal. Raises StaleStateError when it is neither."""
    proposal = stored.proposal
    await set_proposal_status(
        tx,
        proposal.digest,
        to=ProposalStatus.SUPERSEDED,
        sources=(ProposalStatus.PENDING, ProposalStatus.APPROVED),
        now=now,
    )
    incident = proposal.body.incident
    await append_event(
        tx,
        incident,
        kind=EventKind.PROPOSAL,
        actor=actor,
        text=f"Proposal withdrawn: {because}",
        at=now,
        refs=(proposal.digest,),
    )
    payload = {"digest": proposal.digest, "because": because}
    record(tx, kind=EntryKind.SUPERSEDED, incident=incident, actor=actor, at=now, payload=payload)


async def set_paused(
    store: Store, *, paused: bool, person: Person, reason: str, now: datetime, until: datetime | None = None
) -> Switch | Refused:
    """Use the kill switch: while it is paused, nothing new is executed; what runs is only looked at.

    It ends at `until`, or when somebody resumes. Whose role holds in a part of the estate only may pause, not resume.
    """
    held = {*person.roles, *(grant.role for grant in person.grants if paused)}
    asked = "pause" if paused else "resume"
    if person.bot or not held & SWITCH_ROLES:
        refused = _no_switch(person, "pause or resume")
        return await refuse(store, refused, asked=asked, incident=None, person=person, now=now)
    async with store.transaction() as tx:
        before = await switch_of(tx)
        if before.paused == paused and (not paused or before.until == until):
            return before
        if paused and before.outlasts(until) and not {*person.roles} & SWITCH_ROLES:
            refused = _no_switch(person, "end a pause, or have it end earlier")
            return refuse_in(tx, refused, asked=asked, incident=None, person=person, now=now)
        switch = Switch(paused=paused, by=person.id, reason=reason, at=now, until=until if paused else None)
        await set_switch(tx, switch)
        kind = EntryKind.PAUSED if paused else EntryKind.RESUMED
        payload = {"reason": reason} | ({"until": switch.until.isoformat()} if switch.until else {})
        record(tx, kind=kind, incident=None, actor=person.id, at=now, payload=payload)
        return switch


def _no_switch(person: Person, what: str) -> Refused:
    roles = " or ".join(sorted(SWITCH_ROLES))
    message = f"Only {roles} may {what}; {person.name} has no such role."
    if any(grant.role in SWITCH_ROLES for grant in person.grants):
        message = f"Only {roles} of the whole estate may {what}; {person.name} has that role in a part of it."
    return Refused(refusal=Refusal.MISSING_ROLE, message=message)


async def _accept(tx: Tx, proposal: Proposal, decision: Decision, accepted: Accepted, *, wish: Wish) -> None:
    incident, now = proposal.body.incident, decision.at
    await save_decision(tx, decision)
    record(
        tx,
        kind=EntryKind.DECIDED,
        incident=incident,
        actor=decision.person.id,
        at=now,
        payload={
            "digest": proposal.digest,
            "decision": decision.model_dump(mode="json"),
            "approvals": accepted.approvals,
            "needed": accepted.needed,
            "status": accepted.status.value,
            "card": card_of(proposal).model_dump(mode="json"),
            **({"wish": wish.model_dump(mode="json")} if decision.choice is Choice.REJECT else {}),
        },
    )
    await append_event(
        tx,
        incident,
        kind=EventKind.DECISION,
        actor=decision.person.name,
        text=_sentence(decision, accepted),
        at=now,
        refs=(proposal.digest, decision.id),
        data={"choice": decision.choice.value, "approvals": accepted.approvals, "needed": accepted.needed},
    )
    if decision.choice is Choice.REJECT:
        remembered = rejection_of(proposal, person=decision.person, reason=decision.reason, at=now, wish=wish)
        await save_rejection(tx, remembered)
    if accepted.complete:
        await _complete(tx, proposal, decision, accepted, wish=wish)


async def _complete(tx: Tx, proposal: Proposal, decision: Decision, accepted: Accepted, *, wish: Wish) -> None:
    incident, now = proposal.body.incident, decision.at
    await set_proposal_status(tx, proposal.digest, to=accepted.status, sources=(ProposalStatus.PENDING,), now=now)
    if accepted.status is ProposalStatus.APPROVED:
        await plan_executions(tx, proposal, now=now)
    rejected = Phase.INVESTIGATING if wish.another else Phase.REJECTED
    phase = Phase.EXECUTING if accepted.status is ProposalStatus.APPROVED else rejected
    await _move_if_allowed(
        tx, incident, to=phase, because=_sentence(decision, accepted), actor=decision.person.id, now=now
    )
    await enqueue(tx, Task.ADVANCE, incident)


async def _expire(tx: Tx, proposal: Proposal, *, now: datetime) -> bool:
    stored = await locked(tx, proposal.digest)
    if stored.status is not ProposalStatus.PENDING:
        return False
    incident, text = proposal.body.incident, "Nobody decided in time: the proposal expired"
    await set_proposal_status(
        tx, proposal.digest, to=ProposalStatus.EXPIRED, sources=(ProposalStatus.PENDING,), now=now
    )
    await append_event(
        tx, incident, kind=EventKind.PROPOSAL, actor="midwatch", text=text, at=now, refs=(proposal.digest,)
    )
    record(tx, kind=EntryKind.EXPIRED, incident=incident, actor="midwatch", at=now, payload={"digest": proposal.digest})
    await _move_if_allowed(tx, incident, to=Phase.EXPIRED, because=text, actor="midwatch", now=now)
    await enqueue(tx, Task.ADVANCE, incident)
    return True


def replaced(refused: Refused, by: Asked) -> Refused:
    """The refusal of a click on a proposal that somebody narrowed: it says who, and what to decide on instead."""
    if refused.refusal is not Refusal.NOT_PENDING:
        return refused
    message = f"This proposal was replaced: {by.sentence}. Decide on the one that stands in its place."
    return refused.model_copy(update={"message": message})


async def closed(tx: Tx, incident: IncidentId) -> Refused | None:
    """The refusal of whatever is asked about a proposal of a closed incident; None while it is open."""
    phase = (await incident_of(tx, incident)).phase
    if phase not in CLOSED:
        return None
    message = f"This incident is {phase.value}: there is nothing left to decide."
    return Refused(refusal=Refusal.NOT_PENDING, message=message)


async def locked(tx: Tx, digest: ProposalDigest) -> StoredProposal:
    """The proposal with its incident and itself locked, in that order, as everywhere. Raises UnknownError."""
    await lock_incident(tx, (await proposal_by(tx, digest)).proposal.body.incident)
    return await proposal_by(tx, digest, lock=True)


async def _move_if_allowed(tx: Tx, incident: IncidentId, *, to: Phase, because: str, actor: str, now: datetime) -> None:
    """The graph may have taken the incident elsewhere meanwhile.

    The decision stands all the same, and the graph sees it.
    """
    if may_move((await incident_of(tx, incident)).phase, to):
        await move(tx, incident, to=to, because=because, actor=actor, now=now)


async def _refuse(
    tx: Tx,
    refused: Refused,
    incident: IncidentId | None,
    digest: ProposalDigest,
    *,
    person: Person,
    choice: Choice,
    channel: Channel,
    now: datetime,
) -> None:
    click = RefusedClick(
        digest=digest,
        person=person,
        choice=choice,
        refusal=refused.refusal,
        message=refused.message,
        channel=channel,
        at=now,
    )
    await save_refusal(tx, click)
    payload = click.model_dump(mode="json")
    record(tx, kind=EntryKind.DECISION_REFUSED, incident=incident, actor=person.id, at=now, payload=payload)


def _sentence(decision: Decision, accepted: Accepted) -> str:
    if decision.choice is Choice.REJECT:
        return f"Rejected by {decision.person.name}: {decision.reason}"
    lacks = f"; still needed: {' and '.join(accepted.lacks)}" if accepted.lacks else ""
    return f"Approved by {decision.person.name} ({accepted.approvals}/{accepted.needed}{lacks})"
