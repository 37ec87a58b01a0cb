"""Replies, commands and the home tab: what is said is kept, obeyed or answered from the records, and refused with words."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from incidents.evidence import Source
from incidents.incident import Phase
from incidents.proposal import ProposalStatus
from orchestrator.settings import Settings
from orchestrator.slack_settings import Mode
from orchestrator.store.casefiles import load_case
from orchestrator.store.control import switch_of
from orchestrator.store.database import Store
from orchestrator.store.incidents import incident_of
from orchestrator.store.instructions import InstructionKind, instructions_of, left_alone
from orchestrator.store.proposals import proposal_by
from service.slack.asking import Meaning, understood
from tests.service.web.casebook import Casebook
from tests.slack.midwatch import midwatch, slack_settings
from tests.slack.standin.person import Person, eventually
from tests.slack.standin.rendering import blocks_text, text_of
from tests.slack.standin.server import Slack
from tests.slack.standin.workspace import BOT_USER, Channel, Message
from tools.clock import ManualClock


@pytest.fixture(params=[Mode.SOCKET, Mode.HTTP])
def settings(request: pytest.FixtureRequest, slack: Slack) -> Settings:
    return slack_settings(slack, mode=request.param)


@pytest.fixture
async def card(
    slack: Slack, store: Store, clock: ManualClock, settings: Settings, book: Casebook, dana: Person, channel: Channel
) -> AsyncIterator[Message]:
    """The reference incident's card, waiting for a decision."""
    async with midwatch(slack, store, clock, settings):
        await book.reach(Phase.AWAITING_DECISION)

        def look() -> Message | None:
            found = [m for m in dana.messages(channel) if m.user == BOT_USER and "Roll checkout" in text_of(m)]
            return found[0] if found else None

        yield await eventually(look)


@pytest.mark.parametrize(
    ("text", "meaning", "name"),
    [
        pytest.param("leave payments alone", Meaning.HANDS_OFF, "payments", id="leave it alone"),
        pytest.param("Please leave Payments alone.", Meaning.HANDS_OFF, "payments", id="politely"),
        pytest.param("don't touch cart", Meaning.HANDS_OFF, "cart", id="do not touch it"),
        pytest.param("don\u2019t restart cart!", Meaning.HANDS_OFF, "cart", id="do not restart it"),
        pytest.param("why not the 14:32 deploy?", Meaning.QUESTION, "", id="a question"),
        pytest.param("show me p99 of payments", Meaning.QUESTION, "", id="a request to show"),
        pytest.param("<@U0MIDWATCH> what changed", Meaning.QUESTION, "", id="a question to the bot"),
        pytest.param("we lowered the limit on purpose", Meaning.CONTEXT, "", id="something to know"),
        pytest.param("leave `payments` alone", Meaning.HANDS_OFF, "payments", id="a name typed as code"),
        pytest.param("*leave payments alone*", Meaning.HANDS_OFF, "payments", id="in bold"),
        pytest.param(
            "ok, please don't touch the payments service", Meaning.HANDS_OFF, "payments", id="with an article"
        ),
        pytest.param("can you leave payments alone?", Meaning.HANDS_OFF, "payments", id="asked for"),
        pytest.param("leave payments and cart alone", Meaning.HANDS_OFF, "payments cart", id="two names"),
        pytest.param(
            "don't restart payments, cart or the web", Meaning.HANDS_OFF, "payments cart web", id="three names"
        ),
        pytest.param("Stay away from payments.", Meaning.HANDS_OFF, "payments", id="stay away from it"),
        pytest.param("dont scale cart", Meaning.HANDS_OFF, "cart", id="typed in a hurry"),
        pytest.param("stop restarting cart", Meaning.HANDS_OFF, "cart", id="stop doing it"),
        pytest.param("stop the press", Meaning.CONTEXT, "", id="stop something else"),
        pytest.param("nobody should leave payments alone with this", Meaning.CONTEXT, "", id="no instruction"),
    ],
)
def test_what_somebody_means(text: str, meaning: Meaning, name: str) -> None:
    said = understood(text)
    assert (said.meaning, " ".join(said.names)) == (meaning, name)


def answers(dana: Person, channel: Channel, card: Message) -> str:
    return "\n".join(m.text for m in dana.messages(channel, thread=card.ts) if m.user == BOT_USER)


async def test_a_question_is_answered_from_what_was_ruled_out(card: Message, dana: Person, channel: Channel) -> None:
    assert (await dana.reply(card, "why not the cart deploy at 02:44?")).acked
    await eventually(lambda: "after the first OOM kill" in answers(dana, channel, card))


async def test_a_question_that_nothing_speaks_of_is_said_to_be_one(
    card: Message, dana: Person, channel: Channel
) -> None:
    await dana.reply(card, "is it the moon?")
    await eventually(lambda: "Nothing that was seen speaks of that" in answers(dana, channel, card))


