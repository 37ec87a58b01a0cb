"""Somebody takes a node out of service for maintenance and does not give it back."""

from typing import TYPE_CHECKING, Literal

from worlds.cluster.nodes import NODE
from worlds.faults.fault import Fault

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation


class Cordon(Fault):
    """`kubectl cordon` of the node on which the first pod of `workload` runs; `kubectl uncordon` at `until`."""

    kind: Literal["cordon"] = "cordon"
    workload: str
    manager: str = "kubectl-cordon"

    def workloads(self) -> tuple[str, ...]:
        """The workload whose node it is."""
        return (self.workload,)

    def plan(self, world: "Simulation") -> None:
        """Cordon, and uncordon when it ends."""
        world.plan(self.at, lambda: self._set(world, world.hit(self.workload), cordoned=True))
        if self.until is not None:
            world.plan(self.until, lambda: self._set(world, world.hit(self.workload), cordoned=False))

    def is_active(self, world: "Simulation") -> bool:
        """As long as the node takes no new pods."""
        return bool(world.cluster.store.get(NODE, name=world.hit(self.workload))["spec"].get("unschedulable"))

    def _set(self, world: "Simulation", node: str, *, cordoned: bool) -> None:
        live = world.cluster.store.get(NODE, name=node)
        spec = {key: value for key, value in live["spec"].items() if key != "unschedulable"}
        spec |= {"unschedulable": True} if cordoned else {}
        world.cluster.store.replace(
            NODE, {**live, "metadata": dict(live["metadata"]), "spec": spec}, manager=self.manager
        )
