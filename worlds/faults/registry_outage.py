"""An image registry cannot be reached, or turns everyone away. Nodes that have an image already do not notice."""

from typing import TYPE_CHECKING, Literal

from worlds.faults.fault import Fault

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation


class RegistryOutage(Fault):
    """Every pull from `host` fails between `at` and `until`."""

    kind: Literal["registry_outage"] = "registry_outage"
    host: str
    reason: Literal["no_such_host", "timeout", "rate_limit", "unauthorized"] = "timeout"

    def plan(self, world: "Simulation") -> None:
        """Fail from `at`, work again from `until`."""
        world.plan(self.at, lambda: world.registry.outages.update({self.host: self.reason}))
        if self.until is not None:
            world.plan(self.until, lambda: world.registry.outages.pop(self.host, None))

    def is_active(self, world: "Simulation") -> bool:
        """As long as pulls fail."""
        return self.host in world.registry.outages
