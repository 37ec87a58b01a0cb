"""The named measures that runbooks and checks speak of, resolved to an exact query for one entity, and read.

The names are the vocabulary of `success:` and `must_not_worsen:`. What Kubernetes or the store answers better
(`workload_available`, `alert_resolved`) is not here.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from incidents.entity import Entity
from incidents.evidence import Evidence, Source, Window
from incidents.ids import EntityId
from incidents.value import Value
from tools.errors import NotFoundError, PermanentError
from tools.estate import Cluster
from tools.observing import observed
from tools.prometheus.asking import client_of
from tools.prometheus.client import PrometheusClient
from tools.prometheus.convention import RequestMetrics, find
from tools.prometheus.curve import Curve, step_for
from tools.prometheus.probes.wide import NAMESPACES
from tools.prometheus.queues import QUEUES, backlog_hours
from tools.prometheus.replicas import REPLICAS
from tools.prometheus.selector import equals, pod_pattern, pods_of, quoted

Resolve = Callable[[PrometheusClient, Entity, datetime, int], Awaitable[str]]
"""Of an entity: when series are looked for, and the seconds that rates look back over."""

DISCOVERY = timedelta(hours=1)
"""How far back series are looked for, so that a service whose pods are all down is still found."""
SHORTEST_WINDOW = timedelta(minutes=1)
SCRAPES_OF_CADVISOR = 120
"""Seconds of four scrapes of cAdvisor: rates over less have gaps."""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One named measure."""

    name: str
    unit: str
    describe: str
    resolve: Resolve
    """The PromQL for an entity."""


class Reading(Value):
    """One value; None when there was none, and `note` says why."""

    value: float | None
    query: str
    unit: str
    evidence: Evidence
    note: str = ""


async def measure(cluster: Cluster, name: str, entity: EntityId, *, at: datetime, window: timedelta) -> Reading:
    """Read a measure at one instant, over the window that ends there. Raises ToolError, also for an unknown name."""
    client, known = client_of(cluster), _known(name)
    span = Window(start=at - max(window, SHORTEST_WINDOW), end=at)
    query = await known.resolve(client, Entity.parse(entity), at, _seconds(window))
    answer = await client.query(query, at=at)
    value = answer.samples[0].value if answer.samples else None
    missing = "" if value is not None else f"Prometheus has no value of it at {at:%H:%M:%S}: no requests, or no samples"
    evidence = _evidence(cluster, Taken(measure=name, entity=entity, at=at, value=value), query=query, window=span)
    return Reading(value=value, query=query, unit=known.unit, evidence=evidence, note=missing)


class Taken(Value):
    """The body of a reading's evidence."""

    measure: str
    entity: EntityId
    at: datetime
    value: float | None


class MeasureCurve(Value):
    """A measure over time, for before-and-after charts."""

    measure: str
    entity: EntityId
    unit: str
    query: str
    curve: Curve | None


async def measure_range(
    cluster: Cluster, name: str, entity: EntityId, *, start: datetime, end: datetime, rate_window: timedelta
) -> MeasureCurve:
    """Read a measure over time; at most 240 values. Raises ToolError."""
    client, known = client_of(cluster), _known(name)
    query = await known.resolve(client, Entity.parse(entity), end, _seconds(rate_window))
    window = Window(start=start, end=end)
    answer = await client.range(query, window=window, step=step_for(window, finest=15.0))
    curve = answer.curves[0] if answer.curves else None
    return MeasureCurve(measure=name, entity=entity, unit=known.unit, query=query, curve=curve)


async def query_of(cluster: Cluster, name: str, entity: EntityId, *, at: datetime, window: timedelta) -> str:
    """The exact query of a measure, without reading it."""
    return await _known(name).resolve(client_of(cluster), Entity.parse(entity), at, _seconds(window))


def _known(name: str) -> Measure:
    if name not in MEASURES:
        raise PermanentError(f"{name!r} is no measure of Prometheus: write one of {', '.join(sorted(MEASURES))}")
    return MEASURES[name]


def _evidence(cluster: Cluster, taken: Taken, *, query: str, window: Window) -> Evidence:
    return observed(
        taken,
        probe="prometheus.measure",
        source=Source.PROMETHEUS,
        query=query,
        at=cluster.clock.now(),
        title=f"{taken.measure} of {Entity.parse(taken.entity).label}",
        window=window,
        entities=(taken.entity,),
        link=client_of(cluster).link(query, window=window),
    ).evidence


