"""Who calls whom: the service graph that Tempo derives from traces, and what the ingress controller sees."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from worlds.estate.flow import TICK, EdgeField, ServiceField
from worlds.estate.simulation import Simulation
from worlds.estate.tape import Track
from worlds.promql.labels import LabelSet
from worlds.promql.storage import METRIC_NAME, Matcher, MetricMetadata, Rows, matches_all
from worlds.scenario.estate import resolve
from worlds.scenario.workload import Workload
from worlds.telemetry.grid import Floats, Window
from worlds.telemetry.histogram import buckets_of, cumulative_shares, mean_of

_TOTAL, _FAILED = "traces_service_graph_request_total", "traces_service_graph_request_failed_total"
_SECONDS = "traces_service_graph_request_server_seconds"
_INGRESS, _INGRESS_SECONDS = "nginx_ingress_controller_requests", "nginx_ingress_controller_request_duration_seconds"
# What tells the series of one name and pair apart.
_OF_PARTS = frozenset({"le", "status", "method"})


@dataclass(frozen=True, kw_only=True, eq=False)
class _Counters:
    """Counters over all rows of a track: a label set and a column of `counts` for each."""

    track: Track
    labels: Sequence[LabelSet]
    counts: Floats

    @classmethod
    def of(cls, track: Track, labels: Sequence[Mapping[str, str]], per_second: Floats) -> "_Counters":
        """Count up from rates, a column for each label set. A label without a value is none."""
        named = [LabelSet(sorted((name, value) for name, value in one.items() if value)) for one in labels]
        return cls(track=track, labels=named, counts=np.cumsum(per_second * TICK, axis=0))

    def within(self, window: Window, matchers: Sequence[Matcher]) -> Iterator[Rows]:
        """Yield those that pass."""
        part = window.cut(self.track.ticks)
        kept = [at for at, labels in enumerate(self.labels) if matches_all(matchers, labels)]
        if part.stop > part.start and kept:
            yield Rows(
                labels=[self.labels[at] for at in kept],
                timestamps=window.times_of(self.track.ticks[part]),
                values=np.ascontiguousarray(self.counts[part, kept].T),
            )


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
        self._kept: dict[tuple[str, str, str], _Counters] = {}

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

    def series(self, name: str, matchers: Sequence[Matcher], window: Window) -> Iterator[Rows]:
        """Yield the matching series of one metric."""
        if name.startswith("nginx_"):
            for workload in self._exposed:
                yield from self._ingress(name, workload, matchers, window)
            return
        for caller, callee in self._pairs:
            yield from self._edge(name, caller, callee, matchers, window)

    def _edge(
        self, name: str, caller: Workload, callee: Workload, matchers: Sequence[Matcher], window: Window
    ) -> Iterator[Rows]:
        labels = {
            METRIC_NAME: name,
            "client": caller.name,
            "server": callee.name,
            "connection_type": _connection(callee),
            "job": "tempo",
        }

        def counted(track: Track) -> _Counters:
            calls, failed = track.rows[:, EdgeField.CALLS], track.rows[:, EdgeField.FAILED]
            if name in {_FAILED, _TOTAL}:
                rate = calls * failed if name == _FAILED else calls
                return _Counters.of(track, [labels], rate[:, np.newaxis])
            return _durations(labels, track, calls, track.rows[:, EdgeField.LATENCY], callee.behaviour.spread)

        track = self._world.tape.edge(caller.key, callee.key)
        if len(track.ticks) and _may_pass(labels, matchers):
            yield from self._of((name, caller.key, callee.key), track, counted).within(window, matchers)

    def _ingress(self, name: str, workload: Workload, matchers: Sequence[Matcher], window: Window) -> Iterator[Rows]:
        labels = {
            METRIC_NAME: name,
            "namespace": "ingress-nginx",
            "exported_namespace": workload.namespace,
            "ingress": workload.name,
            "exported_service": workload.name,
            "host": workload.host,
            "job": "ingress-nginx",
        }

        def counted(track: Track) -> _Counters:
            offered, failed = track.rows[:, ServiceField.OFFERED], track.rows[:, ServiceField.FAILED]
            if name != _INGRESS:
                spread = workload.behaviour.spread
                return _durations(labels, track, offered, track.rows[:, ServiceField.LATENCY], spread)
            by_code = {
                "200": offered * (1 - failed) * 0.988,
                "404": offered * (1 - failed) * 0.012,
                "502": offered * failed * 0.35,
                "503": offered * failed * 0.65,
            }
            named = [labels | {"status": code, "method": "GET"} for code in by_code]
            return _Counters.of(track, named, np.stack(list(by_code.values()), axis=1))

        track = self._world.tape.service(workload.key)
        if len(track.ticks) and _may_pass(labels, matchers):
            yield from self._of((name, workload.key, ""), track, counted).within(window, matchers)

    def _of(self, key: tuple[str, str, str], track: Track, counted: Callable[[Track], _Counters]) -> _Counters:
        """Return the counters of a track. Kept until it grows."""
        known = self._kept.get(key)
        if known is None or known.track is not track:
            known = self._kept[key] = counted(track)
        return known


def _connection(callee: Workload) -> str:
    return "database" if callee.language in {"postgres", "redis"} else ""


def _durations(labels: Mapping[str, str], track: Track, rate: Floats, median: Floats, spread: float) -> _Counters:
    name = labels[METRIC_NAME]
    if name.endswith("_count"):
        return _Counters.of(track, [labels], rate[:, np.newaxis])
    if name.endswith("_sum"):
        return _Counters.of(track, [labels], (rate * mean_of(median, spread=spread))[:, np.newaxis])
    bounds = buckets_of(milliseconds=False)
    named = [{**labels, "le": f"{bound:g}" if np.isfinite(bound) else "+Inf"} for bound in bounds]
    return _Counters.of(track, named, rate[:, np.newaxis] * cumulative_shares(bounds, median=median, spread=spread))


def _may_pass(labels: Mapping[str, str], matchers: Sequence[Matcher]) -> bool:
    """Whether what is asked of the labels that a pair's series share speaks for them: most pairs are not meant."""
    return matches_all([one for one in matchers if one.name not in _OF_PARTS], labels)
