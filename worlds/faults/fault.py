"""What every fault has in common, and how the kinds are found: by walking this folder."""

import importlib
import pkgutil
from abc import abstractmethod
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import Field

from worlds.scenario.values import Duration, Value

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation


class Fault(Value):
    """Something that happens at `at` (relative to the scenario's now), and ends by itself at `until` if given."""

    kind: str
    at: Duration = Field(description="When it starts, relative to now: -12m.")
    until: Duration | None = Field(default=None, description="When it ends by itself.")

    def workloads(self) -> tuple[str, ...]:
        """Return the workloads that it names, so that the scenario can check them."""
        return ()

    @abstractmethod
    def plan(self, world: "Simulation") -> None:
        """Put what will happen on the world's agenda. Called once, before time starts."""

    @abstractmethod
    def is_active(self, world: "Simulation") -> bool:
        """Say whether it still has its hold on the estate; false once it was repaired."""


@cache
def kinds() -> dict[str, type[Fault]]:
    """Return the known kinds by name."""
    package = importlib.import_module("worlds.faults")
    found: dict[str, type[Fault]] = {}
    for module in pkgutil.iter_modules(package.__path__):
        for value in vars(importlib.import_module(f"worlds.faults.{module.name}")).values():
            if (
                isinstance(value, type)
                and issubclass(value, Fault)
                and value.model_fields["kind"].default == module.name
            ):
                found[module.name] = value
    return found


def fault_from(raw: dict[str, Any]) -> Fault:
    """Build a fault of the kind that `raw` names. Raises ValueError for an unknown kind."""
    kind = str(raw.get("kind", ""))
    if kind not in kinds():
        raise ValueError(f"{kind!r} is no kind of fault: use one of {', '.join(sorted(kinds()))}")
    return kinds()[kind].model_validate(raw)
