"""Who calls whom: the service graph that Tempo derives from traces, and what the ingress controller sees."""

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from worlds.estate.flow import TICK, EdgeField, ServiceField
from worlds.estate.simulation import Simulation
from worlds.promql.storage import METRIC_NAME, Matcher, MetricMetadata, Series, matches_all
from worlds.scenario.estate import resolve
from worlds.scenario.workload import Workload
from worlds.telemetry.grid import Floats, Window
from worlds.telemetry.histogram import buckets_of, cumulative_share, mean_of

_TOTAL, _FAILED = "traces_service_graph_request_total", "traces_service_graph_request_failed_total"
_SECONDS = "traces_service_graph_request_server_seconds"
_INGRESS, _INGRESS_SECONDS = "nginx_ingress_controller_requests", "nginx_ingress_controller_request_duration_seconds"


class EdgeMetrics:
    """Series per pair of caller and callee. Untraced services are no clients here; their callers still see them."""

    def __init__(self, world: Simulation) -> None:
        self._world = world
        estate = world.scenario.estate
        by_key = {workload.key: workload for workload in estate.workloads}
        self._graph = estate.service_graph
        self._pairs = [
            (caller, by_key[resolve(call.to, workload=caller)])
            for caller in estate.workloads
            for call in caller.calls
            if caller.traced
        ]
        self._exposed = [workload for workload in estate.workloads if workload.host and workload.kind != "External"]
        self._names = frozenset(self.metadata())

    def metadata(self) -> dict[str, MetricMetadata]:
        """Return type and help by name."""
        found: dict[str, MetricMetadata] = {}
        if self._graph:
            found[_TOTAL] = MetricMetadata(type="counter", help="Total count of requests between two nodes.")
            found[_FAILED] = MetricMetadata(type="counter", help="Total count of failed requests between two nodes.")
            found |= {
                f"{_SECONDS}_{p}": MetricMetadata(
                    type="histogram", help="Time for a request between two nodes as seen from the server."
                )
                for p in ("bucket", "sum", "count")
            }
        if self._exposed:
            found[_INGRESS] = MetricMetadata(type="counter", help="The total number of client requests.")
            found |= {
                f"{_INGRESS_SECONDS}_{p}": MetricMetadata(
                    type="histogram", help="The request processing time in seconds."
                )
                for p in ("bucket", "sum", "count")
            }
        return found

    def names(self) -> Collection[str]:
        """Return the names that it has."""
        return self._names

    def series(self, name: str, matchers: Sequence[Matcher], window: Window) -> Iterator[Series]:
        """Yield the matching series of one metric."""
        if name.startswith("nginx_"):
            for workload in self._exposed:
                yield from self._ingress(name, workload, matchers, window)
            return
        for caller, callee in self._pairs:
            yield from self._edge(name, caller, callee, matchers, window)

    def _edge(
        self, name: str, caller: Workload, callee: Workload, matchers: Sequence[Matcher], window: Window
    ) -> Iterator[Series]:
        labels = {
            METRIC_NAME: name,
            "client": caller.name,
            "server": callee.name,
            "connection_type": _connection(callee),
            "job": "tempo",
        }
        track = self._world.tape.edge(caller.key, callee.key)
        if not len(track.ticks) or not _may_pass(labels, matchers):
            return
        calls = track.rows[:, EdgeField.CALLS]
        failed = track.rows[:, EdgeField.FAILED]
        if name == _FAILED:
            yield from _counted(labels, calls * failed, matchers, window, track.ticks)
        elif name == _TOTAL:
            yield from _counted(labels, calls, matchers, window, track.ticks)
        else:
            yield from _durations(
                name,
                labels,
                calls,
                track.rows[:, EdgeField.LATENCY],
                callee.behaviour.spread,
                matchers,
                window,
                track.ticks,
            )

    def _ingress(self, name: str, workload: Workload, matchers: Sequence[Matcher], window: Window) -> Iterator[Series]:
        track = self._world.tape.service(workload.key)
        labels = {
            METRIC_NAME: name,
            "namespace": "ingress-nginx",
            "exported_namespace": workload.namespace,
            "ingress": workload.name,
        }
        labels |= {"exported_service": workload.name, "host": workload.host, "job": "ingress-nginx"}
        if not len(track.ticks):
            return
        offered, failed = track.rows[:, ServiceField.OFFERED], track.rows[:, ServiceField.FAILED]
        if name == _INGRESS:
            for code, rate in (
                ("200", offered * (1 - failed) * 0.988),
                ("404", offered * (1 - failed) * 0.012),
                ("502", offered * failed * 0.35),
                ("503", offered * failed * 0.65),
            ):
                yield from _counted(labels | {"status": code, "method": "GET"}, rate, matchers, window, track.ticks)
        else:
            yield from _durations(
                name,
                labels,
                offered,
                track.rows[:, ServiceField.LATENCY],
                workload.behaviour.spread,
                matchers,
                window,
                track.ticks,
            )


def _connection(callee: Workload) -> str:
    return "database" if callee.language in {"postgres", "redis"} else ""


def _counted(
    labels: dict[str, str], rate: Floats, matchers: Sequence[Matcher], window: Window, ticks: np.ndarray
) -> Iterator[Series]:
    full = {key: value for key, value in labels.items() if value}
    part = window.cut(ticks)
    if part.stop > part.start and matches_all(matchers, full):
        yield Series(labels=full, timestamps=window.times_of(ticks[part]), values=np.cumsum(rate * TICK)[part])


def _durations(
    name: str,
    labels: dict[str, str],
    rate: Floats,
    median: Floats,
    spread: float,
    matchers: Sequence[Matcher],
    window: Window,
    ticks: np.ndarray,
) -> Iterator[Series]:
    if name.endswith("_count"):
        yield from _counted(labels, rate, matchers, window, ticks)
    elif name.endswith("_sum"):
        yield from _counted(labels, rate * mean_of(median, spread=spread), matchers, window, ticks)
    elif _may_pass(labels, matchers):
        for bound in buckets_of(milliseconds=False):
            full = labels | {"le": f"{bound:g}" if np.isfinite(bound) else "+Inf"}
            yield from _counted(
                full, rate * cumulative_share(bound, median=median, spread=spread), matchers, window, ticks
            )


def _may_pass(labels: dict[str, str], matchers: Sequence[Matcher]) -> bool:
    """Whether matchers of anything but the bound speak for these labels: most pairs are not meant."""
    return matches_all([one for one in matchers if one.name != "le"], labels)
