"""Files wanted tickets: each once, patient when the receiver is down or refuses. Nothing else waits for it.

One ticket is one sender's at a time, on however many replicas. One that may have been filed (the answer was lost, the
process died) is looked for by its mark before it is written again; a webhook is told the same key at every try.
"""

import asyncio
import logging
import os
import secrets
import socket
from typing import assert_never

from incidents.ticket import Target
from orchestrator.settings import Settings
from orchestrator.store.database import Store
from orchestrator.store.outages import is_outage
from orchestrator.store.outbox import Message, claim
from orchestrator.store.postmortems import postmortem_of
from orchestrator.ticketing import ITSELF, note_failed, note_filed, said_in, target_of, want_ticket, without_ticket
from service.story.record import record_of
from service.tickets.saying import mark_of, ticket_text
from tools.errors import ToolError, TransientError
from tools.github.client import GitHubClient
from tools.github.issues import create_issue, issue_with
from tools.webhook.client import WebhookClient

logger = logging.getLogger(__name__)

HOLD_SECONDS = 60.0
"""How long a ticket is one sender's: longer than a look and a write may take together."""
LOOK_SECONDS = 2.0
"""How often it looks for what is wanted, in real time."""
LONGEST_SECONDS = 600.0
"""Until it is tried again where the receiver refuses: people have to change something first."""


class Clerk:
    """One process' sender of tickets. Close it with `aclose`."""

    def __init__(self, store: Store, settings: Settings, *, console: str) -> None:
        """Files for the store's incidents, where the settings say; `console` is the base of links."""
        given = settings.tickets
        self._store, self._settings, self._console = store, settings, console
        self._github = GitHubClient(given.github) if given.github else None
        self._webhook = WebhookClient(given.webhook, secret=given.secret) if given.webhook and given.secret else None
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"

    async def aclose(self) -> None:
        """Close the connections."""
        for client in (self._github, self._webhook):
            if client is not None:
                await client.aclose()

    async def run(self) -> None:
        """File until cancelled."""
        try:
            while True:
                await self._guarded()
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            await self.aclose()

    async def _guarded(self) -> None:
        try:
            if self._settings.tickets.automatic:
                await self.want_drafted()
            while await self.file_next():
                pass
        except Exception as error:  # the outermost loop: what is wrong with one ticket must not stop the others
            if is_outage(error):
                logger.warning("Tickets wait for the database: %s", error, extra={"action": "tickets_database_outage"})
            else:
                logger.exception("Could not file a ticket", extra={"action": "ticket_failed"})

    async def want_drafted(self) -> int:
        """Want a ticket for every post-mortem of the last day that has none; how many."""
        now, tickets = self._store.clock.now(), self._settings.tickets
        async with self._store.transaction() as tx:
            found = await without_ticket(tx, tickets.targets, now=now)
        for incident, target in found:
            async with self._store.transaction() as tx:
                record, draft = await record_of(tx, incident, now=now), await postmortem_of(tx, incident)
                said = ticket_text(record, draft, settings=self._settings, console=self._console)
                await want_ticket(tx, incident, said, target=target, place=tickets.place(target), by=ITSELF, now=now)
        return len(found)

    async def file_next(self) -> bool:
        """File the next ticket that is due; False when there is none."""
        async with self._store.transaction() as tx:
            message = await claim(tx, owner=self._owner, seconds=HOLD_SECONDS, tickets=True)
        if message is None:
            return False
        try:
            url = message.receipt or await self._filed(message)
        except ToolError as error:
            wait = _wait(message, error)
            async with self._store.transaction() as tx:
                await note_failed(tx, message, problem=str(error), wait=wait)
            logger.warning("%s was not filed: %s", message.key, error, extra={"action": "ticket_not_filed"})
            return True
        async with self._store.transaction() as tx:
            await note_filed(tx, message, url=url, now=self._store.clock.now())
        return True

    async def _filed(self, message: Message) -> str:
        """Where the ticket is, now that it is filed. Raises ToolError."""
        match target_of(message):
            case Target.GITHUB:
                return await self._issue(message)
            case Target.WEBHOOK:
                return await self._post(message)
            case other:
                assert_never(other)

    async def _issue(self, message: Message) -> str:
        if self._github is None or message.incident is None:
            raise TransientError("the settings name no GitHub for tickets any more")
        said, place = said_in(message), message.channel
        known = None
        if message.attempts > 1:
            known = await issue_with(self._github, place, mark=mark_of(message.incident))
        if known is None:
            known = await create_issue(self._github, place, title=said.title, body=said.body, labels=said.labels)
        return known.url

    async def _post(self, message: Message) -> str:
        if self._webhook is None or message.incident is None:
            raise TransientError("the settings name no webhook for tickets any more")
        said, incident = said_in(message), message.incident
        content = {
            "incident": incident,
            "title": said.title,
            "body": said.body,
            "labels": list(said.labels),
            "wanted_by": str(message.payload["by"]),
            "console": f"{self._console}/incidents/{incident}",
        }
        return await self._webhook.post(content, key=message.key, at=self._store.clock.now())


def _wait(message: Message, error: ToolError) -> float:
    if isinstance(error, TransientError):
        return max(error.retry_after or 0.0, min(LONGEST_SECONDS / 10, 2.0**message.attempts))
    return min(LONGEST_SECONDS, 5.0 * 2.0**message.attempts)
