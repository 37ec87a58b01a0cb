"""From samples to webhook with a clock that is moved by hand: no waiting, real HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import numpy as np
import pytest

from tests.worlds.telemetry.alertmanager.hook import Hook, listening
from worlds.alertmanager.config import load_config
from worlds.alertmanager.core import Alertmanager
from worlds.alertmanager.sender import WebhookSender
from worlds.alertmanager.silence import SilenceRequest
from worlds.prometheus.alerting import Alerting
from worlds.prometheus.evaluator import External, RuleEvaluator
from worlds.prometheus.rules import load_rules
from worlds.promql.memory import MemoryStorage
from worlds.promql.storage import METRIC_NAME, Matcher, MatchOp, Series

T0 = datetime(2026, 11, 17, 2, 30, tzinfo=UTC)
RULES = """
groups:
- name: estate
  interval: 15s
  rules:
  - alert: Down
    expr: up == 0
    for: 1m
    labels: {severity: critical}
    annotations: {summary: '{{ $labels.instance }} is down'}
"""
CONFIG = """
route: {receiver: hook, group_by: [alertname], group_wait: 30s, group_interval: 5m, repeat_interval: 1h}
receivers:
- name: hook
  webhook_configs: [{url: URL}]
"""
FIRED = T0 + timedelta(seconds=315 + 60)  # the first evaluation with up == 0 is at 315 s


def storage() -> MemoryStorage:
    times = T0.timestamp() + np.arange(0, 4 * 3600, 15.0)
    age = times - T0.timestamp()
    first, second = np.where((age > 300) & (age <= 900), 0.0, 1.0), np.where((age > 400) & (age <= 9000), 0.0, 1.0)
    return MemoryStorage(
        Series(labels={METRIC_NAME: "up", "instance": name}, timestamps=times, values=values)
        for name, values in (("a", first), ("b", second))
    )


def alerting(hook: Hook) -> Alerting:
    external = External(labels={"cluster": "eu-1"})
    return Alerting(
        rules=RuleEvaluator(load_rules(RULES), storage=storage(), start=T0, external=external),
        alertmanager=Alertmanager(load_config(CONFIG.replace("URL", hook.url))),
    )


async def moved(alerting: Alerting, to: timedelta, *, step: timedelta) -> None:
    async with httpx.AsyncClient() as client:
        sender = WebhookSender(client=client, give_up_seconds=0.2)
        now = T0
        while now < T0 + to:
            now += step
            await alerting.deliver(alerting.step(now), sender)


@pytest.mark.parametrize("seconds", [5, 60], ids=["a clock that creeps", "a clock that leaps"])
async def test_an_outage_is_told_grown_partly_resolved_repeated_and_resolved(seconds: int) -> None:
    with listening() as hook:
        await moved(alerting(hook), timedelta(hours=3), step=timedelta(seconds=seconds))
    told = [
        (body["status"], [(one["labels"]["instance"], one["status"]) for one in body["alerts"]]) for body in hook.bodies
    ]
    assert told == [
        ("firing", [("a", "firing")]),
        ("firing", [("a", "firing"), ("b", "firing")]),
        ("firing", [("a", "resolved"), ("b", "firing")]),
        ("firing", [("b", "firing")]),
        ("firing", [("b", "firing")]),
        ("resolved", [("b", "resolved")]),
    ]
    first = hook.bodies[0]
    assert first["alerts"][0]["startsAt"] == FIRED.isoformat().replace("+00:00", "Z")
    assert first["alerts"][0]["endsAt"] == "0001-01-01T00:00:00Z"
    assert first["commonLabels"] == {"alertname": "Down", "cluster": "eu-1", "instance": "a", "severity": "critical"}
    assert first["groupKey"] == '{}:{alertname="Down"}'
    assert first["alerts"][0]["generatorURL"].endswith("/graph?g0.expr=up+%3D%3D+0&g0.tab=1")
    assert hook.bodies[2]["alerts"][0]["endsAt"] == (T0 + timedelta(seconds=915)).isoformat().replace("+00:00", "Z")


async def test_what_was_refused_is_told_at_the_next_flush() -> None:
    with listening() as hook:
        hook.statuses = [400]
        await moved(alerting(hook), timedelta(seconds=420), step=timedelta(seconds=5))
        assert hook.bodies == []
        await moved(alerting(hook), timedelta(seconds=420), step=timedelta(seconds=5))
        assert len(hook.bodies) == 1


async def test_a_failed_delivery_is_repeated_because_the_journal_does_not_know_it() -> None:
    with listening() as hook:
        world = alerting(hook)
        hook.statuses = [400]
        await moved(world, timedelta(minutes=13), step=timedelta(seconds=5))
    assert len(hook.headers) == 2
    assert len(hook.bodies) == 1


async def test_a_silence_mutes_and_its_end_lets_the_alert_through() -> None:
    with listening() as hook:
        world = alerting(hook)
        silence = SilenceRequest(
            id="",
            matchers=(Matcher(name="alertname", op=MatchOp.EQUAL, value="Down"),),
            starts_at=T0,
            ends_at=T0 + timedelta(hours=1),
            created_by="me",
            comment="maintenance",
        )
        world.alertmanager.silences.put(silence, now=T0)
        await moved(world, timedelta(minutes=59), step=timedelta(minutes=1))
        assert hook.bodies == []
        await moved(world, timedelta(minutes=70), step=timedelta(minutes=1))
        assert [one["labels"]["instance"] for one in hook.bodies[0]["alerts"]] == ["b"]
