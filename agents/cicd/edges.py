"""What the specialist for changes adds to the map: which application deploys what, and from which repository. Pure."""

from collections.abc import Iterator

from agents.cicd.gitops import deployers
from agents.detector import Sightings
from incidents.entity import Entity, EntityKind
from incidents.ids import EntityId
from incidents.topology import Edge, Relation, Topology
from tools.kubernetes.config_ref import ConfigRefs
from tools.kubernetes.workload import Workloads


def topology_of(sightings: Sightings) -> Topology:
    """DEPLOYS and BUILT_FROM edges, and USES edges of configuration."""
    return Topology.of((*_deploying(sightings), *_using(sightings)))


def inventory_of(sightings: Sightings) -> tuple[EntityId, ...]:
    """What was seen to exist."""
    found = [one.meta.entity for seen in sightings.of(Workloads) for one in seen.view.workloads]
    found += [one.meta.entity for seen in sightings.of(ConfigRefs) for one in seen.view.objects]
    for one in deployers(sightings):
        found += [one.entity, *([repository_entity(one.entity, one.repository)] if one.repository else [])]
    return tuple(dict.fromkeys(found))


def repository_entity(beside: EntityId, repository: str) -> EntityId:
    """The entity of a repository `owner/name`, in the cluster of another entity."""
    return Entity(cluster=Entity.parse(beside).cluster, kind=EntityKind.REPOSITORY, name=repository).id


def _deploying(sightings: Sightings) -> Iterator[Edge]:
    for one in deployers(sightings):
        for workload in one.workloads:
            yield Edge(source=one.entity, relation=Relation.DEPLOYS, target=workload)
            if one.repository:
                target = repository_entity(one.entity, one.repository)
                yield Edge(source=workload, relation=Relation.BUILT_FROM, target=target)


def _using(sightings: Sightings) -> Iterator[Edge]:
    for seen in sightings.of(ConfigRefs):
        for item in seen.view.objects:
            for workload in item.used_by:
                yield Edge(source=workload, relation=Relation.USES, target=item.meta.entity)
