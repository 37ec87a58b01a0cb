"""Rules that are evaluated for a whole past at once say what they say one evaluation after the other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.worlds.conftest import REFERENCE, SCENARIOS
from tests.worlds.telemetry.promql.samples import START, build
from worlds.clock import HandClock
from worlds.prometheus.evaluator import RuleEvaluator
from worlds.prometheus.instance import AlertInstance
from worlds.prometheus.rules import load_rules
from worlds.promql.storage import Storage
from worlds.scenario.load import load_scenario
from worlds.world import DEFAULT_RULES, Estate

CHAINED = """
groups:
- name: estate
  interval: 30s
  rules:
  - {record: 'job:up:sum', expr: sum by (job) (up)}
  - {alert: SomeDown, expr: 'job:up:sum < 3', for: 1m, annotations: {summary: '{{ $labels.job }}'}}
  - {alert: Pending, expr: 'count(ALERTS{alertname="SomeDown", alertstate="pending"}) > 0'}
  - {alert: Broken, expr: 'up + on (job) up'}
  - {alert: Growing, expr: 'sum(rate(http_requests_total[5m])) > 0', for: 2m}
"""


def history(rules: str, storage: Storage, *, start: datetime, now: datetime, ahead: bool) -> list[list[str]]:
    """What stands after every minute, rule by rule, whatever the order."""
    evaluator = RuleEvaluator(load_rules(rules), storage=storage, start=start)
    if ahead:
        evaluator.look_ahead(now)
    told = []
    moment = start
    while moment <= now:
        told.append(sorted(f"{one.labels} {one.starts_at} {one.annotations}" for one in evaluator.step(moment)))
        for number, group in enumerate(evaluator.groups):
            for index in range(len(group.rules)):
                told.append(sorted(_standing(one) for one in evaluator.alerts_of(number, index)))
                told.append([evaluator.status_of(number, index).error])
        moment += timedelta(minutes=1)
    return told


def _standing(one: AlertInstance) -> str:
    return f"{one.labels} {one.state} {one.value:.9g}"


def test_rules_that_read_what_rules_write_wait_for_their_turn() -> None:
    start = datetime.fromtimestamp(START, UTC)
    now = start + timedelta(minutes=40)
    one_by_one = history(CHAINED, build(), start=start, now=now, ahead=False)
    assert any("SomeDown" in text for told in one_by_one for text in told)
    assert any("many-to-many" in text for told in one_by_one for text in told)
    assert history(CHAINED, build(), start=start, now=now, ahead=True) == one_by_one


@pytest.mark.parametrize(
    "path",
    [REFERENCE, SCENARIOS / "nodes" / "general-node-lost.yaml"],
    ids=["pods that crash again and again", "pods of a node that is gone"],
)
def test_the_past_of_a_world_gives_the_same_alerts_at_once_and_minute_by_minute(path: Path) -> None:
    scenario = load_scenario(path)
    estate = Estate(scenario, clock=HandClock(scenario.now))
    estate.catch_up()
    rules, start = DEFAULT_RULES.read_text(encoding="utf-8"), scenario.now - timedelta(minutes=12)
    one_by_one = history(rules, estate.metrics, start=start, now=scenario.now, ahead=False)
    assert any("firing" in text and "Watchdog" not in text for told in one_by_one for text in told)
    assert history(rules, estate.metrics, start=start, now=scenario.now, ahead=True) == one_by_one
