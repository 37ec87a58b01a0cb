"""Requests, errors and durations of services, in the convention of the estate."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from worlds.estate.flow import PodField
from worlds.objects.kinds import JsonObject
from worlds.promql.frame import any_row
from worlds.promql.labels import LabelSet
from worlds.promql.storage import METRIC_NAME, Matcher, MetricMetadata, Rows, matches_all
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


# Queries for which it is kept what they mean of each pod: those of an investigation.
_QUERIES_KEPT = 500


@dataclass(frozen=True, kw_only=True, eq=False)
class _Lines:
    """Series of a pod: columns of its counters (by code, or code and bound), and the share of each that a route has."""

    labels: Sequence[LabelSet]
    columns: NDArray[np.intp]
    shares: Floats

    @classmethod
    def of(cls, parts: Sequence["_Lines"]) -> "_Lines":
        """Put lines together."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            labels=[labels for part in parts for labels in part.labels],
            columns=np.concatenate([part.columns for part in parts]),
            shares=np.concatenate([part.shares for part in parts]),
        )

    def passing(self, matchers: Sequence[Matcher]) -> "_Lines":
        """Return those that pass."""
        if not matchers:
            return self
        kept = [at for at, labels in enumerate(self.labels) if matches_all(matchers, labels)]
        return _Lines(labels=[self.labels[at] for at in kept], columns=self.columns[kept], shares=self.shares[kept])


@dataclass(frozen=True, kw_only=True, eq=False)
class _Counts:
    """Counters of a pod by row, code and bound, and the row in which each code first occurred."""

    counts: Floats
    begun: tuple[int, ...]

    def occurred(self, before: int) -> tuple[int, ...]:
        """Return the codes that occurred before a row."""
        return tuple(code for code, first in enumerate(self.begun) if first < before)


@dataclass(kw_only=True, eq=False)
class _Question:
    """What a query means of one pod: the matchers that are left for its lines, and the lines by codes that occurred."""

    pod: JsonObject
    left: Sequence[Matcher] | None
    """None when the pod as a whole is not meant."""
    lines: dict[tuple[int, ...], _Lines] = field(default_factory=dict)


