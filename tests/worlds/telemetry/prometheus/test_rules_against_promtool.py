"""Alerting rules: what our evaluation says is firing, promtool's own rule tests must confirm, labels and texts included."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tests.suites import require
from worlds.prometheus.evaluator import External, RuleEvaluator
from worlds.prometheus.instance import AlertState
from worlds.prometheus.rules import AlertingRule, load_rules
from worlds.promql.memory import MemoryStorage
from worlds.promql.storage import METRIC_NAME, Series

pytestmark = pytest.mark.prometheus

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # where promtool starts its clock
MINUTES = 30
URL = "http://prometheus.example:9090"

RULES = """
groups:
- name: estate
  interval: 1m
  rules:
  - record: job:up:ratio
    expr: avg by (job) (up)
    labels: {kind: recorded}
  - alert: Down
    expr: up == 0
    for: 3m
    labels: {severity: critical, where: '{{ $labels.job }}/{{ $labels.instance | stripPort }}'}
    annotations:
      summary: '{{ $labels.instance }} of {{ $labels.job | toUpper }} is down ({{ $value }})'
      missing: '[{{ $labels.nope }}]'
  - alert: HalfDown
    expr: job:up:ratio{kind="recorded"} < 0.6
    annotations:
      summary: '{{ $value | humanizePercentage }} of {{ $labels.job }} up, {{ printf "%.3f" $value }} {{ printf "%d of %s" 3 "x" }}'
      others: '{{ range query "up == 0" | sortByLabel "instance" }}{{ .Labels.instance }}={{ .Value }} {{ end }}'
      first: '{{ with query "sum(up)" }}{{ . | first | value | humanize }}{{ else }}none{{ end }}'
      nothing: '{{ with query "nope" }}{{ . | first | value }}{{ else }}none{{ end }}'
      external: '{{ $externalLabels.cluster }} at {{ $externalURL }}'
  - alert: Lingering
    expr: temperature > 20
    keep_firing_for: 4m
    annotations:
      text: |-
        {{- if gt $value 30.0 }} hot {{ else if gt $value 25.0 }} warm {{ else }} mild {{ end -}}
        {{ humanizeDuration $value }} {{ humanize1024 $value }} {{ $value | humanizeTimestamp }}
  - alert: Big
    expr: big > 1
    for: 0s
    annotations:
      plain: '{{ $value }} {{ $value | humanize }} {{ $value | humanize1024 }} {{ $value | humanizeDuration }}'
      replaced: '{{ reReplaceAll "(.)-(.)" "${2}_$1" $labels.name }} {{ $labels.name | title }} {{ match "^a" $labels.name }}'
      logic: '{{ if and (eq $labels.name "a-b") (not (ne 1 1)) }}yes{{ else }}no{{ end }}'
"""

UP = {
    "10.0.0.1:80": [1.0] * 5 + [0.0] * 10 + [1.0] * 3 + [0.0] * 2 + [1.0] * 10,
    "10.0.0.2:80": [1.0] * 8 + [0.0] * 12 + [1.0] * 10,
}
TEMPERATURE = [15.0, 22.0, 19.0, 26.5, 18.0, 18.0, 18.0, 18.0, 18.0, 18.0] + [31.0] * 5 + [10.0] * 15
BIG = [0.0, 1234567.0, 0.5, 1e18, 123456.75, 1048576.0, 100000.0, 1000000.0, 2.5, 86461.0] * 3


def storage() -> MemoryStorage:
    times = np.arange(MINUTES) * 60.0
    rows = [({METRIC_NAME: "up", "job": "api", "instance": one}, values) for one, values in UP.items()]
    rows.append(({METRIC_NAME: "temperature", "room": "a"}, TEMPERATURE))
    rows.append(({METRIC_NAME: "big", "name": "a-b"}, BIG))
    return MemoryStorage(Series(labels=labels, timestamps=times, values=values) for labels, values in rows)


def firing_by_minute() -> list[dict[str, list[dict[str, Any]]]]:
    """What our evaluation says, minute by minute, in promtool's words."""
    external = External(url=URL, labels={"cluster": "eu-1"})
    rules = RuleEvaluator(load_rules(RULES), storage=storage(), start=EPOCH, external=external)
    found = []
    for minute in range(MINUTES):
        rules.step(EPOCH + timedelta(minutes=minute))
        now: dict[str, list[dict[str, Any]]] = {}
        for index, rule in enumerate(rules.groups[0].rules):
            assert rules.status_of(0, index).error == ""
            if isinstance(rule, AlertingRule):
                now[rule.alert] = [
                    {
                        "exp_labels": {name: text for name, text in one.labels.items() if name != "alertname"},
                        "exp_annotations": dict(one.annotations),
                    }
                    for one in rules.alerts_of(0, index)
                    if one.state is AlertState.FIRING
                ]
        found.append(now)
    return found


def promtool(folder: Path, expected: list[dict[str, list[dict[str, Any]]]]) -> subprocess.CompletedProcess[str]:
    (folder / "rules.yml").write_text(RULES)
    series = [
        {"series": f'up{{job="api",instance="{one}"}}', "values": " ".join(map(str, values))}
        for one, values in UP.items()
    ]
    series.append({"series": 'temperature{room="a"}', "values": " ".join(map(str, TEMPERATURE))})
    series.append({"series": 'big{name="a-b"}', "values": " ".join(map(str, BIG))})
    checks = [
        {"eval_time": f"{minute}m", "alertname": name, "exp_alerts": alerts}
        for minute, by_name in enumerate(expected)
        for name, alerts in by_name.items()
    ]
    test = {
        "interval": "1m",
        "external_labels": {"cluster": "eu-1"},
        "external_url": URL,
        "input_series": series,
        "alert_rule_test": checks,
    }
    file = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [test]}
    (folder / "test.yml").write_text(yaml.safe_dump(file))
    program = require("prometheus").with_name("promtool")
    command = [program, "test", "rules", "test.yml"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_promtool_confirms_every_firing_alert(tmp_path: Path) -> None:
    expected = firing_by_minute()
    counts = {name: sum(len(minute[name]) for minute in expected) for name in expected[0]}
    assert all(count > 2 for count in counts.values()), counts
    checked = promtool(tmp_path, expected)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_promtool_would_notice_a_difference(tmp_path: Path) -> None:
    expected = firing_by_minute()
    expected[12]["Down"][0]["exp_annotations"]["summary"] += "!"
    assert promtool(tmp_path, expected).returncode != 0
