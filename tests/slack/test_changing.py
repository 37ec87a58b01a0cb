"""Narrowing in Slack, in both modes: a form with bounds, problems beside their fields, a row before Slack hears of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from incidents.ids import IncidentId, PersonId
from incidents.incident import Phase
from incidents.ledger import EntryKind
from incidents.narrowed import Difference, Narrowing
from incidents.proposal import Proposal, ProposalStatus
from orchestrator.settings import Settings
from orchestrator.slack_settings import Mode
from orchestrator.store.database import Store
from orchestrator.store.incidents import incident_of
from orchestrator.store.ledger import entries
from orchestrator.store.narrowings import narrowing_of
from orchestrator.store.proposals import proposal_by
from service.slack.change_modal import change_modal
from service.slack.modals import Origin
from service.slack.offer import narrowings_of
from service.story.changing import fields_of
from tests.incidents.making import NOW
from tests.incidents.narrowings import body, memory, scale, step
from tests.service.web import argument, casebook
from tests.service.web.casebook import Casebook
from tests.slack.midwatch import midwatch, slack_settings
from tests.slack.standin.limits import problems_of_view
from tests.slack.standin.person import Person, eventually, labels
from tests.slack.standin.rendering import text_of
from tests.slack.standin.server import Slack
from tests.slack.standin.workspace import BOT_USER, Channel, Message
from tools.clock import ManualClock

NODES = [step("cordon_node", target=f"prod-eu/-/node/worker-{n}", summary=f"Cordon node worker-{n}") for n in (1, 2)]
FIELD = "1.replicas"


@pytest.fixture(params=[Mode.SOCKET, Mode.HTTP])
def settings(request: pytest.FixtureRequest, slack: Slack) -> Settings:
    return slack_settings(slack, mode=request.param)


@pytest.fixture
async def _running(slack: Slack, store: Store, clock: ManualClock, settings: Settings) -> AsyncIterator[None]:
    async with midwatch(slack, store, clock, settings):
        yield


@pytest.fixture
def _scaling(monkeypatch: pytest.MonkeyPatch) -> None:
    """The story's proposal scales checkout from 4 to 12."""
    made = argument.proposal

    def scaling(*given: Any, **named: Any) -> Proposal:
        return Proposal.of(made(*given, **named).body.model_copy(update={"actions": (scale(),)}))

    monkeypatch.setattr(casebook, "proposal", scaling)


async def opened(book: Casebook, who: Person, channel: Channel) -> IncidentId:
    """The form is open before this person."""
    incident = await book.reach(Phase.AWAITING_DECISION)

    def look() -> Message | None:
        found = [m for m in who.messages(channel) if m.user == BOT_USER and not m.visible_to]
        return found[0] if found and "Scale checkout" in text_of(found[0]) else None

    message = await eventually(look)
    assert "Change…" in labels(message.blocks)
    assert (await who.click(message, "Change…")).acked
    await eventually(who.modal)
    return incident


@pytest.mark.usefixtures("_running", "_scaling")
async def test_a_narrower_choice_is_a_row_before_slack_hears_of_it(
    book: Casebook, store: Store, dana: Person, channel: Channel
) -> None:
    incident = await opened(book, dana, channel)
    [field] = [block for block in dana.modal()["blocks"] if block.get("block_id") == FIELD]
    assert (field["element"]["initial_value"], field["hint"]["text"]) == ("12", "5 to 12 (4 now)")
    ack = await dana.submit(**{FIELD: "8"})
    assert ack.acked
    assert not ack.payload
    async with store.transaction() as tx:
        asked = await narrowing_of(tx, book.digest)
        assert (await proposal_by(tx, book.digest)).status is ProposalStatus.SUPERSEDED
        assert (await incident_of(tx, incident)).phase is Phase.INVESTIGATING
    assert asked is not None
    assert (asked.person.id, asked.channel) == ("dana@example.com", "slack")
    assert [one.text for one in asked.narrower.differences] == ["replicas of checkout 12 -> 8"]
    message = await eventually(lambda: next((m for m in dana.messages(channel) if "12 \u2192 8" in text_of(m)), None))
    assert "previewed and rehearsed anew" in text_of(message)
    assert not {"Approve", "Change…"} & set(labels(message.blocks)), "nothing decides meanwhile"


