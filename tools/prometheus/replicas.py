"""How kube-state-metrics counts replicas, by kind of workload: available and desired."""

from collections.abc import Mapping

from incidents.entity import EntityKind

REPLICAS: Mapping[EntityKind, tuple[str, str]] = {
    EntityKind.DEPLOYMENT: ("kube_deployment_status_replicas_available", "kube_deployment_spec_replicas"),
    EntityKind.STATEFULSET: ("kube_statefulset_status_replicas_available", "kube_statefulset_replicas"),
    EntityKind.DAEMONSET: ("kube_daemonset_status_number_available", "kube_daemonset_status_desired_number_scheduled"),
}
