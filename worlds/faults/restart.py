"""Somebody restarts a workload by hand. Innocent by itself: it shows what new pods are missing."""

import copy
from typing import TYPE_CHECKING, Literal

from worlds.faults.fault import Fault
from worlds.objects.kinds import kind_named

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation


class Restart(Fault):
    """`kubectl rollout restart`. Never active: whatever is wrong afterwards was wrong before."""

    kind: Literal["restart"] = "restart"
    workload: str
    manager: str = "kubectl-rollout"

    def workloads(self) -> tuple[str, ...]:
        """The restarted workload."""
        return (self.workload,)

    def plan(self, world: "Simulation") -> None:
        """Write the annotation that kubectl writes."""
        world.plan(self.at, lambda: self._restart(world))

    def is_active(self, world: "Simulation") -> bool:  # noqa: ARG002 - the interface of faults
        """Never."""
        return False

    def _restart(self, world: "Simulation") -> None:
        kind = kind_named(world.scenario.estate.workload(self.workload).kind.value)
        namespace, _, name = self.workload.partition("/")
        live = copy.deepcopy(world.cluster.store.get(kind, namespace=namespace, name=name))
        annotations = live["spec"]["template"]["metadata"].setdefault("annotations", {})
        annotations["kubectl.kubernetes.io/restartedAt"] = world.cluster.timestamp()
        world.cluster.store.replace(kind, live, manager=self.manager)
