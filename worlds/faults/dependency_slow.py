"""A service, inside or outside the cluster, answers slowly."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from worlds.estate.effects import ActiveEffect
from worlds.faults.fault import Fault
from worlds.objects.kinds import JsonObject
from worlds.scenario.effect import Effect
from worlds.scenario.values import Duration

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation


class Trouble(Fault):
    """What slow and failing dependencies share: an effect between two times, which a restart may cure."""

    service: str
    cured_by_restart: bool = Field(default=False, description="Processes that start later are well.")

    def workloads(self) -> tuple[str, ...]:
        """The troubled service."""
        return (self.service,)

    def effect(self) -> Effect:
        """Return what is wrong with it."""
        raise NotImplementedError

    def effect_in(self, world: "Simulation") -> Effect:  # noqa: ARG002 - for those that say when something happened
        """Return what is wrong with it, in a world with its times."""
        return self.effect()

    def plan(self, world: "Simulation") -> None:
        """Begin at `at`, end at `until`."""
        since = world.at(self.at)
        active = ActiveEffect(target=self.service, effect=self.effect_in(world), since=since)
        if self.cured_by_restart:
            active.holds = lambda pod, _environment: _started_before(world, pod, since)
        world.plan(self.at, lambda: world.effects.add(active))
        if self.until is not None:
            world.plan(self.until, lambda: world.effects.end(active))

    def is_active(self, world: "Simulation") -> bool:
        """Until its end, or until the last old process is gone when a restart cures it."""
        if self.until is not None and world.cluster.now >= world.at(self.until):
            return False
        return not self.cured_by_restart or any(s < world.at(self.at) for s in world.process_starts(self.service))


class DependencySlow(Trouble):
    """Latency is multiplied and added to."""

    kind: Literal["dependency_slow"] = "dependency_slow"
    factor: float = Field(default=1.0, gt=0)
    latency: Duration = 0.0

    def effect(self) -> Effect:
        """Slow."""
        return Effect(latency_factor=self.factor, latency=self.latency)


def _started_before(world: "Simulation", pod: JsonObject, since: float) -> bool:
    runtime = world.kubelets.pods.get(pod["metadata"]["uid"])
    return runtime is not None and runtime.main.started < since
