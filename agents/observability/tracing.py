"""What traces show: in which span a failure begins, where time goes, who calls whom. Pure but for the questions."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from statistics import median

from agents.detector import Scene, Sightings
from agents.observability.names import Names
from agents.observability.period import Period
from agents.specialist import Desk
from incidents.ids import EntityId
from incidents.value import Value
from tools.traces.probes.failing import PROBE as FAILING
from tools.traces.probes.failing import FailingArgs, FailingView
from tools.traces.probes.operations import PROBE as OPERATIONS
from tools.traces.probes.operations import OperationsArgs, OperationsView
from tools.traces.span import Span, SpanKind, Trace, calls_of

MOST_ASKED = 3
"""Workloads whose failing requests are read: each costs a search and a dozen traces."""
CANCELLED = re.compile(r"cancel|client (?:closed|disconnect|gone)|context canceled|\b499\b", re.IGNORECASE)
"""What a callee says whose caller went away: the failure is above it."""


async def look_at_traces(desk: Desk, asked: Sequence[EntityId], period: Period, *, since: datetime) -> None:
    """Failing requests of what was asked about since the onset, and requests of the first before and since.

    Many estates keep no traces: that nobody does is told by `doctor`, and is no gap of each investigation.
    """
    if desk.cluster.traces is None:
        return
    begun = max(since, period.start)
    for entity in asked[:MOST_ASKED]:
        await desk.observe(FAILING, FailingArgs(entity=entity, start=begun, end=period.end))
    for entity in asked[:1]:
        if begun > period.start:
            args = OperationsArgs(entity=entity, start=period.start, since=begun, end=period.end)
            await desk.observe(OPERATIONS, args)


class Origin(Value):
    """A span that fails on its own account: nothing below it failed, or what did was only given up on."""

    span: Span
    unreachable: bool = False
    """It is the calling side, and nobody on the other side recorded the call."""


def origins(trace: Trace) -> Iterator[Origin]:
    """Where failures of a trace begin."""
    for span in trace.spans:
        if not span.failed or _given_up_on(trace, span):
            continue
        below = [one for one in trace.children(span) if one.failed and not _given_up_on(trace, one)]
        if not below:
            answered = any(one.service != span.service for one in trace.children(span))
            yield Origin(span=span, unreachable=span.kind is SpanKind.CLIENT and not answered)


def _given_up_on(trace: Trace, span: Span) -> bool:
    """Whether a failing span only says that its caller went away, and the caller failed as well."""
    above = trace.parent(span)
    return above is not None and above.failed and bool(CANCELLED.search(span.message))


class Operation(Value):
    """One operation of one service over several traces."""

    service: str
    name: str
    own_before: float | None
    """Median seconds outside of what it calls, before; None when it was not seen then."""
    own_after: float
    calls_before: float | None
    """Median number of spans like it below one parent, before."""
    calls_after: float
    first: datetime


def operations(before: Sequence[Trace], after: Sequence[Trace]) -> Iterator[Operation]:
    """Every operation that was seen since, beside how it was before."""
    old, new = _gathered(before), _gathered(after)
    for (service, name), (own, calls, first) in sorted(new.items()):
        known = old.get((service, name))
        yield Operation(
            service=service,
            name=name,
            own_before=median(known[0]) if known else None,
            own_after=median(own),
            calls_before=median(known[1]) if known else None,
            calls_after=median(calls),
            first=first,
        )


def _gathered(traces: Iterable[Trace]) -> dict[tuple[str, str], tuple[list[float], list[float], datetime]]:
    found: dict[tuple[str, str], tuple[list[float], list[float], datetime]] = {}
    for trace in traces:
        counts: dict[tuple[str, str, str], int] = {}
        for span in trace.spans:
            key = (span.service, span.name)
            own, _, first = found.setdefault(key, ([], [], span.start))
            own.append(trace.own_seconds(span))
            found[key] = (own, found[key][1], min(first, span.start))
            counts[*key, span.parent] = counts.get((*key, span.parent), 0) + 1
        for (service, name, _), number in counts.items():
            found[service, name][1].append(float(number))
    return found


def traces_of(sightings: Sightings) -> tuple[Trace, ...]:
    """Every trace that was read, once."""
    found = {trace.id: trace for seen in sightings.of(FailingView) for trace in seen.view.traces}
    for seen in sightings.of(OperationsView):
        found |= {trace.id: trace for trace in (*seen.view.before, *seen.view.after)}
    return tuple(found[number] for number in sorted(found))


def traced_calls(sightings: Sightings, scene: Scene) -> Iterator[tuple[EntityId, EntityId]]:
    """Caller and callee, both known workloads."""
    names = Names.of(sightings, scene)
    for (one, other), _ in sorted(calls_of(traces_of(sightings)).items()):
        caller, callee = names.resolve(one), names.resolve(other)
        if caller and callee and caller != callee:
            yield caller, callee
