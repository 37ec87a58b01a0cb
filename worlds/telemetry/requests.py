"""Requests, errors and durations of services, in the convention of the estate."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from worlds.estate.flow import PodField
from worlds.objects.kinds import JsonObject
from worlds.promql.frame import any_row
from worlds.promql.labels import LabelSet
from worlds.promql.storage import METRIC_NAME, Matcher, MetricMetadata, Series, matches_all
from worlds.scenario.estate import HttpMetrics
from worlds.scenario.workload import Workload
from worlds.telemetry.grid import Floats, Window
from worlds.telemetry.histogram import buckets_of, cumulative_shares, mean_of
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


# Per name, pod and matchers: a few hundred pods asked a few dozen questions.
_MATCHES_KEPT = 20_000


@dataclass(frozen=True, kw_only=True, eq=False)
class _Line:
    """One series of a pod: a column of its counters (codes, and bounds within codes) and the route's share of it."""

    labels: LabelSet
    code: int
    column: int
    share: float


class RequestMetrics:
    """Series of every instrumented service."""

    def __init__(self, tracks: ProcessTracks, *, convention: HttpMetrics, callers: Callable[[str], str]) -> None:
        self._tracks = tracks
        self._convention = convention
        self._callers = callers
        self._names = frozenset(self.metadata())
        self._kept: dict[tuple[str, str], Floats] = {}
        self._lines: dict[tuple[str, str], tuple[JsonObject, Sequence[_Line]]] = {}
        self._matched: dict[tuple[str, str, tuple[Matcher, ...]], tuple[JsonObject, Sequence[_Line]]] = {}

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
        lines = self._matching(name, tuple(matchers), track)
        if not lines:
            return
        counts = self._counts(name.rpartition("_")[2], track)[: track.window.stop]
        occurred = any_row(counts.reshape(len(counts), len(_CODES), -1)[:, :, -1] > 0)
        there = [line for line in lines if occurred[line.code]]
        columns, shares = [line.column for line in there], np.array([line.share for line in there])
        values = counts.reshape(len(counts), -1)[track.window.start :, columns] * shares
        yield from track.several([line.labels for line in there], values)

    def _matching(self, name: str, matchers: tuple[Matcher, ...], track: ProcessTrack) -> Sequence["_Line"]:
        """Return the lines of a pod that pass. Kept: the same few queries are asked of pods that do not change."""
        key = (name, track.uid, matchers)
        pod, known = self._matched.get(key, (None, ()))
        if pod is not track.pod:
            known = tuple(self._passing(name, matchers, track))
            if len(self._matched) > _MATCHES_KEPT:
                self._matched.clear()
            self._matched[key] = track.pod, known
        return known

    def _passing(self, name: str, matchers: tuple[Matcher, ...], track: ProcessTrack) -> Iterator["_Line"]:
        """Yield the lines that pass. What a pod says under all of them is asked once: most pods are not meant."""
        common = {METRIC_NAME: name, **self._labels(track)}
        if matches_all([one for one in matchers if one.name in common], common):
            own = [one for one in matchers if one.name not in common]
            yield from (line for line in self._lines_of(name, track) if matches_all(own, line.labels))

    def _lines_of(self, name: str, track: ProcessTrack) -> Sequence["_Line"]:
        """Return everything that a pod's exporter may show under a name. Kept as long as the pod is the same."""
        pod, known = self._lines.get((name, track.uid), (None, ()))
        if pod is not track.pod:
            known = tuple(self._written(name, track))
            self._lines[name, track.uid] = track.pod, known
        return known

    def _written(self, name: str, track: ProcessTrack) -> Iterator["_Line"]:
        base = {METRIC_NAME: name, **self._labels(track)}
        routes = _routes(track.workload) if self._convention is not HttpMetrics.ISTIO else (("", 1.0),)
        bounds = [{"le": f"{b:g}" if np.isfinite(b) else "+Inf"} for b in self._bounds]
        kinds: list[dict[str, str]] = bounds if name.endswith("_bucket") else [{}]
        for code, text in enumerate(_CODES):
            for route, share in routes:
                for number, kind in enumerate(kinds):
                    labels = LabelSet(base | self._request_labels(text, route) | kind)
                    yield _Line(labels=labels, code=code, column=code * len(kinds) + number, share=share)

    def _counts(self, part: str, track: ProcessTrack) -> Floats:
        """Return the counters of a pod over all its rows, by row and code (and bound). They grow with the tape."""
        part = part if part in {"bucket", "sum"} else "count"
        known = self._kept.get((track.uid, part))
        done = 0 if known is None else len(known)
        if known is not None and done == len(track.all_rows):
            return known
        rows = track.all_rows[done:]
        rates = np.stack([_rate(rows, code) for code in _CODES], axis=1)
        median, spread = rows[:, PodField.LATENCY] * self._scale, track.workload.behaviour.spread
        if part == "bucket":
            rates = rates[:, :, None] * cumulative_shares(self._bounds, median=median, spread=spread)[:, None, :]
        elif part == "sum":
            rates = rates * mean_of(median, spread=spread)[:, None]
        counts = self._kept[track.uid, part] = track.counted(rates, before=known)
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
        return track.target

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


def _rate(rows: Floats, code: str) -> Floats:
    """Return requests per second that were answered with a code, for each row of a pod."""
    rps, failed, rejected = rows[:, PodField.RPS], rows[:, PodField.ERRORS], rows[:, PodField.CLIENT_ERRORS]
    if code == "200":
        return rps * (1 - failed) * (1 - rejected)
    if code.startswith("4"):
        return rps * (1 - failed) * rejected
    turned_away = np.divide(rows[:, PodField.OVERLOAD], np.maximum(failed, 1e-9))
    busy = np.clip(turned_away, 0, 1)
    share: Floats = rps * failed * (busy if code == "503" else 1 - busy)
    return share
