"""The kept revisions of a workload, read alike from ReplicaSets (of Deployments) and ControllerRevisions. Pure.

Rollback needs the whole template as the server keeps it; probes project it. Both come from here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from incidents.canonical import Json
from incidents.entity import EntityKind
from tools.kubernetes.document import Document
from tools.kubernetes.workload import REVISION_ANNOTATION

_HISTORY_ANNOTATION = "deployment.kubernetes.io/revision-history"
_HASH_LABEL = "pod-template-hash"


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One kept revision with its template as the server stores it (without the hash label of its ReplicaSet)."""

    number: int
    name: str
    created: datetime | None
    current: bool
    template: Document
    annotations: Mapping[str, str] = field(default_factory=dict)
    replicas: int = 0
    ready: int = 0
    history: tuple[int, ...] = ()


def kept_revisions(workload: Document, kept: Iterable[Document], *, kind: EntityKind) -> list[Kept]:
    """Revisions of a workload, newest first. `kept` are the objects that it controls."""
    if kind is EntityKind.DEPLOYMENT:
        found = [_from_replicaset(item, workload) for item in kept]
    else:
        found = _from_controller_revisions(workload, list(kept), kind=kind)
    return sorted(found, key=lambda one: one.number, reverse=True)


def plain_template(template: Document) -> Document:
    """A template without the label and the null timestamp that a controller put there."""
    labels: dict[str, Json] = {k: v for k, v in template.mapping("metadata", "labels").items() if k != _HASH_LABEL}
    rest = template.at("metadata")
    meta: dict[str, Json] = {key: rest.json(key) for key in rest.fields if key not in {"labels", "creationTimestamp"}}
    if labels:
        meta["labels"] = labels
    return Document({"metadata": meta, "spec": template.json("spec")})


def _from_replicaset(item: Document, workload: Document) -> Kept:
    marks = item.mapping("metadata", "annotations")
    number, wanted = marks.get(REVISION_ANNOTATION, ""), _wanted_number(workload)
    template = plain_template(item.at("spec", "template"))
    number_read = int(number) if number.isdigit() else 0
    return Kept(
        number=number_read,
        name=item.word("metadata", "name"),
        created=item.moment("metadata", "creationTimestamp"),
        current=number_read == wanted,
        template=template,
        annotations=marks,
        replicas=item.count("status", "replicas"),
        ready=item.count("status", "readyReplicas"),
        history=tuple(int(part) for part in marks.get(_HISTORY_ANNOTATION, "").split(",") if part.isdigit()),
    )


def _wanted_number(workload: Document) -> int | None:
    text = workload.mapping("metadata", "annotations").get(REVISION_ANNOTATION, "")
    return int(text) if text.isdigit() else None


def _from_controller_revisions(workload: Document, kept: list[Document], *, kind: EntityKind) -> list[Kept]:
    newest = max((item.count("revision") for item in kept), default=0)
    wanted = workload.word("status", "updateRevision") if kind is EntityKind.STATEFULSET else ""
    return [
        Kept(
            number=item.count("revision"),
            name=item.word("metadata", "name"),
            created=item.moment("metadata", "creationTimestamp"),
            current=item.word("metadata", "name") == wanted if wanted else item.count("revision") == newest,
            template=plain_template(item.at("data", "spec", "template")),
            annotations=item.mapping("metadata", "annotations"),
        )
        for item in kept
    ]
