"""Containers that end again and again, so that the kubelet waits longer each time before it starts them."""

from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.sighted import SeenContainer, fresh
from agents.kubernetes.troubled import troubled
from agents.reporting import state
from agents.wording import count, since
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.pod import Pods, StateKind

LOOPING = 3
"""Restarts from which a container that is not ready loops, also between two back-offs."""

CRASH_LOOP = FactSpec(
    kind=FactKind("container.crash_loop"),
    role=FactRole.SYMPTOM,
    meaning="A container ends soon after each start and is restarted with growing delays.",
    attributes={
        "container": "name of the container",
        "restarts": "restarts over the pods that loop",
        "pods": "pods it happens in",
        "total_pods": "pods of the workload",
    },
)


def loops(one: SeenContainer) -> bool:
    """Whether a container is in back-off, or just between two of them."""
    if one.status.waiting_reason == "CrashLoopBackOff":
        return True
    running = one.status.state is not None and one.status.state.kind is StateKind.RUNNING
    return one.status.restarts >= LOOPING and not (running and one.status.ready) and one.status.waiting_reason == ""


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per container of a workload."""
    for trouble in troubled(sightings, lambda one: loops(one) and _recent(one, scene)):
        yield state(
            CRASH_LOOP,
            entity=trouble.workload,
            text=f"{trouble.who} crash-loops in {trouble.where}, {count(trouble.restarts, 'restart')}"
            f"{since(trouble.ended, now=scene.now)}",
            seen=trouble.seen,
            at=trouble.ended,
            related=trouble.pods,
            detector=DETECTOR.name,
            container=trouble.container,
            restarts=trouble.restarts,
            pods=len(trouble.hit),
            total_pods=trouble.total,
        )


def _recent(one: SeenContainer, scene: Scene) -> bool:
    return fresh(one.status.ended.finished if one.status.ended else None, scene)


DETECTOR = Detector(name="kubernetes.crash_loop", emits=(CRASH_LOOP,), needs=(Pods,), detect=detect)
