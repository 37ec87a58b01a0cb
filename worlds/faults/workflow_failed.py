"""The pipeline fails: a commit was pushed, its build or its deployment broke, and nothing new runs."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from worlds.faults.fault import Fault
from worlds.scenario.change import Change

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation


class WorkflowFailed(Fault):
    """`runs` attempts fail, the first at `at`, then every ten minutes. People repair it with a new commit."""

    kind: Literal["workflow_failed"] = "workflow_failed"
    workload: str
    change: Change = Change()
    workflow: str = "build"
    deployment: bool = Field(default=True, description="The deployment was recorded as failed too.")
    runs: int = Field(default=2, ge=1)
    message: str = ""
    author: str = ""

    def workloads(self) -> tuple[str, ...]:
        """Whose pipeline it is."""
        return (self.workload,)

    def plan(self, world: "Simulation") -> None:
        """Commit and fail."""
        for number in range(self.runs):
            world.plan(self.at + 600.0 * number, lambda: self._fail(world))

    def is_active(self, world: "Simulation") -> bool:
        """Until a later run of the workflow succeeded."""
        name = world.delivery.managed[self.workload].repository.name
        runs = [run for run in world.forge.runs if run.repository == name and run.workflow == self.workflow]
        return bool(runs) and runs[-1].conclusion == "failure"

    def _fail(self, world: "Simulation") -> None:
        managed, now = world.delivery.managed[self.workload], world.cluster.now
        who, before = world.delivery.person(self.author, for_what=self.workload), managed.manifests
        commit = world.delivery.commit_only(managed, self.change, who=who, message=self.message, at=now - 200)
        managed.manifests = before
        run = world.forge.run(managed.repository, commit, workflow=self.workflow, created=now - 190, updated=now)
        run.conclusion = "failure"
        if self.deployment:
            text = f"Deploy {managed.workload.name}"
            deployment = world.forge.deploy(
                managed.repository,
                commit,
                environment=world.scenario.estate.environment,
                at=now - 150,
                description=text,
            )
            world.forge.status(deployment, "failure", at=now, description=f"{self.workflow} failed")
