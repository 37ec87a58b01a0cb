"""Clicks while the database cannot be reached: Slack is told in time, the clicker is told, and nothing typed is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from orchestrator.settings import Settings
from orchestrator.store.database import Store
from service.ports import free_port
from service.slack.change_modal import CHANGE
from service.slack.changes import Changes
from service.slack.clicks import NOT_RECORDED, NOT_SENT, Clicks
from service.slack.context import SlackContext
from service.slack.identity import Identities
from service.slack.modals import INPUT, Origin
from tests.slack.midwatch import CONSOLE
from tests.slack.standin.person import Person
from tests.slack.standin.workspace import Channel
from tools.clock import ManualClock


class Acks:
    """What Slack was told of one click."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    async def __call__(self, **said: Any) -> None:
        self.told.append(said)


@pytest.fixture
async def unreachable(settings: Settings, clock: ManualClock) -> AsyncIterator[SlackContext]:
    """A replica whose database is away."""
    nobody = f"postgresql+psycopg://postgres@127.0.0.1:{free_port()}/midwatch"
    async with Store(nobody, clock=clock) as store:
        yield SlackContext(store=store, settings=settings, clock=clock, console=CONSOLE)


def handlers(context: SlackContext) -> tuple[Clicks, Changes]:
    identities = Identities(client=context.client, directory=context.directory)
    return Clicks(context, identities), Changes(context, identities)


@pytest.mark.parametrize("button", ["approve", "approve_typed", "reject", "change"])
async def test_a_button_is_answered(unreachable: SlackContext, dana: Person, channel: Channel, button: str) -> None:
    clicks, changes = handlers(unreachable)
    by_name = {
        "approve": clicks.approve,
        "approve_typed": clicks.ask_name,
        "reject": clicks.ask_reason,
        "change": changes.ask,
    }
    body = {"user": {"id": dana.user.id}, "actions": [{"value": "sha256:1"}], "channel": {"id": channel.id}}
    acks = Acks()
    await by_name[button](acks, body)  # type: ignore[arg-type] # in the place of Bolt's own
    assert acks.told == [{}]
    assert dana.whispers() == [NOT_RECORDED]


@pytest.mark.parametrize("form", ["reject", "approve by name", "change"])
async def test_a_form_stays_open_with_what_was_typed(
    unreachable: SlackContext, dana: Person, channel: Channel, form: str
) -> None:
    clicks, changes = handlers(unreachable)
    send = {"reject": clicks.reject, "approve by name": clicks.approve_by_name, "change": changes.submitted}[form]
    origin = Origin.model_validate({"digest": "sha256:1", "channel": channel.id, "thread": "1.0"})
    view = {
        "callback_id": CHANGE,
        "private_metadata": origin.packed(),
        "blocks": [{"type": "section", "block_id": "said"}, {"type": "input", "block_id": INPUT}],
        "state": {"values": {INPUT: {INPUT: {"value": "payments are reconciled until 03:00"}}}},
    }
    acks = Acks()
    await send(acks, {"user": {"id": dana.user.id}, "type": "view_submission"}, view)  # type: ignore[arg-type]
    assert acks.told == [{"response_action": "errors", "errors": {INPUT: NOT_SENT}}]
