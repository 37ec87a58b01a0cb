"""What Alertmanager has to deliver while Midwatch or its database is gone comes in later: nothing lost, nothing doubled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from orchestrator.postgres import EmbeddedServer
from tests.e2e.alertmanager.alerting import (
    alertmanager_config,
    apart,
    attempts_failed,
    bearer,
    notifications,
    tell,
)
from tests.e2e.alertmanager.midwatch import WEBHOOK_TOKEN, Midwatch, eventually, namespace_of
from tests.orchestrator.servers import short_folder
from tests.worlds.telemetry.alertmanager.real_alertmanager import alertmanager_with

pytestmark = [pytest.mark.alertmanager, pytest.mark.xdist_group("e2e-alertmanager")]

STARTED = "2026-11-17T02:47:00Z"


def alerts(*numbers: int) -> list[dict[str, Any]]:
    """Alerts that have nothing to do with each other: each is an incident of its own."""
    return [apart("QueueStuck", f"worker-{number}") for number in numbers]


def stored(midwatch: Midwatch) -> Counter[str]:
    """How many incidents there are by the workload that they are about."""
    names = [namespace_of(incident) for incident in midwatch.incidents()]
    return Counter(name for name in names if name.startswith("worker-"))


def exactly_once(*numbers: int) -> Counter[str]:
    return Counter({f"worker-{number}": 1 for number in numbers})


@pytest.mark.kill
def test_midwatch_is_killed_while_alertmanager_delivers(midwatch: Midwatch, tmp_path: Path) -> None:
    config = alertmanager_config(midwatch.webhook, credentials=bearer(WEBHOOK_TOKEN), repeat="800ms")
    with alertmanager_with(config, folder=tmp_path) as alertmanager:
        tell(alertmanager, *alerts(*range(30)))
        eventually(lambda: len(stored(midwatch)) >= 2, what="the first of them are in")
        midwatch.kill()
        tell(alertmanager, *alerts(*range(30, 35)))
        eventually(lambda: attempts_failed(alertmanager) >= 1, what="Alertmanager found nobody")
        midwatch.start()
        eventually(lambda: len(stored(midwatch)) >= 35, what="all of them are in")
        told = notifications(alertmanager, "total")
        eventually(lambda: notifications(alertmanager, "total") > told + 35, what="every one was repeated")
        assert stored(midwatch) == exactly_once(*range(35))
        for incident in midwatch.incidents(*stored(midwatch)):
            record = midwatch.record(incident["id"])
            assert len(record["alerts"]) == 1
            assert len([line for line in record["timeline"] if line["kind"] == "alert"]) == 1


@contextmanager
def own_database(stack: ExitStack) -> Iterator[tuple[Midwatch, EmbeddedServer, Path]]:
    """Midwatch over a server that the test may stop."""
    data, own = stack.enter_context(short_folder()), stack.enter_context(short_folder())
    server = EmbeddedServer(data)
    made = Midwatch(own, MIDWATCH_DATABASE_URL=server.url)
    made.start()
    try:
        yield made, server, data
    finally:
        made.close()


def test_while_the_database_is_down_alertmanager_is_told_to_come_back_and_does(tmp_path: Path) -> None:
    with ExitStack() as stack:
        midwatch, server, data = stack.enter_context(own_database(stack))
        config = alertmanager_config(midwatch.webhook, credentials=bearer(WEBHOOK_TOKEN))
        alertmanager = stack.enter_context(alertmanager_with(config, folder=tmp_path))
        tell(alertmanager, *alerts(1))
        eventually(lambda: stored(midwatch) == exactly_once(1), what="the first is in")

        server.release()
        body = {
            "version": "4",
            "groupKey": "g",
            "alerts": [{"status": "firing", **apart("A", "b"), "startsAt": STARTED}],
        }
        refused = midwatch.post(body)
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) > 0
        assert "try again" in refused.json()["message"]
        tell(alertmanager, *alerts(2, 3))
        eventually(lambda: attempts_failed(alertmanager) >= 2, what="Alertmanager was refused")

        server = EmbeddedServer(data)
        stack.callback(server.release)
        eventually(lambda: stored(midwatch) == exactly_once(1, 2, 3), what="what was refused came in")
