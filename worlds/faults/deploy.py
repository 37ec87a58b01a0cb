"""A deploy through Git and the pipeline. As a fault it brings something bad along; as a decoy it is innocent."""

from datetime import datetime
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from worlds.estate.edits import carries
from worlds.estate.effects import ActiveEffect
from worlds.faults.fault import Fault
from worlds.objects.kinds import JsonObject
from worlds.scenario.change import Change
from worlds.scenario.effect import Effect

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation


class Deploy(Fault):
    """`at` is when the rollout starts. The effects hold for pods that carry the change, so a rollback ends them."""

    kind: Literal["deploy"] = "deploy"
    workload: str
    change: Change
    message: str = ""
    author: str = ""
    code: dict[str, str] = Field(default_factory=dict, description="Source files with their new content.")
    code_before: dict[str, str] = Field(default_factory=dict, description="The same files as they were all the time.")
    effect: Effect | None = None
    left_behind: Effect | None = Field(
        default=None, description="What pods of an earlier version do that start after it: it changed data or a schema."
    )

    def workloads(self) -> tuple[str, ...]:
        """The deployed workload."""
        return (self.workload,)

    def plan(self, world: "Simulation") -> None:
        """Commit, build, record and roll out."""
        at = world.at(self.at)
        world.delivery.managed[self.workload].extra_files |= self.code_before
        world.delivery.release(
            self.workload, self.change, at=at, message=self.message, author=self.author, code=self.code
        )
        if self.effect is not None:
            effect = ActiveEffect(
                target=self.workload,
                effect=self.effect,
                since=at,
                holds=lambda pod, environment: carries(pod["spec"], change=self.change, config=environment),
            )
            world.cluster.agenda.put(at - 1, lambda: world.effects.add(effect))
        if self.left_behind is not None:
            behind = ActiveEffect(
                target=self.workload,
                effect=self.left_behind,
                since=at,
                holds=lambda pod, environment: (
                    _made_after(pod, at) and not carries(pod["spec"], change=self.change, config=environment)
                ),
            )
            world.cluster.agenda.put(at, lambda: world.effects.add(behind))

    def is_active(self, world: "Simulation") -> bool:
        """As long as the workload's present template or its config has the changed values."""
        return world.carries_change(self.workload, self.change)


def _made_after(pod: JsonObject, at: float) -> bool:
    return datetime.fromisoformat(pod["metadata"]["creationTimestamp"]).timestamp() > at
