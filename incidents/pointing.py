"""What an alert points at: one entity read out of its labels. Pure.

Labels of exporters mislead: on alerts about kube-state-metrics' series `pod`, `instance` and `service` may name the
exporter, so labels that name an object by its kind come first, and a pod of an exporter is nobody.
"""

import re
from collections.abc import Mapping, Sequence

from incidents.entity import Entity, EntityKind
from incidents.ids import EntityId

BY_KIND: tuple[tuple[EntityKind, tuple[str, ...]], ...] = (
    (EntityKind.DEPLOYMENT, ("deployment", "k8s_deployment_name")),
    (EntityKind.STATEFULSET, ("statefulset", "k8s_statefulset_name")),
    (EntityKind.DAEMONSET, ("daemonset", "k8s_daemonset_name")),
    (EntityKind.CRONJOB, ("cronjob", "k8s_cronjob_name")),
    (EntityKind.JOB, ("job_name", "k8s_job_name")),
    (EntityKind.PVC, ("persistentvolumeclaim",)),
    (EntityKind.HPA, ("horizontalpodautoscaler", "hpa")),
    (EntityKind.PDB, ("poddisruptionbudget",)),
    (EntityKind.QUOTA, ("resourcequota",)),
    (EntityKind.INGRESS, ("ingress", "exported_ingress")),
)
"""Labels that name an object of a kind, most telling first."""
WORKLOAD_TYPES = {
    "deployment": EntityKind.DEPLOYMENT,
    "statefulset": EntityKind.STATEFULSET,
    "daemonset": EntityKind.DAEMONSET,
    "job": EntityKind.JOB,
    "cronjob": EntityKind.CRONJOB,
}
EXPORTERS = re.compile(
    r"kube-state-metrics|(?:prometheus-)?node-exporter|kubelet|cadvisor|prometheus(?:-k8s)?|alertmanager(?:-main)?"
    r"|(?:[\w-]+-)?exporter|pushgateway|opentelemetry-collector|otel-collector"
)
"""Jobs and services that report about others.

Prometheus and Alertmanager report about themselves only by name of the pod.
"""
CONTROL_PLANE = re.compile(
    r"(?:kube-)?apiserver|kube-(?:scheduler|controller-manager|proxy|dns)|etcd|coredns|kubernetes(?:-[a-z-]+)?"
)
"""Jobs of the cluster itself: their alerts are about the cluster."""
_SAFE = "[bcdfghjklmnpqrstvwxz2456789]"
"""The characters of Kubernetes' random suffixes (apimachinery, util/rand): without vowels and look-alikes."""
_DEPLOYMENT_POD = re.compile(rf"(?P<name>.+)-{_SAFE}{{6,10}}-{_SAFE}{{5}}")
_CRONJOB_POD = re.compile(rf"(?P<name>.+)-\d{{8,}}-{_SAFE}{{5}}")
_STATEFULSET_POD = re.compile(r"(?P<name>.+)-\d{1,4}")
_DAEMONSET_POD = re.compile(rf"(?P<name>.+)-{_SAFE}{{5}}")
_REPLICASET = re.compile(rf"(?P<name>.+)-{_SAFE}{{6,10}}")
_NODE_EXPORTER = re.compile(r"(?:prometheus-)?node-exporter|kubelet|kube-proxy")
_NAME = re.compile(r"[a-z0-9]([-.a-z0-9]*[a-z0-9])?")
"""What Kubernetes accepts as a name (RFC 1123)."""
MOST_BYTES = 512
"""Of a name, in UTF-8: Kubernetes and DNS end at 253, addresses that exporters probe are longer. Ids are indexed, and
an index of PostgreSQL takes 2,700 bytes."""
SERVICE_LABELS = ("service", "destination_service_name", "service_name", "app_kubernetes_io_name", "app", "application")


def entity_of(labels: Mapping[str, str], *, cluster: str) -> EntityId:
    """The most specific entity that the labels name; the namespace, or the cluster, when they name nothing better."""
    labels = {name: value for name, value in labels.items() if _names_something(value)}
    namespace = _namespace(labels)
    found = (
        _by_kind(labels, cluster, namespace)
        or _by_workload(labels, cluster, namespace)
        or _by_pod(labels, cluster, namespace)
        or _by_node(labels, cluster)
        or _by_service(labels, cluster, namespace)
        or _by_host(labels, cluster, namespace)
    )
    if found is not None:
        return found.id
    if namespace and not _reports_about_others(labels):
        return Entity(cluster=cluster, kind=EntityKind.NAMESPACE, name=namespace).id
    return Entity(cluster=cluster, kind=EntityKind.CLUSTER, name=cluster).id


def cluster_of(labels: Mapping[str, str], *, names: Sequence[str], labels_of_cluster: Sequence[str]) -> str:
    """The configured cluster that the labels name; the only one that is configured; what the labels say; `default`."""
    said = _first({n: labels[n] for n in labels_of_cluster if _names_something(labels.get(n, ""))}, labels_of_cluster)
    if said in names:
        return said
    if len(names) == 1:
        return names[0]
    return said.replace("/", "-") or "default"


