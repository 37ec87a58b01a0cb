"""Samples of a small estate as exporters write them: an hour in order, then a quarter of one with checkout out of memory.

Three services report requests in three conventions, Istio reports as well, and everything the probes read is there.
Series are written as OpenMetrics text, which promtool loads into a real Prometheus.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import accumulate

START = datetime(2026, 11, 17, 1, 35, tzinfo=UTC)
ONSET = datetime(2026, 11, 17, 2, 35, tzinfo=UTC)
END = datetime(2026, 11, 17, 2, 50, tzinfo=UTC)
STEP = 15
PODS = ("checkout-7d9f8b6c5d-x2b4z", "checkout-7d9f8b6c5d-9q7ww")
MAILER = "mailer-6d4f5b7c9b-mmmmm"
NEIGHBOUR = "checkout-worker-6d4f5b7c9b-zzzzz"
BOUNDS = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
MIB = 2**20

Level = Callable[[datetime], float]


def times() -> list[datetime]:
    count = int((END - START).total_seconds()) // STEP + 1
    return [START + timedelta(seconds=STEP * i) for i in range(count)]


def openmetrics() -> str:
    """All samples, grouped by family as the format demands."""
    families: dict[str, list[str]] = {}
    for name, labels, values, counter in series():
        base = name.removesuffix("_total") if counter and name.endswith("_total") else name
        for suffix in ("_bucket", "_count", "_sum"):
            base = base.removesuffix(suffix) if counter else base
        written = ",".join(f'{key}="{value}"' for key, value in labels.items())
        lines = families.setdefault(base, [])
        lines += [
            f"{name}{{{written}}} {value!r} {at.timestamp():.0f}" for at, value in zip(times(), values, strict=True)
        ]
    return "\n".join([line for lines in families.values() for line in lines] + ["# EOF", ""])


def series() -> Iterator[tuple[str, dict[str, str], list[float], bool]]:
    """Name, labels, values, and whether it is a counter."""
    yield from _otel()
    yield from _classic()
    yield from _istio()
    yield from _usage()
    yield from _graph()
    yield from _around()
    yield gauge("rabbitmq_queue_messages_ready", {"namespace": "mail", "pod": MAILER}, waiting)


def waiting(at: datetime) -> float:
    """Mails in the queue: 60 more a minute until the onset, then 200 fewer a minute."""
    since = (at - START).total_seconds() / 60
    return 60 * since if at < ONSET else 3600 - 200 * (since - 60)


def after(before: float, then: float) -> Level:
    """A level that steps at the onset."""
    return lambda at: then if at >= ONSET else before


def gauge(name: str, labels: Mapping[str, str], level: Level) -> tuple[str, dict[str, str], list[float], bool]:
    return name, dict(labels), [level(at) for at in times()], False


def counter(name: str, labels: Mapping[str, str], per_second: Level) -> tuple[str, dict[str, str], list[float], bool]:
    return name, dict(labels), list(accumulate(per_second(at) * STEP for at in times())), True


def histogram(
    name: str, labels: Mapping[str, str], per_second: float, latency: Level, *, unit: float = 1.0
) -> Iterator[tuple[str, dict[str, str], list[float], bool]]:
    """Requests that all take as long as `latency` says (seconds); bounds are written in units of `unit` seconds."""
    for bound in BOUNDS:
        le = f"{bound / unit:g}"
        yield counter(
            f"{name}_bucket", {**labels, "le": le}, lambda at, b=bound: per_second if latency(at) <= b else 0.0
        )
    yield counter(f"{name}_bucket", {**labels, "le": "+Inf"}, lambda _: per_second)
    yield counter(f"{name}_count", labels, lambda _: per_second)


def _otel() -> Iterator[tuple[str, dict[str, str], list[float], bool]]:
    own = {"k8s_namespace_name": "shop", "service_name": "checkout", "job": "shop/checkout"}
    for pod in PODS:
        labels = {**own, "pod": pod, "http_route": "/pay"}
        good = {**labels, "http_response_status_code": "200"}
        bad = {**labels, "http_response_status_code": "503"}
        name = "http_server_request_duration_seconds"
        yield from histogram(name, good, 18.0, after(0.09, 0.4))
        yield counter(f"{name}_count", bad, after(0.0, 2.0))
    elsewhere = {"k8s_namespace_name": "staging", "service_name": "checkout", "http_response_status_code": "500"}
    yield counter("http_server_request_duration_seconds_count", elsewhere, after(5.0, 5.0))


def _classic() -> Iterator[tuple[str, dict[str, str], list[float], bool]]:
    own = {"namespace": "shop", "service": "cart", "pod": "cart-5f6d7c8b9d-abcde"}
    yield counter("http_requests_total", {**own, "code": "200"}, after(30.0, 30.0))
    yield counter("http_requests_total", {**own, "code": "500"}, after(0.3, 0.3))
    yield from histogram("http_request_duration_seconds", own, 30.0, after(0.02, 0.02))


def _istio() -> Iterator[tuple[str, dict[str, str], list[float], bool]]:
    for reporter in ("source", "destination"):
        own = {
            "destination_workload": "payments",
            "destination_workload_namespace": "shop",
            "source_workload": "checkout",
            "source_workload_namespace": "shop",
            "reporter": reporter,
        }
        yield counter("istio_requests_total", {**own, "response_code": "200"}, after(8.0, 8.0))
        yield counter("istio_requests_total", {**own, "response_code": "0"}, after(0.0, 2.0))
        yield from histogram("istio_request_duration_milliseconds", own, 8.0, after(0.09, 0.09), unit=0.001)


def _usage() -> Iterator[tuple[str, dict[str, str], list[float], bool]]:
    for pod in (*PODS, NEIGHBOUR):
        pod_labels = {"namespace": "shop", "pod": pod}
        labels = {**pod_labels, "container": "app"}
        used = after(340 * MIB, 255 * MIB) if pod != NEIGHBOUR else after(900 * MIB, 900 * MIB)
        yield gauge("container_memory_working_set_bytes", labels, used)
        yield gauge("container_memory_working_set_bytes", {**pod_labels, "container": "POD"}, after(MIB, MIB))
        yield counter("container_cpu_usage_seconds_total", labels, after(0.12, 0.2))
        yield counter("container_cpu_cfs_periods_total", labels, after(10.0, 10.0))
        yield counter("container_cpu_cfs_throttled_periods_total", labels, after(0.2, 4.0))
        limit = after(512 * MIB, 256 * MIB) if pod != NEIGHBOUR else after(1024 * MIB, 1024 * MIB)
        resource = {**labels, "resource": "memory", "unit": "byte"}
        yield gauge("kube_pod_container_resource_limits", resource, limit)
        yield gauge("kube_pod_container_resource_requests", resource, after(128 * MIB, 128 * MIB))
        cpu = {**labels, "resource": "cpu", "unit": "core"}
        yield gauge("kube_pod_container_resource_requests", cpu, after(0.1, 0.1))
        yield gauge("kube_pod_container_resource_limits", cpu, after(0.5, 0.5))
        yield gauge("kube_pod_container_status_restarts_total", labels, after(0, 3))
        yield gauge("up", {**pod_labels, "job": "pods", "instance": f"{pod}:8080"}, after(1, 0))
    deployment = {"namespace": "shop", "deployment": "checkout"}
    yield gauge("kube_deployment_status_replicas_available", deployment, after(2, 1))
    yield gauge("kube_deployment_spec_replicas", deployment, after(2, 2))


def _graph() -> Iterator[tuple[str, dict[str, str], list[float], bool]]:
    calls = {
        ("web", "checkout"): 36.0,
        ("checkout", "payments"): 8.0,
        ("checkout", "cart"): 30.0,
        ("ads", "tracker"): 4.0,
    }
    for (client, server), rate in calls.items():
        labels = {"client": client, "server": server}
        yield counter("traces_service_graph_request_total", labels, lambda _, r=rate: r)
        yield from histogram("traces_service_graph_request_server_seconds", labels, rate, after(0.05, 0.05))
    failing = {"client": "web", "server": "checkout"}
    yield counter("traces_service_graph_request_failed_total", failing, after(0.0, 3.0))


def _around() -> Iterator[tuple[str, dict[str, str], list[float], bool]]:
    instance = {"instance": "10.0.0.1:9100", "job": "node-exporter"}
    yield gauge("node_uname_info", {**instance, "nodename": "worker-1"}, after(1, 1))
    yield gauge("node_memory_MemAvailable_bytes", instance, after(8e9, 4e8))
    yield gauge("node_memory_MemTotal_bytes", instance, after(16e9, 16e9))
    yield counter("node_cpu_seconds_total", {**instance, "cpu": "0", "mode": "idle"}, after(0.6, 0.1))
    disk = {**instance, "fstype": "ext4", "device": "/dev/sda1", "mountpoint": "/"}
    yield gauge("node_filesystem_avail_bytes", disk, after(5e10, 5e10))
    yield gauge("node_filesystem_size_bytes", disk, after(1e11, 1e11))
    claim = {"namespace": "shop", "persistentvolumeclaim": "data-db-0"}
    yield gauge("kubelet_volume_stats_used_bytes", claim, lambda at: 8e9 + (at - START).total_seconds() * 1e5)
    yield gauge("kubelet_volume_stats_capacity_bytes", claim, after(1e10, 1e10))
