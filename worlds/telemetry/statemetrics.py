"""kube-state-metrics: the figures that the API server's objects turn into. Names and labels as in its 2.x releases."""

from collections.abc import Callable, Iterator

from worlds.cluster.readiness import unix
from worlds.objects.kinds import JsonObject
from worlds.objects.quantity import parse_quantity
from worlds.promql.storage import MetricMetadata

Sample = tuple[str, dict[str, str], float]

_PHASES = ("Pending", "Running", "Succeeded", "Failed", "Unknown")
_UNITS = {"cpu": "core", "memory": "byte", "pods": "integer", "ephemeral_storage": "byte"}


def samples(obj: JsonObject) -> Iterator[Sample]:
    """Yield (metric, labels, value) for an object; nothing for kinds that have no metrics."""
    reader = _READERS.get(obj["kind"])
    if reader is not None:
        yield from reader(obj)


def _base(obj: JsonObject, key: str) -> dict[str, str]:
    meta = obj["metadata"]
    return {"namespace": meta.get("namespace", ""), key: meta["name"]} if meta.get("namespace") else {key: meta["name"]}


def _pod(pod: JsonObject) -> Iterator[Sample]:
    meta, status, spec = pod["metadata"], pod.get("status", {}), pod["spec"]
    base = _base(pod, "pod") | {"uid": meta["uid"]}
    node = spec.get("nodeName", "")
    owner = next((o for o in meta.get("ownerReferences", []) if o.get("controller")), None)
    info = base | {"node": node, "host_ip": status.get("hostIP", ""), "pod_ip": status.get("podIP", "")}
    info |= {"created_by_kind": owner["kind"] if owner else "", "created_by_name": owner["name"] if owner else ""}
    yield "kube_pod_info", info, 1
    if owner:
        yield (
            "kube_pod_owner",
            base | {"owner_kind": owner["kind"], "owner_name": owner["name"], "owner_is_controller": "true"},
            1,
        )
    labels = {"label_" + "".join(c if c.isalnum() else "_" for c in k): v for k, v in meta.get("labels", {}).items()}
    yield "kube_pod_labels", base | labels, 1
    for phase in _PHASES:
        yield "kube_pod_status_phase", base | {"phase": phase}, float(status.get("phase") == phase)
    if status.get("reason"):
        yield "kube_pod_status_reason", base | {"reason": status["reason"]}, 1
    yield from _pod_conditions(status.get("conditions", []), base)
    if status.get("startTime"):
        yield "kube_pod_start_time", base, unix(status["startTime"])
    yield "kube_pod_created", base, unix(meta["creationTimestamp"])
    for container in spec["containers"]:
        yield from _resources(container, base | {"container": container["name"], "node": node})
    for container in status.get("containerStatuses", []):
        yield from _container(container, base | {"container": container["name"]})
    for container in status.get("initContainerStatuses", []):
        for name, labels, value in _container(container, base | {"container": container["name"]}):
            yield name.replace("kube_pod_container", "kube_pod_init_container"), labels, value


def _pod_conditions(conditions: list[JsonObject], base: dict[str, str]) -> Iterator[Sample]:
    for condition in conditions:
        if condition["type"] == "Ready":
            for value in ("true", "false", "unknown"):
                yield "kube_pod_status_ready", base | {"condition": value}, float(condition["status"].lower() == value)
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            yield "kube_pod_status_unschedulable", base, 1


def _resources(container: JsonObject, labels: dict[str, str]) -> Iterator[Sample]:
    for side in ("requests", "limits"):
        for name, value in container.get("resources", {}).get(side, {}).items():
            resource = name.replace("-", "_")
            extra = {"resource": resource, "unit": _UNITS.get(resource, "integer")}
            yield f"kube_pod_container_resource_{side}", labels | extra, parse_quantity(value)


def _container(status: JsonObject, labels: dict[str, str]) -> Iterator[Sample]:
    state, last = status.get("state", {}), status.get("lastState", {}).get("terminated")
    info = {
        "image": status["image"],
        "image_spec": status["image"],
        "image_id": status.get("imageID", ""),
        "container_id": status.get("containerID", ""),
    }
    yield "kube_pod_container_info", labels | info, 1
    yield "kube_pod_container_status_restarts_total", labels, float(status["restartCount"])
    yield "kube_pod_container_status_ready", labels, float(status["ready"])
    yield "kube_pod_container_status_running", labels, float("running" in state)
    yield "kube_pod_container_status_waiting", labels, float("waiting" in state)
    yield "kube_pod_container_status_terminated", labels, float("terminated" in state)
    if "waiting" in state:
        yield "kube_pod_container_status_waiting_reason", labels | {"reason": state["waiting"]["reason"]}, 1
    if "terminated" in state:
        yield "kube_pod_container_status_terminated_reason", labels | {"reason": state["terminated"]["reason"]}, 1
    if last:
        yield "kube_pod_container_status_last_terminated_reason", labels | {"reason": last["reason"]}, 1
        yield "kube_pod_container_status_last_terminated_exitcode", labels, float(last["exitCode"])


