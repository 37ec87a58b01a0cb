"""The kubelet of a node stops. Its containers run on, but nobody probes, starts, ends or reports them."""

from typing import TYPE_CHECKING, Literal

from worlds.faults.node_down import NodeFault

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation


class KubeletStopped(NodeFault):
    """The node becomes Unknown after 40 s, its pods lose their traffic, and after 300 s they are to be removed."""

    kind: Literal["kubelet_stopped"] = "kubelet_stopped"

    def plan(self, world: "Simulation") -> None:
        """Stop it."""
        world.plan(self.at, lambda: world.kubelet_stops(world.hit(self.workload)))
