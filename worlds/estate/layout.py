"""Who is there to serve at one moment: pods as columns of matrices, services as slices of columns.

Built anew whenever a pod, a Service or an effect changes; between two changes thousands of ticks use the same layout.
"""

from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from worlds.estate.podmodel import PodModel
from worlds.scenario.effect import LogLine
from worlds.scenario.workload import Call, Workload

Floats = NDArray[np.float64]
_FIGURES = attrgetter(*PodModel.__dataclass_fields__)


@dataclass(frozen=True, kw_only=True)
class Column:
    """One process. `uid` is the pod's; for an external dependency its workload's key."""

    uid: str
    workload: str
    node: str
    instance: int
    started: float
    routed: bool
    model: PodModel
    # Per call of the workload: empty when the process knows the right address, otherwise what it says about it.
    wrong_address: tuple[str, ...] = ()
    # What its clients are told instead of being served; empty when they are served.
    refusal: str = ""
    # What its clients log of the requests that fail at it; empty when there is nothing special to say.
    complaint: str = ""
    # What it takes and never gives back; empty when nothing.
    drained: str = ""
    # Per call of the workload: the share of new connections that its node leads to pods which are gone.
    stale: tuple[float, ...] = ()
    # Per call of the workload: how many connections it holds open.
    pools: tuple[int, ...] = ()
    # What the effects in force make it write.
    lines: tuple[LogLine, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ServiceLayout:
    """One workload: its columns and its calls.

    `refusal` says why nobody is reached although pods serve; `dead` counts endpoints behind which nobody answers;
    `refused` is the share of new connections that are turned away, `connections` how many its callers hold. `astray` is
    the place of the service that gets what comes from outside for this one, -1 when it gets its own.
    """

    workload: Workload
    columns: slice
    calls: tuple[tuple[int, Call], ...]
    refusal: str = ""
    dead: int = 0
    refused: float = 0.0
    connections: int = 0
    astray: int = -1


@dataclass(frozen=True, kw_only=True, eq=False)
class Layout:
    """All columns, sorted by service, and all services, callers before those whom they call."""

    columns: tuple[Column, ...]
    services: tuple[ServiceLayout, ...]
    index: dict[str, int] = field(default_factory=dict)
    figures: dict[str, Floats] = field(default_factory=dict)
    keys: dict[str, NDArray[np.uint64]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.index.update({column.uid: i for i, column in enumerate(self.columns)})
        names = PodModel.__dataclass_fields__
        rows = np.array([_FIGURES(c.model) for c in self.columns], dtype=np.float64).reshape(-1, len(names))
        self.figures.update(zip(names, np.ascontiguousarray(rows.T), strict=True))
        self.figures["started"] = np.array([c.started for c in self.columns], dtype=np.float64)
        self.figures["routed"] = np.array([c.routed for c in self.columns], dtype=np.float64)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The key of each service's workload."""
        return tuple(service.workload.key for service in self.services)

    @cached_property
    def places(self) -> dict[str, slice]:
        """The columns of each workload."""
        return {name: service.columns for name, service in zip(self.names, self.services, strict=True)}

    @cached_property
    def routed(self) -> tuple[int, ...]:
        """Per service: how many of its processes get requests."""
        return tuple(sum(c.routed for c in self.columns[s.columns]) for s in self.services)

    @cached_property
    def calling(self) -> tuple[float, ...]:
        """Per service: how often it makes each of its calls, against what is usual."""
        factors = []
        for service, routed in zip(self.services, self.routed, strict=True):
            made = sum(c.model.calls_factor for c in self.columns[service.columns] if c.routed)
            factors.append(made / routed if routed and not service.refusal else 0.0)
        return tuple(factors)

    @cached_property
    def traffic(self) -> dict[str, Floats]:
        """What arrives from outside: a column of `rps`, `daily_swing` and `noise`, a row per service."""
        own = [service.workload.traffic for service in self.services]
        return {name: np.array([[getattr(one, name)] for one in own]) for name in ("rps", "daily_swing", "noise")}


def calling_order(workloads: tuple[Workload, ...], calls: dict[str, tuple[str, ...]]) -> list[Workload]:
    """Return the workloads with callers before those whom they call; a circle is cut where it is entered twice."""
    order: list[Workload] = []
    by_key = {workload.key: workload for workload in workloads}
    state: dict[str, int] = {}

    def visit(key: str) -> None:
        if state.get(key):
            return
        state[key] = 1
        for callee in calls[key]:
            visit(callee)
        order.append(by_key[key])

    for workload in workloads:
        visit(workload.key)
    return order[::-1]
