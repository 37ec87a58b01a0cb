"""Mild incidents are told together: once per period, after quiet hours, however many replicas and restarts there are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest

from incidents.incident import Phase
from orchestrator.settings import Settings
from orchestrator.slack_settings import Digest, QuietHours
from orchestrator.store.database import Store
from orchestrator.store.outbox import message_of
from service.slack.digest import digests, last_due
from tests.service.web.casebook import Casebook
from tests.slack.midwatch import CONSOLE, midwatch, slack_settings
from tests.slack.standin.person import eventually
from tests.slack.standin.rendering import text_of
from tests.slack.standin.server import Slack
from tests.slack.standin.workspace import Channel, Message
from tools.clock import ManualClock

NIGHT = QuietHours(start=22, end=6)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "hours", "quiet", "due"),
    [
        pytest.param("2026-11-17T14:20", 24, QuietHours(), "2026-11-17T00:00", id="once a day, at midnight"),
        pytest.param("2026-11-17T14:20", 6, QuietHours(), "2026-11-17T12:00", id="every six hours"),
        pytest.param("2026-11-17T14:20", 24, NIGHT, "2026-11-17T06:00", id="midnight is quiet, so at six"),
        pytest.param("2026-11-17T05:59", 24, NIGHT, "2026-11-16T06:00", id="not before six"),
        pytest.param("2026-11-17T05:59", 6, NIGHT, "2026-11-16T18:00", id="the last one of the evening before"),
        pytest.param("2026-11-17T00:00", 24, QuietHours(), "2026-11-17T00:00", id="at the very moment"),
        pytest.param("2026-11-17T03:00", 5, QuietHours(), "2026-11-17T00:00", id="a period that does not fill the day"),
    ],
)
def test_when_a_digest_is_due(now: str, hours: int, quiet: QuietHours, due: str) -> None:
    assert last_due(at(now), Digest(severity="SEV4", hours=hours), quiet) == at(due)


@pytest.fixture
def settings(slack: Slack) -> Settings:
    """Everything critical is called SEV4 here, and told once an hour."""
    mild = slack_settings(slack, digest={"severity": "SEV4", "hours": 1})
    return mild.model_copy(
        update={"severity": mild.severity.model_copy(update={"words": {"critical": 4}, "unknown": 4})}
    )


def posted(slack: Slack, channel: Channel) -> list[Message]:
    return [m for m in slack.workspace.messages if m.channel == channel.id and not m.thread_ts]


async def collected(store: Store, book: Casebook) -> bool:
    async with store.transaction() as tx:
        card = await message_of(tx, f"card:{book.incident}")
    return card is not None and bool(card.payload.get("collected"))


@pytest.fixture
async def replicas(slack: Slack, store: Store, clock: ManualClock, settings: Settings) -> AsyncIterator[None]:
    """Two of them, on a night whose digests began already."""
    async with store.transaction() as tx:
        await digests(tx, slack=settings.slack, console=CONSOLE, now=clock.now())
    async with AsyncExitStack() as stack:
        for _ in range(2):
            other = await stack.enter_async_context(Store(store.url, clock=clock))
            await stack.enter_async_context(midwatch(slack, other, clock, settings))
        yield


@pytest.mark.usefixtures("replicas")
async def test_mild_incidents_are_one_message_after_the_hour(
    slack: Slack, store: Store, clock: ManualClock, settings: Settings, channel: Channel
) -> None:
    for number in range(3):
        book = Casebook(store, settings, clock)
        await book.reach(Phase.INCONCLUSIVE, group=f"service-{number}", title="disk is filling" if number else "slow")
        await wait_until_collected(store, book)
    assert posted(slack, channel) == []
    await clock.advance(timedelta(hours=1).total_seconds())
    [message] = await eventually(lambda: posted(slack, channel))
    assert "# 3 mild incidents, nothing to decide" in text_of(message)
    assert "3 inconclusive" in text_of(message)
    assert "disk is filling  2 times, last" in text_of(message)
    await clock.advance(timedelta(hours=1).total_seconds())
    async with midwatch(slack, store, clock, settings):  # started again
        await wait_for_a_digest(store, clock, settings)
    assert len(posted(slack, channel)) == 1


@pytest.mark.usefixtures("replicas")
async def test_a_mild_incident_that_wants_a_decision_has_its_own_message(
    slack: Slack, store: Store, clock: ManualClock, settings: Settings, channel: Channel
) -> None:
    book = Casebook(store, settings, clock)
    await book.reach(Phase.AWAITING_DECISION)
    [message] = await eventually(lambda: [m for m in posted(slack, channel) if "Roll checkout back" in text_of(m)])
    await clock.advance(timedelta(hours=1).total_seconds())
    await wait_for_a_digest(store, clock, settings)
    assert posted(slack, channel) == [message], "what has its own message is in no digest"


async def test_a_digest_that_was_missed_tells_of_all_since_the_last(
    slack: Slack, store: Store, clock: ManualClock, settings: Settings
) -> None:
    book = Casebook(store, settings, clock)
    async with store.transaction() as tx:
        assert not await digests(tx, slack=settings.slack, console=CONSOLE, now=clock.now())
    await book.reach(Phase.INCONCLUSIVE)
    await clock.advance(timedelta(hours=7).total_seconds())
    async with store.transaction() as tx:
        assert await digests(tx, slack=settings.slack, console=CONSOLE, now=clock.now())
        assert not await digests(tx, slack=settings.slack, console=CONSOLE, now=clock.now())


async def wait_until_collected(store: Store, book: Casebook) -> None:
    for _ in range(600):
        if await collected(store, book):
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it was never looked at")


async def wait_for_a_digest(store: Store, clock: ManualClock, settings: Settings) -> None:
    """Until this hour's digest is wanted, or known to be empty."""
    due = last_due(clock.now() - timedelta(minutes=1), settings.slack.digest, settings.slack.quiet_hours)
    for _ in range(600):
        async with store.transaction() as tx:
            if await message_of(tx, f"digest:{settings.slack.channel}:{due:%Y%m%dT%H%MZ}"):
                return
        await asyncio.sleep(0.1)
    raise AssertionError("no digest was looked for")
