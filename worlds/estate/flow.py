"""Requests through the estate: load down the call graph, errors and latency back up, CPU and memory on the way.

Everything is computed for a block of ticks at once, between two changes of the layout. Formulas are simple on purpose:
utilisation bends latency (1 / (1 - 0.85 rho^3)), what exceeds the capacity fails, memory follows load with a time
constant, a process close to its limit collects garbage instead of answering.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from worlds.cluster.chance import Chance, Keys, wandering
from worlds.estate.answering import Answers, total, within
from worlds.estate.fields import TICK, EdgeField, PodField, Pods, ServiceField
from worlds.estate.layout import Floats, Layout

__all__ = ["TICK", "Block", "EdgeField", "Flow", "PodField", "ServiceField"]

_DAY = 86400.0
# The hour (UTC) at which traffic peaks, and the share of capacity at which a process starts to turn requests away.
_PEAK_HOUR = 18.0
_FULL = 0.97
_TIGHT = 0.9
_GARBAGE_ERRORS = 0.35
_GARBAGE_LATENCY = 4.0
# A process that has drained something (files, threads, connections) fails this share of its requests, and is this slow.
_DRAINED_ERRORS = 0.8
_DRAINED_LATENCY = 8.0
# Ticks that are computed at once when fewer are asked for: hardly dearer than one. So many times more when a layout
# has outlived them, for then it is likely to last.
_DRAWN_AHEAD = 24
_LASTING = 4
_MOST_AHEAD = 240


@dataclass(frozen=True, kw_only=True, eq=False)
class Block:
    """What happened in consecutive ticks under one layout: those `rows` of what was drawn.

    `drawn`, `services` and `edges`, which are keyed by caller and callee, hold all rows that were drawn.
    """

    first: int
    layout: Layout
    drawn: NDArray[np.float64]
    """Rows of all pods: ticks, pods, PodField."""
    services: dict[str, Floats]
    edges: dict[tuple[str, str], Floats]
    rows: slice

    @property
    def pods(self) -> NDArray[np.float64]:
        """The rows of all pods."""
        return self.drawn[self.rows]

    @property
    def end(self) -> int:
        """The tick behind the last one."""
        return self.first + int(self.rows.stop - self.rows.start)

    def part(self, first: int, count: int) -> "Block":
        """Return `count` of its ticks from the tick `first` on."""
        start = self.rows.start + first - self.first
        return replace(self, first=first, rows=slice(start, start + count))

    def joined(self, later: "Block") -> "Block | None":
        """Return this block and the one that follows it as one when they were drawn at once; else None."""
        return replace(self, rows=slice(self.rows.start, later.rows.stop)) if later.drawn is self.drawn else None

    def service(self, key: str) -> Floats | None:
        """Return the rows of a service; None when it was not there."""
        drawn = self.services.get(key)
        return None if drawn is None else drawn[self.rows]

    def edge(self, caller: str, callee: str) -> Floats | None:
        """Return the rows of a call; None when it was not made."""
        drawn = self.edges.get((caller, callee))
        return None if drawn is None else drawn[self.rows]


class Flow:
    """Computes blocks. `surges` are factors on a workload's outside traffic, set by faults."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self.surges: dict[str, float] = {}
        # By purpose and name: layouts change, those whom they are about seldom do.
        self._stream: dict[tuple[str, str], int] = {}
        self._drawn: Block | None = None
        self._drawn_under: dict[str, float] = {}

    def block(self, layout: Layout, ticks: NDArray[np.int64], *, lost: Mapping[str, float]) -> Block:
        """Compute consecutive ticks. Times are `ticks * TICK` unix seconds, each at the end of its interval.

        `lost` is how many seconds of a service's load in the first tick met a process that had just died. More ticks
        than asked for are drawn, as if nothing happened: time comes in small pieces, and mostly nothing happens.
        """
        first, count = int(ticks[0]), len(ticks)
        drawn = self._drawn
        if drawn is None or lost or not self._covers(drawn, layout, first, count):
            ahead = np.arange(first, first + max(count, self._ahead(layout)), dtype=np.int64)
            drawn = self._drawn = self._draw(layout, ahead, lost=lost)
            self._drawn_under = dict(self.surges)
        return drawn.part(first, count)

    def _ahead(self, layout: Layout) -> int:
        """Return how many ticks to draw at once: more and more while the layout lasts."""
        drawn = self._drawn
        lasts = drawn is not None and drawn.layout is layout and self._drawn_under == self.surges
        return min(len(drawn.pods) * _LASTING, _MOST_AHEAD) if drawn is not None and lasts else _DRAWN_AHEAD

    def _covers(self, drawn: Block, layout: Layout, first: int, count: int) -> bool:
        within = drawn.first <= first and first + count <= drawn.end
        return within and drawn.layout is layout and self._drawn_under == self.surges

    def _draw(self, layout: Layout, ticks: NDArray[np.int64], *, lost: Mapping[str, float]) -> Block:
        outside = self._arriving(layout, ticks)
        strangers = _led_astray(layout, outside)
        offered = _load(layout, outside, strangers)
        pods = self._own(layout, ticks, offered)
        _turn_away(layout, pods, offered, strangers)
        answers = Answers(layout, offered=offered, pods=pods, lost=lost)
        return Block(
            first=int(ticks[0]),
            layout=layout,
            drawn=pods.T,
            services=answers.services(),
            edges=answers.edges,
            rows=slice(0, len(ticks)),
        )

    # -- down: who gets how many requests ---------------------------------------------------------------------------

    def _arriving(self, layout: Layout, ticks: NDArray[np.int64]) -> list[Floats]:
        keys = layout.names
        traffic = layout.traffic
        hour = (ticks * TICK % _DAY) / 3600.0
        day = 1 + traffic["daily_swing"] * np.cos((hour - _PEAK_HOUR) / 24.0 * 2 * math.pi)
        rough = 1 + traffic["noise"] * wandering(self._keys(layout, "traffic", keys), ticks)
        surges = np.array([[self.surges.get(key, 1.0)] for key in keys])
        return list(traffic["rps"] * day * rough * surges)

    def _keys(self, layout: Layout, purpose: str, names: Sequence[str]) -> Keys:
        known = layout.keys.get(purpose)
        if known is None:
            known = layout.keys[purpose] = np.array([self._key(purpose, name) for name in names], dtype=np.uint64)
        return known

    def _key(self, purpose: str, name: str) -> int:
        if (purpose, name) not in self._stream:
            self._stream[purpose, name] = self._chance.key(purpose, name)
        return self._stream[purpose, name]

    # -- in place: what each process does with its share ------------------------------------------------------------

    def _own(self, layout: Layout, ticks: NDArray[np.int64], offered: list[Floats]) -> Pods:
        f = {name: values[:, None] for name, values in layout.figures.items()}
        times: Floats = ticks.astype(np.float64) * TICK
        pods = np.zeros((len(PodField), len(layout.columns), len(ticks)))
        load = self._shares(layout, ticks, offered)
        rho = load / f["capacity"]
        memory = _memory(f, times, load)
        tight = within(0, (memory / f["memory_limit"] - _TIGHT) / (1 - _TIGHT), 1)
        drained = _drained(f, times)
        dry = drained >= 1.0
        demand = f["idle_cpu"] + load * f["cpu_per_request"]
        pods[PodField.RPS] = load
        pods[PodField.CLIENT_ERRORS] = f["client_error_rate"]
        busy = 1 / (1 - 0.85 * np.minimum(rho, 1.0) ** 3)
        latency = f["latency"] * busy * (1 + _GARBAGE_LATENCY * tight)
        pods[PodField.LATENCY] = latency * np.where(dry, _DRAINED_LATENCY, 1.0)
        pods[PodField.MEMORY] = memory
        pods[PodField.CPU] = np.minimum(demand, f["cpu_limit"])
        pods[PodField.THROTTLED] = within(0, (demand / f["cpu_limit"] - 0.75) / 0.35, 0.97)
        pods[PodField.OVERLOAD] = np.where(rho > _FULL, 1 - _FULL / np.maximum(rho, _FULL), 0.0)
        pods[PodField.GARBAGE] = _GARBAGE_ERRORS * tight
        pods[PodField.EFFECT] = 1 - (1 - f["effect_error_rate"]) * (1 - _DRAINED_ERRORS * dry)
        pods[PodField.DRAINED] = drained
        pods[PodField.INSTANCE] = np.array([c.instance for c in layout.columns])[:, None]
        self._roughen(layout, ticks, pods)
        return pods

    def _shares(self, layout: Layout, ticks: NDArray[np.int64], offered: list[Floats]) -> Floats:
        """Split each service's load over its routed pods, not quite evenly; a row per pod, a column per tick."""
        uids = [column.uid for column in layout.columns]
        rough = wandering(self._keys(layout, "share", uids), ticks)
        load: Floats = layout.figures["routed"][:, None] * (1 + 0.05 * rough)
        for service, rps, alive in zip(layout.services, offered, layout.routed, strict=True):
            part = load[service.columns]
            if service.refusal or not alive:
                part[:] = 0.0
            else:
                part *= rps * (alive / (alive + service.dead)) / total(part)
        return load

    def _roughen(self, layout: Layout, ticks: NDArray[np.int64], pods: Pods) -> None:
        uids = [column.uid for column in layout.columns]
        rough = wandering(self._keys(layout, "rough", uids), ticks)
        pods[PodField.LATENCY] *= 1 + 0.06 * rough
        pods[PodField.MEMORY] *= 1 + 0.008 * rough
        pods[PodField.CPU] *= 1 + 0.05 * wandering(self._keys(layout, "cpu", uids), ticks)


