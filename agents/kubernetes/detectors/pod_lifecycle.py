"""Pods that do not come up and pods that do not go away."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.sighted import SeenPod, by_workload, earliest, name, of_total, pods_of
from agents.reporting import state
from agents.wording import count, duration, listed, since
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from tools.kubernetes.pod import Pods

SLOW = timedelta(seconds=60)
"""A pod that is pending longer waits for something; images of usual size are pulled by then."""
GRACE = timedelta(seconds=60)
"""Time beyond its grace period after which a terminating pod is stuck."""

PENDING = FactSpec(
    kind=FactKind("pod.pending"),
    role=FactRole.SYMPTOM,
    meaning="Pods have been pending for longer than a start takes.",
    attributes={"pods": "pods that wait", "total_pods": "pods of the workload", "seconds": "longest wait so far"},
)
STUCK_TERMINATING = FactSpec(
    kind=FactKind("pod.stuck_terminating"),
    role=FactRole.SYMPTOM,
    meaning="Pods were asked to end and are still there after their grace period.",
    attributes={
        "pods": "pods that are stuck",
        "seconds": "longest time since the deletion was asked for",
        "finalizers": "finalizers that hold them, by comma",
        "node": "their node, when it is one",
    },
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """At most one fact of each kind per workload."""
    for workload, pods in by_workload(pods_of(sightings)).items():
        waiting = [one for one in pods if _pending(one, scene)]
        if waiting:
            yield _waiting(workload, waiting, pods, scene)
        stuck = [one for one in pods if _stuck(one, scene)]
        if stuck:
            yield _terminating(workload, stuck, scene)


def _pending(one: SeenPod, scene: Scene) -> bool:
    created = one.pod.meta.created
    return (
        one.pod.phase == "Pending" and created is not None and scene.now - created > SLOW and not one.pod.meta.deleted
    )


def _stuck(one: SeenPod, scene: Scene) -> bool:
    deleted = one.pod.meta.deleted
    return deleted is not None and scene.now - deleted > GRACE


def _waiting(workload: EntityId, waiting: Sequence[SeenPod], pods: Sequence[SeenPod], scene: Scene) -> Fact:
    at = earliest(one.pod.meta.created for one in waiting)
    seconds = (scene.now - at).total_seconds() if at else 0.0
    return state(
        PENDING,
        entity=workload,
        text=f"{of_total(len(waiting), len(pods))} of {name(workload)} pending for {duration(seconds)} so far",
        seen=[one.seen for one in waiting],
        at=at,
        related=[one.pod.meta.entity for one in waiting],
        detector=DETECTOR.name,
        pods=len(waiting),
        total_pods=len(pods),
        seconds=round(seconds),
    )


def _terminating(workload: EntityId, stuck: Sequence[SeenPod], scene: Scene) -> Fact:
    at = earliest(one.pod.meta.deleted for one in stuck)
    held = dict.fromkeys(finalizer for one in stuck for finalizer in one.pod.meta.finalizers)
    nodes = {one.pod.node for one in stuck}
    by = f", held by {listed(held)}" if held else ""
    seconds = (scene.now - at).total_seconds() if at else 0.0
    return state(
        STUCK_TERMINATING,
        entity=workload,
        text=f"{count(len(stuck), 'pod')} of {name(workload)} terminating for {duration(seconds)}{by}"
        + since(at, now=scene.now),
        seen=[one.seen for one in stuck],
        at=at,
        related=[one.pod.meta.entity for one in stuck],
        detector=DETECTOR.name,
        pods=len(stuck),
        seconds=round(seconds),
        finalizers=",".join(held) or None,
        node=next(iter(nodes)) if len(nodes) == 1 else None,
    )


DETECTOR = Detector(name="kubernetes.pod_lifecycle", emits=(PENDING, STUCK_TERMINATING), needs=(Pods,), detect=detect)
