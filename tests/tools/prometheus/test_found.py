"""By what a service's requests are measured is found once for a while, and looked for again where nothing was found."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from incidents.entity import Entity
from incidents.evidence import Window
from tests.tools.scripted_server import Asked, Said, scripted
from tools.estate import Endpoint
from tools.prometheus.client import PrometheusClient
from tools.prometheus.convention import find

CHECKOUT = Entity.parse("prod/shop/deployment/checkout")
NOW = datetime(2026, 11, 17, 2, 47, tzinfo=UTC)
COUNTER = {"__name__": "http_requests_total", "namespace": "shop", "service": "checkout", "code": "200"}


def window(end: datetime) -> Window:
    return Window(start=end - timedelta(minutes=10), end=end)


def answer(asked: Asked) -> Said:
    if asked.path.startswith("/api/v1/series"):
        return Said(body={"status": "success", "data": [COUNTER]})
    return Said(body={"status": "success", "data": {"resultType": "vector", "result": []}})


async def test_it_is_found_once_for_windows_that_are_close() -> None:
    async with scripted(answer) as server:
        client = PrometheusClient(Endpoint(url=server.url))
        first = await find(client, CHECKOUT, window=window(NOW))
        once = len(server.asked)
        assert first is not None
        for later in (0, 1, 2):
            assert await find(client, CHECKOUT, window=window(NOW + timedelta(minutes=later))) == first
        assert len(server.asked) == once
        await find(client, CHECKOUT, window=window(NOW + timedelta(minutes=10)))
        assert len(server.asked) > once, "it is looked for anew after a while"
        await client.aclose()


async def test_of_several_who_want_the_same_one_asks() -> None:
    async with scripted(answer) as server:
        client = PrometheusClient(Endpoint(url=server.url))
        found = await asyncio.gather(*(find(client, CHECKOUT, window=window(NOW)) for _ in range(4)))
        assert found[0] is not None
        assert set(found) == {found[0]}
        assert len([asked for asked in server.asked if asked.path.startswith("/api/v1/series")]) == 1
        await client.aclose()


async def test_what_was_not_there_is_looked_for_again() -> None:
    async with scripted(lambda _: Said(body={"status": "success", "data": []})) as server:
        client = PrometheusClient(Endpoint(url=server.url))
        for times in (1, 2):
            assert await find(client, CHECKOUT, window=window(NOW)) is None
            assert len(server.asked) == times
        await client.aclose()
