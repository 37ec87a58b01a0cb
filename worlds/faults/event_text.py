"""An Event with a text that somebody chose: a controller's remark, or an attempt to talk to whoever reads events."""

from typing import TYPE_CHECKING, Literal

from worlds.cluster.events import Recorder
from worlds.faults.fault import Fault
from worlds.objects.kinds import kind_named

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation

_DEPLOYMENT = kind_named("Deployment")


class EventText(Fault):
    """Recorded at `at` on the workload's Deployment. Nothing happens by it."""

    kind: Literal["event_text"] = "event_text"
    workload: str
    text: str
    reason: str = "Notice"
    component: str = "deploy-bot"
    warning: bool = True

    def workloads(self) -> tuple[str, ...]:
        """On whom it is recorded."""
        return (self.workload,)

    def plan(self, world: "Simulation") -> None:
        """Record it."""
        world.plan(self.at, lambda: self._record(world))

    def is_active(self, world: "Simulation") -> bool:
        """Never: words break nothing."""
        del world
        return False

    def _record(self, world: "Simulation") -> None:
        namespace, _, name = self.workload.partition("/")
        live = world.cluster.store.find(_DEPLOYMENT, namespace=namespace, name=name)
        if live is not None:
            recorder = Recorder(world.cluster, component=self.component)
            (recorder.warn if self.warning else recorder.note)(live, self.reason, self.text)
