"""Pods for which no node is found, with the reason that decides."""

from collections.abc import Iterable, Sequence

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.placement import closed_to, decided
from agents.kubernetes.scheduling import Unschedulable, read_unschedulable
from agents.kubernetes.sighted import (
    SeenEvent,
    SeenPod,
    by_workload,
    earliest,
    events_of,
    name,
    of_total,
    pods_of,
    workloads_of,
)
from agents.reporting import state
from agents.wording import count, since
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from tools.kubernetes.node import Nodes
from tools.kubernetes.pod import Pods

UNSCHEDULABLE = FactSpec(
    kind=FactKind("pod.unschedulable"),
    role=FactRole.MECHANISM,
    meaning="No node can take a pod.",
    attributes={
        "reason": "cpu, memory, storage, extended, too_many_pods, taint, cordoned, node_selector, node_affinity, "
        "affinity, anti_affinity, topology_spread, volume, ports, unbound_pvc, no_nodes or other: the one that decides",
        "also": "the other reasons, by comma",
        "nodes_considered": "nodes that were looked at",
        "nodes": "nodes that fall for the reason",
        "message_class": "detail of the reason: the taint, the claim",
        "pods": "pods that wait",
        "total_pods": "pods of the workload",
    },
)
_WORDS = {
    "cpu": "not enough CPU",
    "memory": "not enough memory",
    "storage": "not enough ephemeral storage",
    "extended": "not enough of an extended resource",
    "too_many_pods": "too many pods",
    "taint": "a taint that is not tolerated",
    "cordoned": "cordoned",
    "node_selector": "no match of node selector or affinity",
    "node_affinity": "no match of node affinity",
    "affinity": "no match of pod affinity",
    "anti_affinity": "pod anti-affinity",
    "topology_spread": "topology spread",
    "volume": "a volume that cannot come to the node",
    "ports": "host ports in use",
    "unbound_pvc": "a volume claim that is not bound",
    "no_nodes": "there are no nodes",
}


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per workload with waiting pods."""
    failures = events_of(sightings, "FailedScheduling")
    nodes = [node for seen in sightings.of(Nodes) for node in seen.view.nodes]
    templates = {entity: one.workload.template for entity, one in workloads_of(sightings).items()}
    for workload, pods in by_workload(pods_of(sightings)).items():
        waiting = [one for one in pods if _waits(one)]
        if waiting:
            own = [one for one in failures if one.workload == workload]
            spec = templates.get(workload, waiting[0].pod.spec)
            read = decided(_read(waiting, own), spec=spec, nodes=nodes)
            closed = closed_to(spec, nodes, reason=read.reason)
            yield _fact(workload, waiting, own, pods, scene, read=read, closed=closed)


def _waits(one: SeenPod) -> bool:
    condition = one.pod.condition("PodScheduled")
    return one.pod.node is None and condition is not None and condition.reason in {"Unschedulable", "SchedulerError"}


def _fact(
    workload: EntityId,
    waiting: Sequence[SeenPod],
    failures: Sequence[SeenEvent],
    pods: Sequence[SeenPod],
    scene: Scene,
    *,
    read: Unschedulable,
    closed: Sequence[EntityId],
) -> Fact:
    times = [condition.changed for one in waiting if (condition := one.pod.condition("PodScheduled"))]
    at = earliest([*times, *(one.pod.meta.created for one in waiting)])
    first = read.hindrances[0] if read.hindrances else None
    nodes = f" on {first.nodes} of {count(read.nodes, 'node')}" if first and first.nodes and read.nodes else ""
    detail = f" ({first.detail})" if first and first.detail else ""
    return state(
        UNSCHEDULABLE,
        entity=workload,
        text=f"{of_total(len(waiting), len(pods))} of {name(workload)} cannot be scheduled: "
        f"{_WORDS.get(read.reason, 'the scheduler gives no known reason')}{detail}{nodes}{since(at, now=scene.now)}",
        seen=[*(one.seen for one in waiting), *(one.seen for one in failures)],
        at=at,
        related=[*(one.pod.meta.entity for one in waiting), *closed],
        detector=DETECTOR.name,
        reason=read.reason,
        also=",".join(dict.fromkeys(one.reason for one in read.hindrances[1:])) or None,
        nodes_considered=read.nodes or None,
        nodes=first.nodes if first and first.nodes else None,
        message_class=first.detail if first and first.detail else None,
        pods=len(waiting),
        total_pods=len(pods),
    )


def _read(waiting: Sequence[SeenPod], failures: Sequence[SeenEvent]) -> Unschedulable:
    said = [condition.message for one in waiting if (condition := one.pod.condition("PodScheduled"))]
    said += [one.event.message for one in reversed(failures)]
    readings = [read_unschedulable(text) for text in said if text]
    return next((read for read in readings if read.hindrances), readings[0] if readings else read_unschedulable(""))


DETECTOR = Detector(name="kubernetes.scheduling", emits=(UNSCHEDULABLE,), needs=(Pods,), detect=detect)
