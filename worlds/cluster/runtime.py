"""What a kubelet remembers about the pods on its node: containers with their states, restarts and back-off."""

from dataclasses import dataclass, field
from enum import StrEnum

from worlds.cluster.agenda import Appointment
from worlds.objects.kinds import JsonObject

# kubelet: initial 10 s, doubled up to 5 minutes, forgotten after 10 minutes of running (pkg/kubelet/kubelet.go).
FIRST_BACK_OFF = 10.0
LONGEST_BACK_OFF = 300.0
FORGET_BACK_OFF = 600.0


class Stage(StrEnum):
    """Where a container stands."""

    CREATING = "creating"
    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(kw_only=True)
class ContainerRuntime:
    """One container of a pod. `words` are lines of an init container: instance, unix seconds, text."""

    name: str
    stage: Stage = Stage.CREATING
    reason: str = "ContainerCreating"
    message: str = ""
    ready: bool = False
    restarts: int = 0
    back_off: float = 0.0
    started: float = 0.0
    last: JsonObject | None = None
    ended: JsonObject | None = None
    instance: int = 0
    words: list[tuple[int, float, str]] = field(default_factory=list)
    pull_back_off: float = FIRST_BACK_OFF
    plans: list[Appointment] = field(default_factory=list)

    def drop_plans(self) -> None:
        """Forget what was planned for the process that just ended."""
        for plan in self.plans:
            plan.cancel()
        self.plans.clear()

    def next_back_off(self, *, now: float) -> float:
        """Return how long to wait before the next start: the first restart is immediate."""
        if self.started and now - self.started > FORGET_BACK_OFF:
            self.back_off = 0.0
        wait = self.back_off
        self.back_off = min(max(self.back_off * 2, FIRST_BACK_OFF), LONGEST_BACK_OFF)
        return wait


@dataclass(kw_only=True)
class PodRuntime:
    """One pod on a node. `config` holds the config values its first container's process was started with.

    `inits` are its init containers, which run one after the other before the others start.
    """

    uid: str
    namespace: str
    name: str
    node: str
    containers: list[ContainerRuntime]
    started: float
    inits: list[ContainerRuntime] = field(default_factory=list)
    config: dict[str, str] = field(default_factory=dict)
    ip: str = ""
    leaving: bool = False
    gone: bool = False

    @property
    def main(self) -> ContainerRuntime:
        """The container that the scenario's behaviour describes."""
        return self.containers[0]

    @property
    def every(self) -> list[ContainerRuntime]:
        """All containers, init containers first."""
        return [*self.inits, *self.containers]

    @property
    def next_init(self) -> ContainerRuntime | None:
        """The init container that has not completed yet; None when the others may start."""
        return next((c for c in self.inits if c.ended is None or c.ended["exitCode"] != 0), None)

    @property
    def serving(self) -> bool:
        """Whether its process runs and its probes pass."""
        return not self.gone and self.main.stage is Stage.RUNNING and all(c.ready for c in self.containers)
