"""From a rule in Prometheus to an incident and back: the real Prometheus and Alertmanager, and Midwatch as a process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.alertmanager.alerting import (
    alertmanager_config,
    apart,
    basic,
    bearer,
    notifications,
    prometheus_over,
    shop_open,
    tell,
)
from tests.e2e.alertmanager.midwatch import PASSWORD, USER, WEBHOOK_TOKEN, Midwatch, eventually
from tests.worlds.telemetry.alertmanager.real_alertmanager import alertmanager_with

pytestmark = [pytest.mark.prometheus, pytest.mark.alertmanager, pytest.mark.xdist_group("e2e-alertmanager")]


def test_a_rule_fires_repeats_is_joined_and_resolves(midwatch: Midwatch, tmp_path: Path) -> None:
    config = alertmanager_config(midwatch.webhook, credentials=bearer(WEBHOOK_TOKEN), repeat="600ms")
    with (
        shop_open() as shop,
        alertmanager_with(config, folder=tmp_path) as alertmanager,
        prometheus_over(shop, alertmanager=alertmanager, folder=tmp_path),
    ):
        shop.fails("checkout", what="errors")
        incident = eventually(lambda: midwatch.incidents("storefront"), what="the incident is open")[0]["id"]
        opened = midwatch.record(incident)
        assert opened["incident"]["phase"] == "open"
        assert opened["incident"]["entities"] == ["prod-eu/storefront/deployment/checkout"]
        assert opened["incident"]["severity"] == 1
        assert [alert["alert"]["labels"]["alertname"] for alert in opened["alerts"]] == ["HighErrorRate"]

        arrived = notifications(alertmanager, "total")
        eventually(lambda: notifications(alertmanager, "total") >= arrived + 3, what="three repeats were delivered")
        again = midwatch.record(incident)
        assert len(midwatch.incidents("storefront")) == 1
        assert again["timeline"] == opened["timeline"], "a repeat is no news"

        shop.fails("payments", what="latency")
        eventually(lambda: len(midwatch.record(incident)["alerts"]) == 2, what="the second alert joined")
        joined = midwatch.record(incident)
        reasons = {a["alert"]["labels"]["deployment"]: a["reason"] for a in joined["alerts"]}
        assert reasons == {"checkout": "opened", "payments": "same_group"}
        assert "prod-eu/storefront/deployment/payments" in joined["incident"]["entities"]
        assert len(midwatch.incidents("storefront")) == 1

        shop.recovers()
        eventually(lambda: midwatch.record(incident)["incident"]["phase"] == "resolved", what="the incident is closed")
        closed = midwatch.record(incident)
        assert {alert["alert"]["status"] for alert in closed["alerts"]} == {"resolved"}
        assert closed["incident"]["closed_at"]
        assert notifications(alertmanager, "failed_total") == 0


def test_basic_authentication_is_let_in(midwatch: Midwatch, tmp_path: Path) -> None:
    config = alertmanager_config(midwatch.webhook, credentials=basic(USER, PASSWORD))
    with alertmanager_with(config, folder=tmp_path) as alertmanager:
        tell(alertmanager, apart("ByPassword", "ledger"))
        opened = eventually(lambda: midwatch.incidents("ledger"), what="the incident is open")
    assert opened[0]["entities"] == ["prod-eu/ledger/deployment/ledger"]


@pytest.mark.parametrize(
    "credentials",
    [
        pytest.param(bearer("another-token"), id="a wrong token"),
        pytest.param(basic(USER, "another-password"), id="a wrong password"),
        pytest.param("{}", id="no credentials"),
    ],
)
def test_who_is_not_known_is_told_so_and_changes_nothing(midwatch: Midwatch, tmp_path: Path, credentials: str) -> None:
    known = midwatch.incidents()
    with alertmanager_with(alertmanager_config(midwatch.webhook, credentials=credentials), folder=tmp_path) as url:
        tell(url, apart("NotLetIn", "nobody"))
        eventually(lambda: notifications(url, "failed_total") >= 1, what="Alertmanager gave up")
    assert midwatch.incidents() == known


def test_the_refusal_says_what_to_do(midwatch: Midwatch) -> None:
    answer = midwatch.post({}, token="another-token")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "compare Alertmanager's http_config with the setting webhook" in answer.json()["message"]
