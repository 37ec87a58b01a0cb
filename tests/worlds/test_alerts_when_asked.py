"""Alerts of a world that keeps to itself are worked out when somebody asks, and are those of minute by minute."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.worlds.conftest import REFERENCE
from worlds.clock import HandClock
from worlds.prometheus.instance import AlertState
from worlds.promql.result import VectorResult
from worlds.scenario.load import load_scenario
from worlds.server import serve
from worlds.world import Estate

MINUTES = 7
HOOK = "http://127.0.0.1:9/hook"


def estate(**changes: Any) -> tuple[Estate, HandClock]:
    """The reference world; its deploy goes on to hurt."""
    scenario = load_scenario(REFERENCE)
    clock = HandClock(scenario.now)
    return Estate(scenario, clock=clock, **changes), clock


def standing(one: Estate) -> dict[str, Any]:
    """What Prometheus and Alertmanager say of alerts."""
    at = one.now().timestamp()
    history = one.rules.engine.instant("count_over_time(ALERTS[10m])", at=at)
    assert isinstance(history, VectorResult)
    return {
        "kept": {k: (v.starts_at, v.resolved_at(one.now())) for k, v in one.alertmanager.alerts.items()},
        "rules": [
            sorted(f"{alert.labels} {alert.state} {alert.active_at}" for alert in one.rules.alerts_of(group, rule))
            for group, rules in enumerate(one.rules.groups)
            for rule in range(len(rules.rules))
        ],
        "history": sorted((str(sample.labels), sample.value) for sample in history.samples),
    }


def test_they_are_those_of_a_world_that_was_watched_all_the_time() -> None:
    (asked, late), (watched, early) = estate(), estate()
    for _ in range(MINUTES):
        early.advance(60)
        watched.due_notifications()
        late.advance(60)
        assert asked.pass_time() == []
    assert asked.rules.next_due() < watched.rules.next_due(), "nobody asked"  # type: ignore[operator]
    found = standing(asked)
    assert found == standing(watched)
    assert found["kept"], "something alerts"
    assert asked.rules.next_due() == watched.rules.next_due()


@pytest.mark.parametrize("query", ["ALERTS", 'count({__name__=~"ALERT.*"})', '{alertname!=""}'])
def test_whoever_reads_what_rules_write_gets_it_as_of_now(query: str) -> None:
    one, clock = estate()
    clock.advance(600)
    one.pass_time()
    due = one.rules.next_due()
    assert one.rules.engine.instant("up", at=one.now().timestamp()).samples  # type: ignore[union-attr]
    assert one.rules.next_due() == due, "the control: other metrics need no rules"
    assert one.rules.engine.instant(query, at=one.now().timestamp()).samples  # type: ignore[union-attr]
    assert one.rules.next_due() == due + timedelta(minutes=10) + timedelta(minutes=17)  # type: ignore[operator]


def test_a_rule_that_is_looked_at_is_up_to_date() -> None:
    one, clock = estate()
    clock.advance(60)
    one.pass_time()
    states = {
        a.state
        for g, rules in enumerate(one.rules.groups)
        for r in range(len(rules.rules))
        for a in one.rules.alerts_of(g, r)
    }
    assert AlertState.FIRING in states
    assert one.rules.status_of(0, 0).evaluated_at == one.now().replace(second=0)


def test_a_world_that_tells_somebody_does_not_wait_to_be_asked() -> None:
    one, clock = estate(webhook_url=HOOK, webhook_token="t")
    assert one.pass_time(), "somebody is told"
    due = one.rules.next_due()
    clock.advance(120)
    one.pass_time()
    assert one.rules.next_due() == due + timedelta(minutes=2)  # type: ignore[operator]


async def test_the_served_alertmanager_answers_as_of_now() -> None:
    scenario = load_scenario(REFERENCE)
    world = await serve(scenario, clock=HandClock(scenario.now))
    try:
        async with httpx.AsyncClient() as client:
            before = (await client.get(f"{world.urls['alertmanager']}/api/v2/alerts")).json()
            await world.advance(240)
            after = (await client.get(f"{world.urls['alertmanager']}/api/v2/alerts")).json()
            rules = (await client.get(f"{world.urls['prometheus']}/api/v1/rules")).json()
    finally:
        await world.stop()
    assert before
    assert max(one["updatedAt"] for one in after) > max(one["updatedAt"] for one in before)
    assert all(group["lastEvaluation"] >= "2026" for group in rules["data"]["groups"])
