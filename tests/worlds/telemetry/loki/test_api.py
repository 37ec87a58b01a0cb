"""Loki's HTTP API, over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial

import httpx
import pytest

from worlds.loki.api import app
from worlds.loki.memory import MemoryLogStorage
from worlds.loki.storage import Entry
from worlds.sources import Sources

S = 1_000_000_000
NOW = 1_700_000_000
LABELS = {"namespace": "shop", "app": "web", "pod": "web-1", "container": "app"}


@pytest.fixture
async def loki() -> AsyncIterator[httpx.AsyncClient]:
    entries = [Entry(labels=LABELS, ns=(NOW - 10 * age) * S, line=f"line {age}") for age in range(1, 200)]
    sources = Sources({"loki-1": partial(app, MemoryLogStorage(entries), lambda: datetime.fromtimestamp(NOW, UTC))})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(sources), base_url="http://world/loki-1") as client:
        yield client


async def test_lines_come_as_streams_newest_first_a_hundred_of_the_last_hour(loki: httpx.AsyncClient) -> None:
    answer = (await loki.get("/loki/api/v1/query_range", params={"query": '{app="web"}'})).json()
    assert answer["status"] == "success"
    data = answer["data"]
    assert data["resultType"] == "streams"
    assert data["result"][0]["stream"] == LABELS
    assert len(data["result"][0]["values"]) == 100
    assert data["result"][0]["values"][0] == [str((NOW - 10) * S), "line 1"]
    assert data["stats"]["summary"]["totalEntriesReturned"] == 100
    assert data["stats"]["summary"]["totalLinesProcessed"] == 100


@pytest.mark.parametrize(
    ("start", "end"),
    [
        pytest.param(str(NOW - 30), str(NOW), id="unix seconds"),
        pytest.param(f"{NOW - 30}.0", f"{NOW}.000", id="fractional seconds"),
        pytest.param(str((NOW - 30) * S), str(NOW * S), id="nanoseconds"),
        pytest.param("2023-11-14T22:12:50.000000000Z", "2023-11-14T22:13:20Z", id="RFC 3339 with nanoseconds"),
    ],
)
async def test_times_are_read_in_every_notation(loki: httpx.AsyncClient, start: str, end: str) -> None:
    form = {"query": '{app="web"}', "start": start, "end": end, "direction": "forward"}
    for response in (
        await loki.get("/loki/api/v1/query_range", params=form),
        await loki.post("/loki/api/v1/query_range", data=form),
    ):
        values = response.json()["data"]["result"][0]["values"]
        assert [line for _, line in values] == ["line 3", "line 2", "line 1"]


async def test_metric_queries_give_a_matrix_or_a_vector(loki: httpx.AsyncClient) -> None:
    query = 'sum by (app) (count_over_time({app="web"}[1m]))'
    form = {"query": query, "start": str(NOW - 120), "end": str(NOW), "step": "60s"}
    ranged = (await loki.get("/loki/api/v1/query_range", params=form)).json()["data"]
    assert ranged["resultType"] == "matrix"
    assert ranged["result"] == [{"metric": {"app": "web"}, "values": [[NOW - 120, "6"], [NOW - 60, "6"], [NOW, "5"]]}]
    instant = (await loki.get("/loki/api/v1/query", params={"query": query})).json()["data"]
    assert instant["result"] == [{"metric": {"app": "web"}, "value": [NOW, "5"]}]


async def test_labels_values_and_series(loki: httpx.AsyncClient) -> None:
    assert (await loki.get("/loki/api/v1/labels")).json()["data"] == ["app", "container", "namespace", "pod"]
    assert (await loki.get("/loki/api/v1/label/pod/values")).json() == {"status": "success", "data": ["web-1"]}
    found = await loki.get("/loki/api/v1/series", params={"match[]": '{namespace="shop"}'})
    assert found.json()["data"] == [LABELS]
    nothing = await loki.get("/loki/api/v1/labels", params={"start": str(NOW - 9999999), "end": str(NOW - 9999990)})
    assert nothing.json()["data"] == []
    stats = await loki.get("/loki/api/v1/index/stats", params={"query": '{app="web"}', "since": "1m"})
    assert stats.json()["entries"] == 6
    assert (await loki.get("/ready")).text == "ready\n"


@pytest.mark.parametrize(
    ("path", "form", "message"),
    [
        pytest.param("query_range", {}, "syntax error: unexpected $end", id="no query"),
        pytest.param("query_range", {"query": "{"}, "parse error at line 1, col 2", id="half a query"),
        pytest.param("query_range", {"query": '{a="b"}', "limit": "9000"}, "max entries limit per query exceeded", id="too many lines"),
        pytest.param("query_range", {"query": '{a="b"}', "limit": "x"}, "invalid syntax", id="a limit that is no number"),
        pytest.param("query_range", {"query": '{a="b"}', "start": "2", "end": "1"}, "end timestamp must not be before", id="an end before the start"),
        pytest.param("query_range", {"query": '{a="b"}', "start": "soon"}, "could not parse", id="a time that is none"),
        pytest.param("query_range", {"query": '{a="b"}', "step": "1ms"}, "exceeded maximum resolution of 11,000", id="too fine a step"),
        pytest.param("query_range", {"query": '{a="b"}', "direction": "up"}, "invalid direction", id="a direction that is none"),
        pytest.param("query", {"query": '{a="b"}'}, "log queries are not supported as an instant query", id="lines at one time"),
        pytest.param("series", {}, "0 matcher groups", id="series of nothing"),
    ],
)  # fmt: skip
async def test_errors_are_plain_text_with_400(
    loki: httpx.AsyncClient, path: str, form: dict[str, str], message: str
) -> None:
    response = await loki.get(f"/loki/api/v1/{path}", params=form)
    assert response.status_code == 400
    assert response.headers["content-type"].startswith("text/plain")
    assert message in response.text
