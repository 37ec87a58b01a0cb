"""By what a service's requests are measured is found once per window, and looked for again where nothing was found."""

from __future__ import annotations

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


async def test_it_is_found_once_per_window() -> None:
    def answer(asked: Asked) -> Said:
        if asked.path.startswith("/api/v1/series"):
            return Said(body={"status": "success", "data": [COUNTER]})
        return Said(body={"status": "success", "data": {"resultType": "vector", "result": []}})

    async with scripted(answer) as server:
        client = PrometheusClient(Endpoint(url=server.url))
        first = await find(client, CHECKOUT, window=window(NOW))
        once = len(server.asked)
        assert first is not None
        assert await find(client, CHECKOUT, window=window(NOW)) == first
        assert len(server.asked) == once
        await find(client, CHECKOUT, window=window(NOW + timedelta(minutes=1)))
        assert len(server.asked) > once
        await client.aclose()


async def test_what_was_not_there_is_looked_for_again() -> None:
    async with scripted(lambda _: Said(body={"status": "success", "data": []})) as server:
        client = PrometheusClient(Endpoint(url=server.url))
        for times in (1, 2):
            assert await find(client, CHECKOUT, window=window(NOW)) is None
            assert len(server.asked) == times
        await client.aclose()
