"""Which workloads stand behind what the alerts name, found out once before anybody looks: services and single pods.

Alert rules over request metrics know a service by name, and nothing of its Deployment. Without this first step the
first round of everybody who works by workload sees nothing.
"""

from collections.abc import Iterable, Iterator, Sequence

from agents.detector import Sightings
from agents.specialist import Desk
from incidents.casefile import CaseFile
from incidents.entity import Entity, EntityKind
from incidents.ids import EntityId
from incidents.topology import Edge, Relation, Topology
from tools.kubernetes.pod import Pods
from tools.kubernetes.probes.pods import PROBE as PODS
from tools.kubernetes.probes.services import PROBE as SERVICES
from tools.kubernetes.scope import Where
from tools.kubernetes.service import Services
from tools.prometheus.probes.workloads import PROBE as WORKLOADS
from tools.prometheus.probes.workloads import WorkloadsArgs

MOST_PLACES = 3
"""Namespaces whose services are listed, and single pods that are read: what is more is resolved in the rounds."""
NAMED = frozenset({EntityKind.SERVICE, EntityKind.POD})
"""Kinds that alerts name and that somebody stands behind."""


def unresolved(case: CaseFile) -> tuple[EntityId, ...]:
    """Entities of the incident from which nothing leads to a workload yet."""
    return tuple(
        entity
        for entity in case.incident.entities
        if Entity.parse(entity).kind in NAMED and not any(_leads(entity, case.topology))
    )


async def resolve(case: CaseFile, desk: Desk) -> Topology:
    """Edges from what the alerts name to the workloads behind it; what is not found stays as it is.

    By selector, by the workload that a selector nearly means, by owner, and last by the same name in metrics.
    """
    wanted = unresolved(case)
    services = [entity for entity in wanted if Entity.parse(entity).kind is EntityKind.SERVICE]
    pods = [entity for entity in wanted if Entity.parse(entity).kind is EntityKind.POD]
    for place in dict.fromkeys([Entity.parse(entity).namespace for entity in services][:MOST_PLACES]):
        await desk.observe(SERVICES, Where(namespace=place))
    for pod in pods[:MOST_PLACES]:
        await desk.observe(PODS, Where(entity=pod))
    sightings = Sightings(observations=desk.observations)
    edges = {*_selecting(services, sightings), *_owning(pods, sightings)}
    left = [entity for entity in services if entity not in {edge.source for edge in edges}]
    if left:
        listed = await desk.observe(WORKLOADS, WorkloadsArgs(at=desk.clock.now()))
        edges |= set(_named_alike(left, listed.view.workloads if listed else ()))
    return Topology.of(edges)


def _leads(entity: EntityId, topology: Topology) -> Iterator[EntityId]:
    yield from topology.targets(entity, Relation.SELECTS)
    yield from topology.sources(entity, Relation.OWNS)


def _selecting(services: Sequence[EntityId], sightings: Sightings) -> Iterator[Edge]:
    for entity in services:
        wanted = Entity.parse(entity)
        found = [
            view
            for seen in sightings.of(Services)
            for view in seen.view.services
            if view.service.meta.name == wanted.name and wanted.namespace in (None, view.service.meta.namespace)
        ]
        if len(found) != 1:
            continue
        [view] = found
        behind = view.service.workloads or ((view.closest.workload,) if view.closest else ())
        yield from (Edge(source=entity, relation=Relation.SELECTS, target=workload) for workload in behind)


def _owning(pods: Sequence[EntityId], sightings: Sightings) -> Iterator[Edge]:
    for seen in sightings.of(Pods):
        for pod in seen.view.pods:
            if pod.owner is not None and pod.meta.entity in pods:
                yield Edge(source=pod.owner, relation=Relation.OWNS, target=pod.meta.entity)


def _named_alike(services: Sequence[EntityId], workloads: Iterable[EntityId]) -> Iterator[Edge]:
    """The only workload of that name, in that namespace when one is known."""
    parsed = [Entity.parse(workload) for workload in workloads]
    for entity in services:
        wanted = Entity.parse(entity)
        found = [w for w in parsed if w.name == wanted.name and wanted.namespace in (None, w.namespace)]
        if len(found) == 1:
            yield Edge(source=entity, relation=Relation.SELECTS, target=found[0].id)
