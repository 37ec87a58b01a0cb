"""The resource metrics API answers nothing: autoscalers stay where they are."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from worlds.faults.fault import Fault

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation

_FAILING = 0.01


class MetricsApiDown(Fault):
    """No HorizontalPodAutoscaler can read its metric from `at` to `until`."""

    kind: Literal["metrics_api_down"] = "metrics_api_down"
    watch: str = Field(default="", description="Whose failing requests show that it hurts; it always does if left out.")

    def workloads(self) -> tuple[str, ...]:
        """Whom it hurts."""
        return (self.watch,) if self.watch else ()

    def plan(self, world: "Simulation") -> None:
        """Fall silent, and speak again at `until`."""
        world.plan(self.at, lambda: setattr(world, "metrics_api_down", True))
        if self.until is not None:
            world.plan(self.until, lambda: setattr(world, "metrics_api_down", False))

    def is_active(self, world: "Simulation") -> bool:
        """As long as it is silent, and somebody suffers."""
        return world.metrics_api_down and (not self.watch or world.failing(self.watch) > _FAILING)
