"""Where a probe looks: the whole cluster, one namespace, or one entity; and how objects of that scope are listed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from incidents.entity import Entity, EntityKind
from incidents.ids import EntityId
from incidents.value import Value
from tools.errors import NotConfiguredError, NotFoundError
from tools.estate import Cluster
from tools.kubernetes.document import Document
from tools.kubernetes.metadata import entity_id
from tools.kubernetes.parallel import parallel
from tools.kubernetes.resources import RESOURCES, Resource, path_of
from tools.kubernetes.wire import MAX_ITEMS

if TYPE_CHECKING:
    from tools.kubernetes.client import KubernetesClient


class Where(Value):
    """The scope of a question. Nothing given means the whole cluster (the configured namespaces of it)."""

    namespace: str | None = None
    entity: EntityId | None = None
    """Narrower than the namespace: one workload, pod, service..."""

    @property
    def place(self) -> str | None:
        """The namespace that is looked at; None for all."""
        if self.entity is None:
            return self.namespace
        target = Entity.parse(self.entity)
        return target.name if target.kind is EntityKind.NAMESPACE else target.namespace or self.namespace

    @property
    def target(self) -> Entity | None:
        """The entity that is asked about, when it is narrower than a namespace."""
        if self.entity is None:
            return None
        found = Entity.parse(self.entity)
        return None if found.kind in {EntityKind.NAMESPACE, EntityKind.CLUSTER} else found

    @property
    def words(self) -> str:
        """For titles: `of checkout`, `in shop`, `of the cluster`."""
        if self.target is not None:
            return f"of {self.target.label}"
        return f"in {self.place}" if self.place else "of the cluster"


class ClusterWide(Value):
    """The arguments of a question about the cluster as a whole: there is nothing to narrow."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """Objects of one kind in a scope, with the exact requests that brought them."""

    items: tuple[Document, ...]
    requests: tuple[str, ...]
    cut: str | None = None


def client_of(cluster: Cluster) -> "KubernetesClient":
    """The read client. Raises NotConfiguredError when this cluster has none."""
    if cluster.kubernetes is None:
        raise NotConfiguredError(f"no Kubernetes access is configured for {cluster.name}")
    return cluster.kubernetes


def request_of(path: str, query: Mapping[str, str] | None = None) -> str:
    """The request as people can repeat it: `GET /api/v1/namespaces/shop/pods?labelSelector=app%3Dcheckout`."""
    return f"GET {path}?{urlencode(query)}" if query else f"GET {path}"


def namespaces_of(cluster: Cluster, where: Where) -> tuple[str | None, ...]:
    """The namespaces to list: the asked one, else the configured ones, else all at once (None)."""
    if where.place is not None:
        return (where.place,)
    return cluster.connections.namespaces or (None,)


async def list_in(
    cluster: Cluster,
    resource: Resource,
    where: Where,
    *,
    query: Mapping[str, str] | None = None,
    metadata_only: bool = False,
    most: int = MAX_ITEMS,
) -> Found:
    """All objects of a resource in the scope's namespaces, asked in parallel."""
    client = client_of(cluster)
    places = namespaces_of(cluster, where) if resource.namespaced else (None,)
    paths = [resource.collection(place) for place in places]
    async with parallel() as group:
        tasks = [
            group.create_task(client.list(path, query=query, metadata_only=metadata_only, most=most)) for path in paths
        ]
    lists = [task.result() for task in tasks]
    return Found(
        items=tuple(item for one in lists for item in one.items),
        requests=tuple(request_of(path, query) for path in paths),
        cut="; ".join(one.cut for one in lists if one.cut) or None,
    )


async def list_kind(cluster: Cluster, kind: EntityKind, where: Where, *, metadata_only: bool = False) -> Found:
    """Objects of one kind: the asked one alone when the scope is an object of that kind, else all of its namespaces."""
    target = where.target
    if target is None or target.kind is not kind:
        return await list_in(cluster, RESOURCES[kind], where, metadata_only=metadata_only)
    path = path_of(target)
    try:
        item = await client_of(cluster).get(path, metadata_only=metadata_only)
    except NotFoundError:
        return Found(items=(), requests=(request_of(path),))
    return Found(items=(item,), requests=(request_of(path),))


def merged(found: Iterable[Found]) -> tuple[str, str | None]:
    """The requests of several answers as one query text, and all that was cut."""
    answers = tuple(found)
    requests = dict.fromkeys(request for one in answers for request in one.requests)
    return "\n".join(requests), "; ".join(one.cut for one in answers if one.cut) or None


def places_seen(cluster: Cluster, where: Where) -> tuple[EntityId, ...]:
    """What a complete list of this scope says everything about: the target, the namespaces, or the whole cluster."""
    if where.target is not None:
        return (where.target.id,)
    whole = entity_id(cluster.name, EntityKind.CLUSTER, cluster.name)
    known = [place for place in namespaces_of(cluster, where) if place is not None]
    return tuple(entity_id(cluster.name, EntityKind.NAMESPACE, place) for place in known) or (whole,)
