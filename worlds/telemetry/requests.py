"""Requests, errors and durations of services, in the convention of the estate."""

from collections.abc import Callable, Collection, Iterator, Sequence

import numpy as np

from worlds.estate.flow import PodField
from worlds.promql.storage import METRIC_NAME, Matcher, MetricMetadata, Series, matches_all
from worlds.scenario.estate import HttpMetrics
from worlds.scenario.workload import Workload
from worlds.telemetry.grid import Floats, Window
from worlds.telemetry.histogram import buckets_of, cumulative_share, mean_of
from worlds.telemetry.processes import ProcessTrack, ProcessTracks

_OTEL = "http_server_request_duration_seconds"
_CLASSIC = "http_request_duration_seconds"
_ISTIO = "istio_request_duration_milliseconds"

# The histogram of each convention, and its counter when it has one of its own.
_FAMILIES = {
    HttpMetrics.OTEL: (_OTEL, ""),
    HttpMetrics.CLASSIC: (_CLASSIC, "http_requests_total"),
    HttpMetrics.ISTIO: (_ISTIO, "istio_requests_total"),
}

# What a process answers with. A code that never occurred has no series, as with real exporters.
_CODES = ("200", "404", "500", "503")


class RequestMetrics:
    """Series of every instrumented service."""

    def __init__(self, tracks: ProcessTracks, *, convention: HttpMetrics, callers: Callable[[str], str]) -> None:
        self._tracks = tracks
        self._convention = convention
        self._callers = callers
        self._names = frozenset(self.metadata())
        self._kept: dict[tuple[str, str], tuple[int, Floats]] = {}

    def metadata(self) -> dict[str, MetricMetadata]:
        """Return type and help by name."""
        base, total = _FAMILIES[self._convention]
        extra = {total: MetricMetadata(type="counter", help="Requests by code.")} if total else {}
        found = MetricMetadata(type="histogram", help="Duration of HTTP server requests.")
        return {f"{base}_{part}": found for part in ("bucket", "sum", "count")} | extra

    def names(self) -> Collection[str]:
        """Return the names that it has."""
        return self._names

    def series(self, name: str, matchers: Sequence[Matcher], window: Window) -> Iterator[Series]:
        """Yield the matching series of one metric."""
        for track in self._tracks.every(window):
            if track.workload.instrumented or self._convention is HttpMetrics.ISTIO:
                yield from self._of_pod(name, matchers, track)

    def _of_pod(self, name: str, matchers: Sequence[Matcher], track: ProcessTrack) -> Iterator[Series]:
        base = {METRIC_NAME: name, **self._labels(track)}
        if not matches_all([m for m in matchers if m.name in base], base):
            return
        routes = _routes(track.workload) if self._convention is not HttpMetrics.ISTIO else (("", 1.0),)
        counts = self._counts(name.rpartition("_")[2], track)
        plain = [m for m in matchers if m.name != "le"]
        for number, code in enumerate(_CODES):
            values = counts[track.window, number]
            if not len(values) or not np.any(values[-1]):
                continue
            for route, share in routes:
                labels = base | self._request_labels(code, route)
                if matches_all(plain, labels):
                    yield from self._of_code(labels, matchers, track, values * share)

    def _of_code(
        self, labels: dict[str, str], matchers: Sequence[Matcher], track: ProcessTrack, values: Floats
    ) -> Iterator[Series]:
        if values.ndim == 1:
            yield track.series(labels, values)
            return
        for number, bound in enumerate(self._bounds):
            full = labels | {"le": f"{bound:g}" if np.isfinite(bound) else "+Inf"}
            if matches_all(matchers, full):
                yield track.series(full, values[:, number])

    def _counts(self, part: str, track: ProcessTrack) -> Floats:
        """Return the counters of a pod over all its rows, by row and code (and bound). Kept until the tape grows."""
        part = part if part in {"bucket", "sum"} else "count"
        rows, known = self._kept.get((track.uid, part), (0, None))
        if known is not None and rows == len(track.all_rows):
            return known
        rates = np.stack([_rate(track, code) for code in _CODES], axis=1)
        median, spread = track.all_rows[:, PodField.LATENCY] * self._scale, track.workload.behaviour.spread
        if part == "bucket":
            shares = np.stack([cumulative_share(bound, median=median, spread=spread) for bound in self._bounds], axis=1)
            rates = rates[:, :, None] * shares[:, None, :]
        elif part == "sum":
            rates = rates * mean_of(median, spread=spread)[:, None]
        counts = track.counted(rates)
        self._kept[track.uid, part] = (len(track.all_rows), counts)
        return counts

    @property
    def _bounds(self) -> tuple[float, ...]:
        return buckets_of(milliseconds=self._convention is HttpMetrics.ISTIO)

    @property
    def _scale(self) -> float:
        return 1000.0 if self._convention is HttpMetrics.ISTIO else 1.0

    def _labels(self, track: ProcessTrack) -> dict[str, str]:
        meta, workload = track.pod["metadata"], track.workload
        if self._convention is HttpMetrics.ISTIO:
            return {
                "job": "istio-proxy",
                "namespace": meta["namespace"],
                "pod": meta["name"],
                "reporter": "destination",
                "destination_workload": workload.name,
                "destination_workload_namespace": workload.namespace,
                "destination_service_name": workload.name,
                "source_workload": self._callers(workload.key),
                "request_protocol": "http",
            }
        address = f"{track.pod.get('status', {}).get('podIP', '')}:{workload.port}"
        labels = {"job": workload.name, "namespace": meta["namespace"], "service": workload.name, "pod": meta["name"]}
        return labels | {"container": workload.name, "endpoint": "http", "instance": address}

    def _request_labels(self, code: str, route: str) -> dict[str, str]:
        match self._convention:
            case HttpMetrics.OTEL:
                return {"http_request_method": "GET", "http_route": route, "http_response_status_code": code}
            case HttpMetrics.CLASSIC:
                return {"method": "GET", "handler": route, "code": code}
            case HttpMetrics.ISTIO:
                return {"response_code": code}


def _routes(workload: Workload) -> tuple[tuple[str, float], ...]:
    """Split the load over the routes: each gets half of what the one before it gets."""
    weights = [0.5**i for i in range(len(workload.routes))]
    return tuple((route, weight / sum(weights)) for route, weight in zip(workload.routes, weights, strict=True))


def _rate(track: ProcessTrack, code: str) -> Floats:
    """Return requests per second that were answered with a code, over all rows."""
    rows = track.all_rows
    rps, failed, rejected = rows[:, PodField.RPS], rows[:, PodField.ERRORS], rows[:, PodField.CLIENT_ERRORS]
    if code == "200":
        return rps * (1 - failed) * (1 - rejected)
    if code.startswith("4"):
        return rps * (1 - failed) * rejected
    turned_away = np.divide(rows[:, PodField.OVERLOAD], np.maximum(failed, 1e-9))
    busy = np.clip(turned_away, 0, 1)
    share: Floats = rps * failed * (busy if code == "503" else 1 - busy)
    return share
