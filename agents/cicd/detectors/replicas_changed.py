"""Finds changes of the wanted number of pods by people and pipelines; an autoscaler's are another's business."""

from collections.abc import Iterator

from agents.cicd.period import period_of
from agents.cicd.scalings import Scaling, scalings
from agents.detector import Detector, Scene, Sightings
from agents.reporting import state
from agents.wording import clock_time
from incidents.action import name_of
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from incidents.value import Scalar
from tools.kubernetes.workload import Workloads

ATTRIBUTES = {
    "field": "spec.replicas",
    "before": "pods wanted before; absent when nobody tells",
    "after": "pods wanted after",
    "actor": "client that wrote it, when known",
}
CHANGED = FactSpec(
    kind=FactKind("change.replicas_changed"),
    role=FactRole.CHANGE,
    meaning="The wanted number of pods was changed, not by an autoscaler.",
    attributes=ATTRIBUTES,
)
DOWN = FactSpec(
    kind=FactKind("change.scaled_down"),
    role=FactRole.CHANGE,
    meaning="The wanted number of pods was lowered, not by an autoscaler.",
    attributes=ATTRIBUTES,
)


def detect(sightings: Sightings, scene: Scene) -> Iterator[Fact]:
    """The last scaling of each workload; a lowering is told as both kinds."""
    period = period_of(scene)
    for one in scalings(sightings, scene):
        if period.holds(one.at, entities=(one.workload,)):
            yield _fact(CHANGED, one, scene)
            if one.after == 0 or (one.before is not None and one.after < one.before):
                yield _fact(DOWN, one, scene)


def _fact(spec: FactSpec, one: Scaling, scene: Scene) -> Fact:
    way = "to" if one.before is None else f"{one.before} ->"
    by = f" by hand ({one.actor})" if one.by_hand else f" by {one.actor}" if one.actor else ""
    at = f" at {clock_time(one.at, now=scene.now)}" if one.at else ""
    known: dict[str, Scalar | None] = {
        "field": "spec.replicas",
        "before": one.before,
        "after": one.after,
        "actor": one.actor or None,
    }
    text = f"{name_of(one.workload)} was scaled {way} {one.after}{by}{at}"
    return state(spec, entity=one.workload, text=text, seen=one.seen, at=one.at, detector=DETECTOR.name, more=known)


DETECTOR = Detector(name="cicd.replicas_changed", emits=(CHANGED, DOWN), needs=(Workloads,), detect=detect)
