"""Something outside Kubernetes takes a node's memory: pods are evicted and none are scheduled there."""

from typing import TYPE_CHECKING, Literal

from worlds.cluster.nodes import NODE
from worlds.faults.fault import Fault
from worlds.objects.quantity import parse_quantity
from worlds.scenario.values import Quantity

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation


class NodePressure(Fault):
    """`memory` is taken on the node on which the first pod of `workload` runs."""

    kind: Literal["node_pressure"] = "node_pressure"
    workload: str
    memory: Quantity

    def workloads(self) -> tuple[str, ...]:
        """The workload whose node it is."""
        return (self.workload,)

    def plan(self, world: "Simulation") -> None:
        """Take the memory, and give it back at `until`."""
        world.plan(self.at, lambda: world.load_node(world.hit(self.workload), parse_quantity(self.memory)))
        if self.until is not None:
            world.plan(self.until, world.unload_nodes)

    def is_active(self, world: "Simulation") -> bool:
        """As long as the memory is taken and the node is still in use."""
        loaded = [node for node, memory in world.ballast.items() if memory]
        nodes = [world.cluster.store.find(NODE, name=name) for name in loaded]
        return any(node is not None and not node["spec"].get("unschedulable") for node in nodes)
