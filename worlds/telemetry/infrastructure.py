"""Nodes, volumes and whether targets are up: node_exporter, kubelet and Prometheus itself."""

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np

from worlds.cluster.chance import keys_of, wander
from worlds.cluster.nodes import NODE
from worlds.estate.flow import TICK, PodField
from worlds.estate.simulation import Simulation
from worlds.objects.kinds import JsonObject, kind_named
from worlds.objects.quantity import parse_quantity
from worlds.promql.labels import LabelSet
from worlds.promql.storage import METRIC_NAME, STALE_NAN, Matcher, MetricMetadata, Series, matches_all
from worlds.telemetry.grid import Floats, Window
from worlds.telemetry.processes import ProcessTrack, ProcessTracks

_SYSTEM_MEMORY = 1.4 * 2**30
_SYSTEM_CPU = 0.18
_ROOT_DISK = 94.0 * 2**30
_ROOT_FILESYSTEM = {"mountpoint": "/", "device": "/dev/sda1", "fstype": "ext4"}
_CLAIM = kind_named("PersistentVolumeClaim")
# Scrapes without an answer after which nobody looks for a pod any more: five minutes.
_FORGOTTEN_AFTER = 20

_GAUGES = {
    "node_memory_MemAvailable_bytes": "Memory information field MemAvailable_bytes.",
    "node_memory_MemTotal_bytes": "Memory information field MemTotal_bytes.",
    "node_load1": "1m load average.",
    "node_filesystem_avail_bytes": "Filesystem space available to non-root users in bytes.",
    "node_filesystem_size_bytes": "Filesystem size in bytes.",
    "up": "1 when the target could be scraped.",
    "kubelet_volume_stats_used_bytes": "Number of used bytes in the volume.",
    "kubelet_volume_stats_capacity_bytes": "Capacity in bytes of the volume.",
    "kubelet_volume_stats_available_bytes": "Number of available bytes in the volume.",
}

_COUNTERS = {
    "node_cpu_seconds_total": "Seconds the CPUs spent in each mode.",
    "node_network_receive_errs_total": "Network device statistic receive_errs.",
    "node_network_transmit_errs_total": "Network device statistic transmit_errs.",
}
_NAMES = frozenset({*_GAUGES, *_COUNTERS})
_DEVICE = ({"device": "eth0"},)
# What tells the series of one name and node apart; the others have one each.
_PARTS: Mapping[str, Sequence[Mapping[str, str]]] = {
    "node_filesystem_size_bytes": (_ROOT_FILESYSTEM,),
    "node_filesystem_avail_bytes": (_ROOT_FILESYSTEM,),
    "node_network_receive_errs_total": _DEVICE,
    "node_network_transmit_errs_total": _DEVICE,
    "node_cpu_seconds_total": tuple({"cpu": "0", "mode": mode} for mode in ("user", "system", "idle")),
}


