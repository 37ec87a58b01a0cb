"""Questions about a service, asked in every way, answered by a worker from a served estate: with sources, times, honestly."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from incidents.incident import Phase
from orchestrator.slack_settings import Mode
from orchestrator.store.database import Store
from tests.agents.model.openai_server import Script, calls, served
from tests.orchestrator.staging import Stage, stage
from tests.slack.midwatch import midwatch, slack_settings
from tests.slack.standin.person import Person, eventually
from tests.slack.standin.rendering import text_of
from tests.slack.standin.server import Slack
from tests.slack.standin.workspace import BOT_USER, Channel, Message

BOT = f"<@{BOT_USER}>"
FROM = re.compile(r"_from (Kubernetes|GitHub|OpenCost|Prometheus|Argo CD|Midwatch's directory) \d\d:\d\d_")


@pytest.fixture(params=list(Mode))
def mode(request: pytest.FixtureRequest) -> Mode:
    found: Mode = request.param
    return found


@pytest.fixture
async def estate(tmp_path: Path, database_url: str, slack: Slack, mode: Mode) -> AsyncIterator[Stage]:
    """The estate of the reference incident, about which nobody was alerted yet; Midwatch's web role in that mode."""
    async with AsyncExitStack() as stack:
        on = await stack.enter_async_context(stage(tmp_path, database_url, alerts=False))
        store = await stack.enter_async_context(Store(database_url, clock=on.clock))
        await stack.enter_async_context(midwatch(slack, store, on.clock, slack_settings(slack, mode=mode)))
        yield on


async def answered(on: Stage, slack: Slack, asked: Message, words: str) -> Message:
    """The one message below the question, once it says so."""
    await on.jobs.drain()

    def look() -> Message:
        mine = [m for m in slack.workspace.messages if m.user == BOT_USER and m.thread_ts == asked.ts and not m.files]
        assert len(mine) == 1, [text_of(m) for m in mine]
        found = mine[0]
        assert words in text_of(found), text_of(found)
        assert not found.streaming
        return found

    return await eventually(look)


def last_said(slack: Slack, person: Person) -> Message:
    return [m for m in slack.workspace.messages if m.user == person.user.id][-1]


ASKED = {
    "who owns checkout?": "checkout belongs to orders (team)",
    "What changed in checkout?": "resources.limits.memory 512Mi \u2192 256Mi",
    "is checkout deployed": "checkout runs revision 5 (checkout:1.42.1)",
    "what does checkout cost?": "$ a month",
    "who owns chekout?": "Did you mean checkout?",
}


async def test_a_mention_is_answered_once_below_it_with_source_and_time(
    estate: Stage, slack: Slack, dana: Person, channel: Channel
) -> None:
    for text, words in ASKED.items():
        await dana.say(channel, f"{BOT} {text}")
        found = await answered(estate, slack, last_said(slack, dana), words)
        lines = [line for line in text_of(found).splitlines() if line.startswith("\u2022")]
        assert all(FROM.search(line) for line in lines), lines


async def test_a_message_to_the_bot_is_answered_there(estate: Stage, slack: Slack, dana: Person) -> None:
    direct = await dana.write("who owns checkout?")
    found = await answered(estate, slack, last_said(slack, dana), "orders (team)")
    assert found.channel == direct.id


async def test_what_is_no_known_question_is_told_what_can_be_asked(
    estate: Stage, slack: Slack, dana: Person, channel: Channel
) -> None:
    await dana.say(channel, f"{BOT} make me a coffee")
    await answered(estate, slack, last_said(slack, dana), "I did not understand that as a question about a service")
    await dana.say(channel, f"{BOT} who owns it?")
    await answered(estate, slack, last_said(slack, dana), "Of which service?")


async def test_commands_answer_who_typed_them_alone(
    estate: Stage, slack: Slack, dana: Person, ada: Person, channel: Channel
) -> None:
    expected = {"owner": "orders (team)", "changes": "256Mi", "deployed": "revision 5", "cost": "$ a month"}
    for word, words in expected.items():
        ack = await dana.command(channel, f"{word} checkout")
        assert "Looking up" in (ack.payload or {})["text"]
        await estate.jobs.drain()
        await eventually(lambda words=words: words in "\n".join(dana.whispers()))
    assert "Say of what" in ((await dana.command(channel, "owner")).payload or {})["text"]
    assert ada.whispers() == []


