"""Brings what the outbox wants to Slack: each message once, edits in place, patient when Slack is down or busy.

One message is one sender's at a time, on however many replicas. A post that may have been made (the answer was lost,
the process died) is looked for by its key before it is made again.
"""

import asyncio
import logging
import os
import secrets
import socket
import time

from orchestrator.store.outages import is_outage
from orchestrator.store.outbox import Message, claim, gone, hold_all, message_of, not_sent, sent
from service.slack.context import SlackContext
from service.slack.sending import Sender, posted_at
from tools.errors import ForbiddenError, NotFoundError, PermanentError, ToolError, TransientError

logger = logging.getLogger(__name__)

HOLD_SECONDS = 30.0
"""How long a message is one sender's: longer than a look and a post may take together."""
IDLE_SECONDS = 1.0
"""How often it looks without being told that something changed."""
EDIT_SECONDS = 1.0
"""Between two edits of one message: what changes faster is shown together."""
LONGEST_SECONDS = 30.0
REFUSED_SECONDS = 60.0
"""Until it is tried again with a token or a channel that Slack refuses: people have to change something first."""


class Deliverer:
    """One process' sender."""

    def __init__(self, context: SlackContext) -> None:
        """Sends for the context's store."""
        self._context = context
        self._sender = Sender(context)
        self._wake = asyncio.Event()
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._quiet_until = 0.0

    def wake(self) -> None:
        """Look now."""
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            self._wake.clear()
            try:
                while await self.send_next():
                    pass
            except Exception as error:  # the outermost loop: what is wrong with one message must not stop the others
                if is_outage(error):
                    logger.warning("Slack waits for the database: %s", error, extra={"action": "slack_database_outage"})
                else:
                    logger.exception("Could not deliver to Slack", extra={"action": "slack_delivery_failed"})
            try:
                async with asyncio.timeout(IDLE_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def send_next(self) -> bool:
        """Send the next message that is due; False when there is none, or while Slack wants to hear nothing."""
        if time.monotonic() < self._quiet_until:
            return False
        async with self._context.store.transaction() as tx:
            message = await claim(tx, owner=self._owner, seconds=HOLD_SECONDS)
            head = await message_of(tx, message.thread) if message and message.thread else None
        if message is None:
            return False
        try:
            posted = await self._sender.send(message, below=posted_at(head) if head else None)
        except ToolError as error:
            await self._failed(message, error)
            return True
        async with self._context.store.transaction() as tx:
            now = self._context.clock.now()
            await sent(tx, message, receipt=f"{posted.channel}:{posted.ts}", now=now, pause=EDIT_SECONDS)
        return True

    async def _failed(self, message: Message, error: ToolError) -> None:
        gone_now = isinstance(error, NotFoundError) and message.receipt and "message_not_found" in str(error)
        async with self._context.store.transaction() as tx:
            if gone_now:
                await gone(tx, message)
                return
            await not_sent(tx, message, problem=str(error), wait=_wait(message, error))
            if isinstance(error, TransientError) and error.retry_after:
                # What waits now is held for every replica; what is wanted only meanwhile, by this one.
                self._quiet_until = time.monotonic() + error.retry_after
                await hold_all(tx, seconds=error.retry_after)
            if isinstance(error, ForbiddenError):
                await hold_all(tx, seconds=min(REFUSED_SECONDS, _wait(message, error)))
        if message.attempts == 1 or isinstance(error, PermanentError):
            logger.warning("Slack did not take %s: %s", message.key, error, extra={"action": "slack_not_delivered"})


def _wait(message: Message, error: ToolError) -> float:
    if isinstance(error, TransientError):
        return max(error.retry_after or 0.0, min(LONGEST_SECONDS, 0.5 * 2.0**message.attempts))
    return min(REFUSED_SECONDS, 2.0 * 2.0**message.attempts)
