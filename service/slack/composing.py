"""Says in the outbox what Slack shall show: a card per incident, its thread, calls for a decision. Sends nothing.

Diagnosis does not know of it: it follows the timeline like an open page does, and what it missed it finds by looking.
Any number of processes may do the same; the outbox keeps the newest rendering and each part of a thread once.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar

from incidents.ids import IncidentId
from incidents.incident import Phase
from incidents.proposal import ProposalStatus
from orchestrator.store.following import follow_for_ever
from orchestrator.store.instructions import InstructionKind, instructions_of
from orchestrator.store.outages import is_outage
from orchestrator.store.outbox import Message, Wish, behind, message_of, messages_in, skip, want, withdraw
from orchestrator.store.transaction import Tx
from service.slack.calling import call_of, wants_a_reminder
from service.slack.card import Card, card_of
from service.slack.context import SlackContext
from service.slack.digest import collected, digests
from service.slack.log import MOST_LINES, lines_of, post_of
from service.slack.mrkdwn import safe
from service.slack.storm import join_storm, storm_wish
from service.story.record import IncidentRecord, record_of
from service.story.story import current_proposal

logger = logging.getLogger(__name__)

DoneT = TypeVar("DoneT")

CARD, LOG, CALL, REMINDER, CHART = "card:", "log:", "call:", "reminder:", "chart:"
LIVE = (Phase.AWAITING_DECISION, Phase.EXECUTING, Phase.VERIFYING)
"""Phases in which a card changes although nothing new is told: countdowns and progress."""
ROOM = 12
"""Lines that one post of the thread is filled up to by edits, which ring no bell."""
LOOK_SECONDS = 5.0
"""How often it looks for what it missed, in real time."""


class Composer:
    """One process' composer. `changed` is called when there may be something to send."""

    def __init__(self, context: SlackContext, *, changed: Callable[[], None]) -> None:
        """Composes for the context's store."""
        self._context, self._changed = context, changed
        self._due: dict[IncidentId, None] = {}
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Follow and look until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow())
            group.create_task(self._work())
            group.create_task(self._look())

    async def _follow(self) -> None:
        async for note in follow_for_ever(self._context.store):
            if note is not None:
                self._due[note[0]] = None
                self._woken.set()

    async def _work(self) -> None:
        """Compose what changed; lines that came while it composed are told together."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            while self._due:
                incident = next(iter(self._due))
                del self._due[incident]
                await self._guarded([incident])

    async def _look(self) -> None:
        while True:
            await self._guarded(None)
            await asyncio.sleep(LOOK_SECONDS)

    async def _guarded(self, incidents: list[IncidentId] | None) -> None:
        """Compose these, or all that are behind. What fails is found again at the next look."""
        found = await self._safely(self._behind()) if incidents is None else incidents
        for incident in found or ():
            await self._safely(self.compose(incident))

    async def _safely(self, work: Awaitable[DoneT]) -> DoneT | None:
        try:
            return await work
        except Exception as error:  # the outermost loop: one incident that cannot be told must not silence the others
            if is_outage(error):
                logger.warning("Slack waits for the database: %s", error, extra={"action": "slack_database_outage"})
            else:
                logger.exception("Could not compose for Slack", extra={"action": "slack_compose_failed"})
            return None

    async def _behind(self) -> list[IncidentId]:
        """Incidents that Slack knows too little of; a digest that is due is wanted on the way."""
        context = self._context
        async with context.store.transaction() as tx:
            due = await digests(tx, slack=context.slack, console=context.console, now=context.clock.now())
            found = list(await behind(tx, prefix=CARD, live=[phase.value for phase in LIVE]))
        if due:
            self._changed()
        return found

    async def compose(self, incident: IncidentId) -> None:
        """Say what Slack shall show of one incident now."""
        context = self._context
        async with context.store.transaction() as tx:
            record = await record_of(tx, incident, now=context.clock.now())
            head = await self._card(tx, record)
            if head is not None and head.receipt and not head.thread:
                await self._thread(tx, record, head)
        self._changed()

    async def _card(self, tx: Tx, record: IncidentRecord) -> Message | None:
        """The card as it shall be; what Slack had of it before, locked."""
        context, incident = self._context, record.incident
        key = f"{CARD}{incident.id}"
        head = await message_of(tx, key, lock=True)
        if collected(incident, head, slack=context.slack):
            told = {"text": "", "blocks": [], "collected": True, "seq": _seq(record)}
            channel = context.slack.route_of(incident).channel
            wish = Wish(key=key, channel=channel, incident=incident.id, payload=told, version=_seq(record))
            await skip(tx, wish, now=record.now)
            return None
        channel = head.channel if head else context.slack.route_of(incident).channel
        thread = head.thread if head else await join_storm(tx, incident, channel=channel, most=context.slack.storm)
        if thread:
            await want(tx, await storm_wish(tx, thread, channel=channel, incident=incident), now=record.now)
        card = card_of(record, console=context.console)
        wish = Wish(
            key=key,
            channel=channel,
            thread=thread,
            incident=incident.id,
            payload={"text": card.text, "blocks": list(card.blocks)} | _plainer(card),
            version=_seq(record),
        )
        await want(tx, wish, now=record.now)
        return head

    async def _thread(self, tx: Tx, record: IncidentRecord, head: Message) -> None:
        """What was not told yet: added to the thread's last post while there is room in it, else as a new one."""
        told = [message for message in await messages_in(tx, head.key) if message.key.startswith(LOG)]
        last = told[-1] if told else None
        if last is None or last.version < _seq(record):
            begun = int(last.key.rsplit(":", 1)[1]) if last else 0
            if not await self._log(tx, record, head, after=begun, room=ROOM if last else MOST_LINES) and last:
                await self._log(tx, record, head, after=last.version, room=MOST_LINES)
        await self._calls(tx, record, head)
        await self._chart(tx, record, head)

    async def _chart(self, tx: Tx, record: IncidentRecord, head: Message) -> None:
        """A picture of the onset with the proposal, and one of what it did with its verdict."""
        proposal = current_proposal(record)
        if proposal is None:
            return
        when = "verdict" if proposal.verification else "onset"
        payload = {"text": f"chart of the {when}", "blocks": [], "chart": True}
        key = f"{CHART}{when}:{proposal.digest}"
        if await message_of(tx, key) is None:
            wish = Wish(key=key, channel=head.channel, thread=head.key, incident=record.incident.id, payload=payload)
            await want(tx, wish, now=record.now)

    async def _log(self, tx: Tx, record: IncidentRecord, head: Message, *, after: int, room: int) -> bool:
        """Say all since then in the post that begins there; False when there is no room for it."""
        events = [event for event in record.timeline if event.seq > after]
        lines = lines_of(events, record.case, console=self._context.console)
        if len(lines) > room:
            return False
        text = f"{record.incident.title}: {lines[-1] if lines else 'nothing new'}"
        wish = Wish(
            key=f"{LOG}{record.incident.id}:{after}",
            channel=head.channel,
            thread=head.key,
            incident=record.incident.id,
            payload={"text": safe(text), "blocks": list(post_of(lines))},
            version=_seq(record),
        )
        await (want(tx, wish, now=record.now) if lines else skip(tx, wish, now=record.now))
        return True

    async def _calls(self, tx: Tx, record: IncidentRecord, head: Message) -> None:
        """Call people while a decision is wanted; a call that nobody heard is taken back when it is not any more."""
        proposal = current_proposal(record)
        if proposal is None:
            return
        call, reminder = f"{CALL}{proposal.digest}", f"{REMINDER}{proposal.digest}"
        if proposal.status is not ProposalStatus.PENDING or record.incident.phase is not Phase.AWAITING_DECISION:
            for key in (call, reminder):
                await self._take_back(tx, key, now=record.now)
            return
        route = self._context.slack.route_of(record.incident)
        quiet = self._context.slack.quiet_hours.quiet(hour=record.now.hour, severity=record.incident.severity)
        said = await instructions_of(tx, record.incident.id)
        snoozed = any(s.kind is InstructionKind.SNOOZE and s.until and s.until > record.now for s in said)
        if not snoozed and wants_a_reminder(proposal, now=record.now):
            call = reminder
        elif await message_of(tx, call) is not None:
            return
        text, blocks = call_of(record, proposal, mention="" if quiet or snoozed else route.mention)
        if await message_of(tx, call) is None:
            payload = {"text": text, "blocks": list(blocks)}
            wish = Wish(key=call, channel=head.channel, thread=head.key, incident=record.incident.id, payload=payload)
            await want(tx, wish, now=record.now)

    async def _take_back(self, tx: Tx, key: str, *, now: datetime) -> None:
        """A call that is not wanted any more: forgotten, or, when Slack may have it, looked for and not made again."""
        if await withdraw(tx, key):
            return
        known = await message_of(tx, key)
        if known is not None and not known.receipt:
            kept = {name: getattr(known, name) for name in ("key", "channel", "thread", "incident")}
            await want(tx, Wish(**kept, payload=known.payload | {"moot": True}, version=known.version + 1), now=now)


def _plainer(card: Card) -> dict[str, Any]:
    return {"without_tasks": list(card.without_tasks)} if card.without_tasks else {}


def _seq(record: IncidentRecord) -> int:
    return record.timeline[-1].seq if record.timeline else 0
