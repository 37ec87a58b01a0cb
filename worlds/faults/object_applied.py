"""Somebody applies an object by hand that is in nobody's repository: a policy, a limit, a claim, a webhook."""

from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from worlds.faults.fault import Fault
from worlds.objects.kinds import JsonObject, kind_named
from worlds.objects.patches import STRATEGIC, apply_patch

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation


class ObjectApplied(Fault):
    """`kubectl apply`. What exists is changed as a patch would; the fault holds as long as the object says so."""

    kind: Literal["object_applied"] = "object_applied"
    manifest: dict[str, Any] = Field(description="A manifest with kind, metadata.name and, if it has one, namespace.")
    manager: str = "kubectl-client-side-apply"

    @model_validator(mode="after")
    def _check_manifest(self) -> Self:
        try:
            kind_named(str(self.manifest["kind"]))
            str(self.manifest["metadata"]["name"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"manifest: it needs a known kind and a metadata.name, but there is {error}") from error
        return self

    def plan(self, world: "Simulation") -> None:
        """Apply it at `at`; delete it at `until`."""
        world.plan(self.at, lambda: self._apply(world))
        if self.until is not None:
            world.plan(self.until, lambda: self._delete(world))

    def is_active(self, world: "Simulation") -> bool:
        """As long as applying it again would change nothing."""
        live = self._live(world)
        return live is not None and apply_patch(live, self._wanted, content_type=STRATEGIC) == live

    @property
    def _wanted(self) -> JsonObject:
        return {key: value for key, value in self.manifest.items() if key not in {"apiVersion", "kind"}}

    def _live(self, world: "Simulation") -> JsonObject | None:
        meta = self.manifest["metadata"]
        kind = kind_named(self.manifest["kind"])
        return world.cluster.store.find(kind, namespace=meta.get("namespace", ""), name=meta["name"])

    def _apply(self, world: "Simulation") -> None:
        kind, live = kind_named(self.manifest["kind"]), self._live(world)
        if live is None:
            body = dict(self._wanted) | ({"status": {}} if "status" in kind.subresources else {})
            world.cluster.store.create(kind, body, manager=self.manager)
        else:
            new = apply_patch(live, self._wanted, content_type=STRATEGIC)
            world.cluster.store.replace(kind, new, manager=self.manager)

    def _delete(self, world: "Simulation") -> None:
        if self._live(world) is not None:
            meta = self.manifest["metadata"]
            kind = kind_named(self.manifest["kind"])
            world.cluster.store.delete(kind, namespace=meta.get("namespace", ""), name=meta["name"])
