"""Replies in an incident's thread: kept before Slack is told that they came, questions answered from the records."""

from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.response import BoltResponse

from agents.enquiry.grammar import question_of
from incidents.approval import Channel, Person, Refused
from incidents.ids import IncidentId
from orchestrator.steering import leave_alone
from orchestrator.store.outbox import by_receipt
from orchestrator.telling import tell
from service.slack.asking import (
    Meaning,
    Said,
    answer_to,
    entities_called,
    names_known,
    nothing_about,
    understood,
)
from service.slack.context import SlackContext
from service.slack.identity import Identities
from service.slack.mrkdwn import safe
from service.slack.questions import Questions
from service.story.record import IncidentRecord, record_of


class Replies:
    """The handlers of one process."""

    def __init__(self, context: SlackContext, identities: Identities) -> None:
        """They keep what is said in the context's store."""
        self._context, self._identities = context, identities
        self._questions = Questions(context)

    def register(self, app: AsyncApp) -> None:
        """Bolt acknowledges events before their listener runs, and after its middleware: so all is done in there."""
        for kind in ("message", "app_mention"):
            app.event(kind, middleware=[self.heard])(self.done)

    async def done(self) -> None:
        """Nothing is left to do."""

    async def heard(self, event: dict[str, Any], next: Callable[[], Awaitable[BoltResponse]]) -> None:  # noqa: A002 - Bolt's name
        """Somebody wrote something; only replies to cards of ours are meant for us."""
        if not (event.get("bot_id") or event.get("subtype")) and event.get("user"):
            incident = await self._incident(event)
            if incident is not None:
                text = await self._taken_up(event, incident)
                if text:
                    await self._questions.say(event, text)
            elif event["type"] == "app_mention" or event.get("channel_type") == "im":
                await self._asked(event)
        await next()

    async def _asked(self, event: dict[str, Any]) -> None:
        """Somebody wrote to the bot itself. Guests of other workspaces are told nothing about the estate."""
        if await self._identities.insider(event["user"]):
            await self._questions.heard(event)

    async def _incident(self, event: dict[str, Any]) -> IncidentId | None:
        thread = event.get("thread_ts")
        if not thread:
            return None
        async with self._context.store.transaction() as tx:
            head = await by_receipt(tx, f"{event['channel']}:{thread}")
        return head.incident if head else None

    async def _taken_up(self, event: dict[str, Any], incident: IncidentId) -> str:
        said, person = understood(str(event.get("text", ""))), await self._identities.person(event["user"])
        async with self._context.store.transaction() as tx:
            record = await record_of(tx, incident, now=self._context.clock.now())
        match said.meaning:
            case Meaning.QUESTION:
                return await self._answered(event, said.text, record)
            case Meaning.HANDS_OFF:
                return await self._left_alone(said, record, person, key=_key(event))
            case Meaning.CONTEXT:
                told = await tell(
                    self._context.store,
                    incident=incident,
                    person=person,
                    channel=Channel.SLACK,
                    now=record.now,
                    key=_key(event),
                    text=said.text[:2000],
                )
                return safe(told.message) if told else ""

    async def _answered(self, event: dict[str, Any], text: str, record: IncidentRecord) -> str:
        """From the estate when it is a question about a service, else from the case; empty when that takes a look."""
        question, told = question_of(text), answer_to(text, record, console=self._context.console)
        if question is None and (told or not self._context.settings.model.name):
            return told or nothing_about(record)
        if not await self._identities.insider(event["user"]):
            return nothing_about(record)
        await self._questions.take_up(event, question, text=text, incident=record.incident.id)
        return ""

    async def _left_alone(self, said: Said, record: IncidentRecord, person: Person, *, key: str) -> str:
        """What became of each name that was said."""
        told = []
        for number, called in enumerate(said.names):
            mine = f"{key}:{number}" if number else key
            told.append(await self._leave(called, said.text, record, person, key=mine))
        return "\n".join(safe(line) for line in dict.fromkeys(told))

    async def _leave(self, called: str, text: str, record: IncidentRecord, person: Person, *, key: str) -> str:
        meant = entities_called(record, called)
        if not meant:
            known = ", ".join(names_known(record)[:8])
            return f"Nothing here is called {called}, so nothing was changed. Known names: {known}."
        answers = []
        for number, entity in enumerate(meant):
            answer = await leave_alone(
                self._context.store,
                incident=record.incident.id,
                entity=entity,
                person=person,
                channel=Channel.SLACK,
                now=record.now,
                key=f"{key}:{number}",
                text=text[:500],
            )
            answers.append(answer.message if isinstance(answer, Refused) else answer)
        return answers[0]


def _key(event: dict[str, Any]) -> str:
    """The same for a repeated delivery of the same message."""
    return f"slack:{event['channel']}:{event['ts']}"
