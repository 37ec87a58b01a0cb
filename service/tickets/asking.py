"""A person asks for a ticket, through whichever door: the page, the API or the command line."""

from incidents.approval import Person, Refusal, Refused
from incidents.ids import IncidentId
from incidents.ticket import Target, Ticket
from orchestrator.settings import Settings
from orchestrator.store.database import Store
from orchestrator.store.postmortems import postmortem_of
from orchestrator.ticketing import ask_for_ticket
from service.story.record import record_of
from service.tickets.saying import ticket_text


async def ask(
    store: Store, settings: Settings, incident: IncidentId, *, target: Target | None, person: Person, console: str
) -> Ticket | Refused:
    """Want one at this target, or at the only one. Committed when this returns. Raises UnknownError."""
    tickets = settings.tickets
    chosen = target or (tickets.targets[0] if len(tickets.targets) == 1 else None)
    if chosen is None or chosen not in tickets.targets:
        known = " or ".join(tickets.targets) or "none: set tickets.github or tickets.webhook"
        return Refused(refusal=Refusal.NOT_PENDING, message=f"Say where the ticket goes; configured: {known}.")
    now = store.clock.now()
    async with store.transaction() as tx:
        record, draft = await record_of(tx, incident, now=now), await postmortem_of(tx, incident)
    said = ticket_text(record, draft, settings=settings, console=console)
    place = tickets.place(chosen)
    return await ask_for_ticket(store, incident, said, target=chosen, place=place, person=person, now=now)
