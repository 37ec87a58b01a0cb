"""Somebody deletes an object that others need: a config map, a secret, a service account, a service, a volume."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from worlds.faults.fault import Fault
from worlds.objects.kinds import kind_named

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation


class ObjectRemoved(Fault):
    """`kubectl delete`. The fault holds until an object of that name is there again."""

    kind: Literal["object_removed"] = "object_removed"
    resource: str = Field(description="The kind: ConfigMap, Secret, ServiceAccount, Service ...")
    namespace: str = ""
    name: str

    @field_validator("resource")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            kind_named(value)
        except KeyError as error:
            raise ValueError(f"{value!r} is no kind of object: write it as in a manifest, e.g. ConfigMap") from error
        return value

    def plan(self, world: "Simulation") -> None:
        """Delete it."""
        world.plan(self.at, lambda: self._delete(world))

    def is_active(self, world: "Simulation") -> bool:
        """As long as it is missing."""
        return world.cluster.store.find(kind_named(self.resource), namespace=self.namespace, name=self.name) is None

    def _delete(self, world: "Simulation") -> None:
        store, kind = world.cluster.store, kind_named(self.resource)
        if store.find(kind, namespace=self.namespace, name=self.name) is None:
            where = f"{self.namespace}/{self.name}".lstrip("/")
            raise ValueError(f"object_removed: there is no {self.resource} {where} that could be removed")
        store.delete(kind, namespace=self.namespace, name=self.name)
