"""Pods and the states of their containers, with the workload that owns them."""

from datetime import datetime
from enum import StrEnum

from incidents.entity import EntityKind
from incidents.ids import EntityId
from incidents.value import Value
from tools.kubernetes.condition import Condition, find, message, read_conditions
from tools.kubernetes.document import Document
from tools.kubernetes.metadata import ObjectMeta, read_meta
from tools.kubernetes.template import PodTemplate, read_template


class StateKind(StrEnum):
    """The three states of a container."""

    WAITING = "waiting"
    RUNNING = "running"
    TERMINATED = "terminated"


class ContainerState(Value):
    """One state of a container: what it is in, or what it was in before its last restart."""

    kind: StateKind
    reason: str = ""
    message: str = ""
    exit_code: int | None = None
    signal: int | None = None
    started: datetime | None = None
    finished: datetime | None = None

    @property
    def oom_killed(self) -> bool:
        """Whether the kernel killed it for memory; newer kubelets say so also when a child process was killed."""
        return self.kind is StateKind.TERMINATED and self.reason == "OOMKilled"


class ContainerStatus(Value):
    """One container of a pod, as the kubelet reports it."""

    name: str
    init: bool = False
    image: str = ""
    image_id: str = ""
    ready: bool = False
    started: bool = False
    """Whether its startup probe has succeeded (true without one once it runs)."""
    restarts: int = 0
    state: ContainerState | None = None
    last: ContainerState | None = None

    @property
    def ended(self) -> ContainerState | None:
        """How its newest finished run ended: the present state if terminated, else the last one."""
        if self.state is not None and self.state.kind is StateKind.TERMINATED:
            return self.state
        return self.last

    @property
    def waiting_reason(self) -> str:
        """Why it waits: CrashLoopBackOff, ImagePullBackOff...; empty when it does not."""
        return self.state.reason if self.state is not None and self.state.kind is StateKind.WAITING else ""


class Pod(Value):
    """One pod."""

    meta: ObjectMeta
    owner: EntityId | None = None
    """The workload at the top of its owners; None for a bare pod or a mirror of a static one."""
    replicaset: EntityId | None = None
    phase: str
    reason: str = ""
    """Evicted, NodeLost, Preempting... when the kubelet or a controller gave one for the whole pod."""
    message: str = ""
    node: str | None = None
    nominated_node: str | None = None
    ip: str = ""
    qos: str = ""
    started: datetime | None = None
    conditions: tuple[Condition, ...] = ()
    containers: tuple[ContainerStatus, ...] = ()
    init_containers: tuple[ContainerStatus, ...] = ()
    spec: PodTemplate = PodTemplate()
    """Brief: containers with resources, ports and probes. Configuration is in the workload's template."""

    @property
    def workload(self) -> EntityId:
        """What facts about it are said of: its workload, or itself when nothing owns it."""
        return self.owner or self.meta.entity

    @property
    def ready(self) -> bool:
        """Whether it takes traffic."""
        condition = find(self.conditions, "Ready")
        return condition is not None and condition.holds

    @property
    def ended(self) -> bool:
        """Whether it is over (Succeeded or Failed)."""
        return self.phase in {"Succeeded", "Failed"}

    def condition(self, kind: str) -> Condition | None:
        """The condition of that type."""
        return find(self.conditions, kind)


class Pods(Value):
    """Pods of a scope, each with its owner."""

    pods: tuple[Pod, ...]

    def of(self, workload: EntityId) -> tuple[Pod, ...]:
        """The pods of one workload."""
        return tuple(pod for pod in self.pods if pod.workload == workload)


def read_pod(
    document: Document, *, cluster: str, owner: EntityId | None = None, replicaset: EntityId | None = None
) -> Pod:
    """Read a Pod; who owns it in the end is found by the probe."""
    status = document.at("status")
    return Pod(
        meta=read_meta(document, cluster=cluster, kind=EntityKind.POD),
        owner=owner,
        replicaset=replicaset,
        phase=status.text("phase") or "Unknown",
        reason=status.word("reason"),
        message=message(status.word("message")),
        node=document.text("spec", "nodeName") or None,
        nominated_node=status.text("nominatedNodeName") or None,
        ip=status.word("podIP"),
        qos=status.word("qosClass"),
        started=status.moment("startTime"),
        conditions=read_conditions(status),
        containers=tuple(_status(item) for item in status.items("containerStatuses")),
        init_containers=tuple(_status(item, init=True) for item in status.items("initContainerStatuses")),
        spec=read_template(document, brief=True),
    )


def _status(item: Document, *, init: bool = False) -> ContainerStatus:
    return ContainerStatus(
        name=item.word("name"),
        init=init,
        image=item.word("image"),
        image_id=item.word("imageID"),
        ready=item.flag("ready"),
        started=item.flag("started"),
        restarts=item.count("restartCount"),
        state=_state(item.at("state")),
        last=_state(item.at("lastState")),
    )


def _state(state: Document) -> ContainerState | None:
    for kind in StateKind:
        if state.has(kind.value):
            detail = state.at(kind.value)
            return ContainerState(
                kind=kind,
                reason=detail.word("reason"),
                message=message(detail.word("message")),
                exit_code=detail.whole("exitCode"),
                signal=detail.whole("signal"),
                started=detail.moment("startedAt"),
                finished=detail.moment("finishedAt"),
            )
    return None