def _load(layout: Layout, outside: list[Floats], strangers: Mapping[int, Floats]) -> list[Floats]:
    offered = list(outside)
    for i, service in enumerate(layout.services):
        factor = layout.calling[i]
        for callee, call in service.calls if factor else ():
            own = offered[i] - strangers[i] if i in strangers else offered[i]
            offered[callee] = offered[callee] + own * (call.per_request * factor)
    return offered


def _memory(f: Mapping[str, Floats], times: Floats, load: Floats) -> Floats:
    target = f["memory_base"] + f["memory_per_rps"] * load
    warm = 1 - 0.6 * np.exp(-np.maximum(times - f["started"], 0.0) / f["memory_ramp"])
    leaking = np.maximum(times - np.maximum(f["started"], f["leak_since"]), 0.0)
    memory: Floats = target * warm + f["leak_per_second"] * leaking
    return memory


def _drained(f: Mapping[str, Floats], times: Floats) -> Floats:
    draining = np.maximum(times - np.maximum(f["started"], f["drain_since"]), 0.0)
    drained: Floats = np.minimum(f["drain_per_second"] * draining / f["drain_most"], 1.0)
    return drained


def _led_astray(layout: Layout, outside: list[Floats]) -> dict[int, Floats]:
    """Move what comes for services whose entrance leads elsewhere; return who gets how many requests of strangers."""
    strangers: dict[int, Floats] = {}
    for i, service in enumerate(layout.services):
        if service.astray >= 0:
            strangers[service.astray] = strangers.get(service.astray, 0.0) + outside[i]
            outside[i] = np.zeros_like(outside[i])
    for i, rate in strangers.items():
        outside[i] = outside[i] + rate
    return strangers


def _turn_away(layout: Layout, pods: Pods, offered: list[Floats], strangers: Mapping[int, Floats]) -> None:
    """Let what was meant for others be answered with 404: whoever gets it does not know these paths."""
    for i, rate in strangers.items():
        part = pods[PodField.CLIENT_ERRORS, layout.services[i].columns]
        share = rate / np.maximum(offered[i], 1e-9)
        part[:] = 1 - (1 - part) * (1 - share)
