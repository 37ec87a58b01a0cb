"""What the templates of a scope refer to, and whether it exists: objects and keys, never values.

Existence comes from metadata lists. Keys need the object itself: it is read, its keys are kept, the rest is dropped.
"""

from collections.abc import Iterable, Mapping

from incidents.entity import Entity, EntityKind
from incidents.evidence import Source
from incidents.ids import EntityId
from tools.estate import Cluster
from tools.kubernetes.certificate import read_certificate
from tools.kubernetes.config_ref import ConfigObject, ConfigRef, ConfigRefs
from tools.kubernetes.document import Document
from tools.kubernetes.metadata import ObjectMeta, entity_id, read_meta
from tools.kubernetes.observing import observed
from tools.kubernetes.parallel import parallel, permitted
from tools.kubernetes.probes.workloads import KINDS
from tools.kubernetes.references import references
from tools.kubernetes.resources import path_of
from tools.kubernetes.scope import Found, Where, client_of, list_kind, request_of
from tools.kubernetes.template import read_template
from tools.probe import Observation, Probe

REFERRED = (EntityKind.CONFIGMAP, EntityKind.SECRET, EntityKind.SERVICEACCOUNT, EntityKind.PVC)
MAX_READ = 150
"""Objects whose keys are read in one question; beyond it keys are unknown and the answer says so."""
_KEYED = (EntityKind.CONFIGMAP, EntityKind.SECRET)


async def run(cluster: Cluster, where: Where) -> Observation[ConfigRefs]:
    """Resolve the references of the scope's workloads. Raises ToolError."""
    inside = Where(namespace=where.place)
    target = where.target
    kinds = (target.kind,) if target is not None and target.kind in KINDS else (*KINDS, EntityKind.CRONJOB)
    async with parallel() as group:
        owning = {kind: group.create_task(list_kind(cluster, kind, where)) for kind in kinds}
        listing = {
            kind: group.create_task(permitted(list_kind(cluster, kind, inside, metadata_only=True)))
            for kind in REFERRED
        }
    found = [task.result() for task in owning.values()]
    wanted = [ref for kind, task in owning.items() for ref in _wanted(cluster.name, kind, task.result())]
    lists = {kind: task.result() for kind, task in listing.items()}
    metas = {kind: None if isinstance(one, str) else _metas(cluster.name, kind, one) for kind, one in lists.items()}
    keyed = await _keyed(cluster, wanted, metas)
    refs = tuple(_resolved(ref, metas[ref.kind], keyed) for ref in wanted)
    objects = _objects(refs, metas, keyed)
    unreadable = tuple(f"{kind}s: {one}" for kind, one in lists.items() if isinstance(one, str))
    return observed(
        cluster,
        ConfigRefs(refs=tuple(sorted(refs, key=_interest)), objects=objects, unreadable=unreadable),
        probe=PROBE.name,
        title="config references",
        where=where,
        found=[*found, *(one for one in lists.values() if not isinstance(one, str)), _requests(keyed)],
        entities=[*(ref.workload for ref in refs), *(item.meta.entity for item in objects)],
        cut="; ".join(unreadable) or None,
        complete=_complete(refs) if unreadable else None,
    )


def _complete(refs: Iterable[ConfigRef]) -> tuple[EntityId, ...]:
    """Workloads all of whose references could be looked up."""
    known = dict.fromkeys(ref.workload for ref in refs)
    unknown = {ref.workload for ref in refs if ref.exists is None}
    return tuple(workload for workload in known if workload not in unknown)


def _wanted(cluster: str, kind: EntityKind, found: Found) -> list[ConfigRef]:
    refs: list[ConfigRef] = []
    for item in found.items:
        own = entity_id(cluster, kind, item.word("metadata", "name"), item.text("metadata", "namespace"))
        at = ("spec", "jobTemplate", "spec", "template") if kind is EntityKind.CRONJOB else ("spec", "template")
        refs += references(own, read_template(item.at(*at)))
    return refs


def _metas(cluster: str, kind: EntityKind, found: Found) -> dict[EntityId, ObjectMeta]:
    read = [read_meta(item, cluster=cluster, kind=kind, managers=True) for item in found.items]
    return {meta.entity: meta for meta in read}