class InfrastructureMetrics:
    """Series of nodes and volumes."""

    def __init__(self, world: Simulation, tracks: ProcessTracks) -> None:
        self._world = world
        self._tracks = tracks
        self._targets: dict[str, tuple[JsonObject, LabelSet]] = {}

    def metadata(self) -> dict[str, MetricMetadata]:
        """Return type and help by name."""
        found = {name: MetricMetadata(type="gauge", help=text) for name, text in _GAUGES.items()}
        return found | {name: MetricMetadata(type="counter", help=text) for name, text in _COUNTERS.items()}

    def names(self) -> Collection[str]:
        """Return the names that it has."""
        return _NAMES

    def series(self, name: str, matchers: Sequence[Matcher], window: Window) -> Iterator[Series]:
        """Yield the matching series of one metric."""
        if name == "up":
            yield from self._up(matchers, window)
        elif name.startswith("kubelet_volume"):
            yield from self._volumes(name, matchers, window)
        else:
            for node in self._world.cluster.store.every(NODE):
                yield from self._node(name, node, matchers, window)

    def _node(self, name: str, node: JsonObject, matchers: Sequence[Matcher], window: Window) -> Iterator[Series]:
        host = node["metadata"]["name"]
        labels = {METRIC_NAME: name, "job": "node-exporter", "instance": host, "node": host}
        named = [{**labels, **part} for part in _PARTS.get(name, ({},))]
        meant = [matches_all(matchers, full) for full in named]
        if not any(meant):
            return
        silent_from = self._world.outages.get(host)
        kept = None if silent_from is None else window.times < silent_from
        for full, passes, values in zip(named, meant, self._node_values(name, node, window), strict=True):
            if passes and kept is None:
                yield window.full(full, values)
            elif passes:
                yield Series(labels=full, timestamps=window.times[kept], values=values[kept])

    def _node_values(self, name: str, node: JsonObject, window: Window) -> Iterator[Floats]:
        """Yield the values of each of a node's series of a name, in the order of its parts."""
        host, capacity = node["metadata"]["name"], node["status"]["capacity"]
        total, cores = parse_quantity(capacity["memory"]), parse_quantity(capacity["cpu"])
        match name:
            case "node_memory_MemTotal_bytes":
                yield np.full(len(window.times), total)
            case "node_memory_MemAvailable_bytes":
                used = (
                    self._used(host, PodField.MEMORY, window)
                    + _SYSTEM_MEMORY * (1 + 0.04 * self._rough(host, window))
                    + self._world.ballast_at(host, window.times)
                )
                yield np.maximum(total - used, 30 * 2**20)
            case "node_load1":
                used = self._used(host, PodField.CPU, window) + _SYSTEM_CPU
                yield used * (1.15 + 0.2 * self._rough(host, window))
            case "node_filesystem_size_bytes":
                yield np.full(len(window.times), _ROOT_DISK)
            case "node_filesystem_avail_bytes":
                free = self._world.nodes_in_trouble.disk_free(host, window.times, usual=0.62)
                yield _ROOT_DISK * (free + 0.003 * self._rough(host, window))
            case "node_network_receive_errs_total" | "node_network_transmit_errs_total":
                yield self._world.nodes_in_trouble.wire_errors(host, window.times)
            case "node_cpu_seconds_total":
                busy = np.clip(self._used(host, PodField.CPU, window) + _SYSTEM_CPU, 0, cores)
                since = (window.times[0] % 4e6) if len(window.times) else 0.0
                for rate in (busy * 0.8, busy * 0.2, cores - busy):
                    yield since + np.cumsum(rate * TICK)
            case _:
                raise LookupError(f"no figure of a node is called {name}")

    def _rough(self, host: str, window: Window) -> Floats:
        """Return the unrest of a node, about zero, at each scrape."""
        if not len(window.ticks):
            return np.zeros(0)
        return wander(keys_of(self._tracks.chance, "node", [host]), window.ticks)[:, 0]

    def _used(self, host: str, field: PodField, window: Window) -> Floats:
        total = np.zeros(len(window.ticks))
        for track in self._tracks.every(window):
            if track.node == host:
                total[track.ticks - window.ticks[0]] += track.rows[:, field]
        return total

    def _volumes(self, name: str, matchers: Sequence[Matcher], window: Window) -> Iterator[Series]:
        for claim in self._world.cluster.store.every(_CLAIM):
            meta = claim["metadata"]
            labels = {
                METRIC_NAME: name,
                "job": "kubelet",
                "metrics_path": "/metrics",
                "namespace": meta["namespace"],
                "persistentvolumeclaim": meta["name"],
            }
            if matches_all(matchers, labels):
                yield window.full(labels, self._volume(name.split("_")[3], claim, window))

    def _volume(self, what: str, claim: JsonObject, window: Window) -> Floats:
        meta, size = claim["metadata"], parse_quantity(claim["spec"]["resources"]["requests"]["storage"])
        if what == "capacity":
            return np.full(len(window.times), size)
        used = self._world.volumes.used(meta["namespace"], meta["name"], window.times, size=size)
        return used if what == "used" else np.maximum(size - used, 0.0)

    def _up(self, matchers: Sequence[Matcher], window: Window) -> Iterator[Series]:
        for job, namespace in (
            ("kube-state-metrics", "monitoring"),
            ("prometheus", "monitoring"),
            ("alertmanager", "monitoring"),
            ("coredns", "kube-system"),
            ("apiserver", "default"),
            ("kube-scheduler", "kube-system"),
            ("kube-controller-manager", "kube-system"),
        ):
            labels = {METRIC_NAME: "up", "job": job, "namespace": namespace, "instance": f"{job}:9090"}
            if matches_all(matchers, labels):
                down_from = self._world.leaders_down.get(job, float("inf"))
                yield window.full(labels, (window.times < down_from).astype(np.float64))
        for node in self._world.cluster.store.every(NODE):
            host = node["metadata"]["name"]
            for job in ("kubelet", "node-exporter"):
                silent_from = self._world.nodes_in_trouble.scraped_until(host, job=job)
                labels = {METRIC_NAME: "up", "job": job, "instance": host, "node": host}
                if matches_all(matchers, labels):
                    yield window.full(labels, (window.times < silent_from).astype(np.float64))
        for track in self._tracks.every(window):
            if track.workload.instrumented:
                labels = self._target_labels(track)
                if matches_all(matchers, labels):
                    yield self._target(labels, track, window)

    def _target_labels(self, track: ProcessTrack) -> LabelSet:
        """Return the labels of a pod's `up`, the same object as long as the pod is the same."""
        pod, labels = self._targets.get(track.uid, (None, None))
        if labels is None or pod is not track.pod:
            labels = LabelSet({METRIC_NAME: "up", **track.target})
            self._targets[track.uid] = track.pod, labels
        return labels

    def _target(self, labels: LabelSet, track: ProcessTrack, window: Window) -> Series:
        """Return whether a pod could be scraped: it stays a target for a while when its process is down.

        A deleted pod is none any more. Every scrape is judged by what went before it, so that a long window shows the
        same as a short one.
        """
        if len(track.ticks) == len(window.ticks):
            return window.constant(labels, 1.0)
        runtime = self._world.kubelets.pods.get(track.uid)
        values = np.zeros(len(window.ticks))
        values[track.ticks - window.ticks[0]] = 1.0
        number = np.arange(len(values))
        silent = number - np.maximum.accumulate(np.where(values > 0, number, -_FORGOTTEN_AFTER - 2))
        values[silent == _FORGOTTEN_AFTER + 1] = STALE_NAN
        kept = silent <= _FORGOTTEN_AFTER + 1
        end = int(track.ticks[-1] - window.ticks[0]) + 1
        if end < len(values) and (runtime is None or runtime.leaving):
            values[end] = STALE_NAN
            kept[end + 1 :] = False
        return Series(labels=labels, timestamps=window.times[kept], values=values[kept])
