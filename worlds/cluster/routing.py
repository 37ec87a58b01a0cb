"""The endpoints controller: which pods stand behind each Service, as Endpoints and as EndpointSlices."""

from typing import Any

from worlds.cluster.core import Cluster, key_of, owner_reference
from worlds.cluster.podmaking import POD, is_finished, is_ready
from worlds.objects.kinds import JsonObject, kind_named
from worlds.objects.store import Change

SERVICE = kind_named("Service")
ENDPOINTS = kind_named("Endpoints")
SLICE = kind_named("EndpointSlice")


class EndpointsController:
    """Keeps Endpoints and EndpointSlice of every Service with a selector."""

    watches = (SERVICE, POD)

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def concerns(self, change: Change) -> list[tuple[str, str]]:
        """A Service, or a pod that one selects now or selected before."""
        if change.kind is SERVICE:
            return [key_of(change.object)]
        if change.kind is not POD:
            return []
        namespace = change.object["metadata"]["namespace"]
        services = self._cluster.store.every(SERVICE, namespace=namespace)
        return [
            key_of(svc)
            for svc in services
            if backs(svc, change.object) or (change.before and backs(svc, change.before))
        ]

    def reconcile(self, namespace: str, name: str) -> None:
        """Write both objects anew."""
        store = self._cluster.store
        service = store.find(SERVICE, namespace=namespace, name=name)
        if service is None or not service["spec"].get("selector"):
            return
        pods = [pod for pod in store.every(POD, namespace=namespace) if _routable(service, pod)]
        ports = [
            {"name": p.get("name", ""), "port": p["port"], "protocol": p.get("protocol", "TCP")}
            for p in service["spec"]["ports"]
        ]
        for port, spec in zip(ports, service["spec"]["ports"], strict=True):
            port["port"] = target_port(spec, pods[0] if pods else None)
        self._put(ENDPOINTS, service, name, {"subsets": _subsets(pods, ports)})
        slice_name = f"{name}-{self._cluster.chance.letters(5, 'slice', namespace, name)}"
        body = {"addressType": "IPv4", "ports": ports, "endpoints": [_endpoint(pod) for pod in pods]}
        self._put(SLICE, service, slice_name, body, labels={"kubernetes.io/service-name": name})

    def _put(
        self, kind: Any, service: JsonObject, name: str, body: JsonObject, *, labels: dict[str, str] | None = None
    ) -> None:
        store, namespace = self._cluster.store, service["metadata"]["namespace"]
        known = store.find(kind, namespace=namespace, name=name)
        if known is None:
            metadata = {"name": name, "namespace": namespace, "labels": labels or {}}
            metadata |= {"ownerReferences": [owner_reference(service)]} if labels else {}
            store.create(kind, {"metadata": metadata, **body}, manager="kube-controller-manager")
        else:
            store.replace(
                kind, {**known, "metadata": dict(known["metadata"]), **body}, manager="kube-controller-manager"
            )


def backs(service: JsonObject, pod: JsonObject) -> bool:
    """Say whether a Service selects a pod."""
    selector = service["spec"].get("selector") or {}
    labels = pod["metadata"].get("labels", {})
    return bool(selector) and selector.items() <= labels.items()


def _routable(service: JsonObject, pod: JsonObject) -> bool:
    return backs(service, pod) and bool(pod.get("status", {}).get("podIP")) and not is_finished(pod)


def target_port(spec: JsonObject, pod: JsonObject | None) -> int:
    """Return the number of a Service port's target; named ports are looked up in the pod."""
    target = spec.get("targetPort", spec["port"])
    if isinstance(target, int):
        return target
    for container in pod["spec"]["containers"] if pod else ():
        for port in container.get("ports", []):
            if port.get("name") == target:
                return int(port["containerPort"])
    return int(spec["port"])


def _subsets(pods: list[JsonObject], ports: list[JsonObject]) -> list[JsonObject]:
    ready = [_address(pod) for pod in pods if is_ready(pod)]
    waiting = [_address(pod) for pod in pods if not is_ready(pod)]
    if not pods:
        return []
    return [{"addresses": ready} | ({"notReadyAddresses": waiting} if waiting else {}) | {"ports": ports}]


def _address(pod: JsonObject) -> JsonObject:
    meta = pod["metadata"]
    reference = {"kind": "Pod", "namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"]}
    return {"ip": pod["status"]["podIP"], "nodeName": pod["spec"].get("nodeName"), "targetRef": reference}


def _endpoint(pod: JsonObject) -> JsonObject:
    ready = is_ready(pod)
    address = _address(pod)
    conditions = {"ready": ready, "serving": ready, "terminating": "deletionTimestamp" in pod["metadata"]}
    return {
        "addresses": [address["ip"]],
        "conditions": conditions,
        "nodeName": address["nodeName"],
        "targetRef": address["targetRef"],
    }