async def test_a_guest_of_another_workspace_is_told_nothing_about_the_estate(
    estate: Stage, slack: Slack, channel: Channel
) -> None:
    guest = Person(slack=slack, user=slack.workspace.add_user("Gus", email="gus@elsewhere.example", team="T0ELSE"))
    await guest.say(channel, f"{BOT} who owns checkout?")
    ack = await guest.command(channel, "owner checkout")
    assert "Only members" in (ack.payload or {})["text"]
    await estate.jobs.drain()
    assert [m for m in slack.workspace.messages if m.user == BOT_USER] == []


async def test_in_a_thread_it_is_the_incidents_and_curves_are_drawn(
    tmp_path: Path, database_url: str, slack: Slack, dana: Person, channel: Channel, mode: Mode
) -> None:
    async with AsyncExitStack() as stack:
        on = await stack.enter_async_context(stage(tmp_path, database_url))
        store = await stack.enter_async_context(Store(database_url, clock=on.clock))
        await stack.enter_async_context(midwatch(slack, store, on.clock, slack_settings(slack, mode=mode)))
        await on.until(Phase.AWAITING_DECISION)

        def cards() -> list[Message]:
            return [m for m in slack.workspace.messages if "Roll checkout back" in text_of(m) and not m.thread_ts]

        message = (await eventually(cards))[0]

        def below(words: str) -> list[Message]:
            return [m for m in slack.workspace.messages if m.thread_ts == message.ts and words in text_of(m)]

        await dana.reply(message, "who owns it?")
        await on.jobs.drain()
        await eventually(lambda: below("checkout belongs to orders (team)"))
        await dana.reply(message, "show me p99 of checkout")
        await on.jobs.drain()
        await eventually(lambda: below("p99 latency of checkout: "))
        drawn = await eventually(
            lambda: [m for m in slack.workspace.messages if m.files and "drawing" in m.files[0]["name"]]
        )
        assert drawn[0].thread_ts == message.ts
        await dana.reply(message, "why not the cart deploy?")
        await eventually(lambda: below("cart"))


async def test_without_streams_the_answer_is_a_message_that_is_edited(
    estate: Stage, slack: Slack, dana: Person, channel: Channel
) -> None:
    slack.workspace.lacks.add("chat.startStream")
    for _ in range(2):
        await dana.say(channel, f"{BOT} who owns checkout?")
        asked = last_said(slack, dana)
        await eventually(lambda asked=asked: [m for m in slack.workspace.messages if m.thread_ts == asked.ts])
        await answered(estate, slack, asked, "orders (team)")
    tried = [error for name, error, _ in slack.workspace.refused if name == "chat.startStream"]
    assert tried in ([], ["unknown_method"]), "what the workspace does not know is not asked for again"


async def test_with_streams_a_task_is_shown_until_it_is_answered(
    estate: Stage, slack: Slack, dana: Person, channel: Channel
) -> None:
    await dana.say(channel, f"{BOT} who owns checkout?")
    asked = last_said(slack, dana)

    def below() -> list[Message]:
        return [m for m in slack.workspace.messages if m.thread_ts == asked.ts]

    shown = (await eventually(below))[0]
    assert shown.streaming
    assert [task["status"] for task in shown.tasks.values()] == ["in_progress"]
    found = await answered(estate, slack, asked, "orders (team)")
    assert [(task["status"], task["title"]) for task in found.tasks.values()] == [("complete", "Who owns checkout")]


async def test_a_model_reads_what_the_grammar_does_not_and_code_answers(
    tmp_path: Path, database_url: str, slack: Slack, dana: Person, channel: Channel
) -> None:
    script = Script(
        [calls("Intent", {"topic": "owner", "name": "checkout"}), calls("Intent", {"topic": "owner", "name": "moon"})]
    )
    with served(script) as url:
        model = {"name": "openai:any", "base_url": url, "api_key": "a-key-for-the-script"}
        async with AsyncExitStack() as stack:
            on = await stack.enter_async_context(stage(tmp_path, database_url, alerts=False, model=model))
            store = await stack.enter_async_context(Store(database_url, clock=on.clock))
            settings = slack_settings(slack).model_copy(update={"model": on.settings.model})
            await stack.enter_async_context(midwatch(slack, store, on.clock, settings))
            await dana.say(channel, f"{BOT} whom do I wake about checkout at night")
            await answered(on, slack, last_said(slack, dana), "Who owns checkout")
            await dana.say(channel, f"{BOT} whom do I wake about the moon")
            await answered(on, slack, last_said(slack, dana), "Of which service?")
    assert "whom do I wake about checkout" in script.prompt
