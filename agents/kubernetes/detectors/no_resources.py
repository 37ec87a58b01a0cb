"""Containers without any request or limit: first to be evicted, and free to take all that a node has."""

from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.sighted import near, workloads_of
from agents.reporting import state
from agents.wording import listed
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.workload import Workloads

NO_RESOURCES = FactSpec(
    kind=FactKind("workload.no_resources"),
    role=FactRole.STATE,
    meaning="Containers of a workload have neither requests nor limits for CPU and memory.",
    attributes={"containers": "names, by comma"},
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per workload that is asked about."""
    for entity, one in workloads_of(sightings).items():
        bare = [container.name for container in one.workload.template.containers if container.resources.unset]
        if bare and near(entity, scene):
            yield state(
                NO_RESOURCES,
                entity=entity,
                text=f"{listed(bare)} of {one.workload.meta.name} without requests and limits",
                seen=[one.seen],
                at=None,
                detector=DETECTOR.name,
                containers=",".join(bare),
            )


DETECTOR = Detector(name="kubernetes.no_resources", emits=(NO_RESOURCES,), needs=(Workloads,), detect=detect)
