"""Somebody changes live objects by hand. Git knows nothing of it, so Argo CD shows OutOfSync."""

from typing import TYPE_CHECKING, Literal

from worlds.estate.edits import carries
from worlds.estate.effects import ActiveEffect
from worlds.faults.fault import Fault
from worlds.scenario.change import Change
from worlds.scenario.effect import Effect

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation


class ManualEdit(Fault):
    """A change with kubectl. The effect holds for pods that carry it."""

    kind: Literal["manual_edit"] = "manual_edit"
    workload: str
    change: Change
    manager: str = "kubectl-edit"
    effect: Effect | None = None

    def workloads(self) -> tuple[str, ...]:
        """The changed workload."""
        return (self.workload,)

    def plan(self, world: "Simulation") -> None:
        """Edit the live objects."""
        if self.effect is not None:
            effect = ActiveEffect(
                target=self.workload,
                effect=self.effect,
                since=world.at(self.at),
                holds=lambda pod, environment: carries(pod["spec"], change=self.change, config=environment),
            )
            world.plan(self.at - 1, lambda: world.effects.add(effect))
        world.plan(self.at, lambda: world.delivery.edit_live(self.workload, self.change, manager=self.manager))

    def is_active(self, world: "Simulation") -> bool:
        """As long as the live objects have the changed values."""
        return world.carries_change(self.workload, self.change)
