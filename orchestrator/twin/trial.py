"""One change that is tried: what was asked, what the dry-run says would change, and what for. Pure."""

import re
from collections.abc import Iterable

from incidents.action import ActionRequest, FieldChange
from incidents.entity import Entity, EntityKind
from incidents.ids import ActionKind, EntityId
from incidents.value import Value
from orchestrator.twin.around import Around
from tools.kubernetes.container import ContainerSpec
from tools.kubernetes.quantity import read_bytes, read_cores
from tools.kubernetes.template import PodTemplate
from tools.kubernetes.workload import Workload

ROLLBACK = ActionKind("rollback_workload")
_RESOURCE = re.compile(
    r"^spec\.template\.spec\.containers\[(?P<name>[^\]]+)\]\.resources\.(?P<side>limits|requests)\.(?P<what>cpu|memory)$"
)
_READ = {"cpu": read_cores, "memory": read_bytes}


class Need(Value):
    """What one pod takes: cores and bytes."""

    cpu_request: float = 0.0
    cpu_limit: float = 0.0
    memory_request: float = 0.0
    memory_limit: float = 0.0


class Trial(Value):
    """One change of one target."""

    request: ActionRequest
    diff: tuple[FieldChange, ...] = ()
    workload: Workload | None = None
    """The workload that is changed, or whose pod is; None when it was not seen or the target is no workload."""
    callees: tuple[EntityId, ...] = ()
    """Whom the workload calls."""
    around: Around = Around()
    goal: PodTemplate | None = None
    """The template that is gone back to."""
    goal_revision: int | None = None
    refused_images: dict[str, str] = {}
    """Image that nodes could not pull -> how that was told."""

    @property
    def kind(self) -> EntityKind:
        """Of the target."""
        return Entity.parse(self.request.target).kind

    @property
    def replicas(self) -> int:
        """Pods that it wants now."""
        return self.workload.replicas.desired if self.workload else 0

    @property
    def wanted(self) -> int:
        """Pods that it wants after the change."""
        said = next((one.after for one in self.diff if one.path == "spec.replicas" and one.after), None)
        return int(said) if said and said.isdigit() else self.replicas

    @property
    def replaces_pods(self) -> bool:
        """Whether the template changes, so that every pod is made anew."""
        return any(one.path.startswith("spec.template") for one in self.diff)

    @property
    def needs_now(self) -> Need:
        """What one of its pods takes now."""
        return _need(self.workload.template.containers) if self.workload else Need()

    @property
    def needs_then(self) -> Need:
        """What one of its pods takes after the change."""
        if self.goal is not None:
            return _need(self.goal.containers)
        if self.workload is None:
            return Need()
        changed: dict[str, dict[str, float | int | None]] = {}
        for one in self.diff:
            if found := _RESOURCE.match(one.path):
                field = f"{found['what']}_{found['side'].removesuffix('s')}"
                changed.setdefault(found["name"], {})[field] = _READ[found["what"]](one.after)
        return _need(
            container.model_copy(
                update={"resources": container.resources.model_copy(update=changed.get(container.name, {}))}
            )
            for container in self.workload.template.containers
        )


def _need(containers: Iterable[ContainerSpec]) -> Need:
    resources = [container.resources for container in containers]
    return Need(
        cpu_request=sum(one.cpu_request or 0.0 for one in resources),
        cpu_limit=sum(one.cpu_limit or 0.0 for one in resources),
        memory_request=float(sum(one.memory_request or 0 for one in resources)),
        memory_limit=float(sum(one.memory_limit or 0 for one in resources)),
    )
