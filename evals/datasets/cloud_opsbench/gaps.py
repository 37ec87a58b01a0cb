"""What follows from what was recorded, where nobody asked for it: replica sets, templates, endpoints.

A pod names its replica set, and a replica set bears its deployment's name; a pod shows what its template holds; and
the addresses of ready pods are a service's endpoints. Nothing here overrides what was recorded.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from evals.datasets.cloud_opsbench.identity import owner_reference, uid_of
from worlds.objects.kinds import JsonObject

_MADE = frozenset({"nodeName", "tolerations"})
"""What the cluster writes into a pod's spec, and no template holds."""


def missing_replicasets(pods: Iterable[JsonObject], workloads: Sequence[JsonObject]) -> Iterator[JsonObject]:
    """Replica sets that pods name and nobody listed, with the deployment whose name theirs begins with."""
    known = {_key(one) for one in workloads}
    deployments = {(space, name) for kind, space, name in known if kind == "Deployment"}
    for pod in pods:
        space, owner = pod["metadata"].get("namespace", ""), _owner(pod)
        if owner is None or owner["kind"] != "ReplicaSet" or ("ReplicaSet", space, owner["name"]) in known:
            continue
        known.add(("ReplicaSet", space, owner["name"]))
        above = owner["name"].rpartition("-")[0]
        metadata: JsonObject = {
            "name": owner["name"],
            "namespace": space,
            "uid": uid_of("ReplicaSet", space, owner["name"]),
            "labels": dict(pod["metadata"].get("labels") or {}),
            "creationTimestamp": pod["metadata"].get("creationTimestamp"),
        }
        if (space, above) in deployments:
            metadata["ownerReferences"] = [owner_reference("Deployment", above, namespace=space)]
        yield {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": metadata,
            "spec": {"replicas": 1},
            "status": {},
        }


def adopt_replicasets(workloads: Sequence[JsonObject]) -> None:
    """Give replica sets that were only listed, and so show no owner, the deployment whose name theirs begins with."""
    deployments = {(space, name) for kind, space, name in map(_key, workloads) if kind == "Deployment"}
    for one in workloads:
        kind, space, name = _key(one)
        above = name.rpartition("-")[0]
        if kind == "ReplicaSet" and _owner(one) is None and (space, above) in deployments:
            one["metadata"]["ownerReferences"] = [owner_reference("Deployment", above, namespace=space)]


def adopt_pods(pods: Iterable[JsonObject], workloads: Sequence[JsonObject]) -> None:
    """Give pods that were only listed the controller whose name theirs begins with: one suffix, or two."""
    known = {_key(one) for one in workloads}
    for pod in pods:
        space, above = pod["metadata"].get("namespace", ""), pod["metadata"]["name"].rpartition("-")[0]
        if _owner(pod) is not None or not above:
            continue
        kinds = (kind for kind in ("ReplicaSet", "StatefulSet", "DaemonSet") if (kind, space, above) in known)
        made = next(kinds, "ReplicaSet" if ("Deployment", space, above.rpartition("-")[0]) in known else "")
        if made:
            pod["metadata"]["ownerReferences"] = [owner_reference(made, above, namespace=space)]


def fill_templates(workloads: Sequence[JsonObject], pods: Iterable[JsonObject]) -> None:
    """Give workloads that were only listed the template that one of their pods shows."""
    by_key = {_key(one): one for one in workloads}
    for pod in pods:
        owner = _owner(pod)
        space = pod["metadata"].get("namespace", "")
        while owner is not None and (workload := by_key.get((owner["kind"], space, owner["name"]))) is not None:
            template = workload["spec"].setdefault("template", {"metadata": {}, "spec": {}})
            if not template["spec"].get("containers"):
                labels = {k: v for k, v in (pod["metadata"].get("labels") or {}).items() if k != "pod-template-hash"}
                spec = {key: value for key, value in pod["spec"].items() if key not in _MADE}
                workload["spec"]["template"] = {"metadata": {"labels": labels}, "spec": spec}
            owner = _owner(workload)


def ready_addresses(service: JsonObject, pods: Iterable[JsonObject]) -> tuple[list[str], list[str]]:
    """Ready and unready addresses of the pods that a service selects."""
    wanted: Mapping[str, str] = service["spec"].get("selector") or {}
    found: tuple[list[str], list[str]] = ([], [])
    for pod in pods:
        labels = pod["metadata"].get("labels") or {}
        same = pod["metadata"].get("namespace") == service["metadata"].get("namespace")
        address = pod["status"].get("podIP")
        if not wanted or not same or not address or any(labels.get(key) != value for key, value in wanted.items()):
            continue
        ready = next((c["status"] for c in pod["status"].get("conditions", ()) if c["type"] == "Ready"), "False")
        found[0 if ready == "True" else 1].append(address)
    return found


def _owner(one: JsonObject) -> JsonObject | None:
    return next(iter(one["metadata"].get("ownerReferences", ())), None)


def _key(one: JsonObject) -> tuple[str, str, str]:
    return one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]
