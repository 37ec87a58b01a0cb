"""Workloads that offer ports and that no service leads to, in a namespace where nearly all others have one."""

from collections.abc import Iterable, Mapping
from typing import Any

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.sighted import SeenWorkload, name, near, workloads_of
from agents.reporting import state
from incidents.entity import Entity, EntityKind
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from tools.kubernetes.service import Services
from tools.kubernetes.workload import Workloads
from tools.probe import Observation

USUAL = 0.6
"""Share of a namespace's workloads with ports that have a service, from which it is odd to have none."""
FEWEST = 3
"""Workloads below which a share says nothing."""

WITHOUT_SERVICE = FactSpec(
    kind=FactKind("workload.without_service"),
    role=FactRole.STATE,
    meaning="A workload offers ports and no service leads to it, although its neighbours have one.",
    attributes={"ports": "ports that its containers declare, by comma"},
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per workload. What a service nearly selects is another matter: its selector is wrong."""
    seen = tuple(sightings.of(Services))
    views = [view for found in seen for view in found.view.services]
    served = {one for view in views for one in view.service.workloads} | {
        v.closest.workload for v in views if v.closest
    }
    offering = {entity: one for entity, one in workloads_of(sightings).items() if _ports(one)}
    for space in sorted({_space(view.service.meta.entity) for view in views}):
        inside = {entity: one for entity, one in offering.items() if _space(entity) == space}
        for entity, one in _lonely(inside, served).items():
            if near(entity, scene):
                yield _fact(entity, one, seen)


def _lonely(inside: Mapping[EntityId, SeenWorkload], served: set[EntityId]) -> dict[EntityId, SeenWorkload]:
    alone = {entity: one for entity, one in inside.items() if entity not in served}
    usual = len(inside) >= FEWEST and 1 - len(alone) / len(inside) >= USUAL
    return alone if usual else {}


def _space(entity: EntityId) -> str:
    return Entity.parse(entity).namespace or ""


def _ports(one: SeenWorkload) -> list[int]:
    if one.workload.kind is EntityKind.DAEMONSET or not one.workload.replicas.desired:
        return []
    return [port.number for container in one.workload.template.containers for port in container.ports]


def _fact(entity: EntityId, one: SeenWorkload, seen: Iterable[Observation[Any]]) -> Fact:
    ports = ", ".join(str(port) for port in _ports(one))
    return state(
        WITHOUT_SERVICE,
        entity=entity,
        text=f"{name(entity)} offers port {ports} and no service leads to it",
        seen=[one.seen, *seen],
        at=None,
        detector=DETECTOR.name,
        ports=ports,
    )


DETECTOR = Detector(
    name="kubernetes.service_coverage", emits=(WITHOUT_SERVICE,), needs=(Services, Workloads), detect=detect
)
