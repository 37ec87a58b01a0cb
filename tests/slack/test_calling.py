"""Whom Slack rings for, and when: routes, mentions, reminders, quiet hours, snoozing."""

from __future__ import annotations

from typing import Any

import pytest

from incidents.alert import Severity
from incidents.ids import EntityId
from incidents.incident import Incident, Phase
from orchestrator.slack_settings import QuietHours
from orchestrator.slack_settings import Slack as SlackSettings
from orchestrator.store.database import Store
from orchestrator.store.outbox import message_of
from tests.incidents.making import NOW
from tests.service.web.casebook import Casebook
from tests.slack.midwatch import midwatch, slack_settings
from tests.slack.standin.person import Person, eventually
from tests.slack.standin.rendering import text_of
from tests.slack.standin.server import Slack
from tests.slack.standin.workspace import BOT_USER, Channel, Message
from tools.clock import ManualClock

ROUTES = [
    {"channel": "#payments", "namespaces": ["pay*"], "severity": "SEV2", "mention": "S0PAY"},
    {"channel": "#batch", "services": ["batch-*"]},
    {"channel": "#staging", "clusters": ["staging"]},
]


def incident(entity: str, severity: Severity = Severity.SEV1) -> Incident:
    return Incident(
        id="inc-1",
        title="t",
        severity=severity,
        phase=Phase.OPEN,
        cluster=entity.split("/", maxsplit=1)[0],
        entities=(EntityId(entity),),
        opened_at=NOW,
        started_at=NOW,
        graph_version="1",
    )


@pytest.mark.parametrize(
    ("about", "channel"),
    [
        pytest.param(incident("prod/payments/deployment/api"), "#payments", id="by namespace"),
        pytest.param(
            incident("prod/payments/deployment/api", Severity.SEV3), "#incidents", id="too mild for the route"
        ),
        pytest.param(incident("prod/shop/deployment/batch-report"), "#batch", id="by service"),
        pytest.param(incident("staging/shop/deployment/web"), "#staging", id="by cluster"),
        pytest.param(incident("prod/shop/deployment/web"), "#incidents", id="no route takes it"),
    ],
)
def test_where_an_incident_goes(about: Incident, channel: str) -> None:
    assert SlackSettings.model_validate({"routes": ROUTES}).route_of(about).channel == channel


@pytest.mark.parametrize(
    ("hour", "severity", "quiet"),
    [
        pytest.param(23, Severity.SEV3, True, id="at night, mild"),
        pytest.param(3, Severity.SEV3, True, id="after midnight, mild"),
        pytest.param(3, Severity.SEV1, False, id="at night, severe"),
        pytest.param(6, Severity.SEV3, False, id="in the morning"),
        pytest.param(12, Severity.SEV4, False, id="by day"),
    ],
)
def test_quiet_hours(hour: int, severity: Severity, *, quiet: bool) -> None:
    hours = QuietHours(start=22, end=6, severity=Severity.SEV2)
    assert hours.quiet(hour=hour, severity=severity) is quiet
    assert not QuietHours().quiet(hour=hour, severity=severity)


@pytest.fixture
def called() -> dict[str, Any]:
    return {"mention": "S0ONCALL"}


async def the_card(dana: Person, channel: Channel) -> Message:
    def look() -> Message | None:
        found = [m for m in dana.messages(channel) if m.user == BOT_USER and "Roll checkout" in text_of(m)]
        return found[0] if found else None

    return await eventually(look)


async def test_a_decision_calls_once_and_again_when_time_runs_out(
    slack: Slack,
    store: Store,
    clock: ManualClock,
    book: Casebook,
    channel: Channel,
    dana: Person,
    called: dict[str, Any],
) -> None:
    async with midwatch(slack, store, clock, slack_settings(slack, **called)):
        await book.reach(Phase.AWAITING_DECISION)
        await the_card(dana, channel)
        await eventually(lambda: len(slack.workspace.notified) == 1)
        await clock.advance(620)
        await eventually(lambda: len(slack.workspace.notified) == 2, seconds=20)
    assert {mention for mention, _ in slack.workspace.notified} == {"!subteam^S0ONCALL"}


async def test_in_quiet_hours_severe_incidents_call_all_the_same(
    slack: Slack,
    store: Store,
    clock: ManualClock,
    book: Casebook,
    channel: Channel,
    dana: Person,
    called: dict[str, Any],
) -> None:
    hour = clock.now().hour
    called["quiet_hours"] = {"start": hour, "end": (hour + 1) % 24, "severity": 1}
    async with midwatch(slack, store, clock, slack_settings(slack, **called)):
        await book.reach(Phase.AWAITING_DECISION)
        await the_card(dana, channel)
        await eventually(lambda: len(slack.workspace.notified) == 1)


async def test_a_snoozed_incident_reminds_nobody(
    slack: Slack,
    store: Store,
    clock: ManualClock,
    book: Casebook,
    channel: Channel,
    dana: Person,
    called: dict[str, Any],
) -> None:
    async with midwatch(slack, store, clock, slack_settings(slack, **called)) as host:
        incident_id = await book.reach(Phase.AWAITING_DECISION)
        message = await the_card(dana, channel)
        await eventually(lambda: len(slack.workspace.notified) == 1)
        await clock.advance(600)
        await dana.choose(message, "Snooze for 15 min")
        await eventually(lambda: "No reminders" in dana.whispers()[0])
        await clock.advance(30)
        await host.composer.compose(incident_id)
        async with store.transaction() as tx:
            assert await message_of(tx, f"reminder:{book.digest}") is None


async def test_a_call_that_nobody_heard_is_taken_back_when_it_is_decided(
    slack: Slack,
    store: Store,
    clock: ManualClock,
    book: Casebook,
    channel: Channel,
    dana: Person,
    called: dict[str, Any],
) -> None:
    async with midwatch(slack, store, clock, slack_settings(slack, **called)) as host:
        await book.reach(Phase.INVESTIGATING)
        await eventually(lambda: dana.messages(channel))
        slack.workspace.down = True
        for step in (book.second_round, book.diagnose, book.propose):
            await step()
        await host.composer.compose(book.incident)
        await book.approve()
        await host.composer.compose(book.incident)
        slack.workspace.down = False
        await eventually(lambda: "Approved" in text_of(dana.messages(channel)[0]), seconds=30)
    assert slack.workspace.notified == []
