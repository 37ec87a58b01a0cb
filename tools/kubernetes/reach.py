"""How far a change of one object reaches, from topology. Pure."""

from incidents.action import BlastRadius
from incidents.entity import Entity, EntityKind
from incidents.ids import EntityId
from incidents.topology import Topology


def reach(target: EntityId, topology: Topology) -> BlastRadius:
    """Of a workload: itself, its pods, its services and all who depend on it. Of a pod: its workload. Of a node: it."""
    match Entity.parse(target).kind:
        case EntityKind.NODE:
            return BlastRadius(nodes=(target,))
        case EntityKind.POD:
            owner = topology.owner_of(target)
            services = topology.services_of(owner)
            return BlastRadius(workloads=(owner,), pods=1, services=services)
        case _:
            return BlastRadius(
                workloads=(target,),
                pods=len(topology.pods_of(target)),
                services=topology.services_of(target),
                callers=topology.callers(target, transitive=True),
            )
