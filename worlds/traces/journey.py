"""One request on its way through the estate: a span for every service that it reaches and for every call they make.

What failed is drawn in proportion to what made requests fail in that tick. The span of whoever failed says so first,
and everybody above repeats it; whoever does not answer leaves the caller's span alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from worlds.cluster.chance import Chance
from worlds.estate.flow import TICK, EdgeField, PodField
from worlds.estate.layout import Column, Floats, Layout
from worlds.estate.manifests import dns_name
from worlds.estate.simulation import Simulation
from worlds.recorded.recording import Span
from worlds.scenario.estate import resolve
from worlds.scenario.workload import Workload, WorkloadKind
from worlds.telemetry import phrases

_DATABASES: Final[Mapping[str, tuple[str, str]]] = {"postgres": ("postgresql", "SELECT"), "redis": ("redis", "GET")}
"""What clients write of whom they call: the system, and the operation. These write no spans of their own."""
_MOST_CALLS, _MOST_SPANS = 30, 120
"""Repeated calls of one kind below one span, and spans of a trace, that a collector keeps."""
_HOP = 0.0005
"""Seconds on the network within a cluster."""
_LATE = 0.4
"""Median of a call by its timeout from which its failures are mostly timeouts."""
_FAILED_STATUS, _FINE_STATUS = "500", "200"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a service did with a request."""

    seconds: float
    failed: bool


@dataclass(frozen=True, kw_only=True)
class _Caller:
    """Who calls: a process of a service, within its span."""

    workload: Workload
    column: Column
    span: str


class Journey:
    """Builds the spans of one request."""

    def __init__(
        self, world: Simulation, workloads: Mapping[str, Workload], *, layout: Layout, tick: int, number: str
    ) -> None:
        self._world, self._workloads, self._layout = world, workloads, layout
        self._tick, self._number = tick, number
        self._spans: list[Span] = []
        self._services = {service.workload.key: service for service in layout.services}

    def from_outside(self, workload: Workload, *, failing: bool) -> Sequence[Span]:
        """Return the spans of a request that arrives here, the first one first; none when nobody is here."""
        at = (self._tick - 1) * TICK + self._draw("at") * TICK * 0.8
        self._serve(workload, parent="", at=at, failing=failing)
        return sorted(self._spans, key=lambda span: (span.start, span.parent != ""))

    @property
    def _chance(self) -> Chance:
        return self._world.cluster.chance

    def _draw(self, *parts: object) -> float:
        return self._chance.fraction("journey", self._number, *parts)

    def _serve(self, workload: Workload, *, parent: str, at: float, failing: bool) -> Outcome | None:
        """Add the span of a service and of all below it. None when none of its pods takes requests."""
        column = self._pod(workload, parent)
        row = self._row(column) if column else None
        if column is None or row is None:
            return None
        own = f"{len(self._spans):x}"
        route = workload.routes[int(self._draw("route", own) * len(workload.routes))]
        place = len(self._spans)
        self._spans.append(_server(workload, route, number=self._number, own=own, parent=parent, at=at))
        blamed = self._blamed(row, own) if failing else None
        busy = self._own_seconds(workload, row) * (0.7 + 0.6 * self._draw("own", own))
        caller = _Caller(workload=workload, column=column, span=own)
        below, said = self._call_all(caller, at=at + busy / 2, blamed=blamed)
        message = (said or self._excuse(caller, row)) if failing else ""
        self._spans[place] = _ended(self._spans[place], seconds=busy + below, message=message)
        return Outcome(seconds=busy + below, failed=failing)

    def _pod(self, workload: Workload, parent: str) -> Column | None:
        service = self._services.get(workload.key)
        if service is None or service.refusal:
            return None
        routed = [column for column in self._layout.columns[service.columns] if column.routed]
        return routed[int(self._draw("pod", workload.key, parent) * len(routed))] if routed else None

    def _row(self, column: Column) -> Floats | None:
        track = self._world.tape.pod(column.uid)
        at = int(track.ticks.searchsorted(self._tick))
        return track.rows[at] if at < len(track.ticks) and int(track.ticks[at]) == self._tick else None

    def _edge(self, workload: Workload, callee: Workload) -> Floats | None:
        track = self._world.tape.edge(workload.key, callee.key)
        at = int(track.ticks.searchsorted(self._tick))
        return track.rows[at] if at < len(track.ticks) and int(track.ticks[at]) == self._tick else None

    def _blamed(self, row: Floats, own: str) -> int | None:
        """The call of which a failing request fails; None when it fails on the service's own account."""
        parts = [float(row[f]) for f in (PodField.DEPENDENCY, PodField.OVERLOAD, PodField.GARBAGE, PodField.EFFECT)]
        worst = int(row[PodField.WORST_CALL])
        return worst if worst >= 0 and self._draw("blamed", own) * sum(parts) < parts[0] else None

    def _own_seconds(self, workload: Workload, row: Floats) -> float:
        """What a request takes without what it calls."""
        waited = 0.0
        for call in workload.calls:
            edge = self._edge(workload, self._workloads[resolve(call.to, workload=workload)])
            if edge is not None and call.waits:
                waited += float(edge[EdgeField.LATENCY]) * min(call.per_request, 1.0)
        return max(float(row[PodField.LATENCY]) - waited, workload.behaviour.latency * 0.2)

    def _call_all(self, caller: _Caller, *, at: float, blamed: int | None) -> tuple[float, str]:
        """Add all calls of a span, one after another. Returns the seconds they took and what the blamed one said."""
        waited, said = 0.0, ""
        for number, call in enumerate(caller.workload.calls):
            expected = call.per_request * caller.column.model.calls_factor
            count = min(int(expected + self._draw("count", caller.span, number)), _MOST_CALLS)
            for repeat in range(max(count, number == blamed)):
                failing = number == blamed and repeat == 0
                seconds, heard = self._call(caller, number, at=at + waited, failing=failing)
                said = heard if failing else said
                waited += seconds if call.waits else 0.0
                if len(self._spans) >= _MOST_SPANS:
                    return waited, said
        return waited, said

    def _call(self, caller: _Caller, number: int, *, at: float, failing: bool) -> tuple[float, str]:
        """Add one call with what is below it. Returns its seconds and, when it fails, what the caller hears."""
        call = caller.workload.calls[number]
        callee = self._workloads[resolve(call.to, workload=caller.workload)]
        place = len(self._spans)
        span = _client(caller, callee, number=self._number, own=f"{place:x}", at=at)
        self._spans.append(span)
        edge = self._edge(caller.workload, callee)
        usual = float(edge[EdgeField.LATENCY]) if edge is not None else callee.behaviour.latency
        seconds = min(usual * (0.7 + 0.6 * self._draw("call", span.id)), call.timeout)
        late = usual >= _LATE * call.timeout
        why = self._unanswered(caller.column, number, callee) if failing else ""
        answered = None
        if _writes_spans(callee) and not why:
            answered = self._serve(callee, parent=span.id, at=at + _HOP, failing=failing and not late)
        if answered is not None:
            seconds = max(seconds, answered.seconds + 2 * _HOP)
        if failing and not why:
            why = f"timed out after {call.timeout * 1000:.0f}ms" if late else _answer_of(callee, answered)
        seconds = call.timeout if failing and late else seconds
        self._spans[place] = _ended(span, seconds=seconds, message=why)
        return seconds, why

    def _unanswered(self, column: Column, number: int, callee: Workload) -> str:
        """Why a failing call reached nobody; empty when the callee took it."""
        wrong = column.wrong_address[number] if column.wrong_address else ""
        return wrong or self._world.refusal_of(callee.key, self._tick)

    def _excuse(self, caller: _Caller, row: Floats) -> str:
        """What a service says that failed on its own account."""
        draw = self._draw("excuse", caller.span)
        workload, column = caller.workload, caller.column
        if column.drained and float(row[PodField.DRAINED]) >= 1:
            return phrases.drained(workload, resource=column.drained, draw=draw).text
        if float(row[PodField.OVERLOAD]) > float(row[PodField.EFFECT]):
            return phrases.overload(workload, draw=draw).text
        thrown = [line.text for line in column.lines if line.level in {"error", "fatal"}]
        return thrown[0].replace("{n}", "1") if thrown else phrases.unexpected(workload, draw=draw).text


