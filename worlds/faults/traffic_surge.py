"""More requests from outside than usual."""

from functools import partial
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from worlds.faults.fault import Fault
from worlds.scenario.values import Duration

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation

_STEP = 30.0
_FAILING = 0.01


class TrafficSurge(Fault):
    """The outside traffic of a workload grows to `factor` times within `ramp` and stays so until `until`."""

    kind: Literal["traffic_surge"] = "traffic_surge"
    workload: str
    factor: float = Field(gt=0)
    ramp: Duration = 120.0
    watch: str = Field(default="", description="Whose failing requests show that it hurts; the workload if left out.")

    def workloads(self) -> tuple[str, ...]:
        """Where the traffic arrives, and where it hurts."""
        return (self.workload, *((self.watch,) if self.watch else ()))

    def plan(self, world: "Simulation") -> None:
        """Raise the traffic in steps."""
        steps = max(int(self.ramp / _STEP), 1)
        for number in range(1, steps + 1):
            share = 1 + (self.factor - 1) * number / steps
            world.plan(self.at + (number - 1) * _STEP, partial(world.flow.surges.__setitem__, self.workload, share))
        if self.until is not None:
            world.plan(self.until, lambda: world.flow.surges.pop(self.workload, None))

    def is_active(self, world: "Simulation") -> bool:
        """As long as there is more traffic than can be served."""
        return self.workload in world.flow.surges and world.failing(self.watch or self.workload) > _FAILING