def _seconds(window: timedelta) -> int:
    return int(max(window, SHORTEST_WINDOW).total_seconds())


async def _requests(client: PrometheusClient, entity: Entity, at: datetime) -> RequestMetrics:
    found = await find(client, entity, window=Window(start=at - DISCOVERY, end=at))
    if found is None:
        raise NotFoundError(f"Prometheus has no request metrics of {entity.label}")
    return found


async def _error_rate(client: PrometheusClient, entity: Entity, at: datetime, seconds: int) -> str:
    metrics = await _requests(client, entity, at)
    query = metrics.error_ratio(seconds=max(seconds, metrics.rate_window))
    if query is None:
        raise NotFoundError(f"the request metrics of {entity.label} carry no status code")
    return query


async def _latency_p99(client: PrometheusClient, entity: Entity, at: datetime, seconds: int) -> str:
    metrics = await _requests(client, entity, at)
    return metrics.quantile(0.99, seconds=max(seconds, metrics.rate_window))


async def _traffic(client: PrometheusClient, entity: Entity, at: datetime, seconds: int) -> str:
    metrics = await _requests(client, entity, at)
    return metrics.traffic(seconds=max(seconds, metrics.rate_window))


async def _saturation(_client: PrometheusClient, entity: Entity, _at: datetime, seconds: int) -> str:
    pods, within = f'{pods_of(entity)},container!="",container!="POD"', f"{max(seconds, SCRAPES_OF_CADVISOR)}s"
    memory = (
        f"max(container_memory_working_set_bytes{{{pods}}} / on (namespace, pod, container) "
        f'(kube_pod_container_resource_limits{{{pods_of(entity)},resource="memory"}} > 0))'
    )
    throttled = f"sum(rate(container_cpu_cfs_throttled_periods_total{{{pods}}}[{within}]))"
    periods = f"sum(rate(container_cpu_cfs_periods_total{{{pods}}}[{within}]))"
    parts = {"memory": memory, "cpu": f"({throttled} / ({periods} > 0))"}
    return "max(" + " or ".join(f'label_replace({q}, "of", "{n}", "", "")' for n, q in parts.items()) + ")"


async def _availability(_client: PrometheusClient, entity: Entity, _at: datetime, _seconds: int) -> str:
    metrics = REPLICAS.get(entity.kind)
    if metrics is None:
        raise NotFoundError(f"{entity.label} has no replicas whose availability could be read")
    available, desired = metrics
    labels = {"namespace": entity.namespace} if entity.namespace else {}
    selector = equals({**labels, entity.kind.value: entity.name})
    return f"max({available}{{{selector}}}) / (max({desired}{{{selector}}}) > 0)"


async def _backlog(client: PrometheusClient, entity: Entity, at: datetime, _seconds: int) -> str:
    pods = f"pod=~{quoted(pod_pattern(entity))}"
    window = Window(start=at - DISCOVERY, end=at)
    for label in NAMESPACES if entity.namespace else ():
        selector = f"{label}={quoted(entity.namespace or '')},{pods}"
        names = await client.label_values("__name__", selector=f"{{{selector}}}", window=window)
        if known := next((name for name in QUEUES if name in names), None):
            return backlog_hours(known, selector)
    raise NotFoundError(f"Prometheus has no queue of {entity.label}")


MEASURES: Mapping[str, Measure] = {
    one.name: one
    for one in (
        Measure(name="error_rate", unit="ratio", describe="Share of requests that fail.", resolve=_error_rate),
        Measure(name="latency_p99", unit="seconds", describe="99th percentile of latency.", resolve=_latency_p99),
        Measure(name="traffic", unit="requests_per_second", describe="Requests per second.", resolve=_traffic),
        Measure(
            name="saturation",
            unit="ratio",
            describe="Memory against its limit, or the share of CPU periods that were throttled: the worse of both.",
            resolve=_saturation,
        ),
        Measure(
            name="backlog_hours",
            unit="hours",
            describe="Hours until what waits in its queue is worked off at the present pace.",
            resolve=_backlog,
        ),
        Measure(
            name="availability", unit="ratio", describe="Available replicas out of desired ones.", resolve=_availability
        ),
    )
}