class RequestMetrics:
    """Series of every instrumented service."""

    def __init__(self, tracks: ProcessTracks, *, convention: HttpMetrics, callers: Callable[[str], str]) -> None:
        self._tracks = tracks
        self._convention = convention
        self._callers = callers
        self._names = frozenset(self.metadata())
        # What tells the lines of one pod under one name apart.
        self._of_lines = frozenset({*self._request_labels("", ""), "le"})
        self._kept: dict[tuple[str, str], _Counts] = {}
        self._lines: dict[tuple[str, str, int], tuple[JsonObject, _Lines]] = {}
        self._asked: dict[tuple[str, tuple[Matcher, ...]], dict[str, _Question]] = {}

    def metadata(self) -> dict[str, MetricMetadata]:
        """Return type and help by name."""
        base, total = _FAMILIES[self._convention]
        extra = {total: MetricMetadata(type="counter", help="Requests by code.")} if total else {}
        found = MetricMetadata(type="histogram", help="Duration of HTTP server requests.")
        return {f"{base}_{part}": found for part in ("bucket", "sum", "count")} | extra

    def names(self) -> Collection[str]:
        """Return the names that it has."""
        return self._names

    def series(self, name: str, matchers: Sequence[Matcher], window: Window) -> Iterator[Rows]:
        """Yield the matching series of one metric."""
        known = self._known(name, tuple(matchers))
        for track in self._tracks.every(window):
            if track.workload.instrumented or self._convention is HttpMetrics.ISTIO:
                question = known.get(track.uid)
                if question is None or question.pod is not track.pod:
                    question = known[track.uid] = self._question(name, matchers, track)
                if question.left is not None:
                    yield from self._of_pod(name, question, track)

    def _known(self, name: str, matchers: tuple[Matcher, ...]) -> dict[str, _Question]:
        """Return what a query means by pod. Kept: the same few are asked of pods that do not change."""
        if len(self._asked) > _QUERIES_KEPT:
            self._asked.clear()
        return self._asked.setdefault((name, matchers), {})

    def _question(self, name: str, matchers: Sequence[Matcher], track: ProcessTrack) -> _Question:
        """Return what a query means of a pod. What a pod says under all its lines is asked once: most are not meant."""
        common = {METRIC_NAME: name, **self._labels(track)}
        meant = matches_all([one for one in matchers if one.name not in self._of_lines], common)
        left = [one for one in matchers if one.name in self._of_lines] if meant else None
        return _Question(pod=track.pod, left=left)

    def _of_pod(self, name: str, question: _Question, track: ProcessTrack) -> Iterator[Rows]:
        known = self._counts(name.rpartition("_")[2], track)
        codes = known.occurred(track.window.stop)
        lines = question.lines.get(codes)
        if lines is None and codes:
            found = _Lines.of([self._lines_of(name, code, track) for code in codes])
            lines = question.lines[codes] = found.passing(question.left or ())
        if lines is not None and lines.labels:
            part = known.counts[track.window].reshape(len(track.ticks), -1)
            yield track.several(lines.labels, part[:, lines.columns] * lines.shares)

    def _lines_of(self, name: str, code: int, track: ProcessTrack) -> _Lines:
        """Return what a pod's exporter shows of a code under a name. Kept as long as the pod is the same."""
        pod, known = self._lines.get((name, track.uid, code), (None, None))
        if known is None or pod is not track.pod:
            known = self._written(name, code, track)
            self._lines[name, track.uid, code] = track.pod, known
        return known

    def _written(self, name: str, code: int, track: ProcessTrack) -> _Lines:
        base = {METRIC_NAME: name, **self._labels(track)}
        routes = _routes(track.workload) if self._convention is not HttpMetrics.ISTIO else (("", 1.0),)
        bounds = [{"le": f"{b:g}" if np.isfinite(b) else "+Inf"} for b in self._bounds]
        kinds: list[dict[str, str]] = bounds if name.endswith("_bucket") else [{}]
        labelled = [base | self._request_labels(_CODES[code], route) | kinds[0] for route, _ in routes]
        ordered = [dict(sorted(labels.items())) for labels in labelled]  # once for all bounds: they keep their place
        return _Lines(
            labels=[LabelSet(labels | kind) for labels in ordered for kind in kinds],
            columns=np.tile(np.arange(len(kinds)) + code * len(kinds), len(routes)),
            shares=np.repeat([share for _, share in routes], len(kinds)),
        )

    def _counts(self, part: str, track: ProcessTrack) -> _Counts:
        """Return the counters of a pod over all its rows. They grow with the tape."""
        part = part if part in {"bucket", "sum"} else "count"
        known = self._kept.get((track.uid, part))
        done = 0 if known is None else len(known.counts)
        if known is not None and done == len(track.all_rows):
            return known
        rows = track.all_rows[done:]
        rates = np.stack([_rate(rows, code) for code in _CODES], axis=1)
        median, spread = rows[:, PodField.LATENCY] * self._scale, track.workload.behaviour.spread
        if part == "bucket":
            rates = rates[:, :, None] * cumulative_shares(self._bounds, median=median, spread=spread)[:, None, :]
        elif part == "sum":
            rates = rates * mean_of(median, spread=spread)[:, None]
        counts = track.counted(rates, before=None if known is None else known.counts)
        found = self._kept[track.uid, part] = _Counts(counts=counts, begun=_begun(counts, known, done))
        return found

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


def _begun(counts: Floats, known: _Counts | None, done: int) -> tuple[int, ...]:
    """Return the first row in which each code had occurred; the number of rows for one that never did."""
    there = counts[done:].reshape(len(counts) - done, len(_CODES), -1)[:, :, -1] > 0
    firsts = np.where(any_row(there), there.argmax(axis=0), len(there)) + done
    before = known.begun if known is not None else (done,) * len(_CODES)
    return tuple(first if first < done else int(new) for first, new in zip(before, firsts, strict=True))


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
