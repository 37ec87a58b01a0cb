"""Calls that fail or are slow, told about whom they call: who failed first is in their times."""

from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.observability.calls import SeenCall, calls_of
from agents.observability.figures import latency
from agents.observability.names import workloads_of
from agents.reporting import state
from agents.wording import percent, since
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from tools.prometheus.probes.service_graph import ServiceGraphView

FAILING = FactSpec(
    kind=FactKind("dependency.errors"),
    role=FactRole.MECHANISM,
    meaning="Calls from another workload to this one fail more often than before.",
    attributes={
        "caller": "name of the workload that calls",
        "rate": "share of its calls that fail since, 0..1",
        "baseline": "share before, 0..1",
    },
)
SLOW = FactSpec(
    kind=FactKind("dependency.slow"),
    role=FactRole.MECHANISM,
    meaning="Calls from another workload to this one take longer than before.",
    attributes={
        "caller": "name of the workload that calls",
        "p99_s": "99th percentile since, seconds",
        "baseline_s": "99th percentile before, seconds",
    },
)
HEALTHY = FactSpec(
    kind=FactKind("dependency.healthy"),
    role=FactRole.CLEARED,
    meaning="A workload that the affected one calls answers as well and as fast as before.",
    attributes={"caller": "name of the workload that calls"},
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per call and trouble; one per healthy dependency of what was asked about."""
    calls = calls_of(sightings, scene)
    for call in calls:
        yield from _trouble(call, scene)
    asked = set(workloads_of((*scene.entities, *scene.case.focus[:1]), scene.case.topology))
    for callee in sorted({call.callee for call in calls if call.caller in asked and call.callee not in asked}):
        yield from _cleared(callee, [call for call in calls if call.callee == callee])


def _trouble(call: SeenCall, scene: Scene) -> Iterable[Fact]:
    if call.failing is not None:
        when = since(call.failing.at, until=call.failing.until, now=scene.now)
        yield state(
            FAILING,
            entity=call.callee,
            text=f"{percent(call.failing.after)} of calls from {call.caller_name} to {call.callee_name} fail"
            f"{when} ({percent(call.failing.before)} before)",
            seen=[call.seen],
            at=call.failing.at,
            until=call.failing.until,
            related=[call.caller],
            detector=DETECTOR.name,
            caller=call.caller_name,
            rate=round(call.failing.after, 4),
            baseline=round(call.failing.before, 4),
        )
    if call.slow is not None:
        change = f"went {latency(call.slow.before)} -> {latency(call.slow.after)}"
        yield state(
            SLOW,
            entity=call.callee,
            text=f"p99 of calls from {call.caller_name} to {call.callee_name} {change}"
            + since(call.slow.at, until=call.slow.until, now=scene.now),
            seen=[call.seen],
            at=call.slow.at,
            until=call.slow.until,
            related=[call.caller],
            detector=DETECTOR.name,
            caller=call.caller_name,
            p99_s=round(call.slow.after, 4),
            baseline_s=round(call.slow.before, 4),
        )


def _cleared(callee: EntityId, calls: list[SeenCall]) -> Iterable[Fact]:
    if not all(call.healthy for call in calls):
        return
    callers = sorted({call.caller_name for call in calls})
    yield state(
        HEALTHY,
        entity=callee,
        text=f"{calls[0].callee_name} answers {', '.join(callers)} as well and as fast as before",
        seen=[call.seen for call in calls],
        at=None,
        related=[call.caller for call in calls],
        detector=DETECTOR.name,
        caller=callers[0],
    )


DETECTOR = Detector(
    name="observability.dependencies", emits=(FAILING, SLOW, HEALTHY), needs=(ServiceGraphView,), detect=detect
)
