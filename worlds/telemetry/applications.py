"""What runtimes and client libraries expose of a process: file descriptors, threads, pools, what waits in a queue.

The names are those of the usual libraries: Micrometer for Java, the Go and Node clients, postgres_exporter,
kafka_exporter.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np

from worlds.estate.flow import TICK, EdgeField, PodField, ServiceField
from worlds.estate.simulation import Simulation
from worlds.promql.storage import METRIC_NAME, Matcher, MetricMetadata, Series, matches_all
from worlds.scenario.estate import resolve
from worlds.scenario.workload import Call, Workload
from worlds.telemetry.grid import Floats, Window
from worlds.telemetry.processes import ProcessTrack, ProcessTracks

_HELP = {
    "process_open_fds": "Number of open file descriptors.",
    "process_max_fds": "Maximum number of open file descriptors.",
    "process_files_open_files": "The open file descriptor count.",
    "process_files_max_files": "The maximum file descriptor count.",
    "tomcat_threads_busy_threads": "Threads that work on a request.",
    "tomcat_threads_config_max_threads": "Most threads.",
    "hikaricp_connections_active": "Active connections.",
    "hikaricp_connections_max": "Max connections.",
    "go_sql_in_use_connections": "The number of connections currently in use.",
    "go_sql_max_open_connections": "Maximum number of open connections to the database.",
    "pg_stat_database_numbackends": "Number of backends currently connected to this database.",
    "pg_settings_max_connections": "Sets the maximum number of concurrent connections.",
    "kafka_consumer_records_lag_max": "The maximum lag in terms of number of records for any partition.",
    "kafka_consumergroup_lag": "Current approximate lag of a consumer group at a topic.",
}
_FILES = {"java": ("process_files_open_files", "process_files_max_files")}
_FILES_MOST, _FILES_IDLE = 65536.0, 38.0
_THREADS_MOST = 200.0
_POOLS = {
    "java": ("hikaricp_connections_active", "hikaricp_connections_max"),
    "go": ("go_sql_in_use_connections", "go_sql_max_open_connections"),
}
_PLAIN = ("postgres", "redis", "nginx")
"""Languages of things that expose nothing of their runtime here."""
_BACKENDS, _BACKENDS_MOST = "pg_stat_database_numbackends", "pg_settings_max_connections"
_LAG_AT_CONSUMER, _LAG_AT_BROKER = "kafka_consumer_records_lag_max", "kafka_consumergroup_lag"
# Share of its present load that a consumer can work off in addition, once it is well again.
_CATCH_UP = 0.6


class ApplicationMetrics:
    """Series of processes and queues."""

    def __init__(self, world: Simulation, tracks: ProcessTracks) -> None:
        self._world = world
        self._tracks = tracks
        self._queues = {
            resolve(call.to, workload=workload): (workload, call)
            for workload in world.scenario.estate.workloads
            for call in workload.calls
            if call.queue
        }

    def metadata(self) -> dict[str, MetricMetadata]:
        """Return type and help by name."""
        return {name: MetricMetadata(type="gauge", help=text) for name, text in _HELP.items()}

    def names(self) -> Collection[str]:
        """Return the names that it has."""
        return _HELP

    def series(self, name: str, matchers: Sequence[Matcher], window: Window) -> Iterator[Series]:
        """Yield the matching series of one metric."""
        if name == _LAG_AT_BROKER:
            yield from self._lags(matchers, window)
            return
        for track in self._tracks.every(window):
            labels = _labels(name, track)
            if matches_all(matchers, labels):
                values = self._values(name, track, window)
                if values is not None:
                    yield track.series(labels, values)

    def _values(self, name: str, track: ProcessTrack, window: Window) -> Floats | None:
        workload = track.workload
        if name in (_BACKENDS, _BACKENDS_MOST):
            return self._backends(name, track)
        if name == _LAG_AT_CONSUMER:
            return self._lag_at(track, window) if workload.key in self._queues else None
        return None if not workload.instrumented or workload.language in _PLAIN else self._of_runtime(name, track)

    def _of_runtime(self, name: str, track: ProcessTrack) -> Floats | None:
        workload = track.workload
        share, column = track.gauge(PodField.DRAINED), self._world.tape.columns.get(track.uid)
        drained = column.drained if column is not None else ""
        if name in _FILES.get(workload.language, ("process_open_fds", "process_max_fds")):
            most = column.model.drain_most if column is not None and drained == "files" else _FILES_MOST
            used = _FILES_IDLE + track.gauge(PodField.RPS) * 0.4
            return _pair(name, used, most, share if drained == "files" else 0.0)
        if name.startswith("tomcat_") and workload.language == "java":
            used = track.gauge(PodField.RPS) * track.gauge(PodField.LATENCY)
            return _pair(name, used, _THREADS_MOST, share if drained == "threads" else 0.0)
        if name in _POOLS.get(workload.language, ()):
            return self._pool(name, track, share if drained == "connections" else 0.0)
        return None

    def _pool(self, name: str, track: ProcessTrack, share: Floats | float) -> Floats | None:
        """Return what is used of the process's first pool: a connection is busy as long as its call takes."""
        workload = track.workload
        call = next((call for call in workload.calls if call.pool), None)
        if call is None:
            return None
        edge = self._world.tape.edge(workload.key, resolve(call.to, workload=workload))
        busy = np.interp(track.ticks, edge.ticks, edge.rows[:, EdgeField.LATENCY]) if len(edge.ticks) else 0.0
        column = self._world.tape.columns.get(track.uid)
        size = column.pools[workload.calls.index(call)] if column is not None and column.pools else call.pool or 0
        return _pair(name, track.gauge(PodField.RPS) * call.per_request * busy, float(size), share)

    def _backends(self, name: str, track: ProcessTrack) -> Floats | None:
        most = track.workload.behaviour.max_connections
        if track.workload.language != "postgres" or most is None:
            return None
        held = np.array([self._held(track.workload.key, int(tick)) for tick in track.ticks])
        return np.minimum(held + 6.0, most) if name == _BACKENDS else np.full(len(track.ticks), float(most))

    def _held(self, key: str, tick: int) -> float:
        layout = self._world.tape.layout_at(tick)
        services = layout.services if layout is not None else ()
        return next((float(s.connections) for s in services if s.workload.key == key), 0.0)

    def _lag_at(self, track: ProcessTrack, window: Window) -> Floats:
        lag = self._lag(track.workload, window)
        values: Floats = lag[track.ticks - window.ticks[0]]
        return values

    def _lags(self, matchers: Sequence[Matcher], window: Window) -> Iterator[Series]:
        for key, (_, call) in self._queues.items():
            consumer = self._world.scenario.estate.workload(key)
            labels = {METRIC_NAME: _LAG_AT_BROKER, "job": "kafka-exporter", **_queue_labels(consumer, call)}
            if matches_all(matchers, labels):
                yield window.full(labels, self._lag(consumer, window))

    def _lag(self, consumer: Workload, window: Window) -> Floats:
        """Return what waits for the consumer at each scrape: what failed comes back, what is spare works it off."""
        track = self._world.tape.service(consumer.key)
        offered, failed = track.rows[:, ServiceField.OFFERED], track.rows[:, ServiceField.FAILED]
        grows, spare = offered * failed * TICK, offered * (1 - failed) * _CATCH_UP * TICK
        depth, waiting = np.zeros(len(offered)), 0.0
        for at, (more, less) in enumerate(zip(grows, np.where(failed < 0.02, spare, 0.0), strict=True)):  # noqa: PLR2004 - noise
            waiting = max(waiting + more - less, 0.0)
            depth[at] = waiting
        ticks = np.clip(np.searchsorted(track.ticks, window.ticks, side="right") - 1, 0, None)
        return np.round(depth[ticks] + 3.0) if len(depth) else np.zeros(len(window.ticks))


def _pair(name: str, used: Floats, most: float, share: Floats | float) -> Floats:
    """Return what is used, or how much there is, by the name of the metric."""
    if "max" in name:
        return np.full(len(used), most)
    return np.minimum(np.round(used + np.asarray(share) * most), most)


def _queue_labels(consumer: Workload, call: Call) -> Mapping[str, str]:
    return {"namespace": consumer.namespace, "consumergroup": consumer.name, "topic": call.queue}


def _labels(name: str, track: ProcessTrack) -> dict[str, str]:
    meta = track.pod["metadata"]
    labels = {METRIC_NAME: name, "namespace": meta["namespace"], "pod": meta["name"], "service": track.workload.name}
    return labels | {"job": "postgres-exporter" if name.startswith("pg_") else track.workload.name}
