"""A workload is scaled by hand, usually too far down."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from worlds.faults.fault import Fault
from worlds.scenario.change import Change

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation


class Scale(Fault):
    """kubectl scale."""

    kind: Literal["scale"] = "scale"
    workload: str
    replicas: int = Field(ge=0)
    manager: str = "kubectl"

    def workloads(self) -> tuple[str, ...]:
        """The scaled workload."""
        return (self.workload,)

    def plan(self, world: "Simulation") -> None:
        """Scale."""
        change = Change(replicas=self.replicas)
        world.plan(self.at, lambda: world.delivery.edit_live(self.workload, change, manager=self.manager))

    def is_active(self, world: "Simulation") -> bool:
        """As long as it has exactly that many replicas."""
        return world.carries_change(self.workload, Change(replicas=self.replicas))
