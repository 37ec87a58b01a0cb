"""`midwatch pause|resume`: the kill switch from a shell on the machine, by the identity of who is logged in there."""

import asyncio
import getpass
import re
from datetime import timedelta

from rich.console import Console

from incidents.approval import Person, Refused
from incidents.ids import PersonId
from orchestrator.assembly import open_store
from orchestrator.decisions import set_paused
from orchestrator.settings import load

_DURATION = re.compile(r"(\d{1,4})\s*([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def switch(*, paused: bool, reason: str, lasting: str = "") -> int:
    """Use it; 1 when it was refused, 2 when `lasting` is no duration or a pause has no reason."""
    if paused and not reason.strip():
        Console(stderr=True).print("Say why with --reason: whoever looks next needs it")
        return 2
    found = _DURATION.fullmatch(lasting.strip())
    if lasting and not found:
        Console(stderr=True).print(f"{lasting!r} is no duration: write 30m, 2h or 1d")
        return 2
    duration = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None
    return asyncio.run(_switch(paused=paused, reason=reason, duration=duration))


async def _switch(*, paused: bool, reason: str, duration: timedelta | None) -> int:
    settings = load()
    # Whoever reads the database's credentials could change the row itself: the shell is as trusted as an admin.
    user = getpass.getuser()
    person = Person(id=PersonId(f"shell:{user}"), name=user, roles=("admin",))
    async with open_store(settings) as store:
        now = settings.time.now()
        until = now + duration if duration else None
        answer = await set_paused(store, paused=paused, person=person, reason=reason, now=now, until=until)
    if isinstance(answer, Refused):
        Console(stderr=True).print(answer.message)
        return 1
    ends = f"until {answer.until:%Y-%m-%d %H:%M} UTC" if answer.until else "until somebody resumes"
    resumed = "Resumed: approved proposals are executed."
    Console().print(f"Paused {ends}: nothing is executed." if answer.paused else resumed)
    return 0
