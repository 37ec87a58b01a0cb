"""The shape of a probe: a read-only question to one system that returns a typed view and the evidence for it.

A probe is one file `tools/<system>/probes/<name>.py` with a module constant `PROBE`. `probes()` finds them by walking
the folders.
"""

import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

import tools
from incidents.evidence import Evidence, Source
from incidents.ids import EntityId
from incidents.value import Value
from tools.estate import Cluster

ArgsT = TypeVar("ArgsT", bound=Value)
ViewT = TypeVar("ViewT", bound=Value)


@dataclass(frozen=True, kw_only=True)
class Observation(Generic[ViewT]):
    """What a probe saw: the typed view for detectors, and the evidence, whose body is the view as JSON."""

    view: ViewT
    evidence: Evidence
    entities: tuple[EntityId, ...] = ()
    """Entities about which this observation is complete: the absence of something counts for these."""
    verbatim: bool = False
    """Whether the evidence's body is the whole view as JSON, so that the view can be read back from it."""
    written: str = ""
    """Where it is not: the view as JSON without secrets, once somebody has made it."""


@dataclass(frozen=True, kw_only=True)
class Probe(Generic[ArgsT, ViewT]):
    """One read-only question. `run` raises ToolError; it never changes anything anywhere."""

    name: str
    """`<system>.<file name>`, for example `kubernetes.pods`."""
    source: Source
    describe: str
    """What it answers and when to ask it: read by people and by models."""
    args: type[ArgsT]
    view: type[ViewT]
    run: Callable[[Cluster, ArgsT], Awaitable[Observation[ViewT]]]


@cache
def probes() -> Mapping[str, Probe[Any, Any]]:
    """All probes by name."""
    return {probe.name: probe for probe in _found("probes", "PROBE")}


def _found(folder: str, constant: str) -> list[Any]:
    return [getattr(module, constant) for module in modules(folder) if hasattr(module, constant)]


def modules(folder: str) -> list[Any]:
    """Modules `tools.<system>.<folder>.<name>`, imported, in the order of their names."""
    names = [
        f"tools.{system.name}.{folder}"
        for system in pkgutil.iter_modules(tools.__path__)
        if system.ispkg and _has(f"tools.{system.name}", folder)
    ]
    return [
        importlib.import_module(f"{package}.{module.name}")
        for package in names
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__)
    ]


def _has(package: str, folder: str) -> bool:
    return any(module.name == folder for module in pkgutil.iter_modules(importlib.import_module(package).__path__))
