"""Containers that the kernel killed because they reached their memory limit."""

from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.sighted import SeenContainer, fresh
from agents.kubernetes.troubled import Trouble, troubled
from agents.reporting import state
from agents.wording import count, since
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.pod import Pods
from tools.kubernetes.quantity import format_bytes

OOM_KILLED = FactSpec(
    kind=FactKind("container.oom_killed"),
    role=FactRole.MECHANISM,
    meaning="A container was killed because it reached its memory limit.",
    attributes={
        "container": "name of the container",
        "count": "times it was killed, over all pods",
        "limit_bytes": "its memory limit, bytes",
        "pods": "pods it happened to",
        "total_pods": "pods of the workload",
        "exit_code": "137, unless a child process was killed",
    },
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per container of a workload."""

    def killed(one: SeenContainer) -> bool:
        ended = one.status.ended
        return ended is not None and ended.oom_killed and fresh(ended.finished, scene)

    for trouble in troubled(sightings, killed):
        yield _fact(trouble, scene)


def _fact(trouble: Trouble, scene: Scene) -> Fact:
    limit = trouble.spec.resources.memory_limit if trouble.spec else None
    bound = f" at {format_bytes(limit)}" if limit else ""
    ended = trouble.hit[0].status.ended
    often = f"{count(trouble.restarts, 'time')}{since(trouble.ended, now=scene.now)}"
    return state(
        OOM_KILLED,
        entity=trouble.workload,
        text=f"{trouble.who} OOMKilled{bound} in {trouble.where}, {often}",
        seen=trouble.seen,
        at=trouble.ended,
        related=trouble.pods,
        detector=DETECTOR.name,
        container=trouble.container,
        count=trouble.restarts,
        limit_bytes=limit,
        pods=len(trouble.hit),
        total_pods=trouble.total,
        exit_code=ended.exit_code if ended else None,
    )


DETECTOR = Detector(name="kubernetes.oom_killed", emits=(OOM_KILLED,), needs=(Pods,), detect=detect)
