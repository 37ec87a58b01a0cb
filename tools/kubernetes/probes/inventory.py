"""What there is in a scope and how it hangs together: entities, and the edges between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from incidents.entity import EntityKind
from incidents.evidence import Source
from incidents.ids import EntityId
from incidents.topology import Edge, Relation
from tools.errors import ForbiddenError
from tools.estate import Cluster
from tools.kubernetes.calling import Config, calls_of
from tools.kubernetes.document import Document
from tools.kubernetes.ingress import read_ingress
from tools.kubernetes.inventory import Inventory, InventoryItem
from tools.kubernetes.metadata import entity_id, kind_of
from tools.kubernetes.naming import Directory
from tools.kubernetes.observing import observed
from tools.kubernetes.owners import controller_of
from tools.kubernetes.parallel import parallel, permitted
from tools.kubernetes.references import references
from tools.kubernetes.resources import RESOURCES
from tools.kubernetes.scope import Found, Where, list_in, list_kind
from tools.kubernetes.selecting import Labelled, selected
from tools.kubernetes.template import read_template
from tools.probe import Observation, Probe

TEMPLATED: Mapping[EntityKind, tuple[str, ...]] = {
    EntityKind.DEPLOYMENT: ("spec", "template"),
    EntityKind.STATEFULSET: ("spec", "template"),
    EntityKind.DAEMONSET: ("spec", "template"),
    EntityKind.JOB: ("spec", "template"),
    EntityKind.CRONJOB: ("spec", "jobTemplate", "spec", "template"),
}
WIDE = (*TEMPLATED, EntityKind.SERVICE, EntityKind.INGRESS, EntityKind.HPA)
"""Kinds that are listed beyond the scope: callers and callees live in other namespaces, too."""
INSIDE = (EntityKind.POD, EntityKind.CONFIGMAP, EntityKind.PVC)
METADATA = (EntityKind.REPLICASET, EntityKind.SECRET, EntityKind.NODE)
"""Kinds of which names and owners are enough."""
MAX_WIDE = 3000
"""Objects per kind that are listed beyond the scope."""

Listed = Mapping[EntityKind, Sequence[Document]]


@dataclass(frozen=True, kw_only=True)
class Templated:
    """A workload with its template as the server stores it."""

    entity: EntityId
    namespace: str
    item: Document
    template: Document


async def run(cluster: Cluster, where: Where) -> Observation[Inventory]:
    """List and connect: pods and config of the scope, workloads and services also beyond it. Raises ToolError."""
    inside = Where(namespace=where.place)
    async with parallel() as group:
        tasks = {kind: group.create_task(_wide(cluster, kind, inside)) for kind in WIDE}
        tasks |= {kind: group.create_task(permitted(list_kind(cluster, kind, inside))) for kind in INSIDE}
        tasks |= {
            kind: group.create_task(permitted(list_kind(cluster, kind, inside, metadata_only=True)))
            for kind in METADATA
        }
    answers = {kind: task.result() for kind, task in tasks.items()}
    found = {kind: one for kind, one in answers.items() if isinstance(one, Found)}
    listed: Listed = {kind: found[kind].items if kind in found else () for kind in answers}
    items = [_item(cluster.name, kind, document) for kind, documents in listed.items() for document in documents]
    edges = edges_of(cluster.name, listed)
    missing = tuple(f"{kind}s: {one}" for kind, one in answers.items() if isinstance(one, str))
    return observed(
        cluster,
        Inventory(items=tuple(items), edges=tuple(sorted(edges, key=_order)), incomplete=missing),
        probe=PROBE.name,
        title="inventory",
        where=inside,
        found=found.values(),
        entities=[item.entity for item in items if f"/{EntityKind.POD}/" not in item.entity],
        cut="; ".join(missing) or None,
    )


async def _wide(cluster: Cluster, kind: EntityKind, inside: Where) -> Found | str:
    """Objects of the configured namespaces, or only of the scope when more is not allowed."""
    try:
        return await list_in(cluster, RESOURCES[kind], Where(), most=MAX_WIDE)
    except ForbiddenError:
        return await permitted(list_kind(cluster, kind, inside))


def edges_of(cluster: str, listed: Listed) -> frozenset[Edge]:
    """All edges between the listed objects. Pure."""
    workloads = [
        Templated(
            entity=_own(cluster, kind, item),
            namespace=item.word("metadata", "namespace"),
            item=item,
            template=item.at(*path),
        )
        for kind, path in TEMPLATED.items()
        for item in listed.get(kind, ())
    ]
    behind = _behind(cluster, listed.get(EntityKind.SERVICE, ()), workloads)
    edges = _owning(cluster, listed) | _placed(cluster, listed.get(EntityKind.POD, ()))
    edges |= {_edge(service, Relation.SELECTS, one) for service, picked in behind.items() for one in picked}
    edges |= _routing(cluster, listed.get(EntityKind.INGRESS, ())) | _scaling(cluster, listed.get(EntityKind.HPA, ()))
    edges |= {edge for workload in workloads for edge in _using(cluster, workload)}
    return frozenset(edges) | _calling(cluster, listed, workloads, behind)


def _own(cluster: str, kind: EntityKind, item: Document) -> EntityId:
    return entity_id(cluster, kind, item.word("metadata", "name"), item.text("metadata", "namespace"))


def _edge(source: EntityId, relation: Relation, target: EntityId) -> Edge:
    return Edge(source=source, relation=relation, target=target)


def _item(cluster: str, kind: EntityKind, item: Document) -> InventoryItem:
    path = TEMPLATED.get(kind)
    containers = item.items(*path, "spec", "containers") if path else ()
    return InventoryItem(
        entity=_own(cluster, kind, item),
        labels={} if kind is EntityKind.POD else item.mapping("metadata", "labels"),
        replicas=item.whole("spec", "replicas") if path else None,
        images=tuple(container.word("image") for container in containers),
    )


def _owning(cluster: str, listed: Listed) -> set[Edge]:
    return {
        _edge(owner, Relation.OWNS, _own(cluster, kind, item))
        for kind in (EntityKind.REPLICASET, EntityKind.POD, EntityKind.JOB)
        for item in listed.get(kind, ())
        if (owner := controller_of(item, cluster=cluster)) and f"/{EntityKind.NODE}/" not in owner
    }


def _placed(cluster: str, pods: Sequence[Document]) -> set[Edge]:
    return {
        _edge(_own(cluster, EntityKind.POD, pod), Relation.RUNS_ON, entity_id(cluster, EntityKind.NODE, node))
        for pod in pods
        if (node := pod.text("spec", "nodeName")) and pod.word("status", "phase") not in {"Succeeded", "Failed"}
    }


def _behind(
    cluster: str, services: Sequence[Document], workloads: Sequence[Templated]
) -> dict[EntityId, tuple[EntityId, ...]]:
    by_namespace: dict[str, list[Labelled]] = {}
    for workload in workloads:
        labels = workload.template.mapping("metadata", "labels")
        labelled = Labelled(entity=workload.entity, namespace=workload.namespace, labels=labels)
        by_namespace.setdefault(workload.namespace, []).append(labelled)
    return {
        _own(cluster, EntityKind.SERVICE, item): selected(
            item.mapping("spec", "selector"), by_namespace.get(item.word("metadata", "namespace"), ())
        )
        for item in services
    }


def _routing(cluster: str, ingresses: Sequence[Document]) -> set[Edge]:
    read = [read_ingress(item, cluster=cluster) for item in ingresses]
    return {_edge(one.meta.entity, Relation.ROUTES, backend.service) for one in read for backend in one.backends}


def _scaling(cluster: str, autoscalers: Sequence[Document]) -> set[Edge]:
    found: set[Edge] = set()
    for item in autoscalers:
        ref = item.at("spec", "scaleTargetRef")
        kind = kind_of(ref.word("kind"))
        if kind is not None and ref.word("name"):
            target = entity_id(cluster, kind, ref.word("name"), item.text("metadata", "namespace"))
            found.add(_edge(_own(cluster, EntityKind.HPA, item), Relation.SCALES, target))
    return found


def _using(cluster: str, workload: Templated) -> set[Edge]:
    refs = references(workload.entity, read_template(workload.template))
    used = {entity_id(cluster, ref.kind, ref.name, workload.namespace) for ref in refs if ref.name != "default"}
    return {_edge(workload.entity, Relation.USES, one) for one in used}


def _calling(
    cluster: str, listed: Listed, workloads: Sequence[Templated], behind: Mapping[EntityId, tuple[EntityId, ...]]
) -> frozenset[Edge]:
    services = listed.get(EntityKind.SERVICE, ())
    directory = Directory(services={_key(item): _own(cluster, EntityKind.SERVICE, item) for item in services})
    outward = {
        _own(cluster, EntityKind.SERVICE, item): (entity_id(cluster, EntityKind.EXTERNAL, name),)
        for item in services
        if (name := item.word("spec", "externalName"))
    }
    config: Config = {_key(item): item.mapping("data") for item in listed.get(EntityKind.CONFIGMAP, ())}
    edges: frozenset[Edge] = frozenset()
    for one in workloads:
        edges |= calls_of(one.entity, one.template, directory=directory, behind={**behind, **outward}, config=config)
    return edges


def _key(item: Document) -> tuple[str, str]:
    return item.word("metadata", "namespace"), item.word("metadata", "name")


def _order(edge: Edge) -> tuple[bool, str, str, str]:
    """Edges of pods come last: a bounded body loses these first."""
    return f"/{EntityKind.POD}/" in edge.source + edge.target, edge.relation, edge.source, edge.target


PROBE = Probe(
    name="kubernetes.inventory",
    source=Source.KUBERNETES,
    describe="Workloads, services, ingresses, config and nodes of a scope, and how they hang together: owns, runs on, "
    "selects, routes, uses, scales, and calls (from configuration that names a service).",
    args=Where,
    view=Inventory,
    run=run,
)
