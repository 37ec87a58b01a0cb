"""How many pods a workload wants and has: what a number of pods to scale to is computed from."""

from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.sighted import near, workloads_of
from agents.reporting import state
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.workload import Workloads

SIZE = FactSpec(
    kind=FactKind("workload.size"),
    role=FactRole.STATE,
    meaning="How many pods a workload wants and has.",
    attributes={"replicas": "pods that it wants", "ready": "pods that are ready"},
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per workload that is asked about."""
    for entity, one in workloads_of(sightings).items():
        replicas = one.workload.replicas
        if near(entity, scene):
            yield state(
                SIZE,
                entity=entity,
                text=f"{one.workload.meta.name} wants {replicas.desired} pods, {replicas.ready} are ready",
                seen=[one.seen],
                at=None,
                detector=DETECTOR.name,
                replicas=replicas.desired,
                ready=replicas.ready,
            )


DETECTOR = Detector(name="kubernetes.workload_size", emits=(SIZE,), needs=(Workloads,), detect=detect)
