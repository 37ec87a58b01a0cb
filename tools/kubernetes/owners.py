"""Who owns a pod in the end: the Deployment behind its ReplicaSet, the CronJob's Job, or its controller itself."""

from collections.abc import Mapping

from incidents.entity import EntityKind
from incidents.ids import EntityId
from incidents.value import Value
from tools.estate import Cluster
from tools.kubernetes.document import Document
from tools.kubernetes.metadata import entity_id, kind_of
from tools.kubernetes.parallel import permitted
from tools.kubernetes.resources import RESOURCES
from tools.kubernetes.scope import Where, list_in


class Owned(Value):
    """The owners of one pod."""

    workload: EntityId | None
    replicaset: EntityId | None = None


async def replicaset_owners(cluster: Cluster, where: Where) -> dict[EntityId, EntityId]:
    """ReplicaSet -> Deployment in a scope, from metadata alone. Empty when ReplicaSets may not be listed."""
    sets = RESOURCES[EntityKind.REPLICASET]
    found = await permitted(list_in(cluster, sets, Where(namespace=where.place), metadata_only=True))
    if isinstance(found, str):
        return {}
    return {
        own: owner
        for item in found.items
        if (own := _own_id(cluster.name, item)) and (owner := controller_of(item, cluster=cluster.name))
    }


def _own_id(cluster: str, item: Document) -> EntityId:
    return entity_id(cluster, EntityKind.REPLICASET, item.word("metadata", "name"), item.text("metadata", "namespace"))


def controller_of(item: Document, *, cluster: str) -> EntityId | None:
    """The object that controls this one; None when nothing does or its kind has no name here."""
    for owner in item.items("metadata", "ownerReferences"):
        kind = kind_of(owner.word("kind"))
        if owner.flag("controller") and kind is not None and owner.word("name"):
            return entity_id(
                cluster,
                kind,
                owner.word("name"),
                None if kind is EntityKind.NODE else item.text("metadata", "namespace"),
            )
    return None


def owned(pod: Document, *, cluster: str, replicasets: Mapping[EntityId, EntityId]) -> Owned:
    """The owners of a pod. The Deployment of a ReplicaSet that could not be listed is told by the hash in its name."""
    direct = controller_of(pod, cluster=cluster)
    if direct is None or f"/{EntityKind.NODE}/" in direct:
        return Owned(workload=None)
    if f"/{EntityKind.REPLICASET}/" not in direct:
        return Owned(workload=direct)
    if direct in replicasets:
        return Owned(workload=replicasets[direct], replicaset=direct)
    pod_hash = pod.mapping("metadata", "labels").get("pod-template-hash", "")
    name = direct.rsplit("/", 1)[1]
    if replicasets or not pod_hash or not name.endswith(f"-{pod_hash}"):
        return Owned(workload=direct, replicaset=direct)
    deployment = name.removesuffix(f"-{pod_hash}")
    guess = entity_id(cluster, EntityKind.DEPLOYMENT, deployment, pod.text("metadata", "namespace"))
    return Owned(workload=guess, replicaset=direct)
