"""The shape of a detector: pure code that reads facts out of what probes saw.

One file `agents/<specialist>/detectors/<name>.py`.

The module constant is `DETECTOR`. The fact kinds that all detectors declare are the vocabulary of runbooks.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

import agents
from incidents.casefile import CaseFile
from incidents.fact import Fact, FactSpec
from incidents.ids import EntityId, FactKind
from incidents.value import Value
from tools.probe import Observation

ViewT = TypeVar("ViewT", bound=Value)


@dataclass(frozen=True, kw_only=True)
class Sightings:
    """Everything that the specialists saw so far, by type of view."""

    observations: Sequence[Observation[Any]]

    def of(self, view: type[ViewT]) -> tuple[Observation[ViewT], ...]:
        """Observations whose view is of this type."""
        return tuple(seen for seen in self.observations if isinstance(seen.view, view))


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What a detector may know besides the views."""

    case: CaseFile
    now: datetime
    entities: tuple[EntityId, ...]
    """The entities that were asked about."""


@dataclass(frozen=True, kw_only=True)
class Detector:
    """Reads facts out of views. `detect` is pure: the same sightings and scene give the same facts."""

    name: str
    emits: tuple[FactSpec, ...]
    needs: tuple[type[Value], ...]
    """Views without which it cannot see; when one is missing, its facts are unknown rather than absent."""
    detect: Callable[[Sightings, Scene], Iterable[Fact]]


@cache
def detectors(specialist: str) -> tuple[Detector, ...]:
    """The detectors of one specialist, in the order of their file names."""
    package = importlib.import_module(f"agents.{specialist}.detectors")
    modules = [importlib.import_module(f"{package.__name__}.{m.name}") for m in pkgutil.iter_modules(package.__path__)]
    return tuple(module.DETECTOR for module in modules if hasattr(module, "DETECTOR"))


@cache
def vocabulary() -> Mapping[FactKind, FactSpec]:
    """Every fact kind that some detector declares."""
    names = [
        module.name
        for module in pkgutil.iter_modules(agents.__path__)
        if module.ispkg and _has_detectors(f"agents.{module.name}")
    ]
    return {spec.kind: spec for name in names for detector in detectors(name) for spec in detector.emits}


def _has_detectors(package: str) -> bool:
    return any(m.name == "detectors" for m in pkgutil.iter_modules(importlib.import_module(package).__path__))
