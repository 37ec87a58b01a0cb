"""Nodes: conditions, taints, heartbeats, room and what is requested of it."""

from collections.abc import Iterable
from datetime import datetime

from incidents.entity import EntityKind
from incidents.evidence import Source
from incidents.ids import EntityId
from incidents.value import Value
from tools.estate import Cluster
from tools.kubernetes.document import Document
from tools.kubernetes.metadata import entity_id
from tools.kubernetes.node import Node, Nodes, Room, read_node
from tools.kubernetes.observing import observed
from tools.kubernetes.parallel import parallel, permitted
from tools.kubernetes.requests import requested_by
from tools.kubernetes.resources import LEASES, RESOURCES
from tools.kubernetes.scope import Found, Where, client_of, list_in, list_kind
from tools.probe import Observation, Probe

MAX_PODS = 10_000
"""Pods that are added up; a larger cluster shows no sums rather than costing an API server in trouble more."""
_RUNNING = "status.phase!=Succeeded,status.phase!=Failed"
_LEASES = "kube-node-lease"


class PerNode(Value):
    """What the pods of one node take."""

    pods: tuple[EntityId, ...] = ()
    room: Room = Room()


async def run(cluster: Cluster, where: Where) -> Observation[Nodes]:
    """List the nodes (one, when the scope is a node). Raises ToolError."""
    target = where.target
    one = target if target is not None and target.kind is EntityKind.NODE else None
    place = where if one else Where()
    selector = f"{_RUNNING},spec.nodeName={one.name}" if one else _RUNNING
    async with parallel() as group:
        listing = group.create_task(list_kind(cluster, EntityKind.NODE, place))
        everywhere = group.create_task(permitted(_pods(cluster, selector)))
        leases = group.create_task(permitted(list_in(cluster, LEASES, Where(namespace=_LEASES))))
    found, pods, beats = listing.result(), everywhere.result(), leases.result()
    taken = None if isinstance(pods, str) or pods.cut else per_node(pods.items, cluster=cluster.name)
    heartbeats = {} if isinstance(beats, str) else _heartbeats(beats.items)
    nodes = [_whole(read_node(item, cluster=cluster.name), taken, heartbeats) for item in found.items]
    nodes.sort(key=lambda node: (node.ready and not node.unschedulable, node.meta.name))
    return observed(
        cluster,
        Nodes(nodes=tuple(nodes)),
        probe=PROBE.name,
        title="nodes",
        where=place,
        found=[found, *([] if isinstance(pods, str) else [Found(items=(), requests=pods.requests)])],
        entities=[node.meta.entity for node in nodes],
        cut=_missing(pods, beats),
    )


async def _pods(cluster: Cluster, selector: str) -> Found:
    pods = RESOURCES[EntityKind.POD]
    everywhere = pods.collection()
    listing = await client_of(cluster).list(everywhere, query={"fieldSelector": selector}, most=MAX_PODS)
    return Found(items=listing.items, requests=(f"GET {everywhere}?fieldSelector={selector}",), cut=listing.cut)


def per_node(pods: Iterable[Document], *, cluster: str) -> dict[str, PerNode]:
    """What the given pods take, by the node they run on."""
    found: dict[str, PerNode] = {}
    for pod in pods:
        node = pod.text("spec", "nodeName")
        if not node:
            continue
        known, wanted = found.get(node, PerNode()), requested_by(pod.at("spec"))
        own = entity_id(cluster, EntityKind.POD, pod.word("metadata", "name"), pod.text("metadata", "namespace"))
        room = Room(
            cpu=round(known.room.cpu + wanted.cpu, 6),
            memory=known.room.memory + wanted.memory,
            pods=known.room.pods + 1,
            storage=known.room.storage + wanted.storage,
        )
        found[node] = PerNode(pods=(*known.pods, own), room=room)
    return found


def _heartbeats(leases: Iterable[Document]) -> dict[str, datetime]:
    return {
        lease.word("metadata", "name"): renewed for lease in leases if (renewed := lease.moment("spec", "renewTime"))
    }


def _whole(node: Node, taken: dict[str, PerNode] | None, heartbeats: dict[str, datetime]) -> Node:
    own = None if taken is None else taken.get(node.meta.name, PerNode())
    return node.model_copy(
        update={
            "heartbeat": heartbeats.get(node.meta.name),
            "requested": own.room if own else None,
            "pods": own.pods if own else (),
        }
    )


def _missing(pods: Found | str, leases: Found | str) -> str | None:
    parts = [f"no sums of requests: {pods}" if isinstance(pods, str) else pods.cut]
    parts.append(f"no heartbeats: {leases}" if isinstance(leases, str) else None)
    return "; ".join(part for part in parts if part) or None


PROBE = Probe(
    name="kubernetes.nodes",
    source=Source.KUBERNETES,
    describe="Nodes: readiness and pressure with times and reasons, taints, cordons, newest heartbeat, room "
    "and what pods request of it. Ask when pods are pending, evicted, or several fail on one node.",
    args=Where,
    view=Nodes,
    run=run,
)
