"""Kubernetes events: what controllers, the scheduler and kubelets reported, with repeats counted."""

from datetime import datetime

from incidents.entity import EntityKind
from incidents.ids import EntityId
from incidents.value import Value
from tools.kubernetes.condition import message
from tools.kubernetes.document import Document
from tools.kubernetes.metadata import entity_id, kind_of


class Event(Value):
    """One event, with how often it was seen."""

    reason: str
    message: str
    type: str
    """Normal or Warning."""
    count: int = 1
    first: datetime | None = None
    last: datetime | None = None
    entity: EntityId | None = None
    """What it speaks of; None for kinds without a name here (then `kind` and `name` say it)."""
    kind: str = ""
    name: str = ""
    namespace: str | None = None
    field: str = ""
    """Field of the object, for example `spec.containers{checkout}`."""
    component: str = ""
    """Who reported it: kubelet, default-scheduler, replicaset-controller..."""
    host: str = ""
    """Node of the reporting kubelet."""
    owner: EntityId | None = None
    """Workload of the pod or ReplicaSet that it speaks of, when it could be found."""

    @property
    def container(self) -> str | None:
        """The container that a kubelet's event speaks of."""
        if "{" not in self.field:
            return None
        return self.field.partition("{")[2].rstrip("}")


class Events(Value):
    """Events of a scope, oldest first by their last sighting."""

    events: tuple[Event, ...]
    dropped: int = 0
    """Older or Normal ones that were left out to stay within bounds."""


def read_event(document: Document, *, cluster: str) -> Event:
    """Read a core/v1 or events.k8s.io/v1 Event (`regarding`, `note`, `series`)."""
    about = document.at("involvedObject") or document.at("regarding")
    series = document.at("series")
    created = document.moment("metadata", "creationTimestamp")
    first = document.moment("firstTimestamp") or document.moment("eventTime") or created
    kind, name, namespace = about.word("kind"), about.word("name"), about.text("namespace") or None
    return Event(
        reason=document.word("reason"),
        message=message(document.word("message") or document.word("note")),
        type=document.text("type") or "Normal",
        count=series.whole("count") or document.whole("count") or 1,
        first=first,
        last=series.moment("lastObservedTime") or document.moment("lastTimestamp") or first,
        entity=_entity(cluster, kind, name, namespace),
        kind=kind,
        name=name,
        namespace=namespace,
        field=about.word("fieldPath"),
        component=document.word("source", "component") or document.word("reportingComponent"),
        host=document.word("source", "host"),
    )


def _entity(cluster: str, kind: str, name: str, namespace: str | None) -> EntityId | None:
    known = kind_of(kind)
    if known is None or not name:
        return None
    return entity_id(cluster, known, name, None if known is EntityKind.NODE else namespace)
