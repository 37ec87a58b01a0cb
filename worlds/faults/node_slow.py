"""One node is slow, and says nothing of it: stolen CPU, a hot processor, a dying disk. Its conditions stay well."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from worlds.faults.node_down import NodeFault
from worlds.scenario.effect import Effect

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation


class NodeSlow(NodeFault):
    """Every process on it takes `factor` times as long."""

    kind: Literal["node_slow"] = "node_slow"
    factor: float = Field(default=6.0, gt=1)

    def plan(self, world: "Simulation") -> None:
        """Slow every workload's pods on the node down."""
        world.plan(self.at, lambda: self._slow(world))

    def _slow(self, world: "Simulation") -> None:
        self.spoil_pods(world, world.hit(self.workload), Effect(latency_factor=self.factor))
