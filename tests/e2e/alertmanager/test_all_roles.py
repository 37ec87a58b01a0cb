"""All roles in one process over the real Prometheus and Alertmanager: an alert is investigated, and closed when it is over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from service.ports import free_port
from tests.e2e.alertmanager.alerting import alertmanager_config, bearer, prometheus_over, shop_open
from tests.e2e.alertmanager.midwatch import WEBHOOK_TOKEN, Midwatch, eventually
from tests.orchestrator.servers import short_folder
from tests.worlds.telemetry.alertmanager.real_alertmanager import alertmanager_with

pytestmark = [pytest.mark.prometheus, pytest.mark.alertmanager, pytest.mark.xdist_group("e2e-alertmanager")]

ROLES = ("web", "worker", "executor", "watcher")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Everything that a test started, ended in order."""
    with ExitStack() as opened:
        yield opened


def test_an_alert_is_investigated_over_the_real_prometheus(stack: ExitStack, tmp_path: Path) -> None:
    folder = stack.enter_context(short_folder())
    shop = stack.enter_context(shop_open())
    port = free_port()
    webhook = f"http://127.0.0.1:{port}/api/v1/alerts/alertmanager"
    config = alertmanager_config(webhook, credentials=bearer(WEBHOOK_TOKEN))
    alertmanager = stack.enter_context(alertmanager_with(config, folder=tmp_path))
    prometheus = stack.enter_context(prometheus_over(shop, alertmanager=alertmanager, folder=tmp_path))
    clusters = [{"name": "prod-eu", "prometheus": {"url": prometheus}, "alertmanager": {"url": alertmanager}}]
    midwatch = Midwatch(folder, roles=ROLES, port=port, MIDWATCH_CLUSTERS=json.dumps(clusters))
    stack.callback(midwatch.close)
    midwatch.start()

    shop.fails("checkout", what="errors")
    incident: str = eventually(midwatch.incidents, what="the incident is open")[0]["id"]
    record = eventually(lambda: investigated(midwatch.record(incident)), what=f"it was investigated\n{midwatch.log()}")
    assert record["incident"]["phase"] in ("inconclusive", "escalated"), "two systems alone prove no cause"
    sources = {evidence["source"] for evidence in record["case"]["evidence"]}
    assert "prometheus" in sources
    assert record["proposals"] == []

    shop.recovers()
    eventually(lambda: midwatch.record(incident)["incident"]["phase"] == "resolved", what="the incident is closed")
    assert len(midwatch.incidents()) == 1


def investigated(record: dict[str, Any]) -> dict[str, Any] | None:
    """The record, once the investigation is over."""
    return record if record["incident"]["phase"] not in ("open", "investigating") else None