def _id(ref: ConfigRef) -> EntityId:
    owner = Entity.parse(ref.workload)
    return entity_id(owner.cluster, ref.kind, ref.name, owner.namespace)


async def _keyed(
    cluster: Cluster, refs: Iterable[ConfigRef], metas: Mapping[EntityKind, Mapping[EntityId, ObjectMeta] | None]
) -> dict[EntityId, Document]:
    """The objects whose keys matter, without their values. Those that may not be read are left out."""
    asked = [_id(ref) for ref in refs if ref.kind in _KEYED and ref.via != "imagePullSecrets"]
    there = [one for one in dict.fromkeys(asked) if (known := metas[Entity.parse(one).kind]) is None or one in known]
    async with parallel() as group:
        tasks = {
            one: group.create_task(permitted(client_of(cluster).get(path_of(Entity.parse(one)))))
            for one in there[:MAX_READ]
        }
    answers = {one: task.result() for one, task in tasks.items()}
    return {one: _without_values(item) for one, item in answers.items() if not isinstance(item, str)}


def _without_values(item: Document) -> Document:
    """Names of keys, type, and when a TLS certificate ends. Values go no further than this line."""
    certificate = read_certificate(item.word("data", "tls.crt")) if item.word("type") == "kubernetes.io/tls" else None
    return Document(
        {
            "keys": [*item.keys("data"), *item.keys("binaryData")],
            "type": item.word("type"),
            "immutable": item.flag("immutable"),
            "notAfter": certificate.not_after.isoformat() if certificate else None,
            "subject": certificate.subject if certificate else "",
        }
    )


def _resolved(
    ref: ConfigRef, known: Mapping[EntityId, ObjectMeta] | None, keyed: Mapping[EntityId, Document]
) -> ConfigRef:
    own = _id(ref)
    exists = True if own in keyed else None if known is None else own in known
    item = keyed.get(own)
    key_exists = (ref.key in item.texts("keys")) if ref.key and item is not None else None
    return ref.model_copy(update={"exists": exists, "key_exists": key_exists})


def _objects(
    refs: Iterable[ConfigRef],
    metas: Mapping[EntityKind, Mapping[EntityId, ObjectMeta] | None],
    keyed: Mapping[EntityId, Document],
) -> tuple[ConfigObject, ...]:
    users: dict[EntityId, dict[EntityId, None]] = {}
    for ref in refs:
        if ref.kind in _KEYED:
            users.setdefault(_id(ref), {})[ref.workload] = None
    found = []
    for own, using in users.items():
        kind = Entity.parse(own).kind
        meta = (metas[kind] or {}).get(own)
        if meta is not None:
            found.append(_object(kind, meta, keyed.get(own, Document()), tuple(using)))
    return tuple(found)


def _object(kind: EntityKind, meta: ObjectMeta, item: Document, using: tuple[EntityId, ...]) -> ConfigObject:
    writes = [m.at for m in meta.managers if m.at and any(f.startswith(("data", "binaryData")) for f in m.fields)]
    return ConfigObject(
        meta=meta,
        kind=kind,
        type=item.word("type"),
        keys=item.texts("keys"),
        immutable=item.flag("immutable"),
        changed=max(writes, default=meta.created),
        used_by=using,
        certificate_not_after=item.moment("notAfter"),
        certificate_subject=item.word("subject"),
    )


def _requests(keyed: Mapping[EntityId, Document]) -> Found:
    return Found(items=(), requests=tuple(request_of(path_of(Entity.parse(one))) for one in keyed))


def _interest(ref: ConfigRef) -> tuple[bool, str]:
    return ref.exists is not False and ref.key_exists is not False, ref.workload


PROBE = Probe(
    name="kubernetes.config_refs",
    source=Source.KUBERNETES,
    describe="ConfigMaps, Secrets, their keys, ServiceAccounts and claims that templates refer to: whether they exist, "
    "and when config was last changed by whom. Values are never read out. Ask when containers cannot start.",
    args=Where,
    view=ConfigRefs,
    run=run,
)
