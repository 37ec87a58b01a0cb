"""The trace client and its probes against served spans: TraceQL out, OTLP back, failures followed to where they begin."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from agents.observability.tracing import operations, origins
from incidents.evidence import Window
from incidents.ids import EntityId
from tools.clock import ManualClock
from tools.errors import PermanentError
from tools.estate import Cluster, Connections, Endpoint
from tools.traces.client import TracesClient
from tools.traces.probes import failing
from tools.traces.probes import operations as sampled
from tools.traces.span import Trace, calls_of
from worlds.recorded.recording import Recording, Span
from worlds.recorded.serving import RecordedWorld, serve_recording

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AT = NOW.timestamp()
CHECKOUT = EntityId("c/shop/deployment/checkout")


def span(
    trace: str,
    number: str,
    parent: str,
    service: str,
    *,
    at: float,
    seconds: float = 0.1,
    said: str = "",
    kind: str = "server",
) -> Span:
    return Span(
        trace=trace,
        id=number,
        parent=parent,
        service=service,
        name=f"{service} work",
        kind=kind,  # type: ignore[arg-type]  # a literal of the recording
        start=at,
        seconds=seconds,
        error=bool(said),
        attributes={"exception.message": said, "deadline_ms": "300"} if said else {},
    )


SPANS = (
    span("a" * 32, "1", "", "web", at=AT - 60, said="upstream failed"),
    span("a" * 32, "2", "1", "checkout", at=AT - 60, said="charge failed"),
    span("a" * 32, "3", "2", "payments", at=AT - 60, said="nil pointer"),
    span("b" * 32, "1", "", "checkout", at=AT - 50, said="deadline exceeded"),
    span("b" * 32, "2", "1", "stock", at=AT - 50, said="context canceled by client"),
    span("c" * 32, "1", "", "checkout", at=AT - 40, seconds=2.0),
    *(span("c" * 32, str(n), "1", "stock", at=AT - 39, seconds=0.01) for n in range(2, 12)),
    span("old", "1", "", "checkout", at=AT - 3600, seconds=0.1),
    span("old", "2", "1", "stock", at=AT - 3600, seconds=0.01),
)


@pytest.fixture
async def world() -> AsyncIterator[RecordedWorld]:
    served = await serve_recording(Recording(cluster="c", now=NOW, spans=SPANS))
    yield served
    await served.stop()


@pytest.fixture
async def cluster(world: RecordedWorld) -> AsyncIterator[Cluster]:
    client = TracesClient(Endpoint(url=world.urls["traces"]))
    yield Cluster(name="c", clock=ManualClock(NOW), connections=Connections(name="c"), traces=client)
    await client.aclose()


async def test_failing_requests_lead_to_the_span_in_which_they_began(cluster: Cluster) -> None:
    args = failing.FailingArgs(entity=CHECKOUT, start=NOW - timedelta(minutes=10), end=NOW)
    seen = await failing.PROBE.run(cluster, args)
    began = {(one.span.service, one.span.message) for trace in seen.view.traces for one in origins(trace)}
    assert began == {("payments", "nil pointer"), ("checkout", "deadline exceeded")}
    assert 'resource.service.name = "checkout" && status = error' in seen.evidence.query


async def test_what_became_slow_or_frequent_is_told_from_what_always_was_so(cluster: Cluster) -> None:
    since = NOW - timedelta(minutes=10)
    args = sampled.OperationsArgs(entity=CHECKOUT, start=NOW - timedelta(hours=2), since=since, end=NOW)
    view = (await sampled.PROBE.run(cluster, args)).view
    found = {
        (one.service, one.name): one for one in operations(view.before, [t for t in view.after if len(t.spans) > 3])
    }
    stock = found["stock", "stock work"]
    assert (stock.calls_before, stock.calls_after) == (1.0, 10.0)
    assert found["checkout", "checkout work"].own_after == pytest.approx(1.9, abs=0.05)
    assert calls_of(view.before) == {("checkout", "stock"): 1}


async def test_attributes_that_say_why_are_kept(cluster: Cluster) -> None:
    assert cluster.traces is not None
    ids = await cluster.traces.search(
        "{ status = error }", window=Window(start=NOW - timedelta(hours=1), end=NOW), limit=5
    )
    trace: Trace = await cluster.traces.trace(min(ids))
    assert {one.attributes.get("deadline_ms") for one in trace.spans if one.failed} == {"300"}


async def test_a_query_that_cannot_be_read_is_refused_with_its_place(cluster: Cluster) -> None:
    assert cluster.traces is not None
    with pytest.raises(PermanentError, match="TraceQL"):
        await cluster.traces.search("status = error", window=Window(start=NOW, end=NOW), limit=5)


async def test_the_served_store_speaks_tempos_form(world: RecordedWorld) -> None:
    async with httpx.AsyncClient(base_url=world.urls["traces"]) as http:
        found = (await http.get("/api/search", params={"q": '{ name =~ "pay.*" && duration > 50ms }'})).json()
        missing = await http.get(f"/api/traces/{'f' * 32}")
        whole = (await http.get(f"/api/traces/{'a' * 32}")).json()
    assert [(one["traceID"], one["rootServiceName"]) for one in found["traces"]] == [("a" * 32, "web")]
    assert missing.status_code == 404
    services = [batch["resource"]["attributes"][0]["value"]["stringValue"] for batch in whole["batches"]]
    assert services == ["web", "checkout", "payments"]
