"""Attacks by way of Slack: forged and stale requests, people who are not who they seem, and Slack being away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from incidents.approval import Accepted, Channel, Choice
from incidents.incident import Phase
from incidents.proposal import ProposalStatus
from orchestrator.decisions import decide
from orchestrator.slack_settings import Mode
from orchestrator.store.database import Store
from orchestrator.store.decisions import decisions_on, refusals_on
from orchestrator.store.proposals import proposal_by
from tests.attacks.attack import attack
from tests.service.web.casebook import NOW, Casebook
from tests.slack.midwatch import midwatch, slack_settings
from tests.slack.standin.person import Person, eventually
from tests.slack.standin.rendering import text_of
from tests.slack.standin.server import Slack, standin
from tests.slack.standin.workspace import BOT_USER, Message
from tools.clock import ManualClock

PATIENCE = 60.0
"""Seconds until a card stands in the channel, on a machine that does much else."""


@dataclass(frozen=True, kw_only=True)
class Room:
    """A workspace in which a proposal waits, asked for by signed HTTP requests."""

    slack: Slack
    store: Store
    book: Casebook
    dana: Person
    card: Message

    async def decisions(self) -> int:
        """How many count."""
        async with self.store.transaction() as tx:
            return len(await decisions_on(tx, self.book.digest))

    async def control(self) -> None:
        """The honest click of the right person counts."""
        assert (await self.dana.click(self.card, "Approve")).acked
        assert await self.decisions() == 1


@asynccontextmanager
async def room(database_url: str) -> AsyncIterator[Room]:
    """Until the card stands in the channel."""
    clock = ManualClock(NOW)
    async with standin() as slack, Store(database_url, clock=clock) as store:
        channel = slack.workspace.add_channel("incidents")
        settings = slack_settings(slack, mode=Mode.HTTP)
        book = Casebook(store, settings, clock)
        dana = Person(slack=slack, user=slack.workspace.add_user("Dana", email="dana@example.com"))
        async with midwatch(slack, store, clock, settings):
            await book.reach(Phase.AWAITING_DECISION)

            def look() -> Message | None:
                found = [m for m in dana.messages(channel) if m.user == BOT_USER and not m.visible_to]
                return found[0] if found and "Roll checkout back" in text_of(found[0]) else None

            yield Room(slack=slack, store=store, book=book, dana=dana, card=await eventually(look, seconds=PATIENCE))


@attack(
    "slack-forged-signature",
    "A click is posted by somebody who is not Slack",
    tried="a well-formed click of the person on call, signed with a guessed secret, and unsigned",
    stopped="requests are signed by Slack with the app's signing secret",
)
@pytest.mark.parametrize("signature", [{"X-Slack-Signature": "v0=" + "0" * 64}, {}])
async def test_forged_signature(database_url: str, signature: dict[str, str]) -> None:
    async with room(database_url) as at:
        honest = at.slack.signature
        at.slack.signature = lambda body: {**honest(body), "X-Slack-Signature": "", **signature}  # type: ignore[method-assign]
        assert not (await at.dana.click(at.card, "Approve")).acked
        assert await at.decisions() == 0
        at.slack.signature = honest  # type: ignore[method-assign]
        await at.control()


@attack(
    "slack-stale-timestamp",
    "A recorded click is sent again later",
    tried="a request with a good signature that is six minutes old",
    stopped="requests older than five minutes are refused",
)
async def test_stale_timestamp(database_url: str) -> None:
    async with room(database_url) as at:
        at.slack.skew = -360
        assert not (await at.dana.click(at.card, "Approve")).acked
        assert await at.decisions() == 0
        at.slack.skew = 0
        await at.control()


@attack(
    "slack-replayed-click",
    "A recorded click is sent again at once",
    tried="the same click three times within the five minutes",
    stopped="one person counts once; what is decided takes no decision",
)
async def test_replayed(database_url: str) -> None:
    async with room(database_url) as at:
        for _ in range(3):
            await at.dana.click(at.card, "Approve")
        assert await at.decisions() == 1


@attack(
    "slack-borrowed-address",
    "Somebody in Slack has the address of a person on call",
    tried="a bot and a guest of another workspace whose profiles carry it, and somebody without an address",
    stopped="bots and foreign workspaces are nobody; roles come from the settings, by the address that Slack vouches for",
)
async def test_borrowed_address(database_url: str) -> None:
    async with room(database_url) as at:
        workspace = at.slack.workspace
        for user in (
            workspace.add_user("Nobody"),
            workspace.add_user("A bot", email="dana@example.com", bot=True),
            workspace.add_user("A guest", email="dana@example.com", team="T0OTHER"),
        ):
            await Person(slack=at.slack, user=user).click(at.card, "Approve")
        assert await at.decisions() == 0
        async with at.store.transaction() as tx:
            assert len(await refusals_on(tx, at.book.digest)) == 3
        await at.control()


@attack(
    "slack-by-viewer",
    "Any reader of the channel clicks Approve",
    tried="a viewer of the settings who sees the card",
    stopped="the role is checked on the server; only the clicker is told, and it is recorded",
)
async def test_by_viewer(database_url: str) -> None:
    async with room(database_url) as at:
        ada = Person(slack=at.slack, user=at.slack.workspace.add_user("Ada", email="ada@example.com"))
        await ada.click(at.card, "Approve")
        await eventually(lambda: ada.whispers() or None)
        assert at.dana.whispers() == []
        assert await at.decisions() == 0
        await at.control()


@attack(
    "slack-down",
    "Slack is taken away so that nobody can decide",
    tried="Slack answers nothing any more; the person decides in the console's way",
    stopped="Slack is one door: the decision is a row, and the card is put right when Slack is back",
)
async def test_slack_down(database_url: str) -> None:
    async with room(database_url) as at:
        at.slack.workspace.down = True
        person = next(one.person for one in at.book.settings.people if one.email == "dana@example.com")
        answer = await decide(
            at.store,
            at.book.digest,
            person=person,
            choice=Choice.APPROVE,
            channel=Channel.API,
            now=at.book.clock.now(),
        )
        assert isinstance(answer, Accepted), answer
        async with at.store.transaction() as tx:
            assert (await proposal_by(tx, at.book.digest)).status is ProposalStatus.APPROVED
        at.slack.workspace.down = False
        await eventually(lambda: "Approved" in text_of(at.card) or None)
