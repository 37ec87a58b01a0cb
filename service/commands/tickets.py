"""`midwatch incidents ticket ID`: files a ticket from a shell, by the identity of who is logged in there."""

import asyncio
import getpass

from rich.console import Console

from incidents.approval import Person, Refused
from incidents.ids import IncidentId, PersonId
from incidents.ticket import Target, Ticket
from orchestrator.assembly import open_store
from orchestrator.settings import Settings, load
from orchestrator.store.database import Store
from orchestrator.store.errors import UnknownError
from orchestrator.ticketing import tickets_of
from service.tickets.asking import ask
from service.tickets.filing import Clerk


def file(incident: str, *, to: str) -> int:
    """Want it and file it; 1 when it was refused or could not be filed yet, 2 for a target that does not exist."""
    if to and to not in set(Target):
        Console(stderr=True).print(f"{to!r} is no place for tickets: write --to {' or --to '.join(Target)}")
        return 2
    return asyncio.run(_file(IncidentId(incident), target=Target(to) if to else None))


async def _file(incident: IncidentId, *, target: Target | None) -> int:
    console, errors, settings = Console(), Console(stderr=True), load()
    # Whoever reads the database's credentials could change the row itself: the shell is as trusted as an admin.
    user = getpass.getuser()
    person = Person(id=PersonId(f"shell:{user}"), name=user, roles=("admin",))
    listen = settings.listen
    base = (listen.public_url or f"http://{listen.host}:{listen.port}").rstrip("/")
    async with open_store(settings) as store:
        try:
            answer = await ask(store, settings, incident, target=target, person=person, console=base)
        except UnknownError as error:
            errors.print(f"{error}; `midwatch incidents list --all` shows all")
            return 1
        if isinstance(answer, Refused):
            errors.print(answer.message)
            return 1
        ticket = await _filed(store, settings, answer, base=base)
    if ticket.filed_at is None:
        why = f": {ticket.problem}" if ticket.problem else ""
        errors.print(f"not filed yet{why}; a process with the role web tries again by itself", markup=False)
        return 1
    console.print(f"filed at {ticket.place}: {ticket.url}" if ticket.url else f"filed at {ticket.place}", markup=False)
    return 0


async def _filed(store: Store, settings: Settings, wanted: Ticket, *, base: str) -> Ticket:
    """The same ticket after one try of all that is due, here; a running process may have been faster."""
    clerk = Clerk(store, settings, console=base)
    try:
        while await clerk.file_next():
            pass
    finally:
        await clerk.aclose()
    async with store.transaction() as tx:
        return next(one for one in await tickets_of(tx, wanted.incident) if one.target is wanted.target)
