"""Nodes: their conditions, taints, room, and where they stand."""

from datetime import datetime

from incidents.entity import EntityKind
from incidents.ids import EntityId
from incidents.value import Value
from tools.kubernetes.condition import Condition, find, read_conditions
from tools.kubernetes.document import Document
from tools.kubernetes.metadata import ObjectMeta, read_meta
from tools.kubernetes.quantity import read_bytes, read_cores


class Taint(Value):
    """One taint."""

    key: str
    value: str = ""
    effect: str
    added: datetime | None = None
    """Set by Kubernetes for NoExecute taints only."""

    @property
    def text(self) -> str:
        """`dedicated=gpu:NoSchedule`."""
        return f"{self.key}={self.value}:{self.effect}" if self.value else f"{self.key}:{self.effect}"


class Room(Value):
    """An amount of what pods take: cores, bytes, number of pods."""

    cpu: float = 0.0
    memory: int = 0
    pods: int = 0
    storage: int = 0
    """Ephemeral storage, bytes."""


class Node(Value):
    """One node."""

    meta: ObjectMeta
    unschedulable: bool = False
    taints: tuple[Taint, ...] = ()
    conditions: tuple[Condition, ...] = ()
    allocatable: Room = Room()
    capacity: Room = Room()
    requested: Room | None = None
    """Sum of the requests of its running pods; None when the pods of all namespaces could not be read."""
    instance_type: str = ""
    region: str = ""
    zone: str = ""
    kubelet: str = ""
    kernel: str = ""
    runtime: str = ""
    heartbeat: datetime | None = None
    """Newest renewal of its lease; None when leases cannot be read."""
    pods: tuple[EntityId, ...] = ()
    spot: bool = False
    """Labelled as preemptible capacity by a known provider."""

    @property
    def ready(self) -> bool:
        """Whether it takes pods as far as its kubelet is concerned."""
        condition = find(self.conditions, "Ready")
        return condition is not None and condition.holds

    def condition(self, kind: str) -> Condition | None:
        """The condition of that type."""
        return find(self.conditions, kind)


class Nodes(Value):
    """Nodes of a cluster."""

    nodes: tuple[Node, ...]


_SPOT = {
    "eks.amazonaws.com/capacityType": "SPOT",
    "karpenter.sh/capacity-type": "spot",
    "cloud.google.com/gke-spot": "true",
    "cloud.google.com/gke-preemptible": "true",
    "kubernetes.azure.com/scalesetpriority": "spot",
}


def read_node(document: Document, *, cluster: str) -> Node:
    """Read a Node; pods, requests and heartbeat are added by the probe."""
    labels, info = document.mapping("metadata", "labels"), document.at("status", "nodeInfo")
    return Node(
        meta=read_meta(document, cluster=cluster, kind=EntityKind.NODE, managers=True),
        unschedulable=document.flag("spec", "unschedulable"),
        taints=tuple(_taint(item) for item in document.items("spec", "taints")),
        conditions=read_conditions(document.at("status")),
        allocatable=_room(document.mapping("status", "allocatable")),
        capacity=_room(document.mapping("status", "capacity")),
        instance_type=_label(labels, "node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type"),
        region=_label(labels, "topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region"),
        zone=_label(labels, "topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"),
        kubelet=info.word("kubeletVersion"),
        kernel=info.word("kernelVersion"),
        runtime=info.word("containerRuntimeVersion"),
        spot=any(labels.get(key, "").lower() == value.lower() for key, value in _SPOT.items()),
    )


def _taint(item: Document) -> Taint:
    return Taint(
        key=item.word("key"), value=item.word("value"), effect=item.word("effect"), added=item.moment("timeAdded")
    )


def _room(amounts: dict[str, str]) -> Room:
    pods = amounts.get("pods", "")
    return Room(
        cpu=read_cores(amounts.get("cpu")) or 0.0,
        memory=read_bytes(amounts.get("memory")) or 0,
        pods=int(pods) if pods.isdigit() else 0,
        storage=read_bytes(amounts.get("ephemeral-storage")) or 0,
    )


def _label(labels: dict[str, str], *keys: str) -> str:
    return next((labels[key] for key in keys if key in labels), "")
