"""A flag service switches a flag: a workload that asks for it behaves otherwise, and nothing was deployed."""

from typing import Literal

from pydantic import Field

from worlds.faults.dependency_slow import Trouble
from worlds.scenario.effect import Effect


class FlagSwitched(Trouble):
    """`service` asks for the flag. Without `does` nothing comes of it: a decoy."""

    kind: Literal["flag_switched"] = "flag_switched"
    flag: str
    enabled: bool = Field(default=True, description="What it was switched to.")
    environment: str = "production"
    author: str = ""
    also_asked_by: tuple[str, ...] = Field(default=(), description="Further workloads that ask for it.")
    does: Effect = Effect()

    def workloads(self) -> tuple[str, ...]:
        """All that ask for it."""
        return (self.service, *self.also_asked_by)

    def effect(self) -> Effect:
        """What the code behind it does."""
        return self.does
