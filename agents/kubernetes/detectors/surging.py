"""Workloads with more pods than they want: a rollout is under way, and pods of two templates run side by side."""

from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.sighted import workloads_of
from agents.reporting import state
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.workload import Workloads

SURGING = FactSpec(
    kind=FactKind("workload.surging"),
    role=FactRole.STATE,
    meaning="A workload has more pods than it wants, as during a rollout: counting its pods says too much.",
    attributes={"pods": "pods that there are", "desired": "pods that it wants"},
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:  # noqa: ARG001 - a state has no time
    """One fact per workload that surges."""
    for entity, one in workloads_of(sightings).items():
        replicas = one.workload.replicas
        if replicas.current > replicas.desired > 0:
            yield state(
                SURGING,
                entity=entity,
                text=f"{one.workload.meta.name} has {replicas.current} pods and wants {replicas.desired}",
                seen=[one.seen],
                at=None,
                strength=0.3,
                detector=DETECTOR.name,
                pods=replicas.current,
                desired=replicas.desired,
            )


DETECTOR = Detector(name="kubernetes.surging", emits=(SURGING,), needs=(Workloads,), detect=detect)
