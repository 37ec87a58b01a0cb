"""Brings one message of the outbox to Slack in a form that the workspace can show: streamed, with task cards, or plain.

What a workspace does not know is found out by trying and remembered for a while; the plain form always works. A post
whose answer was lost is looked for by its key before it is made again.
"""

import logging
import time
from dataclasses import dataclass, field

from orchestrator.store.outbox import Message
from service.slack.answers import LOOK, Reply, reply_of
from service.slack.blocks import Block, section
from service.slack.charting import upload_chart, upload_drawing
from service.slack.context import SlackContext
from service.slack.mrkdwn import link
from tools.errors import ForbiddenError, NotFoundError, PermanentError
from tools.slack.client import Posted, Task

logger = logging.getLogger(__name__)

REMEMBER_SECONDS = 3600.0
"""A workspace learns new things now and then: after an hour it is tried again."""
STREAMS, TASKS = "streams", "task cards"


@dataclass(kw_only=True)
class Lacking:
    """What this workspace was seen not to have."""

    _until: dict[str, float] = field(default_factory=dict)

    def has(self, what: str) -> bool:
        """Whether it is worth trying."""
        return time.monotonic() >= self._until.get(what, 0.0)

    def note(self, what: str, error: PermanentError) -> None:
        """It was refused."""
        self._until[what] = time.monotonic() + REMEMBER_SECONDS
        logger.info("This workspace has no %s: %s", what, error, extra={"action": "slack_feature_missing"})


class Sender:
    """One process' way to Slack. Raises ToolErrors."""

    def __init__(self, context: SlackContext) -> None:
        """Nothing is asked before the first message."""
        self._context, self._lacking = context, Lacking()

    async def send(self, message: Message, *, below: Posted | None) -> Posted:
        """Make it stand in Slack as its payload says. `below`: the message in whose thread it belongs."""
        payload = message.payload
        if below is not None and payload.get("chart"):
            return await upload_chart(self._context, message, below=below)
        if payload.get("drawing"):
            return await upload_drawing(self._context, message)
        if "asked" in payload or "answer" in payload:
            return await self._reply(message, reply_of(payload))
        thread = below.ts if below else payload.get("thread_ts")
        if payload.get("moot") and not message.receipt:
            return await self._found(message, thread=thread) or Posted(channel=message.channel, ts="moot")
        if "without_tasks" in payload:
            return await self._with_tasks(message, thread=thread)
        return await self._plain(message, payload["text"], payload["blocks"], thread=thread)

    async def _with_tasks(self, message: Message, *, thread: str | None) -> Posted:
        """With task cards where the workspace shows them."""
        payload = message.payload
        if self._lacking.has(TASKS):
            try:
                return await self._put(message, payload["text"], payload["blocks"], thread=thread)
            except PermanentError as error:
                if "invalid_blocks" not in str(error):
                    raise
                self._lacking.note(TASKS, error)
        return await self._plain(message, payload["text"], payload["without_tasks"], thread=thread)

    async def _reply(self, message: Message, reply: Reply) -> Posted:
        """An answer: to one person alone, streamed below the question, or as a message that is edited."""
        payload, client = message.payload, self._context.client
        if payload.get("response_url"):
            await client.respond(payload["response_url"], text=reply.text, blocks=reply.blocks)
            return Posted(channel=message.channel, ts="response")
        begins, ends = not (message.receipt or reply.done or message.attempts > 1), bool(message.receipt) and reply.done
        if (begins or ends) and self._lacking.has(STREAMS):
            try:
                return await self._streamed(message, reply)
            except PermanentError as error:
                if isinstance(error, NotFoundError):
                    raise
                if begins:
                    self._lacking.note(STREAMS, error)
        return await self._plain(message, reply.text, list(reply.blocks), thread=payload["thread_ts"])

    async def _streamed(self, message: Message, reply: Reply) -> Posted:
        """Begin with the task that is under way; end with it done, and the answer below it."""
        client, payload = self._context.client, message.payload
        if reply.done:
            posted, task = posted_at(message), Task(id=LOOK, title=reply.task, status="complete")
            await client.stop_stream(posted, key=message.key, task=task, blocks=reply.blocks)
            return posted
        task = Task(id=LOOK, title=reply.task, status="in_progress")
        asker = payload["recipient"]
        return await client.start_stream(
            message.channel, thread=payload["thread_ts"], user=asker["user"], team=asker["team"], task=task
        )

    async def _plain(self, message: Message, text: str, blocks: list[Block], *, thread: str | None) -> Posted:
        """The blocks; in words when Slack refuses them."""
        try:
            return await self._put(message, text, blocks, thread=thread)
        except PermanentError as error:
            if isinstance(error, NotFoundError | ForbiddenError) or not _refuses(error, message):
                raise
            return await self._put(message, text[:2000], self._in_words(message, text, error), thread=thread)

    async def _put(self, message: Message, text: str, blocks: list[Block], *, thread: str | None) -> Posted:
        client = self._context.client
        posted = posted_at(message) if message.receipt else None
        if posted is None and message.attempts > 1:
            posted = await self._found(message, thread=thread)
        if posted is None:
            return await client.post(message.channel, key=message.key, text=text, blocks=blocks, thread=thread)
        await client.update(posted, text=text, blocks=blocks)
        return posted

    async def _found(self, message: Message, *, thread: str | None) -> Posted | None:
        """It, when it was posted although the answer was lost."""
        channel = await self._context.client.channel_id(message.channel)
        return await self._context.client.find(channel, key=message.key, thread=thread)

    def _in_words(self, message: Message, text: str, error: PermanentError) -> list[Block]:
        """What is shown instead of blocks that Slack refuses: the words, and where the rest is."""
        logger.error("Slack refuses %s: %s", message.key, error, extra={"action": "slack_refused_blocks"})
        where = link(self._context.page(message.incident), "the console has it all") if message.incident else ""
        return [section(f"{text[:2000]}\n{where}".strip())]


def _refuses(error: PermanentError, message: Message) -> bool:
    """Whether it is the blocks that Slack does not take."""
    return bool(message.receipt) or "invalid_blocks" in str(error) or "msg_too_long" in str(error)


def posted_at(message: Message) -> Posted:
    """Where a message stands, by its receipt `C0123:1700000000.000100`."""
    channel, ts = message.receipt.split(":", 1)
    return Posted(channel=channel, ts=ts)
