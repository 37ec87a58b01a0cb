"""A service begins to misbehave although nobody changed it: a lock, a leak, a request that kills it."""

from typing import Literal

from worlds.faults.dependency_slow import Trouble
from worlds.scenario.effect import Effect


class Misbehaviour(Trouble):
    """`does` says how. With `cured_by_restart` new processes are well; otherwise it lasts until `until`."""

    kind: Literal["misbehaviour"] = "misbehaviour"
    does: Effect

    def effect(self) -> Effect:
        """What it does."""
        return self.does
