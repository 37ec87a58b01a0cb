"""Tells an incident's timeline in the terminal while it happens."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

from rich.console import Console
from rich.text import Text

from incidents.ids import IncidentId
from incidents.incident import SETTLED, EventKind, Incident, Phase, TimelineEvent
from orchestrator.store.database import Store
from orchestrator.store.incidents import incident_of, list_incidents
from orchestrator.store.timeline import timeline_of
from service.web.live import EVERYTHING, Hub

COLOURS = {
    EventKind.ALERT: "red",
    EventKind.PHASE: "bold",
    EventKind.AGENT: "dim",
    EventKind.FINDING: "cyan",
    EventKind.QUESTION: "magenta",
    EventKind.HYPOTHESIS: "yellow",
    EventKind.PROPOSAL: "bold yellow",
    EventKind.DECISION: "bold green",
    EventKind.EXECUTION: "blue",
    EventKind.VERIFICATION: "bold green",
    EventKind.NOTE: "dim",
}
WAITING = {
    Phase.OPEN: "an incident was opened",
    Phase.INVESTIGATING: "the agents are looking for the cause",
    Phase.AWAITING_DECISION: "waiting for a decision",
    Phase.EXECUTING: "executing what was approved",
    Phase.VERIFYING: "watching whether it helps",
}


async def first_incident(store: Store) -> Incident:
    """Wait for the first incident that opens and return it."""
    async for _ in changes(store):
        async with store.transaction() as tx:
            found = await list_incidents(tx, limit=1)
        if found:
            return found[-1]
    raise RuntimeError("the database stopped telling what happens")


async def changes(store: Store) -> AsyncIterator[None]:
    """Now, and after whatever happens to an incident: what comes together is one change."""
    hub = Hub(store)
    following = asyncio.create_task(hub.run())
    try:
        yield
        async for _ in hub.changes(EVERYTHING, stopping=asyncio.Event()):
            yield
    finally:
        following.cancel()


class Teller:
    """Prints each line of the timeline once, and says below it what is being waited for."""

    def __init__(self, console: Console, store: Store, incident: IncidentId) -> None:
        """Nothing is printed until `catch_up`."""
        self._console, self._store, self._incident, self._told, self._last = console, store, incident, 0, ""
        self._status = console.status("")

    async def catch_up(self) -> Phase:
        """Print what is new and return the phase."""
        async with self._store.transaction() as tx:
            lines = await timeline_of(tx, self._incident, after=self._told)
            phase = (await incident_of(tx, self._incident)).phase
        for line in lines:
            self._told = line.seq
            # A change of phase says why in the words of what caused it: once is enough in a terminal.
            if line.text != self._last:
                self._console.print(text_of(line), soft_wrap=True)
            self._last = line.text
        if phase in SETTLED:
            self._status.stop()
        else:
            self._status.update(WAITING.get(phase, phase.value))
            self._status.start()
        return phase

    def quiet(self) -> None:
        """End the line at the bottom."""
        self._status.stop()


def text_of(line: TimelineEvent) -> Text:
    """`02:47:31  kubernetes     2 of 6 containers OOMKilled at 256Mi`."""
    style = COLOURS[line.kind]
    return Text.assemble((f"{clock(line.at)}  ", "dim"), (f"{line.actor:<14} ", style), (line.text, style))


def clock(moment: datetime) -> str:
    """`02:47:31` in UTC."""
    return f"{moment:%H:%M:%S}"