def _deployment(obj: JsonObject) -> Iterator[Sample]:
    base, spec, status = _base(obj, "deployment"), obj["spec"], obj.get("status", {})
    yield "kube_deployment_created", base, unix(obj["metadata"]["creationTimestamp"])
    yield "kube_deployment_spec_replicas", base, float(spec.get("replicas", 1))
    yield "kube_deployment_spec_paused", base, float(bool(spec.get("paused")))
    yield "kube_deployment_metadata_generation", base, float(obj["metadata"].get("generation", 1))
    yield "kube_deployment_status_observed_generation", base, float(status.get("observedGeneration", 0))
    for field, name in (
        ("replicas", ""),
        ("readyReplicas", "_ready"),
        ("availableReplicas", "_available"),
        ("unavailableReplicas", "_unavailable"),
        ("updatedReplicas", "_updated"),
    ):
        yield f"kube_deployment_status_replicas{name}", base, float(status.get(field, 0))
    for condition in status.get("conditions", []):
        for value in ("true", "false", "unknown"):
            labels = base | {"condition": condition["type"], "status": value, "reason": condition.get("reason", "")}
            yield "kube_deployment_status_condition", labels, float(condition["status"].lower() == value)


def _replicaset(obj: JsonObject) -> Iterator[Sample]:
    base, status = _base(obj, "replicaset"), obj.get("status", {})
    owner = next((o for o in obj["metadata"].get("ownerReferences", []) if o.get("controller")), None)
    yield "kube_replicaset_spec_replicas", base, float(obj["spec"].get("replicas", 1))
    yield "kube_replicaset_status_replicas", base, float(status.get("replicas", 0))
    yield "kube_replicaset_status_ready_replicas", base, float(status.get("readyReplicas", 0))
    yield "kube_replicaset_created", base, unix(obj["metadata"]["creationTimestamp"])
    if owner:
        yield (
            "kube_replicaset_owner",
            base | {"owner_kind": owner["kind"], "owner_name": owner["name"], "owner_is_controller": "true"},
            1,
        )


def _statefulset(obj: JsonObject) -> Iterator[Sample]:
    base, status = _base(obj, "statefulset"), obj.get("status", {})
    yield "kube_statefulset_replicas", base, float(obj["spec"].get("replicas", 1))
    yield "kube_statefulset_metadata_generation", base, float(obj["metadata"].get("generation", 1))
    yield "kube_statefulset_status_observed_generation", base, float(status.get("observedGeneration", 0))
    for field, name in (
        ("replicas", ""),
        ("readyReplicas", "_ready"),
        ("availableReplicas", "_available"),
        ("currentReplicas", "_current"),
        ("updatedReplicas", "_updated"),
    ):
        yield f"kube_statefulset_status_replicas{name}", base, float(status.get(field, 0))


def _daemonset(obj: JsonObject) -> Iterator[Sample]:
    base, status = _base(obj, "daemonset"), obj.get("status", {})
    fields = {
        "desiredNumberScheduled": "desired_number_scheduled",
        "currentNumberScheduled": "current_number_scheduled",
        "numberReady": "number_ready",
        "numberAvailable": "number_available",
        "numberUnavailable": "number_unavailable",
        "numberMisscheduled": "number_misscheduled",
        "updatedNumberScheduled": "updated_number_scheduled",
    }
    for field, name in fields.items():
        yield f"kube_daemonset_status_{name}", base, float(status.get(field, 0))


def _job(obj: JsonObject) -> Iterator[Sample]:
    base, status = _base(obj, "job_name"), obj.get("status", {})
    for name in ("active", "failed", "succeeded"):
        yield f"kube_job_status_{name}", base, float(status.get(name, 0))
    for condition in status.get("conditions", []):
        name = "kube_job_failed" if condition["type"] == "Failed" else "kube_job_complete"
        yield name, base | {"condition": "true"}, 1


