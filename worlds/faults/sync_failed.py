"""A commit reaches the default branch, and Argo CD cannot bring it into the cluster."""

from typing import TYPE_CHECKING, Literal

from worlds.faults.fault import Fault
from worlds.scenario.change import Change

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation


class SyncFailed(Fault):
    """The sync fails with `message`; what runs stays as it is. A later commit that Argo CD can sync repairs it."""

    kind: Literal["sync_failed"] = "sync_failed"
    workload: str
    change: Change
    message: str
    commit: str = ""
    author: str = ""

    def workloads(self) -> tuple[str, ...]:
        """Whose application it is."""
        return (self.workload,)

    def plan(self, world: "Simulation") -> None:
        """Commit and fail."""
        world.plan(self.at, lambda: self._fail(world))

    def is_active(self, world: "Simulation") -> bool:
        """Until a sync succeeded."""
        application = world.delivery.managed[self.workload].application
        return application is not None and application.operation.get("phase") == "Failed"

    def _fail(self, world: "Simulation") -> None:
        managed = world.delivery.managed[self.workload]
        if managed.application is None:
            raise ValueError(f"{self.workload} is not under GitOps: name a workload that Argo CD manages")
        who, now = world.delivery.person(self.author, for_what=f"{self.workload}/{self.at}"), world.cluster.now
        before = managed.manifests
        commit = world.delivery.commit_only(managed, self.change, who=who, message=self.commit, at=now - 60)
        managed.manifests = before
        managed.application.operation = {
            "operation": {"sync": {"revision": commit.sha}, "initiatedBy": {"automated": True}},
            "phase": "Failed",
            "message": self.message,
            "startedAt": now - 4.0,
            "finishedAt": now,
        }
