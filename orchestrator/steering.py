"""What people may ask for beside a decision: another look, another rehearsal, quiet, hands off.

Each is a row first, whoever asked through whichever door, and refused with a reason when it cannot be done.
"""

from datetime import datetime, timedelta

from incidents.approval import Channel, Person, Refusal, Refused
from incidents.ids import EntityId, IncidentId
from incidents.incident import CLOSED, SETTLED, EventKind, Incident, Phase
from incidents.proposal import ProposalStatus
from orchestrator.decisions import supersede
from orchestrator.jobs import Task, enqueue
from orchestrator.refusing import refuse, refuse_in
from orchestrator.store.database import Store
from orchestrator.store.incidents import incident_of, lock_incident, move
from orchestrator.store.instructions import Instruction, InstructionKind, save_instruction
from orchestrator.store.proposals import proposals_of
from orchestrator.store.timeline import append_event
from orchestrator.store.transaction import Tx
from orchestrator.store.under_way import change_under_way

STEERING_ROLES = frozenset({"oncall", "owner", "admin"})
SNOOZE = timedelta(minutes=15)
DONE_BEFORE = "That was taken up already."


async def look_again(
    store: Store, *, incident: IncidentId, person: Person, channel: Channel, now: datetime, key: str, why: str = ""
) -> str | Refused:
    """Investigate once more: a pending proposal is withdrawn, and a fresh one follows. Raises UnknownError."""
    return await _again(store, InstructionKind.MORE_EVIDENCE, incident, person, channel, now=now, key=key, why=why)


async def rehearse_again(
    store: Store, *, incident: IncidentId, person: Person, channel: Channel, now: datetime, key: str, why: str = ""
) -> str | Refused:
    """Preview anew what the case says should be done. Raises UnknownError."""
    return await _again(store, InstructionKind.REHEARSE, incident, person, channel, now=now, key=key, why=why)


async def snooze(
    store: Store, *, incident: IncidentId, person: Person, channel: Channel, now: datetime, key: str
) -> str | Refused:
    """No calls for a while; the proposal's own expiry goes on. Raises UnknownError."""
    async with store.transaction() as tx:
        await lock_incident(tx, incident)
        await incident_of(tx, incident)
        said = _said(InstructionKind.SNOOZE, incident, person, channel, now=now, key=key)
        await save_instruction(tx, said.model_copy(update={"until": now + SNOOZE}))
    return f"No reminders about this incident for {SNOOZE.seconds // 60} min. Its proposal expires all the same."


async def leave_alone(
    store: Store,
    *,
    incident: IncidentId,
    entity: EntityId,
    person: Person,
    channel: Channel,
    now: datetime,
    key: str,
    text: str,
) -> str | Refused:
    """Nothing is proposed for, or done to, this entity while the incident lasts. Raises UnknownError.

    A pending proposal that touches it is withdrawn, and another one is looked for.
    """
    if refused := _not_entitled(person):
        return await refuse(store, refused, asked="leave_alone", incident=incident, person=person, now=now)
    async with store.transaction() as tx:
        await lock_incident(tx, incident)
        said = _said(InstructionKind.HANDS_OFF, incident, person, channel, now=now, key=key, text=text)
        if not await save_instruction(tx, said.model_copy(update={"entity": entity})):
            return DONE_BEFORE
        name = entity.split("/", 3)[-1]
        await _note(tx, incident, person, f"leave {name} alone: {text}", now=now)
        await _withdraw_what_touches(tx, incident, entity, person, now=now)
    return f"{name} is left alone: nothing is proposed for it or done to it while this incident lasts."


async def _again(
    store: Store,
    kind: InstructionKind,
    incident: IncidentId,
    person: Person,
    channel: Channel,
    *,
    now: datetime,
    key: str,
    why: str,
) -> str | Refused:
    if refused := _not_entitled(person):
        return await refuse(store, refused, asked=kind.value, incident=incident, person=person, now=now)
    async with store.transaction() as tx:
        await lock_incident(tx, incident)
        head = await incident_of(tx, incident)
        if refused := await _too_late(tx, head):
            return refuse_in(tx, refused, asked=kind.value, incident=incident, person=person, now=now)
        if not await save_instruction(tx, _said(kind, incident, person, channel, now=now, key=key, text=why)):
            return DONE_BEFORE
        words = "asked for more evidence" if kind is InstructionKind.MORE_EVIDENCE else "asked for another rehearsal"
        await _restart(tx, head, person, because=f"{person.name} {words}", now=now)
    return "Looking again. The card says when there is something to decide."


async def _restart(tx: Tx, head: Incident, person: Person, *, because: str, now: datetime) -> None:
    for stored in await proposals_of(tx, head.id):
        if stored.status is ProposalStatus.PENDING:
            await supersede(tx, stored, because=because, actor=person.id, now=now)
    if head.phase is not Phase.INVESTIGATING:
        await move(tx, head.id, to=Phase.INVESTIGATING, because=because, actor=person.id, now=now)
    await enqueue(tx, Task.ADVANCE, head.id)


async def _withdraw_what_touches(
    tx: Tx, incident: IncidentId, entity: EntityId, person: Person, *, now: datetime
) -> None:
    head = await incident_of(tx, incident)
    for stored in await proposals_of(tx, incident):
        actions = stored.proposal.body.actions
        touched = any(entity in action.blast_radius.touched(action.request.target) for action in actions)
        if stored.status is ProposalStatus.PENDING and touched:
            await _restart(tx, head, person, because=f"{person.name} wants {entity} left alone", now=now)


async def _too_late(tx: Tx, head: Incident) -> Refused | None:
    if head.phase in CLOSED:
        message = f"This incident is {head.phase.value}: there is nothing left to look at."
    elif await change_under_way(tx, head.id):
        message = "A change was approved and is under way: wait for its verification."
    elif head.phase is Phase.AWAITING_DECISION or head.phase in SETTLED:
        return None
    else:
        message = "The agents are at work already."
    return Refused(refusal=Refusal.NOT_PENDING, message=message)


def _not_entitled(person: Person) -> Refused | None:
    held = {*person.roles, *(grant.role for grant in person.grants)}
    if not person.bot and held & STEERING_ROLES:
        return None
    roles = " or ".join(sorted(STEERING_ROLES))
    return Refused(
        refusal=Refusal.MISSING_ROLE, message=f"Only {roles} may ask for that; {person.name} is none of them."
    )


def _said(
    kind: InstructionKind,
    incident: IncidentId,
    person: Person,
    channel: Channel,
    *,
    now: datetime,
    key: str,
    text: str = "",
) -> Instruction:
    return Instruction(
        incident=incident,
        kind=kind,
        text=text,
        person_id=person.id,
        person=person.name,
        channel=channel,
        at=now,
        key=key,
    )


async def _note(tx: Tx, incident: IncidentId, person: Person, text: str, *, now: datetime) -> None:
    await append_event(tx, incident, kind=EventKind.NOTE, actor=person.name, text=text, at=now)
