"""A part of the control plane stops: kube-scheduler or kube-controller-manager."""

from typing import TYPE_CHECKING, Literal

from worlds.faults.fault import Fault

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation


class LeaderDown(Fault):
    """Its lease is renewed no more. Without a scheduler pods stay Pending, and no event says why."""

    kind: Literal["leader_down"] = "leader_down"
    component: Literal["kube-scheduler"] = "kube-scheduler"

    def plan(self, world: "Simulation") -> None:
        """Stop it."""
        world.plan(self.at, lambda: world.leader_stops(self.component))

    def is_active(self, world: "Simulation") -> bool:
        """As long as it does not run."""
        return self.component in world.leaders_down
