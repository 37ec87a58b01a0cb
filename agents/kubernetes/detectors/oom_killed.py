"""Containers that the kernel killed because they reached their memory limit."""

from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.sighted import SeenContainer, events_of, fresh
from agents.kubernetes.start_errors import start_error
from agents.kubernetes.troubled import Trouble, troubled
from agents.reporting import state
from agents.wording import count, since
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from tools.kubernetes.pod import Pods, StateKind
from tools.kubernetes.quantity import format_bytes

_OOM = "out_of_memory"

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
    at_start = _killed_at_start(sightings, scene)

    def killed(one: SeenContainer) -> bool:
        ended = one.status.ended
        if ended is not None and ended.oom_killed and fresh(ended.finished, scene):
            return True
        return one.pod.meta.entity in at_start and _is_tightest(one)

    for trouble in troubled(sightings, killed):
        yield _fact(trouble, scene)


def _killed_at_start(sightings: Sightings, scene: Scene) -> set[EntityId]:
    """Pods of which a process was killed for memory before it could run: the runtime says so, no container status."""
    return {
        one.pod
        for one in events_of(sightings, "FailedCreatePodSandBox", "Failed", "BackOff")
        if one.pod is not None and fresh(one.event.last, scene) and start_error(one.event.message).message_class == _OOM
    }


def _is_tightest(one: SeenContainer) -> bool:
    """Whether it does not run and has the lowest limit of its pod: the one that was too tight."""
    if one.status.ready or (one.status.state is not None and one.status.state.kind is StateKind.RUNNING):
        return False
    limits = {spec.name: spec.resources.memory_limit for spec in one.pod.spec.containers if spec.resources.memory_limit}
    return one.status.name in limits and limits[one.status.name] == min(limits.values())


def _fact(trouble: Trouble, scene: Scene) -> Fact:
    limit = trouble.spec.resources.memory_limit if trouble.spec else None
    bound = f" at {format_bytes(limit)}" if limit else ""
    ended = trouble.hit[0].status.ended
    often = f"{count(trouble.restarts, 'time')}{since(trouble.ended, now=scene.now)}"
    return state(
        OOM_KILLED,
        entity=trouble.workload,
        text=f"{trouble.who} was OOMKilled{bound} in {trouble.where}, {often}",
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
