"""One pod of a workload goes bad while its siblings are well: a stuck collector, a cold cache, a bad core under it."""

from typing import TYPE_CHECKING, Literal

from worlds.cluster.podmaking import POD, is_leaving
from worlds.estate.effects import ActiveEffect
from worlds.faults.fault import Fault
from worlds.objects.kinds import JsonObject
from worlds.scenario.effect import Effect

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation


class PodSlow(Fault):
    """`does` holds for the first pod of `workload` that runs at `at`, until that pod is gone."""

    kind: Literal["pod_slow"] = "pod_slow"
    workload: str
    does: Effect = Effect(latency_factor=8.0)

    def workloads(self) -> tuple[str, ...]:
        """Whose pod it is."""
        return (self.workload,)

    def plan(self, world: "Simulation") -> None:
        """Spoil one pod."""
        world.plan(self.at, lambda: self._spoil(world))

    def is_active(self, world: "Simulation") -> bool:
        """As long as the pod is there."""
        return any(not is_leaving(pod) for pod in self._pods(world) if pod["metadata"]["uid"] in self._hit(world))

    def _spoil(self, world: "Simulation") -> None:
        pods = sorted(self._pods(world), key=lambda pod: str(pod["metadata"]["name"]))
        uid = pods[0]["metadata"]["uid"]
        self._hit(world).append(uid)

        def here(pod: JsonObject, _environment: dict[str, str]) -> bool:
            return bool(pod["metadata"]["uid"] == uid)

        effect = ActiveEffect(target=self.workload, effect=self.does, since=world.cluster.now, holds=here)
        world.effects.add(effect)

    def _hit(self, world: "Simulation") -> list[str]:
        """Uids of the pods that were spoilt in this world."""
        return world.spoilt.setdefault(self.workload, [])

    def _pods(self, world: "Simulation") -> list[JsonObject]:
        namespace, _, name = self.workload.partition("/")
        return [
            pod
            for pod in world.cluster.store.every(POD, namespace=namespace)
            if pod["metadata"].get("labels", {}).get("app.kubernetes.io/name") == name
        ]
