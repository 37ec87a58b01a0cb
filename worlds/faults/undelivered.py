"""Automated sync is off, and what was merged since never reached the cluster."""

from typing import TYPE_CHECKING, Literal

from worlds.faults.fault import Fault
from worlds.scenario.change import Change
from worlds.scenario.values import Duration

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation


class Undelivered(Fault):
    """Somebody switches automated sync off at `switched_off`, and at `at` a commit is merged that stays where it is."""

    kind: Literal["undelivered"] = "undelivered"
    workload: str
    change: Change
    switched_off: Duration = -5400.0
    message: str = ""
    author: str = ""

    def workloads(self) -> tuple[str, ...]:
        """Whose application it is."""
        return (self.workload,)

    def plan(self, world: "Simulation") -> None:
        """Switch off, then commit."""
        world.plan(min(self.switched_off, self.at), lambda: self._switch_off(world))
        world.plan(self.at, lambda: self._commit(world))

    def is_active(self, world: "Simulation") -> bool:
        """Until the application was synced to what Git says."""
        application = world.delivery.managed[self.workload].application
        return application is not None and application.revision != application.repository.head.sha

    def _switch_off(self, world: "Simulation") -> None:
        application = world.delivery.managed[self.workload].application
        if application is None:
            raise ValueError(f"{self.workload} is not under GitOps: name a workload that Argo CD manages")
        application.automated = False

    def _commit(self, world: "Simulation") -> None:
        managed = world.delivery.managed[self.workload]
        who, before = world.delivery.person(self.author, for_what=self.workload), managed.manifests
        world.delivery.commit_only(managed, self.change, who=who, message=self.message, at=world.cluster.now)
        managed.manifests = before
