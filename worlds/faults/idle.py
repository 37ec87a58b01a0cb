"""Nobody calls a workload any more, and it runs on."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from worlds.faults.fault import Fault
from worlds.objects.kinds import kind_named

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation

_DEPLOYMENT = kind_named("Deployment")


class Idle(Fault):
    """Its traffic from outside ends at `at`. Scaling it down to `enough` pods heals it."""

    kind: Literal["idle"] = "idle"
    workload: str
    enough: int = Field(default=1, ge=0)

    def workloads(self) -> tuple[str, ...]:
        """Who is idle."""
        return (self.workload,)

    def plan(self, world: "Simulation") -> None:
        """End the traffic."""
        world.plan(self.at, lambda: world.flow.surges.__setitem__(self.workload, 0.0))

    def is_active(self, world: "Simulation") -> bool:
        """As long as it has more pods than are enough for nothing."""
        namespace, _, name = self.workload.partition("/")
        live = world.cluster.store.find(_DEPLOYMENT, namespace=namespace, name=name)
        return live is not None and int(live["spec"]["replicas"]) > self.enough
