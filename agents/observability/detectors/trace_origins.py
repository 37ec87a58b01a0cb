"""Where failures and time begin in single requests: the deepest span that fails or is slow on its own account."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from agents.detector import Detector, Scene, Sightings
from agents.observability.figures import latency
from agents.observability.names import Names
from agents.observability.tracing import Operation, Origin, operations, origins
from agents.reporting import state
from agents.wording import clock_time, count
from incidents.action import name_of
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from tools.probe import Observation
from tools.traces.probes.failing import FailingView
from tools.traces.probes.operations import OperationsView

FAILS = FactSpec(
    kind=FactKind("trace.error_origin"),
    role=FactRole.MECHANISM,
    meaning="In failing requests this workload's span is the deepest that fails: what it calls is well, or is absent.",
    attributes={
        "operation": "name of the span",
        "message": "what it says about its failure",
        "peer": "whom it called, when it is the calling side",
        "unreachable": "whether nobody recorded the other side of that call",
        "traces": "how many of the requests that were read fail there",
        "of": "how many were read",
        "details": "attributes of the span: statement, status, deadline",
    },
)
SLOW = FactSpec(
    kind=FactKind("trace.slow_origin"),
    role=FactRole.SYMPTOM,
    meaning="In slow requests the time goes into this workload's own work, or into calls that it makes far oftener.",
    attributes={
        "operation": "name of the span",
        "own_s": "seconds outside of what it calls, median since",
        "baseline_s": "the same before",
        "calls": "spans like it below one parent, median since",
        "calls_baseline": "the same before",
    },
)
SLOWER, LEAST_RISE = 2.0, 0.05
"""Twice as long as before, and by seconds that people notice."""
OFTENER = 3.0
LONGEST = 300


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per workload, operation and message; one per operation that became slow or frequent."""
    names = Names.of(sightings, scene)
    for failing in sightings.of(FailingView):
        yield from _failing(failing, names, scene)
    for seen in sightings.of(OperationsView):
        if seen.view.before and seen.view.after:
            yield from _slow(seen, names, scene)


def _failing(seen: Observation[FailingView], names: Names, scene: Scene) -> Iterator[Fact]:
    gathered: dict[tuple[EntityId, str], list[Origin]] = {}
    for trace in seen.view.traces:
        for one in origins(trace):
            workload = names.resolve(one.span.service, namespace=one.span.namespace or None)
            if workload is not None:
                gathered.setdefault((workload, one.span.name), []).append(one)
    for (workload, operation), found in sorted(gathered.items()):
        first = min(found, key=lambda one: one.span.start)
        said = next((one.span.message for one in found if one.span.message), "")
        peer = first.span.peer if first.unreachable else ""
        traces = len({one.span.trace for one in found})
        yield state(
            FAILS,
            entity=workload,
            text=f"{count(traces, 'failing request')} of {len(seen.view.traces)} fail first in {operation} of "
            f"{name_of(workload)} since {clock_time(first.span.start, now=scene.now)}" + (f": {said}" if said else ""),
            seen=[seen],
            at=first.span.start,
            related=[other] if peer and (other := names.resolve(peer)) else [],
            strength=0.9,
            detector=DETECTOR.name,
            operation=operation,
            message=said[:LONGEST] or None,
            peer=peer or None,
            unreachable=first.unreachable,
            traces=traces,
            of=len(seen.view.traces),
            details=_details(first)[:LONGEST] or None,
        )


def _details(one: Origin) -> str:
    return " ".join(f"{key}={value}" for key, value in sorted(one.span.attributes.items()))


def _slow(seen: Observation[OperationsView], names: Names, scene: Scene) -> Iterator[Fact]:
    for one in operations(seen.view.before, seen.view.after):
        workload = names.resolve(one.service)
        if workload is not None and (_slower(one) or _oftener(one)):
            yield _told(seen, one, workload, scene.now)


def _slower(one: Operation) -> bool:
    before = one.own_before
    return before is not None and one.own_after >= max(SLOWER * before, before + LEAST_RISE)


def _oftener(one: Operation) -> bool:
    return one.calls_after >= OFTENER * (one.calls_before or 1.0)


def _told(seen: Observation[Any], one: Operation, workload: EntityId, now: datetime) -> Fact:
    parts = []
    if _slower(one):
        parts.append(f"takes {latency(one.own_after)} by itself ({latency(one.own_before or 0.0)} before)")
    if _oftener(one):
        parts.append(f"is done {one.calls_after:.0f} times per request ({one.calls_before or 1:.0f} before)")
    return state(
        SLOW,
        entity=workload,
        text=f"{one.name} of {name_of(workload)} {' and '.join(parts)} since {clock_time(one.first, now=now)}",
        seen=[seen],
        at=one.first,
        strength=0.7,
        detector=DETECTOR.name,
        operation=one.name,
        own_s=round(one.own_after, 4),
        baseline_s=round(one.own_before, 4) if one.own_before is not None else None,
        calls=one.calls_after,
        calls_baseline=one.calls_before,
    )


DETECTOR = Detector(name="observability.trace_origins", emits=(FAILS, SLOW), needs=(FailingView,), detect=detect)
