"""A node falls silent: its kubelet and every process on it are gone."""

from typing import TYPE_CHECKING, Literal

from worlds.cluster.podmaking import POD, is_leaving
from worlds.faults.fault import Fault

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation


class NodeFault(Fault):
    """What faults on a node share: it is the node on which the first pod of `workload` runs."""

    workload: str

    def workloads(self) -> tuple[str, ...]:
        """The workload whose node it is."""
        return (self.workload,)

    def is_active(self, world: "Simulation") -> bool:
        """As long as pods that should run elsewhere are bound to it."""
        node = world.hit(self.workload)
        return any(
            pod["spec"].get("nodeName") == node and not is_leaving(pod)
            for pod in world.cluster.store.every(POD)
            if not any(owner["kind"] == "DaemonSet" for owner in pod["metadata"].get("ownerReferences", []))
        )


class NodeDown(NodeFault):
    """The node on which the first pod of `workload` runs."""

    kind: Literal["node_down"] = "node_down"

    def plan(self, world: "Simulation") -> None:
        """Stop the node, and start it again at `until`."""
        world.plan(self.at, lambda: world.node_fails(world.hit(self.workload)))
        if self.until is not None:
            world.plan(self.until, world.nodes_return)

    def is_active(self, world: "Simulation") -> bool:
        """As long as it is down and pods that should run elsewhere are bound to it."""
        return world.hit(self.workload) in world.outages and super().is_active(world)
