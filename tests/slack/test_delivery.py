"""Delivery: once, whatever Slack does meanwhile; apart from diagnosis; by one of several replicas; patient when told so."""

from __future__ import annotations

import asyncio
import time
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace

import pytest
from sqlalchemy import text

from incidents.incident import Phase
from orchestrator.settings import Settings
from orchestrator.store.database import Store
from orchestrator.store.outbox import Wish, message_of, want
from service.slack.context import SlackContext
from service.slack.delivering import Deliverer
from service.slack.hosting import SlackHost
from tests.service.web.casebook import Casebook
from tests.slack.midwatch import CONSOLE, midwatch, slack_settings
from tests.slack.standin.person import Person, eventually
from tests.slack.standin.rendering import text_of
from tests.slack.standin.server import Slack
from tests.slack.standin.workspace import BOT_USER, Channel, Limit, Message
from tools.clock import ManualClock


def cards(slack: Slack, channel: Channel) -> list[Message]:
    """What stands in the channel itself, and was not deleted."""
    return [
        m
        for m in slack.workspace.messages
        if m.channel == channel.id and not (m.thread_ts or m.deleted or m.visible_to)
    ]


def the_card(slack: Slack, channel: Channel, words: str) -> Message | None:
    """The only message of the channel, when it says so."""
    found = cards(slack, channel)
    assert len(found) <= 1, [text_of(m) for m in found]
    return found[0] if found and words in text_of(found[0]) else None


async def test_while_slack_is_down_the_incident_goes_on_and_is_told_once_afterwards(
    book: Casebook, slack: Slack, store: Store, clock: ManualClock, settings: Settings, channel: Channel
) -> None:
    slack.workspace.down = True
    async with midwatch(slack, store, clock, settings):
        await book.reach(Phase.VERIFIED)
        await asyncio.sleep(1.0)
        assert cards(slack, channel) == []
        slack.workspace.down = False
        message = await eventually(lambda: the_card(slack, channel, "Verified"), seconds=30)
    assert len(message.history) <= 2, "what happened meanwhile is told as it stands, not step by step"


async def test_a_revoked_token_stops_nothing_and_a_new_one_tells_everything(
    book: Casebook, slack: Slack, store: Store, clock: ManualClock, settings: Settings, channel: Channel
) -> None:
    slack.workspace.revoked = True
    async with midwatch_without_socket(slack, store, clock, settings):
        incident = await book.reach(Phase.AWAITING_DECISION)
        await eventually_stored(store, f"card:{incident}", "token_revoked")
    slack.workspace.revoked = False
    await release_holds(store)
    async with midwatch(slack, store, clock, settings):
        await eventually(lambda: the_card(slack, channel, "Roll checkout back"), seconds=30)


async def test_a_post_whose_answer_was_lost_is_found_and_not_made_again(
    book: Casebook, slack: Slack, store: Store, clock: ManualClock, settings: Settings, channel: Channel
) -> None:
    slack.workspace.lost_answers["chat.postMessage"] = 1
    async with midwatch(slack, store, clock, settings):
        await book.reach(Phase.AWAITING_DECISION)
        await eventually(lambda: the_card(slack, channel, "Roll checkout back"), seconds=30)
    posts = [args for name, args in slack.workspace.calls if name == "chat.postMessage" and not args.get("thread_ts")]
    assert len(posts) == 1


async def test_a_sender_that_died_between_post_and_note_leaves_one_message(
    book: Casebook, slack: Slack, store: Store, clock: ManualClock, settings: Settings, channel: Channel
) -> None:
    """The process died: what it posted is in Slack, what it would have noted is not in the database."""
    context = SlackContext(store=store, settings=settings, clock=clock, console=CONSOLE)
    async with midwatch(slack, store, clock, settings):
        incident = await book.reach(Phase.OPEN)
        await eventually(lambda: the_card(slack, channel, "Looking"))
    key = f"card:{incident}"
    await as_if_it_had_died(store, key)
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(Deliverer(context).run())
        await eventually_receipt(store, key)
        sending.cancel()
    assert len(cards(slack, channel)) == 1


async def test_two_replicas_post_once_and_both_take_clicks(
    book: Casebook, slack: Slack, store: Store, clock: ManualClock, settings: Settings, channel: Channel, dana: Person
) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(2):
            other = await stack.enter_async_context(Store(store.url, clock=clock))
            await stack.enter_async_context(midwatch(slack, other, clock, settings))
        assert len(slack.sockets) == 2
        await book.reach(Phase.AWAITING_DECISION)
        message = await eventually(lambda: the_card(slack, channel, "Roll checkout back"))
        seen = replace(message, blocks=list(message.blocks))  # as Dana sees it: she clicks before the edit arrives
        acks = [await dana.click(seen, "Approve") for _ in range(6)]
        assert all(ack.acked for ack in acks)
        await eventually(lambda: the_card(slack, channel, "Approved"))
        told = [m.text for m in slack.workspace.messages if m.thread_ts and m.user == BOT_USER and not m.visible_to]
        assert len(told) == len(set(told))
        await eventually(lambda: len(dana.whispers()) == 5)


