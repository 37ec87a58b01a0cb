"""Pods that were taken off their node: evicted for lack of something, preempted, or driven off by a taint."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.sighted import (
    SeenEvent,
    SeenPod,
    by_workload,
    earliest,
    events_of,
    fresh,
    name,
    pods_of,
)
from agents.reporting import state
from agents.wording import count, listed, since
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from tools.kubernetes.event import Events
from tools.kubernetes.pod import Pods

EVICTED = FactSpec(
    kind=FactKind("pod.evicted"),
    role=FactRole.MECHANISM,
    meaning="Pods were taken off their node.",
    attributes={
        "reason": "memory, disk, pid, preemption, taint, api or other",
        "node": "the node, or the first of several",
        "pods": "pods it happened to",
        "own_limit": "true when a pod exceeded its own ephemeral storage limit rather than the node running out",
    },
)
PREEMPTED = FactSpec(
    kind=FactKind("pod.preempted"),
    role=FactRole.MECHANISM,
    meaning="Pods had to make room for pods of higher priority.",
    attributes={"pods": "pods it happened to", "node": "the node, or the first of several"},
)
_CLASSES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (reason, re.compile(pattern, re.IGNORECASE))
    for reason, pattern in (
        ("memory", r"low on resource: memory|MemoryPressure"),
        ("pid", r"low on resource: pids?|PIDPressure"),
        ("disk", r"ephemeral.storage|nodefs|imagefs|inodes|DiskPressure|emptydir|ephemeral local storage|disk"),
        ("preemption", r"preempt"),
        ("taint", r"taint"),
        ("api", r"eviction api|EvictionByEvictionAPI"),
    )
)
_OWN_LIMIT = re.compile(r"exceeds the (?:total )?limit|exceeded its local ephemeral storage", re.IGNORECASE)
_REASONS = ("Evicted", "Preempted", "TaintManagerEviction", "Preempting")
_WORDS = {
    "memory": "the node ran out of memory",
    "disk": "the node ran out of disk",
    "pid": "the node ran out of process ids",
    "preemption": "pods of higher priority needed the room",
    "taint": "the node got a taint",
    "api": "somebody drained the node",
    "other": "no reason is given",
}


def eviction_reason(text: str) -> str:
    """The class of an eviction message or disruption reason."""
    return next((reason for reason, pattern in _CLASSES if pattern.search(text)), "other")


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per workload and reason."""
    events = [one for one in events_of(sightings, *_REASONS) if fresh(one.event.last, scene)]
    gone = _from_pods(sightings, scene)
    groups: dict[tuple[EntityId, str], tuple[list[SeenPod], list[SeenEvent]]] = {}
    for workload, reason, pod in gone:
        groups.setdefault((workload, reason), ([], []))[0].append(pod)
    for one in events:
        if one.workload is not None:
            reason = eviction_reason(f"{one.event.reason} {one.event.message}")
            groups.setdefault((one.workload, reason), ([], []))[1].append(one)
    for (workload, reason), (pods, own) in groups.items():
        yield _fact(workload, reason, pods, own, scene)


def _from_pods(sightings: Sightings, scene: Scene) -> list[tuple[EntityId, str, SeenPod]]:
    found = []
    for workload, pods in by_workload(pods_of(sightings)).items():
        for one in pods:
            disrupted = one.pod.condition("DisruptionTarget")
            if one.pod.reason != "Evicted" and not (disrupted and disrupted.holds):
                continue
            if fresh(disrupted.changed if disrupted else one.pod.meta.created, scene):
                why = f"{disrupted.reason} {disrupted.message}" if disrupted else ""
                found.append((workload, eviction_reason(f"{one.pod.message} {why}"), one))
    return found


def _fact(workload: EntityId, reason: str, pods: Sequence[SeenPod], events: Sequence[SeenEvent], scene: Scene) -> Fact:
    entities = dict.fromkeys([*(one.pod.meta.entity for one in pods), *(one.pod for one in events if one.pod)])
    nodes = [node for node in (*(one.pod.node for one in pods), *(one.event.host for one in events)) if node]
    at = earliest([*(_moment(one) for one in pods), *(one.event.first for one in events)])
    on = f" from {listed(nodes)}" if nodes else ""
    seen = [*(one.seen for one in pods), *(one.seen for one in events)]
    said = " ".join([*(one.pod.message for one in pods), *(one.event.message for one in events)])
    head = f"{count(len(entities), 'pod')} of {name(workload)}"
    if reason == "preemption":
        return state(
            PREEMPTED,
            entity=workload,
            text=f"{head} preempted{on}{since(at, now=scene.now)}",
            seen=seen,
            at=at,
            related=entities,
            detector=DETECTOR.name,
            pods=len(entities),
            node=nodes[0] if nodes else None,
        )
    return state(
        EVICTED,
        entity=workload,
        text=f"{head} evicted{on}: {_WORDS[reason]}{since(at, now=scene.now)}",
        seen=seen,
        at=at,
        related=entities,
        detector=DETECTOR.name,
        reason=reason,
        node=nodes[0] if nodes else None,
        pods=len(entities),
        own_limit=True if _OWN_LIMIT.search(said) else None,
    )


def _moment(one: SeenPod) -> datetime | None:
    disrupted = one.pod.condition("DisruptionTarget")
    return disrupted.changed if disrupted and disrupted.changed else one.pod.started


DETECTOR = Detector(name="kubernetes.eviction", emits=(EVICTED, PREEMPTED), needs=(Pods, Events), detect=detect)
