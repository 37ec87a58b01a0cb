"""An autoscaler has reached its maximum, and that is no longer enough: nothing happened, the load has just grown."""

from typing import TYPE_CHECKING, Literal

from worlds.faults.fault import Fault
from worlds.objects.kinds import kind_named

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation

_HPA = kind_named("HorizontalPodAutoscaler")


class AutoscalerAtLimit(Fault):
    """It changes nothing: the estate says how much arrives. `at` is when it began to be too much."""

    kind: Literal["autoscaler_at_limit"] = "autoscaler_at_limit"
    workload: str

    def workloads(self) -> tuple[str, ...]:
        """Whose autoscaler it is."""
        return (self.workload,)

    def plan(self, world: "Simulation") -> None:
        """Nothing has to happen."""

    def is_active(self, world: "Simulation") -> bool:
        """As long as its maximum is what the estate says."""
        workload = world.scenario.estate.workload(self.workload)
        live = world.cluster.store.find(_HPA, namespace=workload.namespace, name=workload.name)
        most = workload.autoscale.max if workload.autoscale is not None else 0
        return live is not None and int(live["spec"]["maxReplicas"]) <= most