def _node(obj: JsonObject) -> Iterator[Sample]:
    base, status = _base(obj, "node"), obj["status"]
    info = status.get("nodeInfo", {})
    yield (
        "kube_node_info",
        base | {"kubelet_version": info.get("kubeletVersion", ""), "os_image": info.get("osImage", "")},
        1,
    )
    yield "kube_node_spec_unschedulable", base, float(bool(obj["spec"].get("unschedulable")))
    labels = {
        "label_" + "".join(c if c.isalnum() else "_" for c in k): v
        for k, v in obj["metadata"].get("labels", {}).items()
    }
    yield "kube_node_labels", base | labels, 1
    for taint in obj["spec"].get("taints", []):
        yield (
            "kube_node_spec_taint",
            base | {"key": taint["key"], "value": taint.get("value", ""), "effect": taint["effect"]},
            1,
        )
    for condition in status["conditions"]:
        for value in ("true", "false", "unknown"):
            yield (
                "kube_node_status_condition",
                base | {"condition": condition["type"], "status": value},
                float(condition["status"].lower() == value),
            )
    for side in ("allocatable", "capacity"):
        for name, value in status[side].items():
            resource = name.replace("-", "_")
            extra = {"resource": resource, "unit": _UNITS.get(resource, "integer")}
            yield f"kube_node_status_{side}", base | extra, parse_quantity(value)


def _claim(obj: JsonObject) -> Iterator[Sample]:
    base = _base(obj, "persistentvolumeclaim")
    info = {"storageclass": obj["spec"].get("storageClassName", ""), "volumename": obj["spec"].get("volumeName", "")}
    yield "kube_persistentvolumeclaim_info", base | info, 1
    yield (
        "kube_persistentvolumeclaim_resource_requests_storage_bytes",
        base,
        parse_quantity(obj["spec"]["resources"]["requests"]["storage"]),
    )
    for phase in ("Pending", "Bound", "Lost"):
        yield (
            "kube_persistentvolumeclaim_status_phase",
            base | {"phase": phase},
            float(obj.get("status", {}).get("phase") == phase),
        )


def _quota(obj: JsonObject) -> Iterator[Sample]:
    base = _base(obj, "resourcequota")
    for kind in ("hard", "used"):
        for resource, value in obj.get("status", {}).get(kind, {}).items():
            yield "kube_resourcequota", base | {"resource": resource, "type": kind}, parse_quantity(value)


def _autoscaler(obj: JsonObject) -> Iterator[Sample]:
    base, spec, status = _base(obj, "horizontalpodautoscaler"), obj["spec"], obj.get("status", {})
    target = spec["scaleTargetRef"]
    yield (
        "kube_horizontalpodautoscaler_info",
        base | {"scaletargetref_kind": target["kind"], "scaletargetref_name": target["name"]},
        1,
    )
    yield "kube_horizontalpodautoscaler_spec_min_replicas", base, float(spec.get("minReplicas", 1))
    yield "kube_horizontalpodautoscaler_spec_max_replicas", base, float(spec["maxReplicas"])
    yield "kube_horizontalpodautoscaler_status_current_replicas", base, float(status.get("currentReplicas", 0))
    yield "kube_horizontalpodautoscaler_status_desired_replicas", base, float(status.get("desiredReplicas", 0))
    for condition in status.get("conditions", []):
        for value in ("true", "false", "unknown"):
            labels = base | {"condition": condition["type"], "status": value}
            yield "kube_horizontalpodautoscaler_status_condition", labels, float(condition["status"].lower() == value)


def _budget(obj: JsonObject) -> Iterator[Sample]:
    base, status = _base(obj, "poddisruptionbudget"), obj.get("status", {})
    for field, name in (
        ("currentHealthy", "current_healthy"),
        ("desiredHealthy", "desired_healthy"),
        ("disruptionsAllowed", "pod_disruptions_allowed"),
        ("expectedPods", "expected_pods"),
    ):
        yield f"kube_poddisruptionbudget_status_{name}", base, float(status.get(field, 0))


def _namespace(obj: JsonObject) -> Iterator[Sample]:
    yield "kube_namespace_status_phase", {"namespace": obj["metadata"]["name"], "phase": "Active"}, 1


_READERS: dict[str, Callable[[JsonObject], Iterator[Sample]]] = {
    "Pod": _pod,
    "Deployment": _deployment,
    "ReplicaSet": _replicaset,
    "StatefulSet": _statefulset,
    "DaemonSet": _daemonset,
    "Job": _job,
    "Node": _node,
    "PersistentVolumeClaim": _claim,
    "ResourceQuota": _quota,
    "HorizontalPodAutoscaler": _autoscaler,
    "PodDisruptionBudget": _budget,
    "Namespace": _namespace,
}

_COUNTERS = ("kube_pod_container_status_restarts_total",)


def metadata_of(name: str) -> MetricMetadata:
    """Return type and help of a metric of kube-state-metrics."""
    kind = "counter" if name in _COUNTERS else "gauge"
    return MetricMetadata(type=kind, help=f"{name.removeprefix('kube_').replace('_', ' ').capitalize()}.")