def _writes_spans(workload: Workload) -> bool:
    return workload.kind is not WorkloadKind.EXTERNAL and workload.traced and workload.language not in _DATABASES


def _answer_of(callee: Workload, answered: Outcome | None) -> str:
    return f"{callee.name} answered 500" if answered is not None and answered.failed else "connection reset by peer"


def _server(workload: Workload, route: str, *, number: str, own: str, parent: str, at: float) -> Span:
    return Span(
        trace=number,
        id=own,
        parent=parent,
        service=workload.name,
        namespace=workload.namespace,
        name=f"GET {route}",
        kind="server",
        start=at,
        seconds=0.0,
        attributes={"http.route": route, "http.response.status_code": _FINE_STATUS},
    )


def _client(caller: _Caller, callee: Workload, *, number: str, own: str, at: float) -> Span:
    system, verb = _DATABASES.get(callee.language, ("", "GET"))
    attributes = {"peer.service": callee.name, "server.address": dns_name(callee)}
    return Span(
        trace=number,
        id=own,
        parent=caller.span,
        service=caller.workload.name,
        namespace=caller.workload.namespace,
        name=f"{verb} {callee.name}",
        kind="client",
        start=at,
        seconds=0.0,
        attributes=attributes | ({"db.system": system} if system else {}),
    )


def _ended(span: Span, *, seconds: float, message: str) -> Span:
    told = {"exception.message": message} if message else {}
    if message and "http.response.status_code" in span.attributes:
        told["http.response.status_code"] = _FAILED_STATUS
    return replace(span, seconds=seconds, error=bool(message), attributes={**span.attributes, **told})
