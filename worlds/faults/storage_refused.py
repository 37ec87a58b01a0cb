"""The storage behind a class gives out no more volumes: its quota or its capacity is used up."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from worlds.faults.fault import Fault

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation

_USED_UP = (
    "rpc error: code = ResourceExhausted desc = CreateVolume failed: insufficient capacity: "
    "the storage pool has no room for a volume of this size"
)


class StorageRefused(Fault):
    """The provisioner of a storage class answers every request with an error; volumes that exist are not touched."""

    kind: Literal["storage_refused"] = "storage_refused"
    storage_class: str
    message: str = Field(default=_USED_UP, description="What the provisioner answers.")

    def plan(self, world: "Simulation") -> None:
        """Refuse from `at` until `until`."""
        world.plan(self.at, lambda: world.binder.refusals.update({self.storage_class: self.message}))
        if self.until is not None:
            world.plan(self.until, lambda: world.binder.refusals.pop(self.storage_class, None))

    def is_active(self, world: "Simulation") -> bool:
        """As long as it refuses."""
        return self.storage_class in world.binder.refusals
