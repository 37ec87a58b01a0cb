"""How services say what requests they served: the conventions that estates follow, and the PromQL of each.

A convention is data: names of metrics and labels. Which one a service follows is found by asking for its series
(`find`), never assumed. Requests, errors, duration: the RED method (Tom Wilkie, 2015).
"""

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from incidents.entity import Entity
from incidents.evidence import Window
from incidents.value import Value
from tools.prometheus.client import PrometheusClient
from tools.prometheus.selector import equals, escaped, pod_pattern, quoted

DEFAULT_INTERVAL = 30.0
"""Seconds between two scrapes when it cannot be seen: the default of kube-prometheus."""
INTERVALS_PER_RATE = 4
"""Scrapes that a rate looks back over, so that one missed scrape does not leave a gap (Grafana's $__rate_interval)."""
SHORTEST_RATE = 60.0
"""Seconds. Below it single requests make a rate jump."""
LONGEST_INTERVAL = 60.0
"""Seconds: the default of Prometheus itself. Series that look sparser are young, not slow."""
INTERVAL_LOOKBACK = 600
"""Seconds over which samples are counted to see the scrape interval."""


MOST_FOUND = 256
"""Services and times for which metrics are remembered."""
HOLDS = timedelta(minutes=10)
"""Windows that begin and end in the same ten minutes are one: who watches a service asks about a later one each minute,
and a service does not take up another convention so often."""


class ConventionName(StrEnum):
    """Names of the conventions, best first: what a service says itself before what its neighbours say about it."""

    OTEL = "otel"
    """OpenTelemetry semantic conventions, stable: seconds."""
    OTEL_OLD = "otel_old"
    """OpenTelemetry before 1.21: milliseconds."""
    CLASSIC = "classic"
    """http_requests_total and http_request_duration_seconds, as the Prometheus client libraries' examples do."""
    CLASSIC_HISTOGRAM = "classic_histogram"
    """Only http_request_duration_seconds, with the code on it."""
    GRPC = "grpc"
    """go-grpc-prometheus and its siblings."""
    ISTIO = "istio"
    """What sidecars or waypoints report."""
    SPANS = "spans"
    """Span metrics of Tempo or the OpenTelemetry collector."""


@dataclass(frozen=True, kw_only=True)
class Convention:
    """Metric and label names of one convention; of alternatives the first that exists counts."""

    name: ConventionName
    counter: str
    buckets: str
    seconds: float = 1.0
    """What one unit of the duration is in seconds."""
    services: tuple[str, ...]
    """Labels that may name the service."""
    namespaces: tuple[str, ...]
    codes: tuple[str, ...]
    failed: str
    """Regular expression over codes that are the server's failure."""


_SERVICES = ("service", "service_name", "deployment", "k8s_deployment_name", "app", "app_kubernetes_io_name", "job")
_NAMESPACES = ("namespace", "k8s_namespace_name", "exported_namespace", "service_namespace", "kubernetes_namespace")
_GRPC_FAILED = "Unknown|DeadlineExceeded|Unimplemented|Internal|Unavailable|DataLoss"
"""gRPC codes that stand for HTTP 5xx (google.golang.org/genproto/googleapis/rpc/code)."""

CONVENTIONS = (
    Convention(
        name=ConventionName.OTEL,
        counter="http_server_request_duration_seconds_count",
        buckets="http_server_request_duration_seconds_bucket",
        services=_SERVICES,
        namespaces=("k8s_namespace_name", *_NAMESPACES),
        codes=("http_response_status_code",),
        failed="5..",
    ),
    Convention(
        name=ConventionName.OTEL_OLD,
        counter="http_server_duration_milliseconds_count",
        buckets="http_server_duration_milliseconds_bucket",
        seconds=0.001,
        services=_SERVICES,
        namespaces=("k8s_namespace_name", *_NAMESPACES),
        codes=("http_status_code", "http_response_status_code"),
        failed="5..",
    ),
    Convention(
        name=ConventionName.CLASSIC,
        counter="http_requests_total",
        buckets="http_request_duration_seconds_bucket",
        services=_SERVICES,
        namespaces=_NAMESPACES,
        codes=("code", "status", "status_code"),
        failed="5..",
    ),
    Convention(
        name=ConventionName.CLASSIC_HISTOGRAM,
        counter="http_request_duration_seconds_count",
        buckets="http_request_duration_seconds_bucket",
        services=_SERVICES,
        namespaces=_NAMESPACES,
        codes=("code", "status", "status_code"),
        failed="5..",
    ),
    Convention(
        name=ConventionName.GRPC,
        counter="grpc_server_handled_total",
        buckets="grpc_server_handling_seconds_bucket",
        services=_SERVICES,
        namespaces=_NAMESPACES,
        codes=("grpc_code",),
        failed=_GRPC_FAILED,
    ),
    Convention(
        name=ConventionName.ISTIO,
        counter="istio_requests_total",
        buckets="istio_request_duration_milliseconds_bucket",
        seconds=0.001,
        services=("destination_workload", "destination_canonical_service", "destination_service_name"),
        namespaces=("destination_workload_namespace", "destination_service_namespace"),
        codes=("response_code",),
        failed="5..|0",  # 0: the connection broke before there was an answer
    ),
    Convention(
        name=ConventionName.SPANS,
        counter="traces_spanmetrics_calls_total",
        buckets="traces_spanmetrics_latency_bucket",
        services=("service", "service_name"),
        namespaces=_NAMESPACES,
        codes=("status_code",),
        failed="STATUS_CODE_ERROR",
    ),
)


