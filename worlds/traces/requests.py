"""Sampled requests of an estate, made from its tape when somebody asks: the same question gives the same traces.

As a collector with tail sampling keeps them: of every entrance and tick one request as it comes, and one that failed
where some did. A trace's number says which it is, so that none is stored.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from worlds.estate.flow import TICK, ServiceField
from worlds.estate.simulation import Simulation
from worlds.recorded.recording import Span
from worlds.scenario.estate import resolve
from worlds.scenario.workload import Workload
from worlds.traces.journey import Journey
from worlds.traces.storage import FoundTrace, matching
from worlds.traces.traceql import Term

_ORDINARY, _FAILED = 0, 1
"""The two requests of a tick."""
_LONGEST = 960
"""Ticks that one search looks through: four hours."""
_KEPT: Final = 1.0
"""Failing requests of a tick from which one was kept."""
_SERVICE = frozenset({"resource.service.name", ".service.name"})


class EstateSpans:
    """Traces of what arrives from outside at workloads that are traced."""

    def __init__(self, world: Simulation) -> None:
        self._world = world
        estate = world.scenario.estate
        self._workloads = {workload.key: workload for workload in estate.workloads}
        self._entrances = [workload for workload in estate.workloads if workload.traffic.rps and workload.traced]
        self._below = [frozenset(self._named(entrance, set())) for entrance in self._entrances]
        self._cache: dict[tuple[int, int, int], Sequence[Span]] = {}

    def search(
        self, terms: Sequence[Term], *, start: float | None, end: float | None, limit: int
    ) -> Sequence[FoundTrace]:
        """Look from the newest tick backwards until there are enough."""
        found: list[FoundTrace] = []
        for tick, entrance, which in self._candidates(terms, start, end):
            spans = self._spans(tick, entrance, which)
            if spans and (matched := matching(spans, terms)):
                found.append(FoundTrace(number=_number(spans), spans=spans, matched=matched))
                if len(found) >= limit:
                    break
        return found

    def trace(self, number: str) -> Sequence[Span]:
        """Make a trace again from its number."""
        tick, entrance, which = int(number[16:24], 16), int(number[24:28], 16), int(number[28:], 16)
        if entrance >= len(self._entrances) or which not in {_ORDINARY, _FAILED} or tick > self._world.last_tick:
            return ()
        spans = self._spans(tick, entrance, which)
        return spans if spans and _number(spans) == number else ()

    def names(self) -> Collection[str]:
        """Return the names of attributes that spans have."""
        return ("http.route", "http.response.status_code", "peer.service", "server.address", "db.system")

    def _named(self, workload: Workload, passed: set[str]) -> Iterator[str]:
        """Yield the names of a workload and of all that it reaches."""
        if workload.key in passed:
            return
        passed.add(workload.key)
        yield workload.name
        for call in workload.calls:
            yield from self._named(self._workloads[resolve(call.to, workload=workload)], passed)

    def _candidates(
        self, terms: Sequence[Term], start: float | None, end: float | None
    ) -> Iterator[tuple[int, int, int]]:
        """Yield tick, entrance and which of its requests, newest first."""
        wanted = {term.value for term in terms if term.field in _SERVICE and term.operator == "="}
        failing = any(term.field == "status" and term.operator == "=" and term.value == "error" for term in terms)
        last = min(self._world.last_tick, int(end // TICK) if end is not None else self._world.last_tick)
        first = max(last - _LONGEST, int(start // TICK) + 1 if start is not None else 0)
        for tick in range(last, first - 1, -1):
            for entrance, below in enumerate(self._below):
                if wanted <= below:
                    yield from ((tick, entrance, which) for which in ((_FAILED,) if failing else (_FAILED, _ORDINARY)))

    def _spans(self, tick: int, entrance: int, which: int) -> Sequence[Span]:
        key = (tick, entrance, which)
        known = self._cache.get(key)
        if known is None:
            known = self._cache[key] = self._made(tick, entrance, which)
        return known

    def _made(self, tick: int, entrance: int, which: int) -> Sequence[Span]:
        workload = self._entrances[entrance]
        if which == _FAILED and self._failing(workload, tick) < _KEPT:
            return ()
        layout = self._world.tape.layout_at(tick)
        if layout is None:
            return ()
        head = self._world.cluster.chance.key("trace", workload.key, tick, which)
        number = f"{head:016x}{tick:08x}{entrance:04x}{which:04x}"
        journey = Journey(self._world, self._workloads, layout=layout, tick=tick, number=number)
        return journey.from_outside(workload, failing=which == _FAILED)

    def _failing(self, workload: Workload, tick: int) -> float:
        """Return how many requests of a tick failed."""
        track = self._world.tape.service(workload.key)
        at = int(track.ticks.searchsorted(tick))
        if at >= len(track.ticks) or int(track.ticks[at]) != tick:
            return 0.0
        row = track.rows[at]
        return float(row[ServiceField.OFFERED] * row[ServiceField.FAILED]) * TICK


def _number(spans: Sequence[Span]) -> str:
    return spans[0].trace
