"""Prometheus: reachable, fresh, how far back, which conventions of request metrics, and which standard exporters."""

from datetime import datetime, timedelta

from incidents.value import Value
from service.doctor.checking import Trouble, attempt, troubled, unconfigured
from service.doctor.finding import Finding, State
from service.doctor.kubernetes import listed
from tools.estate import Cluster
from tools.prometheus.client import PrometheusClient
from tools.prometheus.convention import CONVENTIONS, Convention
from tools.prometheus.status import PrometheusStatus, existing, labels_of, newest_sample, reaches_back, status_of

WHAT = "Prometheus"
MEANS = "errors, latency, traffic and saturation, before and after every change"
STALE = timedelta(minutes=5)
"""Prometheus itself forgets a series after that long without a sample."""
SPANS = (timedelta(hours=1), timedelta(hours=6), timedelta(days=1), timedelta(days=7))
"""How far back samples are looked for; a baseline takes an hour, a daily pattern a day, a weekly one a week."""
BASELINE = SPANS[0]
EXPORTERS = {
    "kube-state-metrics": ("kube_pod_status_phase", "kube_deployment_spec_replicas"),
    "cAdvisor": ("container_memory_working_set_bytes", "container_cpu_usage_seconds_total"),
    "node-exporter": ("node_memory_MemAvailable_bytes", "node_cpu_seconds_total"),
    "kubelet volume stats": ("kubelet_volume_stats_used_bytes",),
    "a service graph": ("traces_service_graph_request_total", "istio_requests_total"),
}
"""Who exports what probes read; one of the metrics is enough."""
REQUESTS = "request metrics"
GIVES = {
    REQUESTS: "errors, latency and traffic of services",
    "kube-state-metrics": "restarts, replicas and limits over time",
    "cAdvisor": "memory and CPU of containers, and throttling",
    "node-exporter": "memory, disk and load of nodes",
    "kubelet volume stats": "how full volumes are",
    "a service graph": "who calls whom, by measured traffic",
}
NEEDED = (REQUESTS, "kube-state-metrics", "cAdvisor")
"""Without these the observability specialist cannot answer its usual questions."""


class PrometheusView(Value):
    """What one Prometheus has."""

    status: PrometheusStatus
    newest: datetime | None
    now: datetime
    history: timedelta | None
    conventions: tuple[str, ...]
    counter: str = ""
    """The request counter of the best convention."""
    service_labels: tuple[str, ...] = ()
    """Labels of that counter that name the service, with at least one value."""
    namespace_labels: tuple[str, ...] = ()
    exporters: tuple[str, ...]

    @property
    def fresh(self) -> bool:
        """Whether anything was scraped lately."""
        return self.newest is not None and self.now - self.newest < STALE

    @property
    def present(self) -> tuple[str, ...]:
        """What of GIVES is there."""
        return tuple(name for name in GIVES if name in self.exporters or (name == REQUESTS and self.conventions))


async def look(client: PrometheusClient, *, now: datetime) -> PrometheusView:
    """Ask. Raises ToolError."""
    status = await status_of(client)
    names = [name for group in EXPORTERS.values() for name in group]
    found = await existing(client, [*(one.counter for one in CONVENTIONS), *names], at=now)
    followed = [one for one in CONVENTIONS if one.counter in found]
    services, namespaces = await _labels(client, followed[0], now=now) if followed else ((), ())
    return PrometheusView(
        status=status,
        newest=await newest_sample(client, at=now),
        now=now,
        history=await reaches_back(client, SPANS, at=now),
        conventions=tuple(one.name.value for one in followed),
        counter=followed[0].counter if followed else "",
        service_labels=services,
        namespace_labels=namespaces,
        exporters=tuple(name for name, metrics in EXPORTERS.items() if any(metric in found for metric in metrics)),
    )


async def _labels(
    client: PrometheusClient, convention: Convention, *, now: datetime
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    among = tuple(dict.fromkeys((*convention.services, *convention.namespaces)))
    there = await labels_of(client, convention.counter, among=among, at=now)
    return (
        tuple(name for name in convention.services if name in there),
        tuple(name for name in convention.namespaces if name in there),
    )


async def check(cluster: Cluster) -> tuple[PrometheusView | None, Finding]:
    """The row."""
    if cluster.prometheus is None:
        return None, unconfigured(cluster=cluster.name, what=WHAT, means=MEANS, setting="prometheus")
    seen = await attempt(look(cluster.prometheus, now=cluster.clock.now()))
    if isinstance(seen, Trouble):
        return None, troubled(seen, cluster=cluster.name, what=WHAT, means=MEANS, setting="prometheus")
    return seen, judge(seen, cluster=cluster.name)


def judge(seen: PrometheusView, *, cluster: str) -> Finding:
    """What the view means. Pure."""
    lacking = [name for name in GIVES if name not in seen.present]
    short = seen.history is None or seen.history < BASELINE
    needed = [name for name in lacking if name in NEEDED]
    state = State.FAILED if not seen.fresh else State.DEGRADED if needed or short else State.OK
    return Finding(
        cluster=cluster,
        what=WHAT,
        state=state,
        found=_found(seen),
        means=_meaning(seen, lacking, short=short),
        do=_advice(seen, needed, short=short),
        sees=tuple(GIVES[name] for name in seen.present),
        blind=tuple(GIVES[name] for name in lacking),
    )


def _found(seen: PrometheusView) -> str:
    parts = [f"version {seen.status.version}" if seen.status.version else "answers"]
    if seen.status.retention:
        parts.append(f"keeps {seen.status.retention}")
    if seen.newest is not None:
        age = max(0.0, (seen.now - seen.newest).total_seconds())
        parts.append(f"newest sample {age:.0f} s old")
    if seen.history is not None:
        parts.append(f"samples at least {_span(seen.history)} back")
    parts.append(f"request metrics: {listed(seen.conventions) or 'none'}")
    parts.append(f"exporters: {listed(seen.exporters) or 'none'}")
    return "; ".join(parts)


def _meaning(seen: PrometheusView, lacking: list[str], *, short: bool) -> str:
    if not seen.fresh:
        return "nothing was scraped for five minutes: what happens now is not seen, and no change can be verified"
    parts = [f"not seen: {listed([GIVES[name] for name in lacking])}"] if lacking else []
    if short:
        parts.append("there is no hour of history to compare with, so that shifts are found late")
    return "; ".join(parts) or "what services do can be measured before and after a change"


def _advice(seen: PrometheusView, needed: list[str], *, short: bool) -> str:
    if not seen.fresh:
        return "see why it scrapes nothing (Status > Targets)"
    parts = [f"have it scrape {listed(needed)}"] if needed else []
    if short:
        parts.append("wait, or raise --storage.tsdb.retention.time if it is below a day")
    return "; ".join(parts)


def _span(span: timedelta) -> str:
    return f"{span.days} days" if span.days > 1 else f"{span.total_seconds() / 3600:.0f} h"