_SAID_BY_OTHERS = frozenset({ConventionName.ISTIO, ConventionName.SPANS})
"""Conventions that cover services which report themselves as well: never tried first."""


class RequestMetrics(Value):
    """The convention that one service follows here, with the exact labels that select it. Knows its PromQL."""

    convention: ConventionName
    selector: str
    """`namespace="shop",service="checkout"`."""
    label: str
    """The label by which the service is named."""
    code_label: str | None
    interval: float
    """Seconds between its samples."""
    note: str = ""
    """What to know about the choice, for people."""

    @property
    def rate_window(self) -> int:
        """Seconds that rates look back over."""
        return math.ceil(max(SHORTEST_RATE, INTERVALS_PER_RATE * self.interval))

    def traffic(self, *, seconds: int | None = None) -> str:
        """Requests per second."""
        return f"sum({self._rate(seconds)})"

    def by_code(self, *, seconds: int | None = None) -> str:
        """Requests per second by status code."""
        return (
            f"sum by ({self.code_label}) ({self._rate(seconds)})" if self.code_label else self.traffic(seconds=seconds)
        )

    def error_ratio(self, *, seconds: int | None = None) -> str | None:
        """Share of requests that failed, 0..1; None when requests carry no code. No requests give no value."""
        if self.code_label is None:
            return None
        failed = self._rate(seconds, more=f"{self.code_label}=~{quoted(self._definition.failed)}")
        return f"(sum({failed}) or vector(0)) / ({self.traffic(seconds=seconds)} > 0)"

    def quantile(self, q: float, *, seconds: int | None = None, by: Sequence[str] = ()) -> str:
        """A quantile of the duration, in seconds; one per value of the labels in `by`, when some are given."""
        within = seconds or self.rate_window
        buckets = f"sum by ({', '.join(('le', *by))}) (rate({self._definition.buckets}{{{self.selector}}}[{within}s]))"
        scale = "" if self._definition.seconds == 1.0 else f" * {self._definition.seconds:g}"
        return f"histogram_quantile({q:g}, {buckets}){scale}"

    @property
    def failed(self) -> str:
        """Regular expression over codes that are failures."""
        return self._definition.failed

    @property
    def _definition(self) -> Convention:
        return next(one for one in CONVENTIONS if one.name is self.convention)

    def _rate(self, seconds: int | None, *, more: str = "") -> str:
        matchers = ",".join(part for part in (self.selector, more) if part)
        return f"rate({self._definition.counter}{{{matchers}}}[{seconds or self.rate_window}s])"


