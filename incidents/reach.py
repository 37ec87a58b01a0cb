"""How far a change of one entity reaches, from topology."""

from collections.abc import Sequence

from incidents.action import BlastRadius
from incidents.entity import Entity, EntityKind
from incidents.ids import EntityId
from incidents.topology import Relation, Topology


def reach(target: EntityId, topology: Topology) -> BlastRadius:
    """Of a workload: itself, its pods, its services and all who depend on it. Of a pod: its workload. Of a node: it.

    Of an application or a repository: the same for everything that it deploys or that is built from it. Of a service,
    an ingress, an autoscaler or configuration: the same for the workloads that it leads to or that use it.
    """
    match Entity.parse(target).kind:
        case EntityKind.NODE:
            return BlastRadius(nodes=(target,))
        case EntityKind.POD:
            owner = topology.owner_of(target)
            return BlastRadius(workloads=(owner,), pods=1, services=topology.services_of(owner))
        case kind:
            return _of_workloads(_behind(target, kind, topology), topology)


def _behind(target: EntityId, kind: EntityKind, topology: Topology) -> Sequence[EntityId]:
    """What a change of the target reaches first; itself when nothing else is known to stand behind it."""
    if kind is EntityKind.INGRESS:
        services = topology.targets(target, Relation.ROUTES)
        return [workload for service in services for workload in topology.targets(service, Relation.SELECTS)]
    if kind in _LEADS:
        return topology.targets(target, _LEADS[kind])
    return topology.sources(target, _USED[kind]) if kind in _USED else (target,)


_LEADS = {
    EntityKind.APPLICATION: Relation.DEPLOYS,
    EntityKind.SERVICE: Relation.SELECTS,
    EntityKind.HPA: Relation.SCALES,
}
_USED = {
    EntityKind.REPOSITORY: Relation.BUILT_FROM,
    EntityKind.CONFIGMAP: Relation.USES,
    EntityKind.SECRET: Relation.USES,
    EntityKind.PVC: Relation.USES,
}


def _of_workloads(found: Sequence[EntityId], topology: Topology) -> BlastRadius:
    workloads = [one for one in found if Entity.parse(one).is_workload]
    callers = dict.fromkeys(c for w in workloads for c in topology.callers(w, transitive=True))
    return BlastRadius(
        workloads=tuple(workloads),
        pods=sum(len(topology.pods_of(workload)) for workload in workloads),
        services=tuple(dict.fromkeys(service for w in workloads for service in topology.services_of(w))),
        callers=tuple(caller for caller in callers if caller not in workloads),
    )
