"""Requests from outside that come in bursts: a partner's batch every few minutes, a page that reloads itself."""

from functools import partial
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from worlds.faults.fault import Fault
from worlds.scenario.values import Duration

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation

_AHEAD = 7200.0
"""Seconds after now for which bursts are planned, when no end is given: longer than any episode lasts."""


class TrafficPulses(Fault):
    """Every `every` the outside traffic of a workload is `factor` times the usual for `lasting`."""

    kind: Literal["traffic_pulses"] = "traffic_pulses"
    workload: str
    factor: float = Field(gt=1)
    every: Duration = 300.0
    lasting: Duration = 120.0

    def workloads(self) -> tuple[str, ...]:
        """Where the traffic arrives."""
        return (self.workload,)

    def plan(self, world: "Simulation") -> None:
        """Plan every burst and the calm after it."""
        end, begin = self.until if self.until is not None else _AHEAD, self.at
        while begin < end:
            world.plan(begin, partial(world.flow.surges.__setitem__, self.workload, self.factor))
            world.plan(begin + self.lasting, partial(world.flow.surges.pop, self.workload, None))
            begin += self.every

    def is_active(self, world: "Simulation") -> bool:  # noqa: ARG002 - bursts come whatever is done here
        """Until it ends: nothing in the estate can end it."""
        return True