async def test_slacks_pause_is_kept(
    book: Casebook, slack: Slack, store: Store, clock: ManualClock, settings: Settings, channel: Channel
) -> None:
    slack.workspace.limits["chat.update"] = Limit(burst=1, seconds=2.0)
    async with midwatch(slack, store, clock, settings):
        await book.reach(Phase.VERIFIED)
        await eventually(lambda: the_card(slack, channel, "Verified"), seconds=30)
    refused = [error for name, error, _ in slack.workspace.refused if name == "chat.update"]
    updates = sum(1 for name, _ in slack.workspace.calls if name == "chat.update")
    assert len(refused) <= updates / 2, "it came back before it was told to"


async def test_changes_that_come_fast_are_one_edit(
    book: Casebook, slack: Slack, store: Store, clock: ManualClock, settings: Settings, channel: Channel
) -> None:
    started = time.monotonic()
    async with midwatch(slack, store, clock, settings):
        await book.reach(Phase.VERIFIED)
        message = await eventually(lambda: the_card(slack, channel, "Verified"), seconds=30)
    seconds = time.monotonic() - started
    assert message.edits <= seconds + 1, f"{message.edits} edits in {seconds:.1f} s"


async def test_a_card_that_somebody_deleted_comes_back_with_the_next_change(
    book: Casebook, slack: Slack, store: Store, clock: ManualClock, settings: Settings, channel: Channel
) -> None:
    async with midwatch(slack, store, clock, settings):
        await book.reach(Phase.AWAITING_DECISION)
        message = await eventually(lambda: the_card(slack, channel, "Roll checkout back"))
        message.deleted = True
        await book.approve()
        again = await eventually(lambda: the_card(slack, channel, "Approved"), seconds=20)
    assert again.ts != message.ts


async def test_a_channel_without_the_bot_says_what_to_do(
    book: Casebook, slack: Slack, store: Store, clock: ManualClock
) -> None:
    slack.workspace.add_channel("private", invited=False)
    async with midwatch(slack, store, clock, slack_settings(slack, channel="#private")):
        incident = await book.reach(Phase.OPEN)
        problem = await eventually_stored(store, f"card:{incident}", "invite the bot")
    assert "not_in_channel" in problem


async def test_two_pictures_stand_in_the_thread_once(
    book: Casebook, slack: Slack, store: Store, clock: ManualClock, settings: Settings, channel: Channel
) -> None:
    async with midwatch(slack, store, clock, settings):
        await book.reach(Phase.AWAITING_DECISION)
        await eventually(lambda: len(pictures(slack)) == 1, seconds=30)
        for step in (book.approve, book.dispatch, book.done, book.measure, book.verify):
            await step()
        await eventually(lambda: len(pictures(slack)) == 2, seconds=30)
        key = f"chart:onset:{book.digest}"
        await as_if_it_had_died(store, key)
        await eventually_receipt(store, key)
    names = pictures(slack)
    assert len(names) == len(set(names)) == 2
    assert all(content.startswith(b"\x89PNG") for content in slack.workspace.files.values())


def pictures(slack: Slack) -> list[str]:
    """Names of the files that were put into threads."""
    return [file["name"] for message in slack.workspace.messages for file in message.files if message.thread_ts]


async def test_blocks_that_slack_refuses_are_said_in_words(
    slack: Slack, store: Store, clock: ManualClock, settings: Settings, channel: Channel
) -> None:
    payload = {"text": "SEV1 checkout returns 5xx", "blocks": [{"type": "from-another-time"}]}
    async with store.transaction() as tx:
        await want(tx, Wish(key="card:x", channel=f"#{channel.name}", payload=payload), now=clock.now())
    async with midwatch(slack, store, clock, settings):
        await eventually(lambda: the_card(slack, channel, "SEV1 checkout returns 5xx"))


