"""OpenCost's answers as its documentation shows them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from incidents.evidence import Window
from tests.tools.scripted_server import Asked, Said, scripted
from tools.estate import Endpoint
from tools.opencost.client import OpenCostClient

WINDOW = Window(start=datetime(2026, 11, 17, 1, tzinfo=UTC), end=datetime(2026, 11, 17, 2, tzinfo=UTC))
SPAN = {"start": "2026-11-17T01:00:00Z", "end": "2026-11-17T02:00:00Z"}
CHECKOUT = {
    "name": "shop/deployment/checkout",
    "properties": {"cluster": "c", "namespace": "shop", "controllerKind": "deployment", "controller": "checkout"},
    "window": SPAN,
    "start": SPAN["start"],
    "end": SPAN["end"],
    "minutes": 30,
    "cpuCores": 1.2,
    "cpuCoreHours": 0.6,
    "cpuCoreRequestAverage": 1.2,
    "cpuCoreUsageAverage": 0.4,
    "cpuCost": 0.02,
    "ramByteHours": 1e9,
    "ramCost": 0.01,
    "ramByteRequestAverage": 2e9,
    "ramByteUsageAverage": 1e9,
    "pvCost": 0.0,
    "networkCost": 0.0,
    "totalCost": 0.03,
}


async def ask(answer: object) -> tuple[tuple[object, ...], list[Asked]]:
    async with scripted(lambda _: Said(answer)) as server:
        client = OpenCostClient(Endpoint(url=server.url))
        found = await client.allocations(WINDOW, step="1h")
        await client.aclose()
        return found, server.asked


async def test_an_allocation_has_a_rate_while_it_ran() -> None:
    idle = {**CHECKOUT, "name": "__idle__", "properties": None}
    (rows,), asked = await ask({"code": 200, "data": [{"shop/deployment/checkout": CHECKOUT, "__idle__": idle}]})
    (row,) = rows
    assert (row.namespace, row.controller, row.controller_kind) == ("shop", "checkout", "deployment")
    assert row.usd_per_hour == pytest.approx(0.06)
    assert asked[0].query["window"] == ["2026-11-17T01:00:00Z,2026-11-17T02:00:00Z"]
    assert asked[0].query["aggregate"] == ["namespace,controllerKind,controller"]


@pytest.mark.parametrize("data", [None, [], [{}], [None]])
async def test_nothing_allocated(data: object) -> None:
    found, _ = await ask({"code": 200, "data": data})
    assert [row for step in found for row in step] == []


async def test_what_never_ran_has_no_rate() -> None:
    (rows,), _ = await ask({"code": 200, "data": [{"a/b/c": {**CHECKOUT, "minutes": 0}}]})
    assert rows[0].usd_per_hour is None
