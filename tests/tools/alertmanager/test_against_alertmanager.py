"""The client and the silence action against a real Alertmanager."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from incidents.action import ActionOutcome, ActionRequest
from incidents.ids import ActionKind, EntityId
from tests.worlds.telemetry.alertmanager.real_alertmanager import alertmanager_with
from tools.alertmanager.actions.silence_alert import ACTION
from tools.alertmanager.client import Matcher
from tools.clock import SystemClock
from tools.connect import connect_write
from tools.errors import NotFoundError, PermanentError
from tools.estate import Connections, Endpoint, WriteCluster

pytestmark = pytest.mark.alertmanager

CONFIG = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"
CHECKOUT = EntityId("prod/shop/deployment/checkout")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("alertmanager")
    with alertmanager_with(CONFIG, folder=folder) as running:
        now = datetime.now(UTC)
        firing = [
            {"alertname": "CheckoutErrors", "namespace": "shop", "deployment": "checkout", "severity": "critical"},
            {"alertname": "CheckoutErrors", "namespace": "shop", "deployment": "cart", "severity": "critical"},
            {"alertname": 'Odd"name\\', "namespace": "shop", "pod": "checkout-7d9f8b6c5d-x2b4z"},
        ]
        body = [{"labels": labels, "startsAt": (now - timedelta(minutes=5)).isoformat()} for labels in firing]
        httpx.post(f"{running}/api/v2/alerts", json=body, timeout=30).raise_for_status()
        yield running


@pytest.fixture
async def cluster(url: str) -> AsyncIterator[WriteCluster]:
    connections = Connections(name="prod", alertmanager=Endpoint(url=url))
    async with connect_write(connections, clock=SystemClock()) as made:
        yield made


def asking(name: str, minutes: int = 10) -> ActionRequest:
    return ActionRequest(
        kind=ActionKind("silence_alert"), target=CHECKOUT, arguments={"alertname": name, "duration_minutes": minutes}
    )


async def test_alerts_by_matcher_whatever_the_value_holds(cluster: WriteCluster) -> None:
    assert cluster.alertmanager is not None
    found = await cluster.alertmanager.alerts([Matcher(name="alertname", value='Odd"name\\')])
    assert [alert.labels["pod"] for alert in found] == ["checkout-7d9f8b6c5d-x2b4z"]


async def test_a_silence_mutes_only_this_workload_and_is_expired_again(cluster: WriteCluster) -> None:
    assert cluster.alertmanager is not None
    asked = asking("CheckoutErrors")
    snapshot = await ACTION.capture(cluster, asked)
    preview = await ACTION.preview(cluster, asked, snapshot)
    assert preview.accepted
    assert preview.warnings == ("mutes CheckoutErrors checkout",)
    await ACTION.apply(cluster, asked, snapshot, "key-1")
    await ACTION.apply(cluster, asked, snapshot, "key-1")
    assert len(await cluster.alertmanager.silences()) == 1, "one silence per key"
    muted = [alert.labels["deployment"] for alert in await cluster.alertmanager.alerts() if alert.silenced_by]
    assert muted == ["checkout"]
    assert (await ACTION.observe(cluster, asked, snapshot, "key-1")).outcome is ActionOutcome.HAPPENED
    refused = await ACTION.preview(cluster, asked, await ACTION.capture(cluster, asked))
    assert not refused.accepted

    await ACTION.undo(cluster, asked, snapshot, "key-2")
    assert [silence.state for silence in await cluster.alertmanager.silences()] == ["expired"]
    assert (await ACTION.observe(cluster, asked, snapshot, "key-2")).outcome is ActionOutcome.HAPPENED
    assert (await ACTION.observe(cluster, asked, snapshot, "key-3")).outcome is ActionOutcome.NOT_HAPPENED


async def test_a_silence_by_the_names_of_pods(cluster: WriteCluster) -> None:
    snapshot = await ACTION.capture(cluster, asking('Odd"name\\'))
    assert "checkout-" in snapshot.state


async def test_what_alertmanager_refuses_is_permanent(cluster: WriteCluster) -> None:
    assert cluster.alertmanager is not None
    now = datetime.now(UTC)
    with pytest.raises(PermanentError):
        await cluster.alertmanager.put_silence(
            [], starts_at=now, ends_at=now + timedelta(hours=1), created_by="a", comment="b"
        )
    with pytest.raises((NotFoundError, PermanentError)):
        await cluster.alertmanager.silence("00000000-0000-0000-0000-000000000000")
