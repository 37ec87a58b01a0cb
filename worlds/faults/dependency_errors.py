"""A service, inside or outside the cluster, fails a share of its requests, or refuses them altogether."""

from typing import Literal

from pydantic import Field

from worlds.faults.dependency_slow import Trouble
from worlds.scenario.effect import Effect, LogLine


class DependencyErrors(Trouble):
    """With `refuse` nobody is served at all, and clients are told so."""

    kind: Literal["dependency_errors"] = "dependency_errors"
    error_rate: float = Field(default=1.0, gt=0, le=1)
    refuse: str = ""
    logs: tuple[LogLine, ...] = ()

    def effect(self) -> Effect:
        """Failing."""
        return Effect(error_rate=0.0 if self.refuse else self.error_rate, refuse=self.refuse, logs=self.logs)
