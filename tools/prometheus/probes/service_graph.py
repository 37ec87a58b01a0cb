"""Who calls whom around some services, how often, how often it fails, and how long it takes, over time."""

from datetime import datetime

from pydantic import Field

from incidents.evidence import Source, Window
from incidents.value import Value
from tools.estate import Cluster
from tools.probe import Observation, Probe
from tools.prometheus.asking import client_of, notes_of, ranges, seen
from tools.prometheus.client import RangeAnswer, Sample
from tools.prometheus.curve import Curve, step_for
from tools.prometheus.graph import SOURCES, GraphMetrics, GraphSource

FINEST = 30.0
"""Seconds: how often metrics generators write."""
RATE_SECONDS = 120
"""Seconds that rates look back over: four scrapes of 30 s."""
MOST_CALLS = 400
"""Calls of the whole graph that are read to find the neighbourhood."""
MOST_NEIGHBOURS = 12
"""Services whose calls are looked at over time."""
MOST_SERIES = 30
"""Calls whose three series fit into one evidence body."""


class ServiceGraphArgs(Value):
    """Around which services (by name, as telemetry names them), how far, and over which window."""

    services: tuple[str, ...] = Field(min_length=1)
    hops: int = Field(default=2, ge=1, le=4)
    start: datetime
    end: datetime


class Call(Value):
    """Calls from one service to another over time."""

    client: str
    server: str
    client_namespace: str | None = None
    server_namespace: str | None = None
    rate: Curve | None = None
    """Calls per second."""
    failed: Curve | None = None
    """Failed calls per second."""
    p99: Curve | None = None
    """Seconds."""


class ServiceGraphView(Value):
    """Calls of the neighbourhood. `source` is None when nothing here says who calls whom."""

    source: GraphSource | None = None
    calls: tuple[Call, ...] = ()
    known: tuple[tuple[str, str, float], ...] = ()
    """Every call of the estate at the end of the window: client, server, calls per second."""


def _neighbours(edges: list[tuple[str, str, float]], services: tuple[str, ...], *, hops: int) -> list[str]:
    """The services within that many calls in either direction, nearest first, the asked ones included."""
    order, frontier = list(dict.fromkeys(services)), set(services)
    for _ in range(hops):
        near = {b for a, b, _ in edges if a in frontier} | {a for a, b, _ in edges if b in frontier}
        frontier = near - set(order)
        order += sorted(frontier)
    return order[:MOST_NEIGHBOURS]


def _edge(sample: Sample, metrics: GraphMetrics) -> tuple[str, str, float]:
    return sample.labels.get(metrics.client, ""), sample.labels.get(metrics.server, ""), round(sample.value or 0.0, 3)


def _call(curve: Curve, answers: dict[str, RangeAnswer], metrics: GraphMetrics) -> Call:
    def same(name: str) -> Curve | None:
        return next((other for other in answers[name].curves if other.labels == curve.labels), None)

    labels = curve.labels
    return Call(
        client=labels.get(metrics.client, ""),
        server=labels.get(metrics.server, ""),
        client_namespace=labels.get(metrics.client_namespace or ""),
        server_namespace=labels.get(metrics.server_namespace or ""),
        rate=_bare(curve),
        failed=_bare(same("failed")),
        p99=_bare(same("p99")),
    )


def _bare(curve: Curve | None) -> Curve | None:
    """Without labels: they stand on the call."""
    return curve.model_copy(update={"labels": {}}) if curve else None


async def _run(cluster: Cluster, args: ServiceGraphArgs) -> Observation[ServiceGraphView]:
    client, window = client_of(cluster), Window(start=args.start, end=args.end)
    asked: list[str] = []
    for metrics in SOURCES:
        asked.append(metrics.calls(seconds=RATE_SECONDS))
        answer = await client.query(asked[-1], at=args.end, most=MOST_CALLS)
        edges = [edge for edge in (_edge(sample, metrics) for sample in answer.samples) if edge[0] and edge[1]]
        if edges:
            return await _around(cluster, args, metrics, edges=edges, window=window)
    return seen(
        cluster,
        ServiceGraphView(),
        probe=PROBE.name,
        queries=asked,
        title="service graph: none",
        window=window,
        complete=False,
    )


async def _around(
    cluster: Cluster,
    args: ServiceGraphArgs,
    metrics: GraphMetrics,
    *,
    edges: list[tuple[str, str, float]],
    window: Window,
) -> Observation[ServiceGraphView]:
    names = _neighbours(edges, args.services, hops=args.hops)
    queries = {
        "rate": metrics.rate(names, seconds=RATE_SECONDS),
        "failed": metrics.failures(names, seconds=RATE_SECONDS),
        "p99": metrics.p99(names, seconds=RATE_SECONDS),
    }
    answers = dict(await ranges(client_of(cluster), queries, window=window, step=step_for(window, finest=FINEST)))
    calls = tuple(_call(curve, answers, metrics) for curve in answers["rate"].curves[:MOST_SERIES])
    return seen(
        cluster,
        ServiceGraphView(source=metrics.source, calls=calls, known=tuple(sorted(edges))),
        probe=PROBE.name,
        queries=[*queries.values(), metrics.calls(seconds=RATE_SECONDS)],
        title=f"who calls {', '.join(args.services)}, and whom they call",
        window=window,
        complete=False,
        cut=notes_of(answers),
    )


PROBE = Probe(
    name="prometheus.service_graph",
    source=Source.PROMETHEUS,
    describe="Callers and callees around services with call rate, failures and p99 over a window, "
    "from service-graph metrics of traces or from Istio.",
    args=ServiceGraphArgs,
    view=ServiceGraphView,
    run=_run,
)
