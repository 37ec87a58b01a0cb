"""Takes up what somebody asked: kept with the message that will answer it, and looked up by a worker.

What is asked in an incident's thread and is about the case is answered from the case instead (`service.slack.asking`).
"""

from collections.abc import Mapping
from typing import Any

from agents.enquiry.grammar import question_of
from incidents.enquiry import Question
from incidents.ids import IncidentId
from orchestrator.enquiries import Asked, ask
from orchestrator.store.outbox import Wish, want
from service.slack.answers import NOT_UNDERSTOOD, OF_WHICH
from service.slack.asking import without_mentions
from service.slack.blocks import section
from service.slack.context import SlackContext

ANSWER = "answer:"
MOST_TEXT = 1000
Event = Mapping[str, Any]


class Questions:
    """The questions of one process' Slack."""

    def __init__(self, context: SlackContext) -> None:
        """They are kept in the context's store."""
        self._context = context

    async def heard(self, event: Event) -> None:
        """Somebody asked the bot directly: in a channel, in a thread that is none of ours, or in a message to it."""
        text = without_mentions(str(event.get("text", "")))
        question = question_of(text)
        if question is None and not (self._context.settings.model.name and text):
            await self.say(event, NOT_UNDERSTOOD)
        elif question is not None and not question.name:
            await self.say(event, OF_WHICH)
        else:
            await self.take_up(event, question, text=text)

    async def take_up(
        self, event: Event, question: Question | None, *, text: str, incident: IncidentId | None = None
    ) -> None:
        """Have it looked up; the answer goes below the message that asked."""
        payload = _place(event) | {"text": "", "blocks": [], "recipient": _recipient(event)}
        wish = Wish(key=_key(event), channel=event["channel"], incident=incident, payload=payload)
        asked = Asked(question=question, text=text[:MOST_TEXT], incident=incident, person=str(event["user"]))
        await ask(self._context.store, wish, asked, now=self._context.clock.now())

    async def typed(self, command: Mapping[str, Any], question: Question) -> str:
        """Asked by a command: answered to the one who typed it, alone."""
        payload = {"text": "", "blocks": [], "response_url": str(command["response_url"])}
        wish = Wish(key=f"{ANSWER}{command['trigger_id']}", channel=command["channel_id"], payload=payload)
        asked = Asked(question=question, person=str(command["user_id"]))
        await ask(self._context.store, wish, asked, now=self._context.clock.now(), quiet=True)
        return f"Looking up {question.text} \u2026"

    async def say(self, event: Event, text: str) -> None:
        """Answer right away, once however often the event comes. `text` is mrkdwn that was made safe."""
        payload = _place(event) | {"text": text, "blocks": [section(text)]}
        async with self._context.store.transaction() as tx:
            wish = Wish(key=_key(event), channel=event["channel"], payload=payload)
            await want(tx, wish, now=self._context.clock.now())


def _key(event: Event) -> str:
    """The same for a repeated delivery, and for the two events that a mention in a channel is."""
    return f"{ANSWER}{event['channel']}:{event['ts']}"


def _place(event: Event) -> dict[str, Any]:
    return {"thread_ts": str(event.get("thread_ts") or event["ts"])}


def _recipient(event: Event) -> dict[str, str]:
    """For whom an answer is streamed: Slack wants to know in a channel."""
    return {"team": str(event.get("team", "")), "user": str(event["user"])}
