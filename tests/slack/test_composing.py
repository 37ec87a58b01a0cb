"""Composing: an incident that cannot be told holds up no other."""

from __future__ import annotations

import asyncio

from incidents.ids import IncidentId
from incidents.incident import Phase
from orchestrator.settings import Settings
from orchestrator.store.database import Store
from orchestrator.store.outbox import message_of
from service.slack.composing import Composer
from service.slack.context import SlackContext
from tests.service.web.casebook import Casebook
from tests.slack.midwatch import CONSOLE
from tools.clock import ManualClock


class Stumbling(Composer):
    """Fails at the first incident that it is asked for, whenever it is asked for it."""

    stone: IncidentId | None = None

    async def compose(self, incident: IncidentId) -> None:
        self.stone = self.stone or incident
        if incident == self.stone:
            raise ValueError("a case that nobody thought of")
        await super().compose(incident)


async def test_what_cannot_be_told_holds_up_no_other(store: Store, clock: ManualClock, settings: Settings) -> None:
    books = [Casebook(store, settings, clock) for _ in range(2)]
    for number, book in enumerate(books):
        await book.reach(Phase.INCONCLUSIVE, group=f"service-{number}", title=f"trouble {number}")
    context = SlackContext(store=store, settings=settings, clock=clock, console=CONSOLE)
    told = asyncio.Event()
    composer = Stumbling(context, changed=told.set)
    running = asyncio.create_task(composer.run())
    try:
        async with asyncio.timeout(60):
            await told.wait()
    finally:
        running.cancel()
    async with store.transaction() as tx:
        cards = {book.incident: await message_of(tx, f"card:{book.incident}") for book in books}
    assert [incident for incident, card in cards.items() if card is None] == [composer.stone]
