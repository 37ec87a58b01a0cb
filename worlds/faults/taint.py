"""Somebody taints nodes that pods need."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from worlds.cluster.nodes import NODE
from worlds.faults.fault import Fault
from worlds.objects.kinds import JsonObject

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation


class Taint(Fault):
    """`kubectl taint` of every node of a pool."""

    kind: Literal["taint"] = "taint"
    pool: str = Field(description="Name of the pool of nodes, as the estate calls it.")
    taint: dict[str, str] = Field(description="key, value and effect: NoSchedule or PreferNoSchedule.")
    manager: str = "kubectl-taint"

    def plan(self, world: "Simulation") -> None:
        """Add the taint."""
        world.plan(self.at, lambda: self._add(world))

    def is_active(self, world: "Simulation") -> bool:
        """As long as a node of the pool has it."""
        return any(self.taint in node["spec"].get("taints", []) for node in self._nodes(world))

    def _nodes(self, world: "Simulation") -> list[JsonObject]:
        nodes = list(world.cluster.store.every(NODE))
        return [node for node in nodes if node["metadata"]["labels"].get("node-pool") == self.pool]

    def _add(self, world: "Simulation") -> None:
        nodes = self._nodes(world)
        if not nodes:
            raise ValueError(f"taint: there is no pool {self.pool!r}: name one of the estate's nodes")
        for node in nodes:
            spec = {**node["spec"], "taints": [*node["spec"].get("taints", []), dict(self.taint)]}
            world.cluster.store.replace(
                NODE, {**node, "metadata": dict(node["metadata"]), "spec": spec}, manager=self.manager
            )
