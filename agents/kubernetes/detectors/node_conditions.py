"""Nodes that are not well, by their own conditions and heartbeats."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.sighted import fresh
from agents.reporting import state
from agents.wording import count, duration, since
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from incidents.value import Scalar
from tools.kubernetes.condition import Condition
from tools.kubernetes.node import Node, Nodes
from tools.probe import Observation

SILENT = timedelta(seconds=60)
"""A kubelet renews its lease every 10 s; the control plane gives up on it after 40 to 50 s."""
_RUNTIME = re.compile(
    r"container runtime is down|PLEG is not healthy|runtime status check|containerd|cri-?o|docker", re.IGNORECASE
)
_NETWORK = re.compile(
    r"NetworkReady=false|NetworkPluginNotReady|cni plugin|network plugin|runtime network not ready", re.IGNORECASE
)


def _spec(kind: str, meaning: str, **attributes: str) -> FactSpec:
    common = {"reason": "what the kubelet calls it", "pods": "pods on the node"}
    return FactSpec(kind=FactKind(kind), role=FactRole.MECHANISM, meaning=meaning, attributes={**common, **attributes})


NOT_READY = _spec(
    "node.not_ready", "A node is not ready, or nobody knows.", since="when it ceased to be ready, ISO 8601"
)
MEMORY = _spec("node.memory_pressure", "A node is short of memory and evicts pods.")
DISK = _spec("node.disk_pressure", "A node is short of disk and evicts pods.")
PID = _spec("node.pid_pressure", "A node is short of process ids and evicts pods.")
NETWORK = _spec("node.network_unavailable", "The network of a node is not set up.")
SILENT_KUBELET = _spec(
    "node.kubelet_stopped",
    "The kubelet of a node no longer reports: the node, its network or the kubelet is down.",
    silent_seconds="seconds since its last heartbeat",
)
RUNTIME = _spec("node.runtime_down", "The container runtime of a node does not answer.")
_PRESSURES = {"MemoryPressure": MEMORY, "DiskPressure": DISK, "PIDPressure": PID, "NetworkUnavailable": NETWORK}
_PRESSURE_WORDS = {
    "MemoryPressure": "is short of memory",
    "DiskPressure": "is short of disk",
    "PIDPressure": "is short of process ids",
    "NetworkUnavailable": "has no network",
}


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """Facts of every node that was seen."""
    for seen in sightings.of(Nodes):
        for node in seen.view.nodes:
            yield from _not_ready(node, seen, scene)
            for kind, spec in _PRESSURES.items():
                condition = node.condition(kind)
                if condition is not None and condition.holds:
                    yield _of(spec, node, condition, seen, _PRESSURE_WORDS[kind], scene)


def _not_ready(node: Node, seen: Observation[Nodes], scene: Scene) -> Iterator[Fact]:
    condition = node.condition("Ready")
    silent = _silent(node, condition, scene)
    if condition is None or condition.holds:
        if silent is not None and condition is not None:
            yield _kubelet(node, condition, silent, seen, scene)
        return
    changed = condition.changed
    yield _of(NOT_READY, node, condition, seen, "is not ready", scene, since=changed.isoformat() if changed else None)
    if silent is not None or condition.status == "Unknown":
        yield _kubelet(node, condition, silent, seen, scene)
    if condition.status == "False" and _NETWORK.search(condition.message):
        yield _of(NETWORK, node, condition, seen, "has no pod network", scene)
    elif condition.status == "False" and _RUNTIME.search(condition.message):
        yield _of(RUNTIME, node, condition, seen, "has a container runtime that does not answer", scene)


def _silent(node: Node, condition: Condition | None, scene: Scene) -> float | None:
    """Seconds since the last heartbeat, when they are too many."""
    beats = [at for at in (node.heartbeat, condition.updated if condition and node.heartbeat is None else None) if at]
    if not beats or scene.now - max(beats) <= (SILENT if node.heartbeat else 6 * SILENT):
        return None
    return (scene.now - max(beats)).total_seconds()


def _kubelet(node: Node, condition: Condition, silent: float | None, seen: Observation[Nodes], scene: Scene) -> Fact:
    words = f"has not been heard of for {duration(silent)}" if silent else "is no longer heard of"
    at = node.heartbeat or condition.updated or condition.changed
    return _of(SILENT_KUBELET, node, condition, seen, words, scene, at=at, silent_seconds=silent)


def _of(
    spec: FactSpec,
    node: Node,
    condition: Condition,
    seen: Observation[Nodes],
    words: str,
    scene: Scene,
    *,
    at: datetime | None = None,
    **attributes: Scalar | None,
) -> Fact:
    start = at or condition.changed
    pods = f" ({count(len(node.pods), 'pod')} on it)" if node.pods else ""
    return state(
        spec,
        entity=node.meta.entity,
        text=f"node {node.meta.name} {words}{pods}{since(start, now=scene.now)}",
        seen=[seen],
        at=start,
        related=node.pods,
        strength=1.0 if fresh(start, scene) else 0.7,
        detector=DETECTOR.name,
        reason=condition.reason or None,
        pods=len(node.pods) or None,
        more=attributes,
    )


DETECTOR = Detector(
    name="kubernetes.node_conditions",
    emits=(NOT_READY, MEMORY, DISK, PID, NETWORK, SILENT_KUBELET, RUNTIME),
    needs=(Nodes,),
    detect=detect,
)
