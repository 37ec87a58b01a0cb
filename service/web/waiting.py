"""Which incidents wait for one person: proposals that they may approve now. Shown in the list and in the frame."""

from datetime import datetime

from incidents.approval import Accepted, Person
from incidents.ids import IncidentId
from orchestrator.store.decisions import decisions_on
from orchestrator.store.proposals import pending_proposals
from orchestrator.store.transaction import Tx
from service.web.decision import may_approve


async def waiting_for(tx: Tx, person: Person, *, now: datetime) -> frozenset[IncidentId]:
    """Incidents whose pending proposal would take this person's approval."""
    found = set()
    for stored in await pending_proposals(tx):
        if not set(person.roles) & set(stored.proposal.body.policy.approvers):
            continue  # most proposals wait for others: that needs no look at their decisions
        decided = await decisions_on(tx, stored.proposal.digest)
        answer = may_approve(stored, decided=decided, person=person, now=now)
        if isinstance(answer, Accepted):
            found.add(stored.proposal.body.incident)
    return frozenset(found)
