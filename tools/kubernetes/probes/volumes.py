"""Persistent volume claims of a scope with the workloads that mount them; the cluster's volumes and storage classes."""

from incidents.entity import EntityKind
from incidents.evidence import Source
from incidents.ids import EntityId
from tools.estate import Cluster
from tools.kubernetes.document import Document
from tools.kubernetes.metadata import entity_id
from tools.kubernetes.observing import observed
from tools.kubernetes.owners import owned, replicaset_owners
from tools.kubernetes.parallel import parallel, permitted
from tools.kubernetes.scope import Where, list_kind
from tools.kubernetes.volume import Volumes, read_claim, read_class, read_volume
from tools.probe import Observation, Probe


async def run(cluster: Cluster, where: Where) -> Observation[Volumes]:
    """List the claims of the scope. Raises ToolError."""
    inside, everywhere = Where(namespace=where.place), Where()
    async with parallel() as group:
        listing = group.create_task(list_kind(cluster, EntityKind.PVC, where))
        mounting = group.create_task(list_kind(cluster, EntityKind.POD, inside))
        owning = group.create_task(replicaset_owners(cluster, inside))
        volumes = group.create_task(permitted(list_kind(cluster, EntityKind.PV, everywhere)))
        classes = group.create_task(permitted(list_kind(cluster, EntityKind.STORAGECLASS, everywhere)))
    found, pods, replicasets = listing.result(), mounting.result(), owning.result()
    users = _users(cluster.name, pods.items, replicasets)
    claims = [read_claim(item, cluster=cluster.name) for item in found.items]
    claims = [claim.model_copy(update={"used_by": tuple(users.get(claim.meta.entity, ()))}) for claim in claims]
    if where.target is not None and where.target.is_workload:
        claims = [claim for claim in claims if where.target.id in claim.used_by]
    behind, kinds = volumes.result(), classes.result()
    view = Volumes(
        claims=tuple(sorted(claims, key=lambda claim: (claim.phase == "Bound", claim.meta.entity))),
        volumes=None if isinstance(behind, str) else tuple(read_volume(i, cluster=cluster.name) for i in behind.items),
        classes=None if isinstance(kinds, str) else tuple(read_class(item) for item in kinds.items),
    )
    return observed(
        cluster,
        view,
        probe=PROBE.name,
        title="volume claims",
        where=where,
        found=[found, *(one for one in (behind, kinds) if not isinstance(one, str))],
        entities=[claim.meta.entity for claim in claims],
        cut="; ".join(one for one in (behind, kinds) if isinstance(one, str)) or None,
    )


def _users(
    cluster: str, pods: tuple[Document, ...], replicasets: dict[EntityId, EntityId]
) -> dict[EntityId, list[EntityId]]:
    found: dict[EntityId, list[EntityId]] = {}
    for pod in pods:
        owners = owned(pod, cluster=cluster, replicasets=replicasets)
        namespace = pod.text("metadata", "namespace")
        user = owners.workload or entity_id(cluster, EntityKind.POD, pod.word("metadata", "name"), namespace)
        for volume in pod.items("spec", "volumes"):
            name = volume.word("persistentVolumeClaim", "claimName")
            if not name and volume.has("ephemeral"):
                name = f"{pod.word('metadata', 'name')}-{volume.word('name')}"
            known = found.setdefault(entity_id(cluster, EntityKind.PVC, name, namespace), []) if name else []
            if user not in known:
                known.append(user)
    return found


PROBE = Probe(
    name="kubernetes.volumes",
    source=Source.KUBERNETES,
    describe="PersistentVolumeClaims of a scope: phase, class, size, who mounts them; with the cluster's volumes and "
    "storage classes. Ask when a pod waits for a volume or cannot mount one.",
    args=Where,
    view=Volumes,
    run=run,
)
