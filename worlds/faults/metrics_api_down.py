"""The resource metrics API answers nothing: autoscalers stay where they are."""

from typing import TYPE_CHECKING, Literal

from worlds.faults.fault import Fault

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation


class MetricsApiDown(Fault):
    """No HorizontalPodAutoscaler can read its metric from `at` to `until`."""

    kind: Literal["metrics_api_down"] = "metrics_api_down"

    def plan(self, world: "Simulation") -> None:
        """Fall silent, and speak again at `until`."""
        world.plan(self.at, lambda: setattr(world, "metrics_api_down", True))
        if self.until is not None:
            world.plan(self.until, lambda: setattr(world, "metrics_api_down", False))

    def is_active(self, world: "Simulation") -> bool:
        """As long as it is silent."""
        return world.metrics_api_down
