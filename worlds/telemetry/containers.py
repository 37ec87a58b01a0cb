"""cAdvisor, as scraped from the kubelets: memory, CPU, throttling and network of containers."""

from collections.abc import Callable, Collection, Iterator, Sequence

import numpy as np

from worlds.estate.flow import PodField
from worlds.objects.kinds import JsonObject
from worlds.objects.quantity import parse_quantity
from worlds.promql.labels import LabelSet
from worlds.promql.storage import METRIC_NAME, Matcher, MetricMetadata, Series, matches_all
from worlds.telemetry.grid import Floats, Window
from worlds.telemetry.processes import ProcessTrack, ProcessTracks

_PERIODS_PER_SECOND = 10.0
_BYTES_PER_REQUEST = 5200.0

Reader = Callable[[ProcessTrack], Floats | None]
"""A gauge in the window; of a counter, what it rises by per second in all rows. None where there is no such series."""


def _limit(track: ProcessTrack, name: str) -> float:
    limits = track.pod["spec"]["containers"][0].get("resources", {}).get("limits", {})
    return parse_quantity(limits[name]) if name in limits else 0.0


def _all(track: ProcessTrack, field: PodField) -> Floats:
    return track.all_rows[:, field]


def _periods(track: ProcessTrack, share: Floats) -> Floats | None:
    return share * _PERIODS_PER_SECOND if _limit(track, "cpu") else None


_READERS: dict[str, tuple[str, str, Reader]] = {
    "container_memory_working_set_bytes": (
        "gauge",
        "Current working set in bytes.",
        lambda t: t.gauge(PodField.MEMORY),
    ),
    "container_memory_rss": ("gauge", "Size of RSS in bytes.", lambda t: t.gauge(PodField.MEMORY) * 0.93),
    "container_memory_usage_bytes": (
        "gauge",
        "Current memory usage in bytes, including all memory.",
        lambda t: t.gauge(PodField.MEMORY) * 1.08,
    ),
    "container_spec_memory_limit_bytes": (
        "gauge",
        "Memory limit for the container.",
        lambda t: np.full(len(t.ticks), _limit(t, "memory")),
    ),
    "container_spec_cpu_quota": (
        "gauge",
        "CPU quota of the container.",
        lambda t: np.full(len(t.ticks), _limit(t, "cpu") * 100_000) if _limit(t, "cpu") else None,
    ),
    "container_spec_cpu_period": ("gauge", "CPU period of the container.", lambda t: np.full(len(t.ticks), 100_000.0)),
    "container_cpu_usage_seconds_total": (
        "counter",
        "Cumulative cpu time consumed in seconds.",
        lambda t: _all(t, PodField.CPU),
    ),
    "container_cpu_cfs_periods_total": (
        "counter",
        "Number of elapsed enforcement period intervals.",
        lambda t: _periods(t, np.ones(len(t.all_rows))),
    ),
    "container_cpu_cfs_throttled_periods_total": (
        "counter",
        "Number of throttled period intervals.",
        lambda t: _periods(t, _all(t, PodField.THROTTLED)),
    ),
    "container_cpu_cfs_throttled_seconds_total": (
        "counter",
        "Total time the container has been throttled.",
        lambda t: _periods(t, _all(t, PodField.THROTTLED) * 0.004),
    ),
    "container_network_receive_bytes_total": (
        "counter",
        "Cumulative count of bytes received.",
        lambda t: _all(t, PodField.RPS) * _BYTES_PER_REQUEST * 0.3,
    ),
    "container_network_transmit_bytes_total": (
        "counter",
        "Cumulative count of bytes transmitted.",
        lambda t: _all(t, PodField.RPS) * _BYTES_PER_REQUEST,
    ),
}


class ContainerMetrics:
    """Series of cAdvisor."""

    def __init__(self, tracks: ProcessTracks) -> None:
        self._tracks = tracks
        self._labels: dict[tuple[str, str], tuple[JsonObject, LabelSet]] = {}
        self._counts: dict[tuple[str, str], Floats] = {}

    def metadata(self) -> dict[str, MetricMetadata]:
        """Return type and help by name."""
        return {name: MetricMetadata(type=kind, help=text) for name, (kind, text, _) in _READERS.items()}

    def names(self) -> Collection[str]:
        """Return the names that it has."""
        return _READERS

    def series(self, name: str, matchers: Sequence[Matcher], window: Window) -> Iterator[Series]:
        """Yield the matching series of one metric."""
        kind, _, reader = _READERS[name]
        for track in self._tracks.every(window):
            labels = self._labels_of(name, track)
            if matches_all(matchers, labels):
                values = reader(track)
                if values is not None:
                    yield track.series(labels, self._counted(name, track, values) if kind == "counter" else values)

    def _counted(self, name: str, track: ProcessTrack, per_second: Floats) -> Floats:
        """Return a counter in the window. It is kept, and grows with the tape."""
        known = self._counts.get((name, track.uid))
        done = 0 if known is None else len(known)
        if known is None or done < len(track.all_rows):
            known = self._counts[name, track.uid] = track.counted(per_second[done:], before=known)
        return known[track.window]

    def _labels_of(self, name: str, track: ProcessTrack) -> LabelSet:
        """Return the labels, the same object as long as the pod is the same."""
        pod, labels = self._labels.get((name, track.uid), (None, None))
        if labels is None or pod is not track.pod:
            labels = LabelSet(_labels(name, track))
            self._labels[name, track.uid] = track.pod, labels
        return labels


def _labels(name: str, track: ProcessTrack) -> dict[str, str]:
    meta, container = track.pod["metadata"], track.pod["spec"]["containers"][0]
    labels = {
        METRIC_NAME: name,
        "job": "kubelet",
        "metrics_path": "/metrics/cadvisor",
        "node": track.node,
        "instance": f"{track.node}:10250",
    }
    labels |= {"namespace": meta["namespace"], "pod": meta["name"]}
    if "network" in name:
        return labels | {"interface": "eth0"}
    return labels | {"container": container["name"], "image": container["image"]}
