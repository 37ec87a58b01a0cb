"""A deploy names an image that cannot be pulled."""

from typing import TYPE_CHECKING, Literal

from worlds.estate.manifests import image_of
from worlds.faults.deploy import Deploy

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation


class ImageMissing(Deploy):
    """A deploy like any other, but for the registry's answer."""

    kind: Literal["image_missing"] = "image_missing"  # type: ignore[assignment]  # narrower on purpose
    reason: Literal["not_found", "unauthorized", "no_such_host", "timeout", "rate_limit"] = "not_found"

    def plan(self, world: "Simulation") -> None:
        """Let the registry refuse the image, then deploy it."""
        workload = world.scenario.estate.workload(self.workload)
        image = (
            self.change.image or f"{image_of(workload, estate=world.scenario.estate)}:{self.change.tag or workload.tag}"
        )
        world.registry.missing[image] = self.reason
        super().plan(world)
