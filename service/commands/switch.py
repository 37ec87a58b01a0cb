"""`midwatch pause|resume`: the kill switch from a shell on the machine, by the identity of who is logged in there."""

import asyncio
import getpass

from rich.console import Console

from incidents.approval import Person, Refused
from incidents.ids import PersonId
from orchestrator.assembly import open_store
from orchestrator.decisions import set_paused
from orchestrator.settings import load


def switch(*, paused: bool, reason: str) -> int:
    """Use it; 1 when it was refused."""
    return asyncio.run(_switch(paused=paused, reason=reason))


async def _switch(*, paused: bool, reason: str) -> int:
    settings = load()
    # Whoever reads the database's credentials could change the row itself: the shell is as trusted as an admin.
    user = getpass.getuser()
    person = Person(id=PersonId(f"shell:{user}"), name=user, roles=("admin",))
    async with open_store(settings) as store:
        answer = await set_paused(store, paused=paused, person=person, reason=reason, now=settings.time.now())
    if isinstance(answer, Refused):
        Console(stderr=True).print(answer.message)
        return 1
    Console().print("Paused: nothing is executed." if answer.paused else "Resumed: approved proposals are executed.")
    return 0
