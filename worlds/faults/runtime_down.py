"""The container runtime of a node dies. The kubelet says so; what runs goes on, nothing new starts."""

from typing import TYPE_CHECKING, Literal

from worlds.faults.node_down import NodeFault

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation


class RuntimeDown(NodeFault):
    """The node becomes NotReady after 40 s with the kubelet's reason, and its pods are removed 300 s later."""

    kind: Literal["runtime_down"] = "runtime_down"

    def plan(self, world: "Simulation") -> None:
        """Stop it."""
        world.plan(self.at, lambda: world.runtime_fails(world.hit(self.workload)))
