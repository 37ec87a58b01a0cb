"""Tickets of incidents: who may want one, that there is one for each target, and what is noted when it is filed.

A ticket is a row of the outbox from the moment it is wanted; the sender (`service.tickets`) brings it out, looks before
it would write twice, and says here where it is.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import text

from incidents.approval import Person, Refusal, Refused
from incidents.canonical import Json
from incidents.ids import IncidentId
from incidents.incident import EventKind
from incidents.ledger import EntryKind
from incidents.ticket import Target, Ticket, TicketText
from orchestrator.refusing import refuse
from orchestrator.store.database import Store
from orchestrator.store.incidents import incident_of, lock_incident
from orchestrator.store.ledger import record
from orchestrator.store.outbox import TICKET, Message, Wish, message_of, not_sent, sent, ticket_messages, want
from orchestrator.store.timeline import append_event
from orchestrator.store.transaction import Tx

FILING_ROLES = frozenset({"oncall", "owner", "admin"})
"""Who may file what is left to do."""
ITSELF = "midwatch"
FILED = "filed"
"""Receipt of a ticket whose receiver named no page."""
LOOKED_BACK = timedelta(days=1)
"""Post-mortems older than that are filed by people only: switching `tickets.automatic` on files no history."""


async def ask_for_ticket(
    store: Store, incident: IncidentId, said: TicketText, *, target: Target, place: str, person: Person, now: datetime
) -> Ticket | Refused:
    """Want a ticket; what stands already is the answer to the second who asks. Raises UnknownError."""
    if person.bot or not set(person.roles) & FILING_ROLES:
        message = f"Only {' or '.join(sorted(FILING_ROLES))} may file tickets; {person.name} has no such role."
        refused = Refused(refusal=Refusal.MISSING_ROLE, message=message)
        return await refuse(store, refused, asked="ticket", incident=incident, person=person, now=now)
    async with store.transaction() as tx:
        return await want_ticket(tx, incident, said, target=target, place=place, by=person.name, now=now)


async def want_ticket(
    tx: Tx, incident: IncidentId, said: TicketText, *, target: Target, place: str, by: str, now: datetime
) -> Ticket:
    """Put it into the outbox, once for each target."""
    await lock_incident(tx, incident)
    await incident_of(tx, incident)
    key = key_of(incident, target)
    known = await message_of(tx, key)
    if known is None:
        payload = {**said.model_dump(mode="json"), "by": by}
        await want(tx, Wish(key=key, channel=place, incident=incident, payload=payload), now=now)
        asked = f"wants a ticket at {place}" if by != ITSELF else f"files a ticket at {place}"
        await append_event(tx, incident, kind=EventKind.NOTE, actor=by, text=asked, at=now)
        known = await message_of(tx, key)
    assert known is not None
    return _ticket(known)


async def tickets_of(tx: Tx, incident: IncidentId) -> tuple[Ticket, ...]:
    """The tickets of an incident, in the order in which they were wanted."""
    return tuple(_ticket(message) for message in await ticket_messages(tx, incident))


async def note_filed(tx: Tx, message: Message, *, url: str, now: datetime) -> bool:
    """It stands where it shall: keep its link. False when another sender holds it by now, who notes it."""
    if not await sent(tx, message, receipt=url or FILED, now=now):
        return False
    ticket = _ticket(message)
    told = f"ticket filed at {ticket.place}" + (f": {url}" if url else "")
    await append_event(tx, ticket.incident, kind=EventKind.NOTE, actor=ITSELF, text=told, at=now, data={"url": url})
    payload: dict[str, Json] = {
        "target": ticket.target.value,
        "place": ticket.place,
        "url": url,
        "wanted_by": ticket.wanted_by,
        "message": told,
    }
    record(tx, kind=EntryKind.TICKET_FILED, incident=ticket.incident, actor=ITSELF, at=now, payload=payload)
    return True


async def note_failed(tx: Tx, message: Message, *, problem: str, wait: float) -> None:
    """It could not be filed now; it is tried again after so many seconds."""
    await not_sent(tx, message, problem=problem, wait=wait)


_DRAFTED = text(
    """
    SELECT DISTINCT postmortem.incident_id AS id FROM postmortem
    WHERE postmortem.at >= :since AND NOT EXISTS (
        SELECT 1 FROM outbox WHERE outbox.key = CAST(:prefix AS text) || postmortem.incident_id)
    LIMIT 20
    """
)


async def without_ticket(tx: Tx, targets: Sequence[Target], *, now: datetime) -> tuple[tuple[IncidentId, Target], ...]:
    """Incidents of the last day with a post-mortem, and the targets that have no ticket of them."""
    found: list[tuple[IncidentId, Target]] = []
    for target in targets:
        prefix = f"{TICKET}{target.value}:"
        rows = await tx.execute(_DRAFTED, {"prefix": prefix, "since": now - LOOKED_BACK})
        found += [(IncidentId(row.id), target) for row in rows]
    return tuple(found)


def key_of(incident: IncidentId, target: Target) -> str:
    """Of the outbox, and of every try at the receiver: `ticket:github:inc-...`."""
    return f"{TICKET}{target.value}:{incident}"


def said_in(message: Message) -> TicketText:
    """What the ticket of a claimed message says."""
    given = {name: message.payload[name] for name in TicketText.model_fields}
    return TicketText.model_validate_json(json.dumps(given))


def target_of(message: Message) -> Target:
    """Where it goes."""
    return Target(message.key.removeprefix(TICKET).partition(":")[0])


def _ticket(message: Message) -> Ticket:
    assert message.incident is not None
    return Ticket(
        incident=message.incident,
        target=target_of(message),
        place=message.channel,
        wanted_by=str(message.payload["by"]),
        wanted_at=message.created_at,
        filed_at=message.sent_at,
        url=message.receipt if message.receipt != FILED else "",
        attempts=message.attempts,
        problem=message.problem,
    )
