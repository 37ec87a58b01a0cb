"""Metrics: the recorded columns, states of the nodes' services and connectivity checks under the names of exporters.

`metrics.csv` holds rates and gauges; exporters count, so rates are summed up into counters. The direction in which a
figure errs is said where it has to be guessed.
"""

import csv
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evals.datasets.cloud_opsbench.amounts import amount_of
from evals.datasets.cloud_opsbench.histograms import buckets_of
from evals.datasets.dataset import DatasetError
from worlds.objects.kinds import JsonObject
from worlds.promql.storage import METRIC_NAME, Series

Floats = NDArray[np.float64]
Columns = Mapping[str, Mapping[str, Floats]]
"""Values by the name of a service or node, and by figure."""

_TIME = "%Y-%m-%d %H:%M:%S"
_QUANTILE = re.compile(r"p(?P<percent>\d{2})latency")
_PERIODS_PER_SECOND = 10.0
"""CFS periods are 100 ms long by default."""
_HUNDRED = 100.0
_MILLI = 1e-3


class Figures:
    """The table of `metrics.csv`."""

    def __init__(self, times: Floats, columns: Columns) -> None:
        self.times = times
        self.columns = columns

    def of(self, name: str) -> Mapping[str, Floats]:
        """Figures of a service or a node."""
        return self.columns.get(name, {})


def read_figures(path: Path, *, zone: tzinfo) -> Figures | None:
    """Read `metrics.csv`; None when the case has none. Raises DatasetError for a table that is none."""
    if not path.is_file():
        return None
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.reader(file) if row]
    if len(rows) < 2 or not rows[0] or rows[0][0].strip().lower() not in {"time", "timestamp"}:  # noqa: PLR2004 - a heading and a row
        raise DatasetError(f"{path}: expected a heading that begins with `time` and a row for each moment")
    try:
        moments = [datetime.strptime(row[0].strip(), _TIME).replace(tzinfo=zone).timestamp() for row in rows[1:]]
        table = np.array([[float(cell or "nan") for cell in row[1:]] for row in rows[1:]], dtype=np.float64)
    except ValueError as error:
        raise DatasetError(f"{path}: {error}; expected times as 2025-01-31 12:00:00 and numbers") from error
    order = np.unique(np.array(moments), return_index=True)[1]
    columns: dict[str, dict[str, Floats]] = {}
    for number, heading in enumerate(rows[0][1:]):
        name, _, figure = heading.strip().rpartition("-")
        columns.setdefault(name, {})[figure] = table[order, number]
    return Figures(np.array(moments)[order], columns)


def series_of_services(figures: Figures, pods: Sequence[JsonObject]) -> Iterator[Series]:
    """Container, network and request metrics of every service that has columns."""
    for name in figures.columns:
        own = [pod for pod in pods if _runs(pod, name)]
        if own:
            yield from _containers(figures, name, own)
            yield from _requests(figures, name, own[0]["metadata"]["namespace"])


def _runs(pod: JsonObject, name: str) -> bool:
    """Whether a pod belongs to the workload of a name: by its labels, or by how its controllers name it."""
    labels = pod["metadata"].get("labels") or {}
    if name in {labels.get("app"), labels.get("app.kubernetes.io/name"), labels.get("k8s-app")}:
        return True
    owner = next((one["name"] for one in pod["metadata"].get("ownerReferences", ())), "")
    return owner == name or owner.rpartition("-")[0] == name


def _containers(figures: Figures, name: str, pods: Sequence[JsonObject]) -> Iterator[Series]:
    """Each pod is given an equal share of what the workload used."""
    told, times, share = figures.of(name), figures.times, 1.0 / len(pods)
    for pod in pods:
        meta = pod["metadata"]
        base = {"namespace": meta["namespace"], "pod": meta["name"]}
        if node := pod["spec"].get("nodeName"):
            base["node"] = node
        main = pod["spec"]["containers"][0] if pod["spec"].get("containers") else {"name": name}
        inside = {**base, "container": main["name"]}
        for figure, metric in (
            ("cpu", "container_cpu_usage_seconds_total"),
            ("cpu_cfs", "container_cpu_cfs_throttled_seconds_total"),
        ):
            if figure in told:
                yield _counter(metric, inside, times, told[figure] * share)
        if "cpu_cfs" in told:
            # A thread is held back for at most the period: the share of periods is at least that of time.
            held = np.clip(told["cpu_cfs"] * share, 0.0, 1.0) * _PERIODS_PER_SECOND
            yield _counter("container_cpu_cfs_throttled_periods_total", inside, times, held)
            yield _counter("container_cpu_cfs_periods_total", inside, times, np.full(len(times), _PERIODS_PER_SECOND))
        if "mem" in told:
            yield _gauge("container_memory_working_set_bytes", inside, times, told["mem"] * share)
        for figure, metric in (
            ("network_receive", "container_network_receive_packets_total"),
            ("network_transmit", "container_network_transmit_packets_total"),
        ):
            if figure in told:
                yield _counter(metric, {**base, "interface": "eth0"}, times, told[figure] * share)


