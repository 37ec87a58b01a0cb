"""Brings what the outbox wants to Slack: each message once, edits in place, patient when Slack is down or busy.

One message is one sender's at a time, on however many replicas. A post that may have been made (the answer was lost,
the process died) is looked for by its key before it is made again.
"""

import asyncio
import logging
import os
import secrets
import socket

from orchestrator.store.outages import is_outage
from orchestrator.store.outbox import Message, claim, gone, hold_all, message_of, not_sent, sent
from service.slack.blocks import Block, section
from service.slack.charting import upload_chart
from service.slack.context import SlackContext
from service.slack.mrkdwn import link
from tools.errors import ForbiddenError, NotFoundError, PermanentError, ToolError, TransientError
from tools.slack.client import Posted

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
        self._wake = asyncio.Event()
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"

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
        """Send the next message that is due; False when there is none."""
        async with self._context.store.transaction() as tx:
            message = await claim(tx, owner=self._owner, seconds=HOLD_SECONDS)
            head = await message_of(tx, message.thread) if message and message.thread else None
        if message is None:
            return False
        try:
            if head and message.payload.get("chart"):
                posted = await upload_chart(self._context, message, below=_posted(head))
            else:
                posted = await self._send(message, thread=_posted(head).ts if head else None)
        except ToolError as error:
            await self._failed(message, error)
            return True
        async with self._context.store.transaction() as tx:
            now = self._context.clock.now()
            await sent(tx, message, receipt=f"{posted.channel}:{posted.ts}", now=now, pause=EDIT_SECONDS)
        return True

    async def _send(self, message: Message, *, thread: str | None) -> Posted:
        client, text, blocks = self._context.client, message.payload["text"], message.payload["blocks"]
        posted = _posted(message) if message.receipt else None
        if posted is None and message.attempts > 1:
            channel = await client.channel_id(message.channel)
            posted = await client.find(channel, key=message.key, thread=thread)
        if posted is not None:
            try:
                await client.update(posted, text=text, blocks=blocks)
            except PermanentError as error:
                if isinstance(error, NotFoundError | ForbiddenError):
                    raise
                await client.update(posted, text=text, blocks=self._plain(message, error))
            return posted
        try:
            return await client.post(message.channel, key=message.key, text=text, blocks=blocks, thread=thread)
        except PermanentError as error:
            if "invalid_blocks" not in str(error) and "msg_too_long" not in str(error):
                raise
            plain = self._plain(message, error)
            return await client.post(message.channel, key=message.key, text=text[:2000], blocks=plain, thread=thread)

    def _plain(self, message: Message, error: PermanentError) -> list[Block]:
        """What is shown instead of blocks that Slack refuses: the words, and where the rest is."""
        logger.error("Slack refuses %s: %s", message.key, error, extra={"action": "slack_refused_blocks"})
        words = str(message.payload["text"])[:2000]
        where = link(self._context.page(message.incident), "the console has it all") if message.incident else ""
        return [section(f"{words}\n{where}".strip())]

    async def _failed(self, message: Message, error: ToolError) -> None:
        gone_now = isinstance(error, NotFoundError) and message.receipt and "message_not_found" in str(error)
        async with self._context.store.transaction() as tx:
            if gone_now:
                await gone(tx, message)
                return
            await not_sent(tx, message, problem=str(error), wait=_wait(message, error))
            if isinstance(error, TransientError) and error.retry_after:
                await hold_all(tx, seconds=error.retry_after)
            if isinstance(error, ForbiddenError):
                await hold_all(tx, seconds=min(REFUSED_SECONDS, _wait(message, error)))
        if message.attempts == 1 or isinstance(error, PermanentError):
            logger.warning("Slack did not take %s: %s", message.key, error, extra={"action": "slack_not_delivered"})


def _wait(message: Message, error: ToolError) -> float:
    if isinstance(error, TransientError):
        return max(error.retry_after or 0.0, min(LONGEST_SECONDS, 0.5 * 2.0**message.attempts))
    return min(REFUSED_SECONDS, 2.0 * 2.0**message.attempts)


def _posted(message: Message) -> Posted:
    """Where a message stands, by its receipt `C0123:1700000000.000100`."""
    channel, ts = message.receipt.split(":", 1)
    return Posted(channel=channel, ts=ts)
