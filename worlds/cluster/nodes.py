"""Nodes: how they look, how one that falls silent is noticed, tainted and emptied, and pressure.

Times are kube-controller-manager's defaults: a node is Unknown after 40 s of silence, and its pods are removed 300 s
after the NoExecute taint (the tolerationSeconds that every pod gets).
"""

import copy

from worlds.cluster.conditions import is_true, set_condition
from worlds.cluster.core import Cluster
from worlds.cluster.events import Recorder
from worlds.cluster.podmaking import POD, is_leaving, mark_deleted
from worlds.objects.kinds import JsonObject, kind_named

NODE = kind_named("Node")
_SILENCE = 40.0
_TOLERATED = 300.0
_UNREACHABLE = "node.kubernetes.io/unreachable"
_PRESSURE = "node.kubernetes.io/memory-pressure"
_MANAGER = "kube-controller-manager"

# Conditions of a healthy node, with the kubelet's words.
_FINE = (
    ("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
)


def node_object(
    name: str,
    *,
    zone: str,
    region: str,
    cpu: str,
    memory: str,
    pods: int,
    instance: str,
    version: str,
    labels: dict[str, str],
    taints: list[JsonObject],
    now: str,
    address: str,
) -> JsonObject:
    """Return a healthy node."""
    conditions: list[JsonObject] = []
    for name_of, reason, text in _FINE:
        set_condition(conditions, name_of, value=False, reason=reason, message=text, now=now)
    set_condition(
        conditions, "Ready", value=True, reason="KubeletReady", message="kubelet is posting ready status", now=now
    )
    standard = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "node.kubernetes.io/instance-type": instance,
        "topology.kubernetes.io/zone": f"{region}-{zone}",
        "topology.kubernetes.io/region": region,
    }
    size = {"cpu": cpu, "memory": memory, "pods": str(pods), "ephemeral-storage": "98831908Ki"}
    return {
        "metadata": {"name": name, "labels": {**standard, **labels}},
        "spec": {"podCIDR": "10.64.0.0/24", "providerID": f"gce://{region}/{name}"}
        | ({"taints": taints} if taints else {}),
        "status": {
            "capacity": dict(size),
            "allocatable": dict(size),
            "conditions": conditions,
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
            "nodeInfo": {
                "kubeletVersion": version,
                "containerRuntimeVersion": "containerd://2.0.5",
                "osImage": "Ubuntu 24.04.2 LTS",
                "kernelVersion": "6.8.0-1021-gke",
                "architecture": "amd64",
                "operatingSystem": "linux",
                "kubeProxyVersion": version,
                "machineID": "",
                "systemUUID": "",
                "bootID": "",
            },
        },
    }


class NodeLifecycle:
    """What the control plane does when a node falls silent or runs short of memory."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._events = Recorder(cluster, component="node-controller")
        self._silent: dict[str, float] = {}

    def silent(self, name: str) -> None:
        """A node's kubelet has stopped reporting."""
        self._silent[name] = self._cluster.now
        self._cluster.after(_SILENCE, lambda: self._declare_unknown(name))

    def reports(self, name: str) -> None:
        """The kubelet reports again."""
        self._silent.pop(name, None)
        node = self._copy(name)
        for condition in node["status"]["conditions"]:
            ready = condition["type"] == "Ready"
            self._condition(
                node, condition["type"], value=ready, reason="KubeletReady" if ready else "KubeletHasSufficientMemory"
            )
        node["spec"]["taints"] = [t for t in node["spec"].get("taints", []) if t["key"] != _UNREACHABLE]
        stored = self._cluster.store.replace(NODE, node, manager=_MANAGER)
        self._events.note(stored, "NodeReady", f"Node {name} status is now: NodeReady")

    def pressure(self, name: str, *, on: bool) -> None:
        """Set or clear memory pressure."""
        node = self._copy(name)
        reason = "KubeletHasInsufficientMemory" if on else "KubeletHasSufficientMemory"
        text = f"kubelet has {'insufficient' if on else 'sufficient'} memory available"
        self._condition(node, "MemoryPressure", value=on, reason=reason, message=text)
        taints = [t for t in node["spec"].get("taints", []) if t["key"] != _PRESSURE]
        node["spec"]["taints"] = [*taints, {"key": _PRESSURE, "effect": "NoSchedule"}] if on else taints
        stored = self._cluster.store.replace(NODE, node, manager="kubelet")
        state = "NodeHasInsufficientMemory" if on else "NodeHasSufficientMemory"
        self._events.note(stored, state, f"Node {name} status is now: {state}", host=name)

    def _declare_unknown(self, name: str) -> None:
        if name not in self._silent:
            return
        node = self._copy(name)
        for condition in node["status"]["conditions"]:
            text = "Kubelet stopped posting node status."
            self._condition(node, condition["type"], value="Unknown", reason="NodeStatusUnknown", message=text)
        since = self._cluster.timestamp()
        taint = {"key": _UNREACHABLE, "effect": "NoExecute", "timeAdded": since}
        block = {"key": _UNREACHABLE, "effect": "NoSchedule", "timeAdded": since}
        node["spec"]["taints"] = [*node["spec"].get("taints", []), block, taint]
        stored = self._cluster.store.replace(NODE, node, manager=_MANAGER)
        self._events.note(stored, "NodeNotReady", f"Node {name} status is now: NodeNotReady")
        for pod in self._pods(name):
            self._not_ready(pod)
        self._cluster.after(_TOLERATED, lambda: self._empty(name))

    def _not_ready(self, pod: JsonObject) -> None:
        status = copy.deepcopy(pod["status"])
        set_condition(status.setdefault("conditions", []), "Ready", value=False, now=self._cluster.timestamp())
        self._cluster.store.replace(
            POD, {**pod, "metadata": dict(pod["metadata"]), "status": status}, manager=_MANAGER, subresource="status"
        )
        self._events.warn(pod, "NodeNotReady", "Node is not ready")

    def _empty(self, name: str) -> None:
        if name not in self._silent:
            return
        for pod in self._pods(name):
            if not is_leaving(pod) and not any(
                o["kind"] == "DaemonSet" for o in pod["metadata"].get("ownerReferences", [])
            ):
                self._events.note(
                    pod,
                    "TaintManagerEviction",
                    f"Marking for deletion Pod {pod['metadata']['namespace']}/{pod['metadata']['name']}",
                )
                mark_deleted(self._cluster, pod)

    def _pods(self, name: str) -> list[JsonObject]:
        return [pod for pod in self._cluster.store.every(POD) if pod["spec"].get("nodeName") == name]

    def _copy(self, name: str) -> JsonObject:
        return copy.deepcopy(self._cluster.store.get(NODE, name=name))

    def _condition(self, node: JsonObject, kind: str, *, value: bool | str, reason: str, message: str = "") -> None:
        set_condition(
            node["status"]["conditions"],
            kind,
            value=value,
            reason=reason,
            message=message,
            now=self._cluster.timestamp(),
        )


def node_is_ready(node: JsonObject) -> bool:
    """Say whether a node reports that it is ready."""
    return is_true(node, "Ready")