def _requests(figures: Figures, name: str, namespace: str) -> Iterator[Series]:
    """Requests, failures and a histogram of durations, of services that have requests."""
    told, times = figures.of(name), figures.times
    rate = told.get("rps")
    if rate is None or not np.nansum(rate):
        return
    base = {"namespace": namespace, "service": name}
    good = np.clip(told.get("success_rate", np.ones(len(times))), 0.0, 1.0)
    yield _counter("http_requests_total", {**base, "code": "200"}, times, rate * good)
    yield _counter("http_requests_total", {**base, "code": "500"}, times, rate * (1.0 - good))
    yield from _durations("http_request_duration_seconds", base, figures, told, rate)


def _durations(
    metric: str, labels: Mapping[str, str], figures: Figures, told: Mapping[str, Floats], rate: Floats
) -> Iterator[Series]:
    quantiles = quantiles_of(told)
    if not quantiles:
        return
    for bound, share in buckets_of(quantiles):
        le = "+Inf" if math.isinf(bound) else f"{bound:g}"
        yield _counter(f"{metric}_bucket", {**labels, "le": le}, figures.times, rate * share)
    yield _counter(f"{metric}_count", labels, figures.times, rate)


def quantiles_of(told: Mapping[str, Floats]) -> list[tuple[float, Floats]]:
    """Quantiles of the duration in seconds, by their share, lowest first."""
    found = [
        (int(match["percent"]) / _HUNDRED, values * _MILLI)
        for key, values in told.items()
        if (match := _QUANTILE.fullmatch(key))
    ]
    return sorted(found, key=lambda pair: pair[0])


def series_of_calls(
    dependencies: Iterable[tuple[str, str]], figures: Figures | None, *, at: Sequence[float]
) -> Iterator[Series]:
    """The service graph. What callers ask of a callee together is shared out evenly: nobody counted it by caller.

    Without metrics the calls are known and their number is not: the counters then stand still.
    """
    calls = sorted(set(dependencies))
    callers: dict[str, int] = {}
    for _, server in calls:
        callers[server] = callers.get(server, 0) + 1
    for client, server in calls:
        labels = {"client": client, "server": server}
        told = figures.of(server) if figures is not None else {}
        rate = told.get("rps")
        if figures is None or rate is None:
            yield _gauge("traces_service_graph_request_total", labels, np.array(at), np.zeros(len(at)))
            continue
        share = rate / callers[server]
        good = np.clip(told.get("success_rate", np.ones(len(rate))), 0.0, 1.0)
        yield _counter("traces_service_graph_request_total", labels, figures.times, share)
        yield _counter("traces_service_graph_request_failed_total", labels, figures.times, share * (1.0 - good))
        if np.nansum(rate):
            yield from _durations("traces_service_graph_request_server_seconds", labels, figures, told, share)


def series_of_nodes(figures: Figures, nodes: Sequence[str]) -> Iterator[Series]:
    """What node_exporter says of the nodes that have columns: CPU, memory and retransmissions."""
    for node in nodes:
        told, times = figures.of(node), figures.times
        labels = {"instance": f"{node}:9100", "node": node, "job": "node-exporter"}
        if "cpu" in told:
            busy = np.clip(told["cpu"] / _HUNDRED, 0.0, 1.0)
            yield _counter("node_cpu_seconds_total", {**labels, "cpu": "0", "mode": "idle"}, times, 1.0 - busy)
            yield _counter("node_cpu_seconds_total", {**labels, "cpu": "0", "mode": "user"}, times, busy)
        if "mem" in told:
            # The share is what was recorded: a total of one hundred makes it bytes of nothing in particular.
            yield _gauge("node_memory_MemAvailable_bytes", labels, times, _HUNDRED - told["mem"])
            yield _gauge("node_memory_MemTotal_bytes", labels, times, np.full(len(times), _HUNDRED))
        for figure in ("tcp_retans", "tcp_retrans"):
            if figure in told:
                yield _counter("node_netstat_Tcp_RetransSegs", labels, times, told[figure])


def series_of_limits(pods: Iterable[JsonObject], *, at: Sequence[float]) -> Iterator[Series]:
    """What kube-state-metrics says of requests and limits, over the recorded time."""
    units = {"cpu": "core", "memory": "byte"}
    for pod in pods:
        meta = pod["metadata"]
        for container in pod["spec"].get("containers", ()):
            for kind, amounts in (container.get("resources") or {}).items():
                for resource, text in (amounts or {}).items():
                    if kind not in {"limits", "requests"} or resource not in units:
                        continue
                    labels = {"namespace": meta["namespace"], "pod": meta["name"], "container": container["name"]}
                    labels |= {"resource": resource, "unit": units[resource]}
                    values = np.full(len(at), amount_of(str(text)))
                    yield _gauge(f"kube_pod_container_resource_{kind}", labels, np.array(at), values)


def _gauge(metric: str, labels: Mapping[str, str], times: Floats, values: Floats) -> Series:
    known = ~np.isnan(values)
    return Series(labels={**labels, METRIC_NAME: metric}, timestamps=times[known], values=values[known])


def _counter(metric: str, labels: Mapping[str, str], times: Floats, rates: Floats) -> Series:
    """A counter that grows at these rates; where none was recorded it stands still."""
    steps = np.array([later - earlier for earlier, later in pairwise(times)])
    grown = np.concatenate(([0.0], np.cumsum(np.nan_to_num(rates[1:]) * steps)))
    return Series(labels={**labels, METRIC_NAME: metric}, timestamps=times, values=grown)
