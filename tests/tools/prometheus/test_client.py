"""What Prometheus answers, in every form that it has, and what it is asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from incidents.evidence import Window
from tests.tools.scripted_server import Said, scripted
from tools.errors import PermanentError
from tools.estate import Endpoint
from tools.prometheus.client import PrometheusClient

NOW = datetime(2026, 11, 17, 2, 47, tzinfo=UTC)
WINDOW = Window(start=NOW - timedelta(minutes=10), end=NOW)
STAMP = NOW.timestamp()

RESULTS = [
    pytest.param({"resultType": "scalar", "result": [STAMP, "2.5"]}, [({}, 2.5)], id="a scalar"),
    pytest.param({"resultType": "vector", "result": []}, [], id="nothing"),
    pytest.param(
        {"resultType": "vector", "result": [{"metric": {"pod": "a"}, "value": [int(STAMP), "7"]}]},
        [({"pod": "a"}, 7.0)],
        id="a vector",
    ),
    pytest.param(
        {"resultType": "vector", "result": [{"metric": {}, "value": [STAMP, "NaN"]}]}, [({}, None)], id="no number"
    ),
]


@pytest.mark.parametrize(("data", "expected"), RESULTS)
async def test_every_form_of_result_is_read(data: object, expected: list[tuple[dict[str, str], float | None]]) -> None:
    async with scripted(lambda _: Said(body={"status": "success", "data": data})) as server:
        client = PrometheusClient(Endpoint(url=server.url))
        found = await client.query("x", at=NOW)
        assert [(one.labels, one.value) for one in found.samples] == expected
        await client.aclose()


async def test_a_form_that_is_not_known_is_named() -> None:
    data = {"resultType": "vector", "result": [{"metric": {}, "value": ["noon", "7"]}]}
    async with scripted(lambda _: Said(body={"status": "success", "data": data})) as server:
        client = PrometheusClient(Endpoint(url=server.url))
        with pytest.raises(PermanentError, match="Prometheus answered /api/v1/query in a form that is not known: data"):
            await client.query("x", at=NOW)
        await client.aclose()


@pytest.mark.parametrize("selector", ['{namespace="shop",pod=~"checkout-.+"}', None])
async def test_label_values_are_those_of_a_selector_in_a_window(selector: str | None) -> None:
    names = ["up", "http_requests_total"]
    async with scripted(lambda _: Said(body={"status": "success", "data": names})) as server:
        client = PrometheusClient(Endpoint(url=server.url))
        assert await client.label_values("__name__", selector=selector, window=WINDOW) == tuple(names)
        await client.aclose()
    [asked] = server.asked
    assert asked.path == "/api/v1/label/__name__/values"
    times = {"start": [f"{STAMP - 600:.0f}"], "end": [f"{STAMP:.0f}"]}
    assert asked.query == ({**times, "match[]": [selector]} if selector else times)
