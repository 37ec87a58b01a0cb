"""Deciding in Slack, in both modes: one message edited in place, buttons that go, refusals that only the clicker sees."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from incidents.approval import Refusal
from incidents.ids import IncidentId
from incidents.incident import Phase
from incidents.proposal import Proposal, ProposalStatus, Risk
from incidents.rejection import Hold
from orchestrator.settings import Settings
from orchestrator.slack_settings import Mode
from orchestrator.store.database import Store
from orchestrator.store.decisions import decisions_on, refusals_on
from orchestrator.store.incidents import incident_of
from orchestrator.store.proposals import proposal_by
from orchestrator.store.rejections import rejection_on
from tests.service.web import argument, casebook
from tests.service.web.casebook import Casebook
from tests.slack.midwatch import midwatch, slack_settings
from tests.slack.standin.person import NoSuchButtonError, Person, eventually, labels
from tests.slack.standin.rendering import text_of
from tests.slack.standin.server import Slack
from tests.slack.standin.workspace import BOT_USER, Channel, Message
from tools.clock import ManualClock


@pytest.fixture(params=[Mode.SOCKET, Mode.HTTP])
def settings(request: pytest.FixtureRequest, slack: Slack) -> Settings:
    return slack_settings(slack, mode=request.param)


@pytest.fixture
async def _running(slack: Slack, store: Store, clock: ManualClock, settings: Settings) -> AsyncIterator[None]:
    async with midwatch(slack, store, clock, settings):
        yield


pytestmark = pytest.mark.usefixtures("_running")


async def card(dana: Person, channel: Channel, words: str) -> Message:
    """The one card, once it says so."""

    def look() -> Message | None:
        found = [m for m in dana.messages(channel) if m.user == BOT_USER and not m.visible_to]
        assert len(found) <= 1, [text_of(m) for m in found]
        return found[0] if found and words in text_of(found[0]) else None

    return await eventually(look)


async def test_the_card_is_there_as_soon_as_the_alert(book: Casebook, dana: Person, channel: Channel) -> None:
    await book.reach(Phase.OPEN)
    message = await card(dana, channel, "Looking")
    assert message.text == "SEV1 checkout returns 5xx: looking"


async def test_a_click_on_approve_decides_and_takes_the_buttons_away(
    book: Casebook, store: Store, dana: Person, channel: Channel
) -> None:
    await book.reach(Phase.AWAITING_DECISION)
    message = await card(dana, channel, "Roll checkout back")
    assert (await dana.click(message, "Approve")).acked
    async with store.transaction() as tx:
        [decision] = await decisions_on(tx, book.digest)
        assert (decision.person.id, decision.channel) == ("dana@example.com", "slack")
    message = await card(dana, channel, "Approved")
    assert labels(message.blocks) == ["Open in console"]
    assert "Approved* by On-call primary at" in text_of(message)


async def test_a_rejection_needs_its_reason(book: Casebook, store: Store, dana: Person, channel: Channel) -> None:
    await book.reach(Phase.AWAITING_DECISION)
    message = await card(dana, channel, "Roll checkout back")
    await dana.click(message, "Reject…")
    await eventually(dana.modal)
    assert (await dana.submit(answer="  ")).payload["response_action"] == "errors"  # type: ignore[index]
    assert (await dana.submit(answer="payments are reconciled until 03:00")).acked
    async with store.transaction() as tx:
        assert (await proposal_by(tx, book.digest)).status is ProposalStatus.REJECTED
    message = await card(dana, channel, "payments are reconciled until 03:00")
    assert labels(message.blocks) == ["Look again", "Open in console"]


async def test_a_rejection_may_ask_for_the_next_best(
    book: Casebook, store: Store, dana: Person, channel: Channel
) -> None:
    incident = await book.reach(Phase.AWAITING_DECISION)
    message = await card(dana, channel, "Roll checkout back")
    await dana.click(message, "Reject…")
    await eventually(dana.modal)
    await dana.submit(answer="no rollback today", then="propose the next best", hold="for a day")
    assert await phase_of(store, incident) is Phase.INVESTIGATING
    async with store.transaction() as tx:
        rejection = await rejection_on(tx, book.digest)
    assert rejection is not None
    assert (rejection.wish.another, rejection.wish.hold) == (True, Hold.DAY)


async def test_high_risk_takes_the_targets_name(
    book: Casebook, store: Store, dana: Person, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = argument.proposal

    def risky(*given: Any, **named: Any) -> Proposal:
        body = made(*given, **named).body
        return Proposal.of(body.model_copy(update={"risk": Risk.HIGH}))

    monkeypatch.setattr(casebook, "proposal", risky)
    await book.reach(Phase.AWAITING_DECISION)
    message = await card(dana, channel, "Roll checkout back")
    await dana.click(message, "Approve…")
    await eventually(dana.modal)
    refused = await dana.submit(answer="cart")
    assert "Type checkout" in str(refused.payload)
    async with store.transaction() as tx:
        assert await decisions_on(tx, book.digest) == ()
    assert (await dana.submit(answer=" checkout ")).acked
    async with store.transaction() as tx:
        assert len(await decisions_on(tx, book.digest)) == 1


async def test_who_may_not_decide_is_told_alone_and_recorded(
    book: Casebook, store: Store, dana: Person, ada: Person, channel: Channel
) -> None:
    await book.reach(Phase.AWAITING_DECISION)
    message = await card(dana, channel, "Roll checkout back")
    assert (await ada.click(message, "Approve")).acked
    await eventually(lambda: "did not count" in ada.whispers()[0])
    assert dana.whispers() == []
    async with store.transaction() as tx:
        [refused] = await refusals_on(tx, book.digest)
    assert (refused.refusal, refused.person.id) == (Refusal.MISSING_ROLE, "ada@example.com")


async def test_a_stranger_a_bot_and_a_guest_with_a_known_address_decide_nothing(
    book: Casebook, store: Store, slack: Slack, dana: Person, channel: Channel
) -> None:
    await book.reach(Phase.AWAITING_DECISION)
    message = await card(dana, channel, "Roll checkout back")
    workspace = slack.workspace
    for user in (
        workspace.add_user("Nobody"),
        workspace.add_user("A bot", email="dana@example.com", bot=True),
        workspace.add_user("A guest", email="dana@example.com", team="T0OTHER"),
    ):
        assert (await Person(slack=slack, user=user).click(message, "Approve")).acked
    async with store.transaction() as tx:
        assert await decisions_on(tx, book.digest) == ()
        assert len(await refusals_on(tx, book.digest)) == 3


async def test_two_people_are_needed_and_one_counts_once(
    book: Casebook, store: Store, dana: Person, sam: Person, channel: Channel
) -> None:
    await book.reach(Phase.AWAITING_DECISION, approvals=2)
    message = await card(dana, channel, "0/2")
    await dana.click(message, "Approve")
    message = await card(dana, channel, "1/2")
    assert "Approve" in labels(message.blocks)
    await dana.click(message, "Approve")
    await eventually(lambda: "counts once" in dana.whispers()[0])
    await sam.click(message, "Approve")
    await card(dana, channel, "(2/2)")
    async with store.transaction() as tx:
        assert (await proposal_by(tx, book.digest)).status is ProposalStatus.APPROVED


async def test_a_late_click_is_told_that_it_is_late(
    book: Casebook, clock: ManualClock, dana: Person, channel: Channel
) -> None:
    await book.reach(Phase.AWAITING_DECISION)
    message = await card(dana, channel, "Roll checkout back")
    await clock.advance(901)
    await dana.click(message, "Approve")
    await eventually(lambda: "expired at" in dana.whispers()[0])


async def test_somebody_takes_over(book: Casebook, store: Store, dana: Person, channel: Channel) -> None:
    incident = await book.reach(Phase.AWAITING_DECISION)
    message = await card(dana, channel, "Roll checkout back")
    await dana.click(message, "Take over")
    message = await card(dana, channel, "stopped by On-call primary")
    with pytest.raises(NoSuchButtonError):
        await dana.click(message, "Approve")
    assert await phase_of(store, incident) is Phase.ESCALATED


async def test_more_evidence_withdraws_the_proposal_and_looks_again(
    book: Casebook, store: Store, dana: Person, ada: Person, channel: Channel
) -> None:
    incident = await book.reach(Phase.AWAITING_DECISION)
    message = await card(dana, channel, "Roll checkout back")
    await ada.click(message, "More evidence")
    await eventually(lambda: "Only admin or oncall or owner" in ada.whispers()[0])
    await dana.click(message, "More evidence")
    await card(dana, channel, "Looking")
    assert await phase_of(store, incident) is Phase.INVESTIGATING
    async with store.transaction() as tx:
        assert (await proposal_by(tx, book.digest)).status is ProposalStatus.SUPERSEDED


async def test_the_thread_tells_the_story_and_calls_for_the_decision(
    book: Casebook, dana: Person, channel: Channel
) -> None:
    await book.reach(Phase.AWAITING_DECISION)
    message = await card(dana, channel, "Roll checkout back")

    def told() -> str:
        return "\n".join(text_of(m) for m in dana.messages(channel, thread=message.ts))

    await eventually(lambda: "a decision is wanted until" in told() and "stronger: memory limit" in told())
    assert told().count("supervisor \u2192 observability:") == 1


async def phase_of(store: Store, incident: IncidentId) -> Phase:
    async with store.transaction() as tx:
        return (await incident_of(tx, incident)).phase
