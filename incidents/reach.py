"""How far a change of one entity reaches, from topology."""

from collections.abc import Sequence

from incidents.action import BlastRadius
from incidents.entity import Entity, EntityKind
from incidents.ids import EntityId
from incidents.topology import Relation, Topology


def reach(target: EntityId, topology: Topology) -> BlastRadius:
    """Of a workload: itself, its pods, its services and all who depend on it. Of a pod: its workload. Of a node: it.

    Of an application or a repository: the same for everything that it deploys or that is built from it.
    """
    match Entity.parse(target).kind:
        case EntityKind.NODE:
            return BlastRadius(nodes=(target,))
        case EntityKind.POD:
            owner = topology.owner_of(target)
            return BlastRadius(workloads=(owner,), pods=1, services=topology.services_of(owner))
        case EntityKind.APPLICATION:
            return _of_workloads(topology.targets(target, Relation.DEPLOYS), topology)
        case EntityKind.REPOSITORY:
            return _of_workloads(topology.sources(target, Relation.BUILT_FROM), topology)
        case _:
            return _of_workloads((target,), topology)


def _of_workloads(found: Sequence[EntityId], topology: Topology) -> BlastRadius:
    workloads = [one for one in found if Entity.parse(one).is_workload]
    callers = dict.fromkeys(c for w in workloads for c in topology.callers(w, transitive=True))
    return BlastRadius(
        workloads=tuple(workloads),
        pods=sum(len(topology.pods_of(workload)) for workload in workloads),
        services=tuple(dict.fromkeys(service for w in workloads for service in topology.services_of(w))),
        callers=tuple(caller for caller in callers if caller not in workloads),
    )
