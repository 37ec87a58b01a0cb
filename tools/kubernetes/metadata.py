"""What every Kubernetes object carries: identity, owners, labels, and who wrote which of its fields when."""

import json
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from itertools import islice

from incidents.canonical import Json
from incidents.entity import Entity, EntityKind
from incidents.ids import EntityId
from incidents.value import Value
from tools.kubernetes.document import Document
from tools.kubernetes.secrecy import literal

MAX_ANNOTATION = 300
"""Characters of one annotation that are kept."""
MAX_MANAGED_FIELDS = 60
"""Field paths that are kept per field manager."""
_PREFIXES = (
    "app.kubernetes.io/",
    "argocd.argoproj.io/",
    "deployment.kubernetes.io/",
    "deprecated.daemonset.template.generation",
    "helm.sh/",
    "kubectl.kubernetes.io/restartedAt",
    "kubernetes.io/",
    "meta.helm.sh/",
    "midwatch.dev/",
    "org.opencontainers.image.",
    "pv.kubernetes.io/",
    "volume.kubernetes.io/",
    "batch.kubernetes.io/",
)
_WORDS = (
    "commit",
    "revision",
    "version",
    "change",
    "git",
    "release",
    "deploy",
    "build",
    "checksum",
    "restart",
    "owner",
)


_ITSELF = {"."}
"""In a `fieldsV1` set, the object itself."""


class OwnerRef(Value):
    """One owner of an object."""

    kind: str
    """As Kubernetes writes it: `ReplicaSet`."""
    name: str
    uid: str
    controller: bool = False


class FieldManager(Value):
    """Who wrote which fields last, from `metadata.managedFields`."""

    manager: str
    """Name of the client: `kubectl-edit`, `argocd-controller`, `kube-controller-manager`."""
    operation: str
    """`Apply` or `Update`."""
    at: datetime | None
    subresource: str = ""
    fields: tuple[str, ...] = ()
    """Dotted paths, list items by their key: `spec.template.spec.containers[checkout].resources.limits.memory`."""


class ObjectMeta(Value):
    """Identity and provenance of one object."""

    entity: EntityId
    name: str
    namespace: str | None
    uid: str
    resource_version: str
    generation: int | None = None
    created: datetime | None = None
    deleted: datetime | None = None
    """When it was to be gone: the moment of the request and the grace period. Finalizers may hold it longer."""
    finalizers: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    """Those that say where the object comes from; never last-applied-configuration, values bounded and redacted."""
    owners: tuple[OwnerRef, ...] = ()
    managers: tuple[FieldManager, ...] = ()
    """Filled only where provenance is needed (workloads, nodes, config, services)."""

    @property
    def controller(self) -> OwnerRef | None:
        """The owner that controls it."""
        return next((owner for owner in self.owners if owner.controller), None)


_NOT_OBJECTS = frozenset(
    {
        EntityKind.CLUSTER,
        EntityKind.CONTAINER,
        EntityKind.WEBHOOK,
        EntityKind.ROLLOUT,
        EntityKind.COMMIT,
        EntityKind.REPOSITORY,
        EntityKind.PULL_REQUEST,
        EntityKind.WORKFLOW,
        EntityKind.APPLICATION,
        EntityKind.EXTERNAL,
        EntityKind.OWNER,
    }
)
"""Entities that are no objects of this API: custom resources of the same names (an Argo Rollout) are not meant."""


def kind_of(kubernetes_kind: str) -> EntityKind | None:
    """`Deployment` -> deployment; None for kinds that Midwatch has no name for."""
    try:
        found = EntityKind(kubernetes_kind.lower())
    except ValueError:
        return None
    return None if found in _NOT_OBJECTS else found


def entity_id(cluster: str, kind: EntityKind, name: str, namespace: str | None = None) -> EntityId:
    """The id of an object of this cluster."""
    return Entity(cluster=cluster, namespace=namespace or None, kind=kind, name=name).id


def read_meta(document: Document, *, cluster: str, kind: EntityKind, managers: bool = False) -> ObjectMeta:
    """Read `metadata` of an object of that kind."""
    meta = document.at("metadata")
    namespace = meta.text("namespace") or None
    return ObjectMeta(
        entity=entity_id(cluster, kind, meta.word("name"), namespace),
        name=meta.word("name"),
        namespace=namespace,
        uid=meta.word("uid"),
        resource_version=meta.word("resourceVersion"),
        generation=meta.whole("generation"),
        created=meta.moment("creationTimestamp"),
        deleted=meta.moment("deletionTimestamp"),
        finalizers=meta.texts("finalizers"),
        labels=meta.mapping("labels"),
        annotations=read_annotations(meta.mapping("annotations")),
        owners=tuple(_owner(owner) for owner in meta.items("ownerReferences")),
        managers=tuple(_manager(item) for item in meta.items("managedFields")) if managers else (),
    )


def read_annotations(annotations: dict[str, str]) -> dict[str, str]:
    """The annotations that say where an object comes from, bounded and redacted."""
    return {
        key: literal(key, value)[:MAX_ANNOTATION]
        for key, value in sorted(annotations.items())
        if not key.endswith("last-applied-configuration") and _of_interest(key)
    }


def _of_interest(key: str) -> bool:
    return key.startswith(_PREFIXES) or any(word in key.lower() for word in _WORDS)


def _owner(owner: Document) -> OwnerRef:
    return OwnerRef(
        kind=owner.word("kind"), name=owner.word("name"), uid=owner.word("uid"), controller=owner.flag("controller")
    )


def _manager(item: Document) -> FieldManager:
    return FieldManager(
        manager=item.word("manager"),
        operation=item.word("operation"),
        at=item.moment("time"),
        subresource=item.word("subresource"),
        fields=tuple(managed_paths(item.at("fieldsV1"), most=MAX_MANAGED_FIELDS)),
    )


def managed_paths(fields: Document, *, most: int | None = None) -> list[str]:
    """Leaf paths of a `fieldsV1` set: `k:{"name":"x"}` and `v:"x"` become `[x]`, `.` is the object itself."""
    return list(islice(_paths(fields.json(), ""), most))


def _paths(fields: Json, prefix: str) -> Iterator[str]:
    for key, below in fields.items() if isinstance(fields, dict) else ():
        if key == ".":
            continue
        path = _step(prefix, key)
        if isinstance(below, dict) and below.keys() - _ITSELF:
            yield from _paths(below, path)
        else:
            yield path


def _step(prefix: str, key: str) -> str:
    tag, _, rest = key.partition(":")
    if tag == "f":
        return f"{prefix}.{rest}" if prefix else rest
    return f"{prefix}[{_list_key(rest)}]"


@lru_cache(maxsize=4096)
def _list_key(text: str) -> str:
    """What tells the item from others. Remembered: the objects of a cluster have the same few keys of lists."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    if isinstance(value, dict):
        return ",".join(str(item) for item in value.values())
    return str(value)
