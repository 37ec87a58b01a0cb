"""The network of one node is bad: packets are damaged or late for every pod on it, whatever the workload."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from worlds.faults.node_down import NodeFault
from worlds.scenario.effect import Effect, LogLine
from worlds.scenario.values import Duration

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation

_TIMEOUTS = LogLine(text="read tcp: i/o timeout, retrying ({n})", level="warn", per_minute=8)


class NodeNetwork(NodeFault):
    """`loss` is the share of requests that fail, `delay` is added to each, the card counts `errors_per_second`."""

    kind: Literal["node_network"] = "node_network"
    loss: float = Field(default=0.15, ge=0, le=1)
    delay: Duration = 0.4
    errors_per_second: float = 60.0

    def plan(self, world: "Simulation") -> None:
        """Spoil every workload's pods on the node."""
        world.plan(self.at, lambda: self._spoil(world))

    def _spoil(self, world: "Simulation") -> None:
        node = world.hit(self.workload)
        world.nodes_in_trouble.wires[node] = (world.cluster.now, self.errors_per_second)
        self.spoil_pods(world, node, Effect(error_rate=self.loss, latency=self.delay, logs=(_TIMEOUTS,)))
