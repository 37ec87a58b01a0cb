"""The reference incident with the real product over a served world, decided in Slack, in both modes; steering included."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from incidents.ids import IncidentId
from incidents.incident import Phase
from incidents.proposal import ProposalStatus
from orchestrator.settings import Settings
from orchestrator.slack_settings import Mode
from orchestrator.store.database import Store
from tests.orchestrator.staging import Stage, stage
from tests.slack.midwatch import midwatch, slack_settings
from tests.slack.standin.person import Person, eventually, labels
from tests.slack.standin.rendering import text_of
from tests.slack.standin.server import Slack
from tests.slack.standin.workspace import BOT_USER, Channel, Message


@asynccontextmanager
async def night(
    tmp_path: Path, database_url: str, slack: Slack, settings: Settings, *, replicas: int = 1
) -> AsyncIterator[Stage]:
    """The world at 02:47, and replicas of Midwatch's web role beside its workers."""
    async with AsyncExitStack() as stack:
        on = await stack.enter_async_context(stage(tmp_path, database_url))
        for _ in range(replicas):
            store = await stack.enter_async_context(Store(database_url, clock=on.clock))
            await stack.enter_async_context(midwatch(slack, store, on.clock, settings))
        yield on


def cards(slack: Slack, channel: Channel) -> list[Message]:
    return [
        m
        for m in slack.workspace.messages
        if m.channel == channel.id and m.user == BOT_USER and not m.thread_ts and not m.visible_to
    ]


async def card(slack: Slack, channel: Channel, words: str) -> Message:
    """The one card, once it says so."""

    def look() -> Message:
        [message] = cards(slack, channel)
        assert words in text_of(message), text_of(message)
        return message

    return await eventually(look, seconds=20)


async def offer(slack: Slack, channel: Channel, on: Stage, incident: IncidentId) -> Message:
    """The one card, once its buttons are about the newest proposal: edits come when Slack's limits let them."""
    newest = (await on.proposals(incident))[-1].proposal.digest

    def look() -> Message:
        [message] = cards(slack, channel)
        assert newest in json.dumps(message.blocks), text_of(message)
        return message

    return await eventually(look, seconds=60)


@pytest.mark.parametrize("mode", list(Mode))
async def test_an_incident_from_alert_to_verified_in_slack(
    tmp_path: Path, database_url: str, slack: Slack, dana: Person, channel: Channel, mode: Mode
) -> None:
    async with night(tmp_path, database_url, slack, slack_settings(slack, mode=mode)) as on:
        incident = await on.until(Phase.AWAITING_DECISION)
        message = await card(slack, channel, "Roll checkout back to revision")
        assert "512Mi" in text_of(message)
        assert (await dana.click(message, "Approve")).acked
        ended = await on.until()
        assert ended.phase is Phase.VERIFIED, await on.told(incident.id)
        message = await card(slack, channel, "Verified* at")
        assert labels(message.blocks) == ["Open in console"]
        assert "\u2192" in text_of(message).split("Verified")[1], "the verdict has figures"
        kinds = await on.ledger(incident.id)
        assert kinds.count("decided") == kinds.count("executed") == 1
    problems = [refused for refused in slack.workspace.refused if refused[1] != "ratelimited"]
    assert problems == []
    assert slack.workspace.notified == []


async def test_asking_for_more_evidence_brings_a_fresh_proposal(
    tmp_path: Path, database_url: str, slack: Slack, dana: Person, channel: Channel
) -> None:
    async with night(tmp_path, database_url, slack, slack_settings(slack)) as on:
        incident = await on.until(Phase.AWAITING_DECISION)
        message = await card(slack, channel, "Roll checkout back")
        await on.world.advance(30)
        await dana.click(message, "More evidence")
        await on.until(Phase.AWAITING_DECISION)
        statuses = [stored.status for stored in await on.proposals(incident.id)]
        assert statuses == [ProposalStatus.SUPERSEDED, ProposalStatus.PENDING]
        message = await offer(slack, channel, on, incident.id)
        await on.world.advance(30)
        await dana.choose(message, "Rehearse again")
        await on.until(Phase.AWAITING_DECISION)
        assert [stored.status for stored in await on.proposals(incident.id)][-1] is ProposalStatus.PENDING
        assert len(await on.proposals(incident.id)) == 3
        message = await offer(slack, channel, on, incident.id)
        await dana.click(message, "Approve")
        assert (await on.until()).phase is Phase.VERIFIED


async def test_what_somebody_tells_is_looked_into_and_proves_nothing_by_itself(
    tmp_path: Path, database_url: str, slack: Slack, dana: Person, channel: Channel
) -> None:
    async with night(tmp_path, database_url, slack, slack_settings(slack)) as on:
        incident = await on.until(Phase.AWAITING_DECISION)
        message = await card(slack, channel, "Roll checkout back")
        assert (await dana.reply(message, "payments was deployed by hand at 02:31")).acked
        await dana.click(message, "More evidence")
        await on.until(Phase.AWAITING_DECISION)
        told = "\n".join(await on.told(incident.id))
        asked = "says: payments was deployed by hand at 02:31; what changed there around 02:31?"
        assert asked in told, told
        targets = {a.request.target for s in await on.proposals(incident.id) for a in s.proposal.body.actions}
        assert {target.rsplit("/", 1)[-1] for target in targets} == {"checkout"}


async def test_clicks_of_two_people_on_two_replicas_execute_once(
    tmp_path: Path, database_url: str, slack: Slack, dana: Person, sam: Person, channel: Channel
) -> None:
    async with night(tmp_path, database_url, slack, slack_settings(slack), replicas=2) as on:
        incident = await on.until(Phase.AWAITING_DECISION)
        message = await card(slack, channel, "Roll checkout back")
        before = on.generation()
        async with asyncio.TaskGroup() as group:
            for person in (dana, sam, dana, sam):
                group.create_task(person.click(message, "Approve"))
        assert (await on.until()).phase is Phase.VERIFIED
        assert on.generation() == before + 1
        assert (await on.ledger(incident.id)).count("executed") == 1
        await card(slack, channel, "Verified* at")


async def test_what_shall_be_left_alone_is_not_proposed_again(
    tmp_path: Path, database_url: str, slack: Slack, dana: Person, channel: Channel
) -> None:
    async with night(tmp_path, database_url, slack, slack_settings(slack)) as on:
        incident = await on.until(Phase.AWAITING_DECISION)
        message = await card(slack, channel, "Roll checkout back")
        generation = on.generation()
        assert (await dana.reply(message, "leave checkout alone")).acked
        ended = await on.until()
        assert ended.phase in (Phase.ESCALATED, Phase.RESOLVED), await on.told(incident.id)
        proposals = await on.proposals(incident.id)
        targets = {a.request.target for s in proposals[1:] for a in s.proposal.body.actions}
        assert not any(target.endswith("/checkout") for target in targets)
        assert proposals[0].status is ProposalStatus.SUPERSEDED
        assert on.generation() == generation
        assert "leave checkout alone" in "\n".join(await on.told(incident.id))
