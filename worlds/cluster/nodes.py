"""Nodes: how they look, how one that falls silent is noticed, tainted and emptied, and pressure.

Times are kube-controller-manager's defaults: a node is Unknown after 40 s of silence, and its pods are removed 300 s
after the NoExecute taint (the tolerationSeconds that every pod gets).
"""

from dataclasses import dataclass

from worlds.cluster.conditions import is_true, set_condition
from worlds.cluster.core import Cluster
from worlds.cluster.events import Recorder
from worlds.cluster.podmaking import POD, is_leaving, mark_deleted
from worlds.objects.copying import copied
from worlds.objects.kinds import JsonObject, kind_named

NODE = kind_named("Node")
_SILENCE = 40.0
_TOLERATED = 300.0
_UNREACHABLE = "node.kubernetes.io/unreachable"
_NOT_READY = "node.kubernetes.io/not-ready"
_RUNTIME_DOWN = (
    "[container runtime is down, PLEG is not healthy: pleg was last seen active 3m12.482s ago; threshold is 3m0s]"
)
LEASES = kind_named("Lease")
NODE_LEASES = "kube-node-lease"


@dataclass(frozen=True, kw_only=True)
class Pressure:
    """A resource that a node may run short of, in the kubelet's words."""

    condition: str
    taint: str
    short: str
    enough: str
    short_event: str
    enough_event: str
    text_short: str
    text_enough: str


PRESSURES = {
    "memory": Pressure(
        condition="MemoryPressure",
        taint="node.kubernetes.io/memory-pressure",
        short="KubeletHasInsufficientMemory",
        enough="KubeletHasSufficientMemory",
        short_event="NodeHasInsufficientMemory",
        enough_event="NodeHasSufficientMemory",
        text_short="kubelet has insufficient memory available",
        text_enough="kubelet has sufficient memory available",
    ),
    "disk": Pressure(
        condition="DiskPressure",
        taint="node.kubernetes.io/disk-pressure",
        short="KubeletHasDiskPressure",
        enough="KubeletHasNoDiskPressure",
        short_event="NodeHasDiskPressure",
        enough_event="NodeHasNoDiskPressure",
        text_short="kubelet has disk pressure",
        text_enough="kubelet has no disk pressure",
    ),
}
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
        self._last_beat(name)
        self._cluster.after(_SILENCE, lambda: self._declare_unknown(name))

    def runtime_down(self, name: str) -> None:
        """The kubelet reports that its container runtime does not answer."""
        self._silent[name] = self._cluster.now
        self._cluster.after(_SILENCE, lambda: self._declare_not_ready(name))

    def reports(self, name: str) -> None:
        """The kubelet reports again."""
        self._silent.pop(name, None)
        lease = self._cluster.store.find(LEASES, namespace=NODE_LEASES, name=name)
        if lease is not None:
            spec = {key: value for key, value in lease["spec"].items() if key != "renewTime"}
            beating = {**lease, "metadata": dict(lease["metadata"]), "spec": spec}
            self._cluster.store.replace(LEASES, beating, manager="kubelet")
        node = self._copy(name)
        for condition in node["status"]["conditions"]:
            ready = condition["type"] == "Ready"
            self._condition(
                node, condition["type"], value=ready, reason="KubeletReady" if ready else "KubeletHasSufficientMemory"
            )
        gone = {_UNREACHABLE, _NOT_READY}
        node["spec"]["taints"] = [t for t in node["spec"].get("taints", []) if t["key"] not in gone]
        stored = self._cluster.store.replace(NODE, node, manager=_MANAGER)
        self._events.note(stored, "NodeReady", f"Node {name} status is now: NodeReady")

    def pressure(self, name: str, *, on: bool, of: str = "memory") -> None:
        """Set or clear pressure: `of` memory or disk."""
        words, node = PRESSURES[of], self._copy(name)
        reason, text = (words.short, words.text_short) if on else (words.enough, words.text_enough)
        self._condition(node, words.condition, value=on, reason=reason, message=text)
        taints = [t for t in node["spec"].get("taints", []) if t["key"] != words.taint]
        node["spec"]["taints"] = [*taints, {"key": words.taint, "effect": "NoSchedule"}] if on else taints
        stored = self._cluster.store.replace(NODE, node, manager="kubelet")
        event = words.short_event if on else words.enough_event
        self._events.note(stored, event, f"Node {name} status is now: {event}", host=name)

    def _last_beat(self, name: str) -> None:
        """Freeze the node's lease at the present: nobody renews it any more."""
        lease = self._cluster.store.find(LEASES, namespace=NODE_LEASES, name=name)
        if lease is not None:
            spec = {**lease["spec"], "renewTime": self._cluster.micro_timestamp()}
            frozen = {**lease, "metadata": dict(lease["metadata"]), "spec": spec}
            self._cluster.store.replace(LEASES, frozen, manager="kubelet")

    def _declare_not_ready(self, name: str) -> None:
        if name not in self._silent:
            return
        node = self._copy(name)
        self._condition(node, "Ready", value=False, reason="KubeletNotReady", message=_RUNTIME_DOWN)
        stored = self._taint(node, _NOT_READY)
        self._events.note(stored, "NodeNotReady", f"Node {name} status is now: NodeNotReady", host=name)
        self._pods_not_ready(name)

    def _declare_unknown(self, name: str) -> None:
        if name not in self._silent:
            return
        node = self._copy(name)
        for condition in node["status"]["conditions"]:
            text = "Kubelet stopped posting node status."
            self._condition(node, condition["type"], value="Unknown", reason="NodeStatusUnknown", message=text)
        stored = self._taint(node, _UNREACHABLE)
        self._events.note(stored, "NodeNotReady", f"Node {name} status is now: NodeNotReady")
        self._pods_not_ready(name)

    def _taint(self, node: JsonObject, key: str) -> JsonObject:
        since = self._cluster.timestamp()
        both = [{"key": key, "effect": effect, "timeAdded": since} for effect in ("NoSchedule", "NoExecute")]
        node["spec"]["taints"] = [*node["spec"].get("taints", []), *both]
        return self._cluster.store.replace(NODE, node, manager=_MANAGER)

    def _pods_not_ready(self, name: str) -> None:
        for pod in self._pods(name):
            self._not_ready(pod)
        self._cluster.after(_TOLERATED, lambda: self._empty(name))

    def _not_ready(self, pod: JsonObject) -> None:
        status = copied(pod["status"])
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
        return copied(self._cluster.store.get(NODE, name=name))

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