def workload_of_pod(pod: str) -> tuple[EntityKind, str] | None:
    """Kind and name of the workload whose pods are named so; None for a name without a generated suffix.

    A guess by form: an inventory that knows the owner is better.
    """
    for pattern, kind in (
        (_CRONJOB_POD, EntityKind.CRONJOB),
        (_DEPLOYMENT_POD, EntityKind.DEPLOYMENT),
        (_STATEFULSET_POD, EntityKind.STATEFULSET),
        (_DAEMONSET_POD, EntityKind.DAEMONSET),
    ):
        if match := pattern.fullmatch(pod):
            return kind, match["name"]
    return None


def _by_kind(labels: Mapping[str, str], cluster: str, namespace: str) -> Entity | None:
    for kind, names in BY_KIND:
        if name := _first(labels, names):
            return Entity(cluster=cluster, namespace=namespace or None, kind=kind, name=name)
    if replicaset := _first(labels, ("replicaset", "k8s_replicaset_name")):
        match = _REPLICASET.fullmatch(replicaset)
        kind, name = (EntityKind.DEPLOYMENT, match["name"]) if match else (EntityKind.REPLICASET, replicaset)
        return Entity(cluster=cluster, namespace=namespace or None, kind=kind, name=name)
    return None


def _by_workload(labels: Mapping[str, str], cluster: str, namespace: str) -> Entity | None:
    name = _first(labels, ("workload", "destination_workload"))
    if not name:
        return None
    kind = WORKLOAD_TYPES.get(labels.get("workload_type", "").casefold(), EntityKind.DEPLOYMENT)
    return Entity(cluster=cluster, namespace=namespace or None, kind=kind, name=name)


def _by_pod(labels: Mapping[str, str], cluster: str, namespace: str) -> Entity | None:
    pod = _first(labels, ("exported_pod", "pod", "pod_name", "k8s_pod_name"))
    if not pod or ("exported_pod" not in labels and _is_exporters_pod(labels, pod)):
        return None
    kind, name = workload_of_pod(pod) or (EntityKind.POD, pod)
    return Entity(cluster=cluster, namespace=namespace or None, kind=kind, name=name)


def _by_node(labels: Mapping[str, str], cluster: str) -> Entity | None:
    name = _first(labels, ("node", "nodename", "kubernetes_node", "k8s_node_name"))
    if not name and _NODE_EXPORTER.fullmatch(labels.get("job", "")):
        name = labels.get("instance", "").rsplit(":", 1)[0].strip()
    return Entity(cluster=cluster, kind=EntityKind.NODE, name=name) if name else None


def _by_service(labels: Mapping[str, str], cluster: str, namespace: str) -> Entity | None:
    for label in SERVICE_LABELS:
        name = labels.get(label, "")
        if _NAME.fullmatch(name) and not EXPORTERS.fullmatch(name):
            return Entity(cluster=cluster, namespace=namespace or None, kind=EntityKind.SERVICE, name=name)
    return _by_job(labels, cluster, namespace)


def _by_job(labels: Mapping[str, str], cluster: str, namespace: str) -> Entity | None:
    """The scrape job, which the Prometheus operator names `service` or `namespace/monitor`; nobody without a namespace.

    A job of its own outside Kubernetes may be called anything.
    """
    space, _, name = labels.get("job", "").rpartition("/")
    space = space or namespace
    reports = EXPORTERS.fullmatch(name) or CONTROL_PLANE.fullmatch(name)
    if not space or not _NAME.fullmatch(name) or not _NAME.fullmatch(space) or reports:
        return None
    return Entity(cluster=cluster, namespace=space, kind=EntityKind.SERVICE, name=name)


def _by_host(labels: Mapping[str, str], cluster: str, namespace: str) -> Entity | None:
    """Something outside Kubernetes: only an instance, and no namespace."""
    host = labels.get("instance", "").rsplit(":", 1)[0].strip()
    return Entity(cluster=cluster, kind=EntityKind.EXTERNAL, name=host) if host and not namespace else None


def _is_exporters_pod(labels: Mapping[str, str], pod: str) -> bool:
    """Whether `pod` is the exporter that was scraped, not what it reports about."""
    names = [labels.get(label, "") for label in ("job", "service", "container")]
    return any(EXPORTERS.fullmatch(name) and (pod == name or pod.startswith(f"{name}-")) for name in names if name)


def _reports_about_others(labels: Mapping[str, str]) -> bool:
    return any(EXPORTERS.fullmatch(labels.get(label, "")) for label in ("job", "service")) and "pod" in labels


def _namespace(labels: Mapping[str, str]) -> str:
    """Without a slash: it separates the parts of an id."""
    said = ("exported_namespace", "namespace", "k8s_namespace_name", "destination_workload_namespace")
    return _first({name: labels[name] for name in said if "/" not in labels.get(name, "/")}, said)


def _names_something(value: str) -> bool:
    """Whether a label's value can be the name of anything: neither blank nor endless."""
    return bool(value.strip()) and len(value) <= MOST_BYTES and len(value.encode(errors="replace")) <= MOST_BYTES


def _first(labels: Mapping[str, str], names: Sequence[str]) -> str:
    return next((labels[name] for name in names if labels.get(name)), "")
