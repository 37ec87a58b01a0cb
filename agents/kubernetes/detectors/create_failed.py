"""Containers that the runtime cannot create or start: a command that is not there, a mount that does not fit."""

from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.sighted import SeenContainer, fresh
from agents.kubernetes.start_errors import start_error
from agents.kubernetes.troubled import Trouble, troubled
from agents.reporting import state
from agents.wording import since
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.pod import ContainerState, Pods

WAITING = frozenset({"RunContainerError", "CreateContainerError", "PreCreateHookError", "PreStartHookError"})
ENDED = frozenset({"StartError", "ContainerCannotRun", "RunContainerError"})
_NOT_FOUND, _NOT_EXECUTABLE = 127, 126

CREATE_FAILED = FactSpec(
    kind=FactKind("container.create_failed"),
    role=FactRole.MECHANISM,
    meaning="The container runtime cannot create or start a container.",
    attributes={
        "container": "name of the container",
        "reason": "what the kubelet calls it: RunContainerError, StartError...",
        "message_class": "volume_mount, command_not_found, permission_denied, wrong_platform, out_of_memory, cgroup, "
        "name_in_use, deadline, runtime or other",
        "pods": "pods it happens in",
    },
)
COMMAND_NOT_FOUND = FactSpec(
    kind=FactKind("container.command_not_found"),
    role=FactRole.MECHANISM,
    meaning="The command of a container does not exist in its image or cannot be executed.",
    attributes={"container": "name of the container", "command": "the command as far as it is known"},
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """Both facts may hold for a container."""
    for trouble in troubled(sightings, lambda one: _problem(one, scene) is not None):
        yield from _facts(trouble, scene)


def _problem(one: SeenContainer, scene: Scene) -> ContainerState | None:
    if one.status.waiting_reason in WAITING:
        return one.status.state
    ended = one.status.ended
    if ended is None or not fresh(ended.finished, scene) or one.status.ready:
        return None
    return ended if ended.reason in ENDED or ended.exit_code in (_NOT_FOUND, _NOT_EXECUTABLE) else None


def _facts(trouble: Trouble, scene: Scene) -> Iterable[Fact]:
    problem = next(found for one in trouble.hit if (found := _problem(one, scene)))
    ended = trouble.hit[0].status.ended
    error = start_error(f"{problem.message} {ended.message if ended else ''}")
    at = trouble.ended or min((one.pod.started for one in trouble.hit if one.pod.started), default=None)
    started = problem.reason not in WAITING | ENDED
    if not started:
        yield state(
            CREATE_FAILED,
            entity=trouble.workload,
            text=f"{trouble.who} cannot be started in {trouble.where}: {error.message_class.replace('_', ' ')}"
            f"{since(at, now=scene.now)}",
            seen=trouble.seen,
            at=at,
            related=trouble.pods,
            detector=DETECTOR.name,
            container=trouble.container,
            reason=problem.reason,
            message_class=error.message_class,
            pods=len(trouble.hit),
        )
    if error.message_class == "command_not_found" or problem.exit_code in (_NOT_FOUND, _NOT_EXECUTABLE):
        command = error.command or (" ".join(trouble.spec.command[:1]) if trouble.spec else "")
        named = f"its command {command}" if command else "its command"
        yield state(
            COMMAND_NOT_FOUND,
            entity=trouble.workload,
            text=f"{trouble.who}: {named} is not in the image or cannot be executed{since(at, now=scene.now)}",
            seen=trouble.seen,
            at=at,
            related=trouble.pods,
            detector=DETECTOR.name,
            container=trouble.container,
            command=command or None,
        )


DETECTOR = Detector(
    name="kubernetes.create_failed", emits=(CREATE_FAILED, COMMAND_NOT_FOUND), needs=(Pods,), detect=detect
)
