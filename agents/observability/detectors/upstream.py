"""Workloads that suffer because they call what is in trouble: victims, not culprits."""

from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.observability.calls import SeenCall, calls_of
from agents.observability.names import workloads_of
from agents.observability.shift import Shift
from agents.reporting import state
from agents.wording import since
from incidents.action import name_of
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.prometheus.probes.service_graph import ServiceGraphView

AFFECTED = FactSpec(
    kind=FactKind("upstream.affected"),
    role=FactRole.SYMPTOM,
    meaning="A workload's calls to another one are in trouble: it suffers, it does not cause.",
    attributes={"callee": "name of the workload that it calls"},
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per caller of what was asked about whose calls fail or are slow."""
    calls = calls_of(sightings, scene)
    asked = set(workloads_of((*scene.entities, *scene.case.focus[:1]), scene.case.topology))
    for call in calls:
        trouble = _trouble(call)
        if trouble is None or call.callee not in asked:
            continue
        when = since(trouble.at, until=trouble.until, now=scene.now)
        yield state(
            AFFECTED,
            entity=call.caller,
            text=f"{name_of(call.caller)} suffers from {name_of(call.callee)}: {_how(call, trouble)}{when}",
            seen=[call.seen],
            at=trouble.at,
            until=trouble.until,
            related=[call.callee],
            detector=DETECTOR.name,
            callee=call.callee_name,
        )


def _trouble(call: SeenCall) -> Shift | None:
    """What is the matter with it: of failing and being slow what lasts, and of two that last the earlier."""
    found = [shift for shift in (call.failing, call.slow) if shift is not None]
    return min(found, key=lambda shift: (shift.until is not None, shift.at), default=None)


def _how(call: SeenCall, trouble: Shift) -> str:
    """Failing is told first where both last: who is not answered does not care how slowly."""
    failing = call.failing is not None and (call.failing.until is None or trouble is call.failing)
    return "its calls fail" if failing else "its calls are slow"


DETECTOR = Detector(name="observability.upstream", emits=(AFFECTED,), needs=(ServiceGraphView,), detect=detect)
