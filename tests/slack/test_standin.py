"""The stand-in is as strict as Slack: unmodified Bolt and SDK clients meet its limits, its clocks and its signatures."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.slack.standin.person import Person, eventually
from tests.slack.standin.rendering import text_of
from tests.slack.standin.server import Slack, standin
from tests.slack.standin.workspace import Message

SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "*hello* &lt;you&gt;"}}
BUTTON = {"type": "button", "action_id": "go", "value": "1", "text": {"type": "plain_text", "text": "Go"}}


@pytest.fixture
async def slack() -> AsyncIterator[Slack]:
    async with standin() as running:
        running.workspace.add_channel("incidents")
        running.workspace.add_user("Dana", email="dana@example.com")
        yield running


@pytest.fixture
def client(slack: Slack) -> AsyncWebClient:
    return AsyncWebClient(token=slack.workspace.token, base_url=slack.base_url, retry_handlers=[])


def section(length: int) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": "x" * length}}


def fields(number: int) -> dict[str, Any]:
    return {"type": "section", "fields": [{"type": "mrkdwn", "text": "x"}] * number}


def labelled(length: int) -> dict[str, Any]:
    return {"type": "actions", "elements": [BUTTON | {"text": {"type": "plain_text", "text": "x" * length}}]}


@pytest.mark.parametrize(
    ("blocks", "taken"),
    [
        pytest.param([section(3000)], True, id="3000 characters of text"),
        pytest.param([section(3001)], False, id="3001 characters of text"),
        pytest.param([section(1)] * 50, True, id="50 blocks"),
        pytest.param([section(1)] * 51, False, id="51 blocks"),
        pytest.param([fields(10)], True, id="10 fields"),
        pytest.param([fields(11)], False, id="11 fields"),
        pytest.param([labelled(75)], True, id="75 characters on a button"),
        pytest.param([labelled(76)], False, id="76 characters on a button"),
        pytest.param([{"type": "nonsense"}], False, id="a block that does not exist"),
        pytest.param([section(0)], False, id="an empty text"),
    ],
)
async def test_blocks_have_limits(
    slack: Slack, client: AsyncWebClient, blocks: list[dict[str, Any]], *, taken: bool
) -> None:
    if taken:
        await client.chat_postMessage(channel="#incidents", text="t", blocks=blocks)
        assert len(slack.workspace.messages) == 1
        return
    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel="#incidents", text="t", blocks=blocks)
    assert refused.value.response["error"] == "invalid_blocks"
    assert slack.workspace.messages == []


async def test_too_many_messages_are_told_to_come_later(client: AsyncWebClient) -> None:
    async def many() -> None:
        for _ in range(20):
            await client.chat_postMessage(channel="#incidents", text="t")

    with pytest.raises(SlackApiError) as refused:
        await many()
    assert refused.value.response.status_code == 429
    assert int(refused.value.response.headers["Retry-After"]) >= 1


async def test_a_revoked_token_and_a_wrong_one_are_refused(slack: Slack, client: AsyncWebClient) -> None:
    slack.workspace.revoked = True
    with pytest.raises(SlackApiError, match="token_revoked"):
        await client.auth_test()
    slack.workspace.revoked = False
    with pytest.raises(SlackApiError, match="invalid_auth"):
        await client.auth_test(token="xoxb-another")


async def test_a_lost_answer_leaves_the_message(slack: Slack, client: AsyncWebClient) -> None:
    slack.workspace.lost_answers["chat.postMessage"] = 1
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel="#incidents", text="t")
    assert [m.text for m in slack.workspace.messages] == ["t"]


async def test_metadata_comes_back_only_when_it_is_asked_for(slack: Slack, client: AsyncWebClient) -> None:
    channel = next(iter(slack.workspace.channels))
    told = {"event_type": "midwatch", "event_payload": {"key": "k"}}
    await client.chat_postMessage(channel=channel, text="t", metadata=told)
    asked = await client.conversations_history(channel=channel, include_all_metadata=True)
    assert asked["messages"][0]["metadata"] == told
    assert "metadata" not in (await client.conversations_history(channel=channel))["messages"][0]


async def test_a_file_goes_up_in_three_steps(slack: Slack, client: AsyncWebClient) -> None:
    channel = next(iter(slack.workspace.channels))
    await client.files_upload_v2(channel=channel, filename="chart.png", content=b"\x89PNG", title="Errors")
    [message] = slack.workspace.messages
    assert [slack.workspace.files[file["id"]] for file in message.files] == [b"\x89PNG"]


def test_text_is_shown_as_people_read_it(slack: Slack) -> None:
    message = Message(
        channel="C", ts="1", user="U", text="", blocks=[SECTION, {"type": "actions", "elements": [BUTTON]}]
    )
    assert text_of(message) == "*hello* <you>\n[Go]"


def an_app(slack: Slack, client: AsyncWebClient) -> AsyncApp:
    """A small app that knows one button, one modal, one command and messages."""
    app = AsyncApp(client=client, signing_secret=slack.workspace.signing_secret)

    @app.action("go")
    async def go(ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
        title = {"type": "plain_text", "text": "Why?"}
        element = {"type": "plain_text_input", "action_id": "reason"}
        reason = {"type": "input", "block_id": "b", "label": title, "element": element}
        view = {"type": "modal", "callback_id": "m", "title": title, "submit": title, "blocks": [reason]}
        await client.views_open(trigger_id=body["trigger_id"], view=view)
        await ack()

    @app.view("m")
    async def submitted(ack: Any, view: dict[str, Any]) -> None:
        if not view["state"]["values"]["b"]["reason"]["value"]:
            await ack(response_action="errors", errors={"b": "say why"})
            return
        await ack()

    @app.command("/midwatch")
    async def command(ack: Any, command: dict[str, Any], respond: Any) -> None:
        await ack(f"you said {command['text']}")
        await respond("and this is for you alone")

    @app.command("/slow")
    async def slow(ack: Any) -> None:
        await asyncio.sleep(3.5)
        await ack()

    @app.event("message")
    async def heard(event: dict[str, Any], client: AsyncWebClient) -> None:
        await client.chat_postMessage(channel=event["channel"], text="heard", thread_ts=event["thread_ts"])

    return app


@pytest.fixture(params=["socket mode", "signed HTTP events"])
async def dana(request: pytest.FixtureRequest, slack: Slack, client: AsyncWebClient) -> AsyncIterator[Person]:
    """Dana, in front of an app that is connected in either way."""
    app = an_app(slack, client)
    person = Person(slack=slack, user=next(iter(slack.workspace.users.values())))
    if request.param == "socket mode":
        handler = AsyncSocketModeHandler(app, slack.workspace.app_token)
        await handler.connect_async()
        await slack.connected()
        yield person
        await handler.close_async()
        return

    async def answer(asked: web.Request) -> web.Response:
        bolt = AsyncBoltRequest(body=(await asked.read()).decode(), headers=dict(asked.headers))
        said = await app.async_dispatch(bolt)
        return web.Response(status=said.status, text=said.body, headers=said.first_headers_without_set_cookie())

    served = web.Application()
    served.router.add_post("/events", answer)
    runner = web.AppRunner(served)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.request_url = f"http://127.0.0.1:{runner.addresses[0][1]}/events"
    yield person
    await runner.cleanup()


async def test_a_click_opens_a_modal_whose_input_comes_back(slack: Slack, client: AsyncWebClient, dana: Person) -> None:
    channel = next(iter(slack.workspace.channels.values()))
    await client.chat_postMessage(channel=channel.id, text="t", blocks=[{"type": "actions", "elements": [BUTTON]}])
    [message] = dana.messages(channel)
    assert (await dana.click(message, "Go")).acked
    refused = await dana.submit(reason="")
    assert refused.payload == {"response_action": "errors", "errors": {"b": "say why"}}
    assert (await dana.submit(reason="because")).acked
    assert slack.workspace.views == {}


async def test_a_modal_opens_within_three_seconds_of_the_click_or_not_at_all(
    slack: Slack, client: AsyncWebClient
) -> None:
    view = {"type": "modal", "title": {"type": "plain_text", "text": "t"}, "blocks": [SECTION]}
    late = slack.workspace.trigger("U1")
    slack.workspace.triggers[late] = (time.monotonic() - 0.1, "U1")
    for trigger, error in ((late, "expired_trigger_id"), (late, "exchanged_trigger_id")):
        with pytest.raises(SlackApiError, match=error):
            await client.views_open(trigger_id=trigger, view=view)


async def test_a_command_is_answered_to_the_one_who_typed_it(slack: Slack, dana: Person) -> None:
    channel = next(iter(slack.workspace.channels.values()))
    ack = await dana.command(channel, "list")
    assert ack.payload == {"text": "you said list"}
    await eventually(lambda: dana.whispers() == ["and this is for you alone"])
    other = Person(slack=slack, user=slack.workspace.add_user("Ada"))
    assert other.whispers() == []


async def test_a_reply_in_a_thread_is_heard(slack: Slack, client: AsyncWebClient, dana: Person) -> None:
    channel = next(iter(slack.workspace.channels.values()))
    await client.chat_postMessage(channel=channel.id, text="t")
    [message] = dana.messages(channel)
    assert (await dana.reply(message, "why?")).acked
    await eventually(lambda: [m.text for m in dana.messages(channel, thread=message.ts)] == ["why?", "heard"])


async def test_three_seconds_without_an_acknowledgement_are_too_long(slack: Slack, dana: Person) -> None:
    channel = next(iter(slack.workspace.channels.values()))
    assert not (await dana.command(channel, "", name="/slow")).acked


async def test_a_request_that_was_signed_six_minutes_ago_is_refused(slack: Slack, dana: Person) -> None:
    if not slack.request_url:
        return
    slack.skew = -360
    channel = next(iter(slack.workspace.channels.values()))
    assert not (await dana.command(channel, "list")).acked
