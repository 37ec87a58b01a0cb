"""Checks are measured of what Kubernetes says and Prometheus saw, and of the time before it began where there is one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from incidents.verification import Check, CheckRole, Comparison
from orchestrator.verification.measuring import Gauge, take, usual
from tests.tools.served_estate import SCENARIOS, Served, serving

ZERO = SCENARIOS / "manual-change" / "payments-scaled-to-zero.yaml"


@pytest.fixture
async def scaled(tmp_path: Path) -> AsyncIterator[Served]:
    """Nobody runs payments since seven minutes; its callers fail at once instead of waiting for it."""
    async with serving(tmp_path, ZERO) as one:
        yield one


def check(estate: Served, measure: str, target: str) -> Check:
    return Check(
        role=CheckRole.GUARD,
        measure=measure,
        entity=estate.id(target),
        comparison=Comparison.AT_MOST,
        threshold=1.0,
        unit="ratio",
        text="",
    )


def gauge(estate: Served) -> Gauge:
    async def firing() -> int:
        return 3

    return Gauge(clusters=lambda _: estate.cluster, firing=firing)


async def test_a_workload_that_wants_no_pods_is_not_ready_although_nothing_is_missing(scaled: Served) -> None:
    names = ("payments/deployment/payments", "shop/deployment/cart", "shop/deployment/nobody")
    asked = tuple(check(scaled, "ready_share", name) for name in names)
    taken = [measurement for measurement, _ in await take(gauge(scaled), asked, now=scaled.cluster.clock.now())]
    assert [measurement.value for measurement in taken] == [0.0, 1.0, None]
    assert taken[2].note == "the workload is not there"


async def test_what_was_usual_is_read_of_the_time_before_it_began(scaled: Served) -> None:
    asked = (
        check(scaled, "latency_p99", "shop/deployment/checkout"),
        check(scaled, "alert_resolved", "shop/deployment/checkout"),
    )
    now = scaled.cluster.clock.now()
    during = (await take(gauge(scaled), asked, now=now))[0][0].value
    before = await usual(gauge(scaled), asked, before=now - timedelta(minutes=12))
    assert during is not None
    assert before[0] is not None
    assert during < 0.8 * before[0], "failing at once is quick: an outage's latency is no baseline"
    assert before[1] is None, "alerts have no past to be asked about"
    assert await usual(gauge(scaled), asked, before=None) == [None, None]
