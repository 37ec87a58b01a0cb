"""Traces of a world: requests fail in the span of whoever fails, numbers lead to traces again, some estates keep none."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.worlds.conftest import Serving
from worlds.server import World

SHOP = """
title: A service below another one fails
now: 2026-11-20T18:05:00Z
history: 20m
estate:
  traces: true
  workloads:
    - {name: web, traffic: {rps: 40}, calls: [{to: stock, timeout: 2s}, {to: prices, per_request: 2.0}]}
    - {name: stock, calls: [{to: stock-db}]}
    - {name: prices}
    - {name: stock-db, kind: StatefulSet, language: postgres, port: 5432}
faults:
  - {kind: misbehaviour, at: -8m, service: default/stock, does: {error_rate: 0.6, logs: [{text: index is corrupt, per_minute: 9}]}}
truth: {cause: dependency_outage, entity: default/deployment/stock}
"""


async def served(serving: Serving, folder: Path, text: str) -> World:
    path = folder / "traced.yaml"
    path.write_text(text)
    return await serving(path)


async def search(http: httpx.AsyncClient, world: World, query: str, **more: int) -> list[str]:
    answer = await http.get(f"{world.urls['traces']}/api/search", params={"q": query, **more})
    return [one["traceID"] for one in answer.raise_for_status().json()["traces"]]


async def spans_of(http: httpx.AsyncClient, world: World, number: str) -> list[tuple[str, dict[str, Any]]]:
    answer = (await http.get(f"{world.urls['traces']}/api/traces/{number}")).raise_for_status().json()
    return [
        (batch["resource"]["attributes"][0]["value"]["stringValue"], span)
        for batch in answer["batches"]
        for scope in batch["scopeSpans"]
        for span in scope["spans"]
    ]


async def test_a_failing_request_fails_where_the_fault_is(
    serving: Serving, http: httpx.AsyncClient, tmp_path: Path
) -> None:
    world = await served(serving, tmp_path, SHOP)
    now = int(world.estate.scenario.now.timestamp())
    failing = await search(http, world, '{ resource.service.name = "web" && status = error }', start=now - 300, limit=5)
    assert len(failing) == 5
    for number in failing:
        spans = await spans_of(http, world, number)
        failed = {span["spanId"]: (service, span) for service, span in spans if span["status"]}
        ends = [one for key, one in failed.items() if key not in {span["parentSpanId"] for _, span in failed.values()}]
        assert [(service, span["status"]["message"]) for service, span in ends] == [("stock", "index is corrupt")]
        assert {service for service, _ in spans} == {"web", "stock", "prices"}, "databases write no spans"
        calls = [span["name"] for service, span in spans if service == "web" and span["kind"] == "SPAN_KIND_CLIENT"]
        assert calls.count("GET prices") == 2


async def test_before_the_fault_hardly_anything_fails(
    serving: Serving, http: httpx.AsyncClient, tmp_path: Path
) -> None:
    world = await served(serving, tmp_path, SHOP)
    now = int(world.estate.scenario.now.timestamp())
    window = {"start": now - 1000, "end": now - 500, "limit": 50}
    every = await search(http, world, '{ resource.service.name = "stock" }', **window)
    corrupt = await search(http, world, '{ exception.message = "index is corrupt" }', **window)
    assert len(every) >= 30
    assert corrupt == []


async def test_an_estate_without_a_store_has_no_address_for_it(
    serving: Serving, http: httpx.AsyncClient, tmp_path: Path
) -> None:
    world = await served(serving, tmp_path, SHOP.replace("  traces: true\n", ""))
    assert "traces" not in world.urls
    assert (await http.get(f"{world.base_url}/traces/api/search")).status_code == 404


@pytest.mark.parametrize(
    ("number", "status"),
    [
        pytest.param("f" * 32, 404, id="none of ours"),
        pytest.param("1", 404, id="a short one"),
        pytest.param("not-a-trace", 400, id="no number"),
        pytest.param("f" * 33, 400, id="too long"),
    ],
)
@pytest.mark.parametrize("version", ["", "v2/"])
async def test_a_number_that_leads_to_no_trace_is_refused(
    serving: Serving, http: httpx.AsyncClient, tmp_path: Path, version: str, number: str, status: int
) -> None:
    world = await served(serving, tmp_path, SHOP)
    answer = await http.get(f"{world.urls['traces']}/api/{version}traces/{number}")
    assert answer.status_code == status
