"""A namespace's quota is set or lowered, so that new pods are refused."""

from typing import TYPE_CHECKING, Literal

from worlds.faults.fault import Fault
from worlds.objects.kinds import kind_named
from worlds.scenario.values import Quantity

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation

_QUOTA = kind_named("ResourceQuota")


class Quota(Fault):
    """`hard` replaces the limits of the namespace's quota of the same keys."""

    kind: Literal["quota"] = "quota"
    namespace: str
    hard: dict[str, Quantity]
    manager: str = "kubectl-edit"

    def plan(self, world: "Simulation") -> None:
        """Write the quota."""
        world.plan(self.at, lambda: self._write(world))

    def is_active(self, world: "Simulation") -> bool:
        """As long as the quota has these limits."""
        live = world.cluster.store.find(_QUOTA, namespace=self.namespace, name=f"{self.namespace}-quota")
        return live is not None and all(live["spec"]["hard"].get(key) == value for key, value in self.hard.items())

    def _write(self, world: "Simulation") -> None:
        store, name = world.cluster.store, f"{self.namespace}-quota"
        live = store.find(_QUOTA, namespace=self.namespace, name=name)
        if live is None:
            body = {
                "metadata": {"name": name, "namespace": self.namespace},
                "spec": {"hard": dict(self.hard)},
                "status": {},
            }
            store.create(_QUOTA, body, manager=self.manager)
        else:
            hard = {**live["spec"]["hard"], **self.hard}
            store.replace(
                _QUOTA, {**live, "metadata": dict(live["metadata"]), "spec": {"hard": hard}}, manager=self.manager
            )
