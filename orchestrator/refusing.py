"""Notes in the ledger what somebody asked for beside a decision and was not given: refusals count like grants."""

from datetime import datetime

from incidents.approval import Person, Refused
from incidents.ids import IncidentId
from incidents.ledger import EntryKind
from orchestrator.store.database import Store
from orchestrator.store.ledger import record
from orchestrator.store.transaction import Tx


async def refuse(
    store: Store, refused: Refused, *, asked: str, incident: IncidentId | None, person: Person, now: datetime
) -> Refused:
    """The same refusal, committed. `asked` says what for: `leave_alone`, `pause`."""
    async with store.transaction() as tx:
        return refuse_in(tx, refused, asked=asked, incident=incident, person=person, now=now)


def refuse_in(
    tx: Tx, refused: Refused, *, asked: str, incident: IncidentId | None, person: Person, now: datetime
) -> Refused:
    """The same refusal, noted when the transaction commits."""
    payload = {"asked": asked, "refusal": refused.refusal.value, "message": refused.message, "person": person.name}
    record(tx, kind=EntryKind.STEERING_REFUSED, incident=incident, actor=person.id, at=now, payload=payload)
    return refused
