"""Doctor's look at Slack: each thing that is wrong is a row that says what it means and what to do, and nothing is posted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orchestrator.slack_settings import Mode
from service.doctor.finding import Finding, State
from service.doctor.slack import check
from tests.service.web.serving import web_settings
from tests.slack.midwatch import slack_settings
from tests.slack.standin.server import Slack
from tests.slack.standin.workspace import Channel

Broken = Callable[[Slack], dict[str, object]]


def as_it_is(_: Slack) -> dict[str, object]:
    return {}


def revoked(slack: Slack) -> dict[str, object]:
    slack.workspace.revoked = True
    return {}


def down(slack: Slack) -> dict[str, object]:
    slack.workspace.down = True
    return {}


def older_manifest(slack: Slack) -> dict[str, object]:
    slack.workspace.scopes -= {"files:write", "im:history"}
    return {}


def cannot_write(slack: Slack) -> dict[str, object]:
    slack.workspace.scopes -= {"chat:write"}
    return {}


def not_invited(slack: Slack) -> dict[str, object]:
    slack.workspace.add_channel("payments", invited=False)
    return {"routes": [{"channel": "#payments", "severity": "SEV2"}, {"channel": "#nowhere"}]}


def wrong_app_token(_: Slack) -> dict[str, object]:
    return {"app_token": "xapp-of-another-app"}


def nobody_to_call(slack: Slack) -> dict[str, object]:
    slack.workspace.groups["S0ONCALL"] = ("oncall", [])
    return {"mention": "S0ONCALL", "routes": [{"channel": "#incidents", "mention": "S0GONE"}]}


CASES = [
    pytest.param(as_it_is, "Slack", State.OK, "all scopes granted", "", id="all is well"),
    pytest.param(revoked, "Slack", State.FAILED, "token_revoked", "MIDWATCH_SLACK__BOT_TOKEN", id="token revoked"),
    pytest.param(down, "Slack", State.FAILED, "503", "may reach https://slack.com", id="Slack is down"),
    pytest.param(
        older_manifest,
        "Slack",
        State.DEGRADED,
        "without files:write, im:history",
        "slack-manifest.yaml",
        id="old scopes",
    ),
    pytest.param(cannot_write, "Slack", State.FAILED, "without chat:write", "slack-manifest.yaml", id="no chat:write"),
    pytest.param(
        not_invited, "Slack channels", State.FAILED, "#payments: the bot is not in it", "/invite", id="not invited"
    ),
    pytest.param(
        not_invited, "Slack channels", State.FAILED, "#nowhere: is not there", "#nowhere", id="no such channel"
    ),
    pytest.param(as_it_is, "Slack channels", State.OK, "#incidents", "", id="channels are reached"),
    pytest.param(
        wrong_app_token, "Slack's way in", State.FAILED, "invalid_auth", "connections:write", id="wrong app token"
    ),
    pytest.param(as_it_is, "Slack's way in", State.OK, "Socket Mode", "", id="a socket can be opened"),
    pytest.param(nobody_to_call, "Slack mentions", State.DEGRADED, "S0GONE: no user group", "S...", id="no such group"),
]


async def rows(slack: Slack, **changes: object) -> dict[str, Finding]:
    found = await check(slack_settings(slack, **changes))  # type: ignore[arg-type] # settings of Slack
    return {row.what: row for row in found}


@pytest.mark.parametrize(("broken", "what", "state", "found", "advice"), CASES)
async def test_a_row_says_what_is_wrong_and_what_to_do(
    slack: Slack, channel: Channel, broken: Broken, what: str, state: State, found: str, advice: str
) -> None:
    row = (await rows(slack, **broken(slack)))[what]
    assert row.state is state, row
    assert found in row.found
    assert advice in row.do
    assert bool(row.do) is (state is not State.OK)
    assert row.means
    assert slack.workspace.messages == []


@pytest.mark.parametrize(
    ("address", "state"),
    [
        pytest.param("https://midwatch.example.com", State.OK, id="an address that Slack reaches"),
        pytest.param("", State.DEGRADED, id="none"),
    ],
)
async def test_signed_requests_need_a_public_address(slack: Slack, address: str, state: State) -> None:
    settings = slack_settings(slack, mode=Mode.HTTP)
    listen = settings.listen.model_copy(update={"public_url": address})
    found = {row.what: row for row in await check(settings.model_copy(update={"listen": listen}))}
    assert found["Slack's way in"].state is state


async def test_without_a_token_it_is_said_where_to_get_one() -> None:
    [row] = await check(web_settings())
    assert (row.state, row.do) == (State.MISSING, "five minutes: docs/slack.md")
