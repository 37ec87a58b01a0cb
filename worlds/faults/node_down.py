"""A node falls silent: its kubelet and every process on it are gone."""

from typing import TYPE_CHECKING, Literal

from worlds.cluster.podmaking import POD, is_leaving
from worlds.estate.effects import ActiveEffect
from worlds.faults.fault import Fault
from worlds.objects.kinds import JsonObject
from worlds.scenario.effect import Effect
from worlds.scenario.workload import WorkloadKind

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation


class NodeFault(Fault):
    """What faults on a node share: it is the node on which the first pod of `workload` runs."""

    workload: str

    def workloads(self) -> tuple[str, ...]:
        """The workload whose node it is."""
        return (self.workload,)

    def spoil_pods(self, world: "Simulation", node: str, effect: Effect) -> None:
        """Let an effect hold for every pod on a node from now on; what is outside the cluster runs on none."""

        def here(pod: JsonObject, _environment: dict[str, str]) -> bool:
            return bool(pod["spec"].get("nodeName") == node)

        for workload in world.scenario.estate.workloads:
            if workload.kind is not WorkloadKind.EXTERNAL:
                active = ActiveEffect(target=workload.key, effect=effect, since=world.cluster.now, holds=here)
                world.effects.add(active)

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
