"""A claim whose pods are long gone: it is bound, paid for, and mounted by nobody."""

from typing import TYPE_CHECKING, Literal

from worlds.faults.fault import Fault
from worlds.objects.kinds import kind_named
from worlds.scenario.values import Quantity

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation

_CLAIM = kind_named("PersistentVolumeClaim")


class OrphanedVolume(Fault):
    """`at` is when the claim was made, usually days ago."""

    kind: Literal["orphaned_volume"] = "orphaned_volume"
    namespace: str
    claim: str
    size: Quantity = "500Gi"
    storage_class: str = "premium-rwo"

    def plan(self, world: "Simulation") -> None:
        """Make the claim."""
        spec: dict[str, object] = {"accessModes": ["ReadWriteOnce"], "storageClassName": self.storage_class}
        spec["resources"] = {"requests": {"storage": self.size}}
        meta = {"name": self.claim, "namespace": self.namespace}
        body = {"metadata": meta, "spec": spec, "status": {"phase": "Pending"}}
        world.plan(self.at, lambda: world.cluster.store.create(_CLAIM, body, manager="kubectl-create"))

    def is_active(self, world: "Simulation") -> bool:
        """As long as it is there."""
        return world.cluster.store.find(_CLAIM, namespace=self.namespace, name=self.claim) is not None
