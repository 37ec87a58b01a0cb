"""Stopping one investigation: a person takes the incident over, and the graph goes no further than its next step.

The stop is the incident's phase, so it holds in every process and after every crash: a graph that finds its incident
escalated while it still investigates was stopped. A change that was approved is not stopped here but paused, because
what runs has to be verified or taken back.
"""

import asyncio
from collections.abc import Coroutine
from datetime import datetime
from typing import Any, TypeVar

from incidents.approval import Person, Refusal, Refused
from incidents.ids import IncidentId
from incidents.incident import CLOSED, Incident, Phase
from incidents.proposal import ProposalStatus
from orchestrator.decisions import SWITCH_ROLES, supersede
from orchestrator.jobs import Task, enqueue
from orchestrator.refusing import refuse, refuse_in
from orchestrator.state import State
from orchestrator.store.database import Store
from orchestrator.store.incidents import incident_of, lock_incident, move
from orchestrator.store.proposals import proposals_of
from orchestrator.store.transaction import Tx
from orchestrator.store.under_way import change_under_way

ResultT = TypeVar("ResultT")

STOPPABLE = frozenset({Phase.OPEN, Phase.INVESTIGATING, Phase.AWAITING_DECISION})
"""Phases in which nothing has been changed yet."""
STOPPED = "a person stopped the investigation: people own this incident now"
RESOLVED = "its alerts resolved before anything was proposed"
LOOK_SECONDS = 1.0
"""How often a specialist at work looks whether it was stopped, in real time: what a person waits at most."""


async def stop_investigation(
    store: Store, incident: IncidentId, *, person: Person, reason: str, now: datetime
) -> Incident | Refused:
    """Stop it and hand it to people; in the ledger under the person's id when this returns. Raises UnknownError."""
    if person.bot or not set(person.roles) & SWITCH_ROLES:
        roles = " or ".join(sorted(SWITCH_ROLES))
        message = f"Only {roles} may stop an investigation; {person.name} has no such role."
        refused = Refused(refusal=Refusal.MISSING_ROLE, message=message)
        return await refuse(store, refused, asked="stop", incident=incident, person=person, now=now)
    if not reason.strip():
        return Refused(refusal=Refusal.REASON_NEEDED, message="Say why it is stopped: whoever looks next needs it.")
    because = f"stopped by {person.name}: {reason.strip()}"
    async with store.transaction() as tx:
        await lock_incident(tx, incident)
        head = await incident_of(tx, incident)
        made = await proposals_of(tx, incident)
        if head.phase not in STOPPABLE or await change_under_way(tx, incident):
            return refuse_in(tx, _too_late(head), asked="stop", incident=incident, person=person, now=now)
        for stored in made:
            if stored.status is ProposalStatus.PENDING:
                await supersede(tx, stored, because=because, actor=person.id, now=now)
        moved = await move(tx, incident, to=Phase.ESCALATED, because=because, actor=person.id, now=now)
        await enqueue(tx, Task.ADVANCE, incident)
    return moved


async def stopped(tx: Tx, incident: IncidentId) -> bool:
    """Whether a person stopped it. Only meaningful for a graph that is still on its way to a decision."""
    return (await incident_of(tx, incident)).phase is Phase.ESCALATED


async def ended_meanwhile(tx: Tx, incident: IncidentId) -> State | None:
    """How it ended while the graph was on its way to a proposal; None when there is something to propose for.

    What would be proposed for an incident that is closed could be approved and run, and nobody would watch it.
    """
    phase = (await incident_of(tx, incident)).phase
    if phase is Phase.ESCALATED:
        return {"ending": "escalated", "detail": STOPPED}
    return {"ending": "resolved", "detail": RESOLVED} if phase in CLOSED else None


async def unless_stopped(store: Store, incident: IncidentId, work: Coroutine[Any, Any, ResultT]) -> ResultT | None:
    """What the work gives; None when the investigation was stopped meanwhile, and then the work is cancelled."""
    task = asyncio.ensure_future(work)
    try:
        while True:
            done, _ = await asyncio.wait((task,), timeout=LOOK_SECONDS)
            if done:
                return task.result()
            async with store.transaction() as tx:
                if await stopped(tx, incident):
                    return None
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait((task,))


def _too_late(head: Incident) -> Refused:
    phase = head.phase.value.replace("_", " ")
    message = f"This incident is {phase}: nothing is investigated any more."
    if head.phase in (Phase.INVESTIGATING, Phase.EXECUTING, Phase.VERIFYING):
        message = f"This incident is {phase} and a change was approved: pause execution instead."
    return Refused(refusal=Refusal.NOT_PENDING, message=message)
