"""A process that has leaked memory for long, without any recent change."""

from typing import TYPE_CHECKING, Literal

from worlds.estate.effects import ActiveEffect
from worlds.faults.fault import Fault
from worlds.scenario.effect import Effect
from worlds.scenario.values import Quantity

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation


class Leak(Fault):
    """Memory grows from `at` on, anew in every process. Restarting helps for a while; only new code cures it."""

    kind: Literal["leak"] = "leak"
    workload: str
    per_hour: Quantity

    def workloads(self) -> tuple[str, ...]:
        """The leaking workload."""
        return (self.workload,)

    def plan(self, world: "Simulation") -> None:
        """Begin to leak."""
        effect = ActiveEffect(target=self.workload, effect=Effect(leak_per_hour=self.per_hour), since=world.at(self.at))
        world.plan(self.at, lambda: world.effects.add(effect))

    def is_active(self, world: "Simulation") -> bool:
        """Until every process was started anew after the scenario's now."""
        return any(started < world.now_at_start for started in world.process_starts(self.workload))