@pytest.mark.parametrize("posted", [False, True], ids=["Slack was down", "only the answer was lost"])
async def test_a_call_that_was_tried_and_is_not_wanted_any_more_is_not_made_again(
    slack: Slack, store: Store, clock: ManualClock, settings: Settings, channel: Channel, *, posted: bool
) -> None:
    payload = {"text": "a decision is wanted", "blocks": []}
    wish = Wish(key="call:x", channel=f"#{channel.name}", payload=payload)
    async with store.transaction() as tx:
        await want(tx, wish, now=clock.now())
        row = "attempts = 1, held_until = NULL, not_before = now() + interval '1 hour'"
        await tx.execute(text(f"UPDATE outbox SET {row} WHERE key = 'call:x'"))
    if posted:
        context = SlackContext(store=store, settings=settings, clock=clock, console=CONSOLE)
        await context.client.post(wish.channel, key=wish.key, text="a decision is wanted", blocks=[])
    async with store.transaction() as tx:
        moot = wish.model_copy(update={"payload": payload | {"moot": True}, "version": 1})
        await want(tx, moot, now=clock.now())
    await release_holds(store)
    async with midwatch(slack, store, clock, settings):
        await eventually_receipt(store, "call:x")
    assert len(cards(slack, channel)) == int(posted)


async def test_without_task_cards_the_card_says_it_in_words_and_they_are_not_tried_again(
    book: Casebook, slack: Slack, store: Store, clock: ManualClock, settings: Settings, channel: Channel
) -> None:
    slack.workspace.lacks.add("plan")
    async with midwatch(slack, store, clock, settings):
        await book.reach(Phase.OPEN)
        await eventually(lambda: the_card(slack, channel, "*Looking:* kubernetes, cicd, observability, cost"))
        await book.begin()
        await eventually(lambda: the_card(slack, channel, "*Looking:* kubernetes"))
        for step in (book.first_round, book.second_round, book.diagnose, book.propose):
            await step()
        await eventually(lambda: the_card(slack, channel, "Roll checkout back"))
    refused = [name for name, error, _ in slack.workspace.refused if error == "invalid_blocks"]
    assert refused == ["chat.postMessage"]


async def test_with_task_cards_each_agent_is_a_task(
    book: Casebook, slack: Slack, store: Store, clock: ManualClock, settings: Settings, channel: Channel
) -> None:
    async with midwatch(slack, store, clock, settings):
        await book.reach(Phase.INVESTIGATING)
        await eventually(lambda: the_card(slack, channel, "(in progress) observability: looking at checkout"))


async def test_a_storm_is_one_message_with_the_cards_in_its_thread(
    slack: Slack, store: Store, clock: ManualClock, settings: Settings, channel: Channel
) -> None:
    async with midwatch(slack, store, clock, slack_settings(slack, storm=2)):
        for number in range(5):
            group = f"service-{number}"
            await Casebook(store, settings, clock).reach(Phase.OPEN, group=group, title=f"{group} is down")
            await eventually(lambda n=number: len(told(slack, channel)) >= n + 1, seconds=20)
        [storm] = await eventually(lambda: [m for m in cards(slack, channel) if "Storm: 3" in text_of(m)], seconds=20)
    assert len(cards(slack, channel)) == 3
    assert len([m for m in slack.workspace.messages if m.thread_ts == storm.ts]) == 3


def told(slack: Slack, channel: Channel) -> list[Message]:
    """Cards, in the channel and in threads."""
    return [m for m in slack.workspace.messages if m.channel == channel.id and "SEV" in m.text]


def midwatch_without_socket(
    slack: Slack, store: Store, clock: ManualClock, settings: Settings
) -> AbstractAsyncContextManager[SlackHost]:
    """While the token is revoked no socket can be opened, so none is waited for."""
    return midwatch(slack, store, clock, settings, connects=False)


async def eventually_stored(store: Store, key: str, words: str) -> str:
    """What stood against a message, once it says so."""
    async with asyncio.timeout(60):
        while True:
            async with store.transaction() as tx:
                message = await message_of(tx, key)
            if message and words in message.problem:
                return message.problem
            await asyncio.sleep(0.05)


async def eventually_receipt(store: Store, key: str) -> None:
    """Wait until it is noted as sent."""
    async with asyncio.timeout(60):
        while True:
            async with store.transaction() as tx:
                message = await message_of(tx, key)
            if message and message.receipt:
                return
            await asyncio.sleep(0.05)


async def as_if_it_had_died(store: Store, key: str) -> None:
    """The row as it is between a post and its note, after the sender's hold ran out."""
    async with store.transaction() as tx:
        row = "receipt = '', shown = '', sent_at = NULL, attempts = 1, held_by = 'dead', not_before = NULL"
        await tx.execute(
            text(f"UPDATE outbox SET {row}, held_until = now() - interval '1 s' WHERE key = :key"), {"key": key}
        )


async def release_holds(store: Store) -> None:
    """Let a minute pass."""
    async with store.transaction() as tx:
        await tx.execute(text("UPDATE outbox SET not_before = NULL"))