@pytest.mark.usefixtures("_running", "_scaling")
async def test_what_is_wider_is_said_beside_its_field_and_the_form_stays(
    book: Casebook, store: Store, dana: Person, channel: Channel
) -> None:
    await opened(book, dana, channel)
    for typed, why in (("13", "choose 5 to 12 (4 now)"), ("many", "is no whole number"), ("12", "Nothing is changed")):
        ack = await dana.submit(**{FIELD: typed})
        assert ack.payload is not None
        assert ack.payload["response_action"] == "errors"
        assert why in ack.payload["errors"][FIELD]
    async with store.transaction() as tx:
        assert await narrowing_of(tx, book.digest) is None
        noted = [e async for e in entries(tx) if e.kind is EntryKind.STEERING_REFUSED]
    assert {entry.payload["refusal"] for entry in noted} == {"not_narrower"}
    assert (await dana.submit(**{FIELD: "8"})).acked


@pytest.mark.usefixtures("_running", "_scaling")
async def test_who_may_not_decide_may_not_change_and_is_told_alone(
    book: Casebook, store: Store, ada: Person, dana: Person, channel: Channel
) -> None:
    await opened(book, ada, channel)
    assert (await ada.submit(**{FIELD: "8"})).acked
    assert await eventually(lambda: [text for text in ada.whispers() if "may decide this" in text])
    assert dana.whispers() == []
    async with store.transaction() as tx:
        assert await narrowing_of(tx, book.digest) is None


@pytest.mark.usefixtures("_running", "_scaling")
async def test_a_second_change_of_the_same_proposal_hears_who_was_first(
    book: Casebook, dana: Person, sam: Person, channel: Channel
) -> None:
    await opened(book, dana, channel)
    await dana.submit(**{FIELD: "8"})
    [message] = [m for m in sam.messages(channel) if m.user == BOT_USER and not m.visible_to]
    assert (await sam.slack.deliver("interactive", click_of(sam, message, book.digest))).acked
    await eventually(sam.modal)
    assert (await sam.submit(**{FIELD: "6"})).acked
    assert await eventually(lambda: [text for text in sam.whispers() if "replicas of checkout 12" in text])


def click_of(who: Person, message: Message, digest: str) -> dict[str, Any]:
    """A click on a card that this person's Slack has not updated yet."""
    return {
        "type": "block_actions",
        "team": {"id": "T0MIDWATCH", "domain": "midwatch-test"},
        "user": {"id": who.user.id, "username": who.user.name, "team_id": "T0MIDWATCH"},
        "api_app_id": "A0MIDWATCH",
        "token": "t",
        "container": {"type": "message", "message_ts": message.ts, "channel_id": message.channel},
        "trigger_id": who.slack.workspace.trigger(who.user.id),
        "channel": {"id": message.channel, "name": "incidents"},
        "message": {"ts": message.ts, "text": message.text, "blocks": message.blocks},
        "actions": [{"type": "button", "action_id": "change", "block_id": "do", "value": digest, "action_ts": "1.0"}],
    }


@pytest.mark.parametrize(
    "proposed",
    [
        pytest.param(body(scale()), id="a number"),
        pytest.param(body(memory(memory_request="1Gi")), id="amounts of memory"),
        pytest.param(body(scale(), *NODES), id="three steps"),
        pytest.param(body(step("argocd_sync", objects="a/b/service/c,a/b/ingress/d")), id="objects to tick"),
        pytest.param(body(step("restart_workload", summary="Restart " + "x" * 4000)), id="nothing but time and checks"),
    ],
)
def test_the_form_meets_slacks_limits(proposed: Any) -> None:
    origin = Origin(digest=Proposal.of(proposed).digest, channel="C1", thread="1.0")
    view = change_modal(origin, proposed, fields_of(proposed, now=NOW))
    assert problems_of_view(view) == []
    inputs = [block for block in view["blocks"] if block["type"] == "input"]
    assert inputs
    assert all(block["hint"]["text"].strip() for block in inputs), "every field says what may be chosen"


def test_the_card_says_who_narrowed_it() -> None:
    difference = Difference(step=1, what="replicas of checkout", before="12", after="8")
    of, by = Proposal.of(body()).digest, PersonId("dana@example.com")
    change = Narrowing(of=of, by=by, name="Dana", at=NOW, differences=(difference,))
    assert list(narrowings_of(body(narrowings=(change,)))) == ["_Narrowed by Dana: replicas of checkout 12 \u2192 8_"]