async def test_context_is_kept_once(
    card: Message, dana: Person, channel: Channel, store: Store, book: Casebook
) -> None:
    await dana.reply(card, "we lowered the limit on purpose <!channel>")
    await eventually(lambda: "Noted" in answers(dana, channel, card))
    async with store.transaction() as tx:
        [said] = await instructions_of(tx, book.incident)
    assert (said.kind, said.person) == (InstructionKind.CONTEXT, "On-call primary")
    await eventually(lambda: any("on purpose" in text_of(m) for m in dana.messages(channel, thread=card.ts)[1:]))
    assert dana.slack.workspace.notified == []


async def test_a_claim_is_kept_as_evidence_and_asked_about(
    card: Message, dana: Person, channel: Channel, store: Store, book: Casebook
) -> None:
    await dana.reply(card, "cart was also deployed by hand at 02:31")
    await eventually(lambda: "told by you: by itself it proves nothing" in answers(dana, channel, card))
    assert "has cicd look what changed of cart around 02:31 UTC" in answers(dana, channel, card)
    async with store.transaction() as tx:
        case = await load_case(tx, book.incident)
        assert (await proposal_by(tx, book.digest)).status is ProposalStatus.PENDING, "a word withdraws nothing"
    [evidence] = [one for one in case.evidence if one.source is Source.MIDWATCH]
    [question] = [one for one in case.questions if one.told]
    assert (evidence.body, question.told) == ("cart was also deployed by hand at 02:31", evidence.id)
    assert question.entities[0].endswith("/cart")


async def test_leave_it_alone_withdraws_what_touches_it(
    card: Message, dana: Person, channel: Channel, store: Store, book: Casebook
) -> None:
    assert (await dana.reply(card, "leave checkout alone")).acked
    async with store.transaction() as tx:
        assert any(entity.endswith("/checkout") for entity in await left_alone(tx, book.incident))
        assert (await proposal_by(tx, book.digest)).status is ProposalStatus.SUPERSEDED
        assert (await incident_of(tx, book.incident)).phase is Phase.INVESTIGATING


async def test_only_who_may_steer_steers_and_only_what_exists(
    card: Message, dana: Person, ada: Person, channel: Channel, store: Store, book: Casebook
) -> None:
    await ada.reply(card, "leave checkout alone")
    await eventually(lambda: "Only admin or oncall or owner" in answers(dana, channel, card))
    await dana.reply(card, "leave the-moon alone")
    await eventually(lambda: "Nothing here is called the-moon" in answers(dana, channel, card))
    async with store.transaction() as tx:
        assert await left_alone(tx, book.incident) == frozenset()


@pytest.mark.usefixtures("card")
async def test_the_commands_answer_who_typed_them(dana: Person, channel: Channel, book: Casebook) -> None:
    expected = {
        "": "What Midwatch can do here",
        "help": "What it cannot",
        "nonsense": "nonsense is no command",
        "list": "waiting for a decision",
        f"show {book.incident}": "Memory limit of checkout lowered",
        "explain checkout": "for: ",
        "changes checkout": "lowered",
        "changes the-moon": "No incident saw a change of the-moon",
        "show the-moon": "No incident is called the-moon",
    }
    for text, words in expected.items():
        ack = await dana.command(channel, text)
        assert ack.payload is not None, text
        assert words in ack.payload["text"], (text, ack.payload["text"])
        assert ack.payload.get("response_type", "ephemeral") == "ephemeral"


@pytest.mark.usefixtures("card")
async def test_pausing_takes_a_role_and_a_reason(dana: Person, ada: Person, channel: Channel, store: Store) -> None:
    refused = await ada.command(channel, "pause I want to")
    assert "has no such role" in (refused.payload or {})["text"]
    assert "Say why" in ((await dana.command(channel, "pause")).payload or {})["text"]
    await dana.command(channel, "pause the network is being changed")
    async with store.transaction() as tx:
        switch = await switch_of(tx)
    assert (switch.paused, switch.by) == (True, "dana@example.com")
    await dana.command(channel, "resume")
    async with store.transaction() as tx:
        assert not (await switch_of(tx)).paused


@pytest.mark.usefixtures("card")
async def test_approving_by_command_is_the_same_decision(
    dana: Person, ada: Person, channel: Channel, store: Store, book: Casebook
) -> None:
    assert "did not count" in ((await ada.command(channel, f"approve {book.incident}")).payload or {})["text"]
    assert "Approved (1/1)" in ((await dana.command(channel, f"approve {book.incident}")).payload or {})["text"]
    async with store.transaction() as tx:
        assert (await proposal_by(tx, book.digest)).status is ProposalStatus.APPROVED


@pytest.mark.usefixtures("card")
async def test_the_home_tab_shows_what_waits_and_holds_the_switch(dana: Person, ada: Person, store: Store) -> None:
    for person in (dana, ada):
        await person.open_home()
    homes = dana.slack.workspace.homes
    await eventually(lambda: len(homes) == 2)
    assert "checkout returns 5xx" in blocks_text(homes[dana.user.id]["blocks"])
    assert "[Pause all execution]" in blocks_text(homes[dana.user.id]["blocks"])
    assert "[Pause all execution]" not in blocks_text(homes[ada.user.id]["blocks"])
    assert (await dana.click_home("Pause all execution")).acked
    await eventually(lambda: "[Resume]" in blocks_text(homes[dana.user.id]["blocks"]))
    async with store.transaction() as tx:
        assert (await switch_of(tx)).paused
