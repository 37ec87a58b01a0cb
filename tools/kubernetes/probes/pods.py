"""Pods with their containers' states, last exits and restarts, each with the workload that owns it."""

from collections.abc import Mapping

from incidents.entity import Entity, EntityKind
from incidents.evidence import Source
from incidents.ids import EntityId
from tools.errors import NotFoundError
from tools.estate import Cluster
from tools.kubernetes.document import Document
from tools.kubernetes.observing import observed
from tools.kubernetes.owners import owned, replicaset_owners
from tools.kubernetes.parallel import parallel
from tools.kubernetes.pod import Pod, Pods, read_pod
from tools.kubernetes.resources import RESOURCES, path_of
from tools.kubernetes.scope import Found, Where, client_of, list_in, list_kind, request_of
from tools.kubernetes.selector import Selector, read_selector
from tools.probe import Observation, Probe

_BY_TEMPLATE = {EntityKind.DEPLOYMENT, EntityKind.STATEFULSET, EntityKind.DAEMONSET, EntityKind.REPLICASET}


async def run(cluster: Cluster, where: Where) -> Observation[Pods]:
    """List the pods of the scope. Raises ToolError."""
    async with parallel() as group:
        listing = group.create_task(_list(cluster, where))
        owning = group.create_task(replicaset_owners(cluster, where))
    found, replicasets = listing.result(), owning.result()
    pods = sorted((_read(item, cluster, replicasets) for item in found.items), key=_interest)
    workloads = {pod.workload for pod in pods}
    return observed(
        cluster,
        Pods(pods=tuple(pods)),
        probe=PROBE.name,
        title="pods",
        where=where,
        found=[found],
        entities=(*workloads, *(pod.meta.entity for pod in pods)),
    )


def _read(item: Document, cluster: Cluster, replicasets: Mapping[EntityId, EntityId]) -> Pod:
    owners = owned(item, cluster=cluster.name, replicasets=replicasets)
    return read_pod(item, cluster=cluster.name, owner=owners.workload, replicaset=owners.replicaset)


def _interest(pod: Pod) -> tuple[bool, str, str]:
    """Pods in trouble come first, so that they stay when a body is bounded."""
    fine = pod.ready and not any(status.restarts for status in pod.containers)
    return fine, pod.meta.namespace or "", pod.meta.name


async def _list(cluster: Cluster, where: Where) -> Found:
    target = where.target
    if target is None or target.kind is EntityKind.POD:
        return await list_kind(cluster, EntityKind.POD, where)
    pods = RESOURCES[EntityKind.POD]
    if target.kind is EntityKind.NODE:
        return await list_in(cluster, pods, Where(), query={"fieldSelector": f"spec.nodeName={target.name}"})
    query = await _selecting(cluster, target)
    if query is None:
        return Found(items=(), requests=(request_of(path_of(target)),))
    return await list_in(cluster, pods, Where(namespace=target.namespace), query=query)


async def _selecting(cluster: Cluster, target: Entity) -> dict[str, str] | None:
    """The label selector of a workload or service; None when it does not exist or selects nothing."""
    try:
        item = await client_of(cluster).get(path_of(target))
    except NotFoundError:
        return None
    if target.kind is EntityKind.SERVICE:
        selector = Selector(labels=item.mapping("spec", "selector"))
    elif target.kind in _BY_TEMPLATE | {EntityKind.JOB}:
        selector = read_selector(item.at("spec", "selector"))
    else:
        return {}
    return None if selector.empty else {"labelSelector": selector.text}


PROBE = Probe(
    name="kubernetes.pods",
    source=Source.KUBERNETES,
    describe="Pods of a scope: phase, node, conditions, and per container its state, last exit and restarts. "
    "Ask first whenever something is down, restarting or slow to start.",
    args=Where,
    view=Pods,
    run=run,
)
