"""Which workload began to fail first, by logs, traces and requests together: callers fail because of it, later."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from agents.detector import Detector, Scene, Sightings
from agents.observability.calls import edges_of, most_called_first
from agents.observability.detectors.errors import NOISE as ERROR_NOISE
from agents.observability.error_class import ErrorClass, read_error
from agents.observability.names import Names, workloads_of
from agents.observability.shift import find_shift
from agents.observability.tracing import CANCELLED, origins, traced_calls
from agents.reporting import state
from agents.wording import clock_time
from incidents.action import name_of
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from tools.loki.line import Level, message_of
from tools.loki.mining import LogTemplate
from tools.loki.probes.templates import TemplatesView
from tools.probe import Observation
from tools.prometheus.probes.red import RedView
from tools.traces.probes.failing import FailingView

FIRST = FactSpec(
    kind=FactKind("failure.first"),
    role=FactRole.STATE,
    meaning="Of the workloads that fail, this one began, and it fails on its own account.",
    attributes={"by": "what shows it: traces, logs, requests", "since": "when, ISO 8601"},
)
TOLERANCE = timedelta(minutes=2)
"""How much earlier a caller may seem to fail than whom it calls: samples are seconds to a minute apart."""
CLEARLY = timedelta(minutes=1)
BY_REQUESTS = "requests"
OF_OTHERS = frozenset({ErrorClass.CONNECTION_REFUSED, ErrorClass.TIMEOUT})
"""What a log says of whom it calls."""
_BLAMES = (r"upstream", r"downstream", r"dependency", r"returned 5", r"unavailable", r"propagat")


@dataclass(frozen=True, kw_only=True)
class _Sign:
    """One sign that a workload fails on its own account."""

    entity: EntityId
    at: datetime
    by: str
    seen: Observation[Any]
    until: datetime | None = None
    """When it was over; None while it may go on."""


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """At most one fact: the deepest of those below what was asked about that fail on their own account, in time."""
    measured, written = sightings.of(RedView), sightings.of(TemplatesView)
    if not measured or not written:
        return  # who asks about one thing alone cannot say who was first
    signs: dict[EntityId, list[_Sign]] = {}
    names = Names.of(sightings, scene)
    over = scene.case.incident.started_at - TOLERANCE
    for one in (*_traced(sightings, names), *_logged(sightings, names), *_requested(sightings)):
        if one.until is None or one.until >= over:
            signs.setdefault(one.entity, []).append(one)
    asked = [entity for entity in workloads_of(scene.case.incident.entities, scene.case.topology) if entity in signs]
    if not asked:
        return
    start = most_called_first(sightings, scene, sorted(asked, key=lambda one: _first(signs[one]).at))[0]
    calls: dict[EntityId, set[EntityId]] = {}
    for caller, callee in traced_calls(sightings, scene):
        calls.setdefault(caller, set()).add(callee)
    for caller, callee, _ in edges_of(sightings, scene):
        calls.setdefault(caller, set()).add(callee)
    for caller in signs:
        calls.setdefault(caller, set()).update(scene.case.topology.callees(caller))
    found = _deepest(start, signs, calls)
    own = signs[found]
    first = _first(own)
    by = sorted({one.by for one in own})
    yield state(
        FIRST,
        entity=found,
        text=f"{name_of(found)} began to fail first, at {clock_time(first.at, now=scene.now)} by {', '.join(by)}",
        seen=[one.seen for one in own],
        at=first.at,
        strength=0.8 if len(by) > 1 else 0.6,
        detector=DETECTOR.name,
        by=", ".join(by),
        since=first.at.isoformat(),
    )


def _deepest(start: EntityId, signs: dict[EntityId, list[_Sign]], calls: dict[EntityId, set[EntityId]]) -> EntityId:
    """Follow calls to those that failed no later on their own account, until nobody below did."""
    at, passed = start, {start}
    while True:
        begun = _first(signs[at]).at
        below = [
            one
            for one in calls.get(at, ())
            if one in signs and one not in passed and _first(signs[one]).at <= begun + _allowed(signs[one])
        ]
        if not below:
            return at
        at = min(below, key=lambda one: (_first(signs[one]).at, one))
        passed.add(at)


def _allowed(signs: list[_Sign]) -> timedelta:
    """Traces and logs say whose failure it is; requests alone must be clearly earlier, as load travels down too."""
    return TOLERANCE if any(one.by != BY_REQUESTS for one in signs) else -CLEARLY


def _first(signs: list[_Sign]) -> _Sign:
    return min(signs, key=lambda one: one.at)


def _traced(sightings: Sightings, names: Names) -> Iterator[_Sign]:
    for seen in sightings.of(FailingView):
        for trace in seen.view.traces:
            for one in origins(trace):
                entity = names.resolve(one.span.service, namespace=one.span.namespace or None)
                if entity is not None:
                    yield _Sign(entity=entity, at=one.span.start, by="traces", seen=seen)


def _logged(sightings: Sightings, names: Names) -> Iterator[_Sign]:
    """New errors in a log that speak of the workload itself and not of another one."""
    for seen in sightings.of(TemplatesView):
        for template in seen.view.templates:
            news = template.is_new and template.level in {Level.FATAL, Level.ERROR}
            if news and template.began and not _of_another(template, seen.view.entity, names):
                yield _Sign(entity=seen.view.entity, at=template.began, until=template.stopped, by="logs", seen=seen)


def _of_another(template: LogTemplate, entity: EntityId, names: Names) -> bool:
    text = message_of(template.example)
    reading = read_error(text)
    if CANCELLED.search(text):
        return True
    others = {other for word in text.replace("/", " ").split() if (other := names.resolve(word.strip(".,:;()'\"")))}
    named = bool(others - {entity})
    waits = reading is not None and reading.kind in OF_OTHERS
    return named and (waits or any(mark in text.lower() for mark in _BLAMES))


def _requested(sightings: Sightings) -> Iterator[_Sign]:
    for seen in sightings.of(RedView):
        for curve in (seen.view.error_ratio, seen.view.p99):
            shift = find_shift(curve, floor=ERROR_NOISE) if curve else None
            if shift is not None and shift.up:
                yield _Sign(entity=seen.view.entity, at=shift.at, until=shift.until, by=BY_REQUESTS, seen=seen)


DETECTOR = Detector(name="observability.first_failing", emits=(FIRST,), needs=(RedView, TemplatesView), detect=detect)
