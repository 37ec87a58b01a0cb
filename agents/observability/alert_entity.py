"""What an alert that is not part of the incident is about: the entity its labels name, as far as it is known. Pure."""

from collections.abc import Mapping

from agents.observability.names import Names
from incidents.entity import Entity, EntityKind
from incidents.ids import EntityId

_KINDS = (
    (EntityKind.DEPLOYMENT, "deployment"),
    (EntityKind.STATEFULSET, "statefulset"),
    (EntityKind.DAEMONSET, "daemonset"),
    (EntityKind.CRONJOB, "cronjob"),
    (EntityKind.JOB, "job_name"),
    (EntityKind.PVC, "persistentvolumeclaim"),
    (EntityKind.HPA, "horizontalpodautoscaler"),
    (EntityKind.POD, "pod"),
)
"""Labels that name an object by its kind, the most telling first."""
_SERVICE_LABELS = ("service", "service_name", "destination_workload", "app", "application")


def entity_of_alert(labels: Mapping[str, str], *, cluster: str, names: Names) -> EntityId:
    """The object that a label names, the workload of a service's name, the node, the namespace, or the cluster."""
    namespace = labels.get("namespace") or None
    for kind, label in _KINDS:
        if name := labels.get(label):
            return Entity(cluster=cluster, namespace=namespace, kind=kind, name=name).id
    for label in _SERVICE_LABELS:
        found = names.resolve(labels[label], namespace=namespace) if labels.get(label) else None
        if found is not None:
            return found
    if node := labels.get("node"):
        return Entity(cluster=cluster, kind=EntityKind.NODE, name=node).id
    if namespace:
        return Entity(cluster=cluster, kind=EntityKind.NAMESPACE, name=namespace).id
    return Entity(cluster=cluster, kind=EntityKind.CLUSTER, name=cluster).id