async def find(client: PrometheusClient, entity: Entity, *, window: Window) -> RequestMetrics | None:
    """The request metrics of a workload or service; None when this Prometheus has none for it."""
    key = (entity.id, window.start.timestamp() // HOLDS.seconds, window.end.timestamp() // HOLDS.seconds)
    async with client.finding.setdefault(key, asyncio.Lock()):
        if key in client.found:
            return client.found[key]
        metrics = await _find(client, entity, window=window)
        if metrics is not None:
            if len(client.found) >= MOST_FOUND:
                client.found.clear()
            client.found[key] = metrics
        return metrics


async def _find(client: PrometheusClient, entity: Entity, *, window: Window) -> RequestMetrics | None:
    known = await _as_before(client, entity, window=window)
    if known is not None:
        return known
    chosen = choose(await client.series(selectors_for(entity), window=window), entity=entity)
    if chosen is None:
        return None
    counter = next(one.counter for one in CONVENTIONS if one.name is chosen.convention)
    samples = f"max(count_over_time({counter}{{{chosen.selector}}}[{INTERVAL_LOOKBACK}s]))"
    counted = await client.query(samples, at=window.end)
    number = counted.samples[0].value if counted.samples else None
    interval = min(LONGEST_INTERVAL, INTERVAL_LOOKBACK / number) if number else DEFAULT_INTERVAL
    if number and chosen.convention not in _SAID_BY_OTHERS:
        client.convention = (chosen.convention, chosen.label, interval)
    return chosen.model_copy(update={"interval": interval})


async def _as_before(client: PrometheusClient, entity: Entity, *, window: Window) -> RequestMetrics | None:
    """The convention that the last service here followed, if this one does: one selector instead of ten."""
    if client.convention is None:
        return None
    name, label, interval = client.convention
    convention = next(one for one in CONVENTIONS if one.name == name)
    value = pod_pattern(entity) if label == "pod" else f"(.+/)?{escaped(entity.name)}"
    labels = await client.series([f"{convention.counter}{{{label}=~{quoted(value)}}}"], window=window)
    found = _selected(labels, label, convention=convention, entity=entity)
    return found.model_copy(update={"interval": interval}) if found else None


def selectors_for(entity: Entity) -> list[str]:
    """Series selectors of which one matches, whichever convention the service follows."""
    counters = "|".join(sorted({one.counter for one in CONVENTIONS}))
    labels = dict.fromkeys(label for one in CONVENTIONS for label in one.services)
    names = f"(.+/)?{escaped(entity.name)}"  # OpenTelemetry's job is namespace/name
    by_label = [f"{{__name__=~{quoted(counters)},{label}=~{quoted(names)}}}" for label in labels]
    return [*by_label, f"{{__name__=~{quoted(counters)},pod=~{quoted(pod_pattern(entity))}}}"]


def choose(series: Iterable[Mapping[str, str]], *, entity: Entity) -> RequestMetrics | None:
    """The best convention among these series (label sets with `__name__`). Pure."""
    known = list(series)
    for convention in CONVENTIONS:
        own = [labels for labels in known if labels.get("__name__") == convention.counter]
        for label in (*convention.services, "pod"):
            found = _selected(own, label, convention=convention, entity=entity)
            if found is not None:
                return found
    return None


def _selected(
    series: Sequence[Mapping[str, str]], label: str, *, convention: Convention, entity: Entity
) -> RequestMetrics | None:
    named = [labels for labels in series if _names(labels.get(label, ""), label, entity=entity)]
    space = next((name for name in convention.namespaces if any(name in labels for labels in named)), None)
    if space is not None and entity.namespace is not None:
        named = [labels for labels in named if labels.get(space) == entity.namespace]
    if not named:
        return None
    matchers = equals({space: entity.namespace}) + "," if space and entity.namespace else ""
    who = f"pod=~{quoted(pod_pattern(entity))}" if label == "pod" else equals({label: named[0][label]})
    code = next((name for name in convention.codes if any(name in labels for labels in named)), None)
    return RequestMetrics(
        convention=convention.name,
        selector=matchers + who + _reporter(named, convention=convention),
        label=label,
        code_label=code,
        interval=DEFAULT_INTERVAL,
        note="" if space else f"no label of {convention.counter} names the namespace: services of one name are one",
    )


def _names(value: str, label: str, *, entity: Entity) -> bool:
    """Whether a label's value names the entity: exactly, or as `namespace/name`."""
    if label == "pod":
        return value != ""  # the selector matched it by the pod pattern
    return value in (entity.name, f"{entity.namespace}/{entity.name}")


def _reporter(series: Sequence[Mapping[str, str]], *, convention: Convention) -> str:
    """Each Istio request is reported twice; count it once, where it arrived when that is reported. Spans: as server."""
    if convention.name is ConventionName.SPANS:
        return ',span_kind="SPAN_KIND_SERVER"'
    if convention.name is not ConventionName.ISTIO:
        return ""
    reporters = {labels.get("reporter", "") for labels in series}
    chosen = next((name for name in ("destination", "waypoint", "source") if name in reporters), None)
    return f",reporter={quoted(chosen)}" if chosen else ""
