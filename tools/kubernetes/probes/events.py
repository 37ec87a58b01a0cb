"""Events of a scope: what the scheduler, the kubelets and the controllers reported, Warnings first when it is much."""

from collections.abc import Mapping
from datetime import timedelta

from incidents.entity import Entity, EntityKind
from incidents.evidence import Source
from incidents.ids import EntityId
from tools.estate import Cluster
from tools.kubernetes.event import Event, Events, read_event
from tools.kubernetes.observing import observed
from tools.kubernetes.owners import replicaset_owners
from tools.kubernetes.parallel import parallel
from tools.kubernetes.resources import EVENTS
from tools.kubernetes.scope import Found, Where, list_in
from tools.probe import Observation, Probe

MAX_KEPT = 300
"""Events of one observation; Normal ones give way first."""
MAX_READ = 5000
"""Events of one scope that are read: an API server keeps an hour of them."""
RECENT = timedelta(hours=24)
"""Some clusters keep events for days; older ones explain nothing now."""
_OF_NODES = "default"
"""Namespace in which events about nodes are kept, since nodes have none."""
_NAMED = {EntityKind.POD, EntityKind.NODE, EntityKind.SERVICE, EntityKind.PVC, EntityKind.JOB, EntityKind.HPA}


async def run(cluster: Cluster, where: Where) -> Observation[Events]:
    """List the events of the scope. Raises ToolError."""
    async with parallel() as group:
        listing = group.create_task(_list(cluster, where))
        owning = group.create_task(replicaset_owners(cluster, where))
    found, replicasets = listing.result(), owning.result()
    oldest = cluster.clock.now() - RECENT
    events = [_owned(read_event(item, cluster=cluster.name), replicasets, cluster.name) for item in found.items]
    recent = [event for event in events if event.last is None or event.last >= oldest]
    about = [event for event in recent if where.target is None or _speaks_of(event, where.target)]
    kept = _kept(about)
    dropped = len(about) - len(kept)
    return observed(
        cluster,
        Events(events=tuple(kept), dropped=dropped),
        probe=PROBE.name,
        title="events",
        where=where,
        found=[found],
        cut=f"left out {dropped} of {len(about)} events, Normal and older ones first" if dropped else None,
    )


async def _list(cluster: Cluster, where: Where) -> Found:
    target = where.target
    if target is not None and target.kind in _NAMED:
        query = {"fieldSelector": f"involvedObject.name={target.name}"}
        place = Where(namespace=_OF_NODES if target.kind is EntityKind.NODE else target.namespace)
        return await list_in(cluster, EVENTS, place, query=query, most=MAX_READ)
    return await list_in(cluster, EVENTS, where, most=MAX_READ)


def _owned(event: Event, replicasets: Mapping[EntityId, EntityId], cluster: str) -> Event:
    """With the workload it is about: the controller itself, the owner of a ReplicaSet, or of a pod by its name."""
    if event.entity is None:
        return event
    kind = Entity.parse(event.entity).kind
    if kind is EntityKind.REPLICASET:
        return event.model_copy(update={"owner": replicasets.get(event.entity)})
    if kind is EntityKind.POD:
        return event.model_copy(update={"owner": _pod_owner(event, replicasets, cluster)})
    return event.model_copy(update={"owner": event.entity}) if Entity.parse(event.entity).is_workload else event


def _pod_owner(event: Event, replicasets: Mapping[EntityId, EntityId], cluster: str) -> EntityId | None:
    """Pods of a ReplicaSet are named after it; others are matched by detectors that also know the pods."""
    stem = event.name.rsplit("-", 1)[0]
    return replicasets.get(Entity(cluster=cluster, namespace=event.namespace, kind=EntityKind.REPLICASET, name=stem).id)


def _speaks_of(event: Event, target: Entity) -> bool:
    if target.id in (event.entity, event.owner):
        return True
    return event.namespace == target.namespace and event.name.startswith(f"{target.name}-")


def _kept(events: list[Event]) -> list[Event]:
    by_worth = sorted(events, key=lambda e: (e.type == "Warning", e.last.timestamp() if e.last else 0.0), reverse=True)
    return sorted(by_worth[:MAX_KEPT], key=lambda e: e.last.timestamp() if e.last else 0.0)


PROBE = Probe(
    name="kubernetes.events",
    source=Source.KUBERNETES,
    describe="Events of a scope with their repeats: probe failures, back-offs, scheduling, evictions, scaling. "
    "Ask for the reason behind a pod's or node's state.",
    args=Where,
    view=Events,
    run=run,
)
