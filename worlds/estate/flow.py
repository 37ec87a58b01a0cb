"""Requests through the estate: load down the call graph, errors and latency back up, CPU and memory on the way.

Everything is computed for a block of ticks at once, between two changes of the layout. Formulas are simple on purpose:
utilisation bends latency (1 / (1 - 0.85 rho^3)), what exceeds the capacity fails, memory follows load with a time
constant, a process close to its limit collects garbage instead of answering.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from worlds.cluster.chance import Chance, Keys, keys_of, wander
from worlds.estate.layout import Column, Floats, Layout, ServiceLayout
from worlds.estate.podmodel import WORKERS
from worlds.scenario.workload import Call, Traffic

TICK = 15.0
_DAY = 86400.0
# The hour (UTC) at which traffic peaks, and the share of capacity at which a process starts to turn requests away.
_PEAK_HOUR = 18.0
_FULL = 0.97
_TIGHT = 0.9
_GARBAGE_ERRORS = 0.35
_GARBAGE_LATENCY = 4.0
_CONNECT_FAILURE_LATENCY = 0.004
# A process that has drained something (files, threads, connections) fails this share of its requests, and is this slow.
_DRAINED_ERRORS = 0.8
_DRAINED_LATENCY = 8.0
# Ticks that are computed at once when fewer are asked for: hardly dearer than one.
_DRAWN_AHEAD = 24
# Timeouts that hit fewer requests than this are left out: the logistic tail is fatter than the normal one.
_SELDOM = 1e-3


class PodField(IntEnum):
    """Columns of the tape, per pod and tick."""

    RPS = 0
    ERRORS = 1
    """Share of requests answered with 5xx."""
    CLIENT_ERRORS = 2
    LATENCY = 3
    """Median in seconds."""
    MEMORY = 4
    CPU = 5
    THROTTLED = 6
    OVERLOAD = 7
    GARBAGE = 8
    DEPENDENCY = 9
    EFFECT = 10
    WORST_CALL = 11
    """Index of the call that fails most, -1 for none."""
    INSTANCE = 12
    DRAINED = 13
    """Share of what it takes and never gives back that is taken, at most 1."""


class EdgeField(IntEnum):
    """Columns of the tape, per call of a service and tick."""

    CALLS = 0
    FAILED = 1
    LATENCY = 2


class ServiceField(IntEnum):
    """Columns of the tape, per service and tick: what its callers see."""

    OFFERED = 0
    FAILED = 1
    LATENCY = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Block:
    """What happened in consecutive ticks under one layout. `edges` is keyed by caller and callee."""

    first: int
    layout: Layout
    pods: NDArray[np.float64]
    services: dict[str, Floats]
    edges: dict[tuple[str, str], Floats]

    def part(self, first: int, count: int) -> "Block":
        """Return `count` of its ticks from the tick `first` on."""
        rows = slice(first - self.first, first - self.first + count)
        return Block(
            first=first,
            layout=self.layout,
            pods=self.pods[rows],
            services={key: values[rows] for key, values in self.services.items()},
            edges={key: values[rows] for key, values in self.edges.items()},
        )


class Flow:
    """Computes blocks. `surges` are factors on a workload's outside traffic, set by faults."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self.surges: dict[str, float] = {}
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
            ahead = np.arange(first, first + max(count, _DRAWN_AHEAD), dtype=np.int64)
            drawn = self._drawn = self._draw(layout, ahead, lost=lost)
            self._drawn_under = dict(self.surges)
        return drawn.part(first, count)

    def _covers(self, drawn: Block, layout: Layout, first: int, count: int) -> bool:
        within = drawn.first <= first and first + count <= drawn.first + len(drawn.pods)
        return within and drawn.layout is layout and self._drawn_under == self.surges

    def _draw(self, layout: Layout, ticks: NDArray[np.int64], *, lost: Mapping[str, float]) -> Block:
        outside = self._arriving(layout, ticks)
        strangers = _led_astray(layout, outside)
        offered = self._load(layout, outside, strangers)
        pods = self._own(layout, ticks, offered)
        _turn_away(layout, pods, offered, strangers)
        services, edges = self._answers(layout, offered, pods, lost)
        return Block(first=int(ticks[0]), layout=layout, pods=pods, services=services, edges=edges)

    # -- down: who gets how many requests ---------------------------------------------------------------------------

    def _arriving(self, layout: Layout, ticks: NDArray[np.int64]) -> list[Floats]:
        rough = wander(self._keys(layout, "traffic", [s.workload.key for s in layout.services]), ticks)
        return [
            self._outside(s.workload.key, s.workload.traffic, ticks, rough[:, i]) for i, s in enumerate(layout.services)
        ]

    def _load(self, layout: Layout, outside: list[Floats], strangers: Mapping[int, Floats]) -> list[Floats]:
        offered = list(outside)
        for i, service in enumerate(layout.services):
            columns = layout.columns[service.columns]
            routed = [c for c in columns if c.routed]
            if not routed or service.refusal:
                continue
            factor = sum(c.model.calls_factor for c in routed) / len(routed)
            for callee, call in service.calls:
                own = offered[i] - strangers[i] if i in strangers else offered[i]
                offered[callee] = offered[callee] + own * (call.per_request * factor)
        return offered

    def _keys(self, layout: Layout, purpose: str, names: Sequence[str]) -> Keys:
        known = layout.keys.get(purpose)
        if known is None:
            known = layout.keys[purpose] = keys_of(self._chance, purpose, names)
        return known

    def _outside(self, key: str, traffic: Traffic, ticks: NDArray[np.int64], wandering: Floats) -> Floats:
        if not traffic.rps:
            return np.zeros(len(ticks))
        hour = (ticks * TICK % _DAY) / 3600.0
        day = 1 + traffic.daily_swing * np.cos((hour - _PEAK_HOUR) / 24.0 * 2 * math.pi)
        rough = 1 + traffic.noise * wandering
        rate: Floats = traffic.rps * day * rough * self.surges.get(key, 1.0)
        return rate

    # -- in place: what each process does with its share ------------------------------------------------------------

    def _own(self, layout: Layout, ticks: NDArray[np.int64], offered: list[Floats]) -> NDArray[np.float64]:
        f, count = layout.figures, len(layout.columns)
        pods = np.zeros((len(ticks), count, len(PodField)))
        load = self._shares(layout, ticks, offered)
        rho = load / f["capacity"]
        age = np.maximum((ticks * TICK)[:, None] - f["started"], 0.0)
        target = f["memory_base"] + f["memory_per_rps"] * load
        warm = 1 - 0.6 * np.exp(-age / f["memory_ramp"])
        leaking = np.maximum((ticks * TICK)[:, None] - np.maximum(f["started"], f["leak_since"]), 0.0)
        memory = target * warm + f["leak_per_second"] * leaking
        tight = np.clip((memory / f["memory_limit"] - _TIGHT) / (1 - _TIGHT), 0, 1)
        draining = np.maximum((ticks * TICK)[:, None] - np.maximum(f["started"], f["drain_since"]), 0.0)
        drained = np.minimum(f["drain_per_second"] * draining / f["drain_most"], 1.0)
        dry = drained >= 1.0
        demand = f["idle_cpu"] + load * f["cpu_per_request"]
        pods[:, :, PodField.RPS] = load
        pods[:, :, PodField.CLIENT_ERRORS] = f["client_error_rate"]
        busy = 1 / (1 - 0.85 * np.minimum(rho, 1.0) ** 3)
        pods[:, :, PodField.LATENCY] = f["latency"] * busy * (1 + _GARBAGE_LATENCY * tight)
        pods[:, :, PodField.LATENCY] *= np.where(dry, _DRAINED_LATENCY, 1.0)
        pods[:, :, PodField.MEMORY] = memory
        pods[:, :, PodField.CPU] = np.minimum(demand, f["cpu_limit"])
        pods[:, :, PodField.THROTTLED] = np.clip((demand / f["cpu_limit"] - 0.75) / 0.35, 0, 0.97)
        pods[:, :, PodField.OVERLOAD] = np.where(rho > _FULL, 1 - _FULL / np.maximum(rho, _FULL), 0.0)
        pods[:, :, PodField.GARBAGE] = _GARBAGE_ERRORS * tight
        pods[:, :, PodField.EFFECT] = 1 - (1 - f["effect_error_rate"]) * (1 - _DRAINED_ERRORS * dry)
        pods[:, :, PodField.DRAINED] = drained
        pods[:, :, PodField.INSTANCE] = np.array([c.instance for c in layout.columns])
        self._roughen(layout, ticks, pods)
        return pods

    def _shares(self, layout: Layout, ticks: NDArray[np.int64], offered: list[Floats]) -> Floats:
        """Split each service's load over its routed pods, not quite evenly; a row per tick, a column per pod."""
        uids = [column.uid for column in layout.columns]
        load = layout.figures["routed"] * (1 + 0.05 * wander(self._keys(layout, "share", uids), ticks))
        for service, rps in zip(layout.services, offered, strict=True):
            part = load[:, service.columns]
            alive = layout.figures["routed"][service.columns].sum()
            if service.refusal or not alive:
                part[:] = 0.0
            else:
                part *= (rps * (alive / (alive + service.dead)) / part.sum(axis=1))[:, None]
        return load

    def _roughen(self, layout: Layout, ticks: NDArray[np.int64], pods: NDArray[np.float64]) -> None:
        uids = [column.uid for column in layout.columns]
        rough = wander(self._keys(layout, "rough", uids), ticks)
        pods[:, :, PodField.LATENCY] *= 1 + 0.06 * rough
        pods[:, :, PodField.MEMORY] *= 1 + 0.008 * rough
        pods[:, :, PodField.CPU] *= 1 + 0.05 * wander(self._keys(layout, "cpu", uids), ticks)

    # -- up: what the callers get back ------------------------------------------------------------------------------

    def _answers(
        self, layout: Layout, offered: list[Floats], pods: NDArray[np.float64], lost: Mapping[str, float]
    ) -> tuple[dict[str, Floats], dict[tuple[str, str], Floats]]:
        seen: dict[int, Floats] = {}
        edges: dict[tuple[str, str], Floats] = {}
        for i in range(len(layout.services) - 1, -1, -1):
            service = layout.services[i]
            self._wait_for_others(layout, i, offered, pods, seen, edges)
            seen[i] = _as_seen(
                service, layout.columns[service.columns], offered[i], pods, lost.get(service.workload.key, 0.0)
            )
        named = {layout.services[i].workload.key: answer for i, answer in seen.items()}
        return named, edges

    def _wait_for_others(
        self,
        layout: Layout,
        index: int,
        offered: list[Floats],
        pods: NDArray[np.float64],
        seen: dict[int, Floats],
        edges: dict[tuple[str, str], Floats],
    ) -> None:
        service = layout.services[index]
        part = pods[:, service.columns, :]
        columns = layout.columns[service.columns]
        well = np.ones(part.shape[:2])
        worst = np.full(part.shape[:2], 0.002)
        part[:, :, PodField.WORST_CALL] = -1
        for number, (callee, call) in enumerate(service.calls):
            answer = seen.get(callee)
            if answer is None:
                continue
            fail, latency = _as_called(answer, call, spread=layout.services[callee].workload.behaviour.spread)
            failing = np.repeat(fail[:, None], len(columns), axis=1)
            for at, column in enumerate(columns):
                if column.wrong_address and column.wrong_address[number]:
                    failing[:, at] = 1.0
                elif column.stale:
                    failing[:, at] = 1 - (1 - failing[:, at]) * (1 - column.stale[number])
            self._note_edge(layout, index, callee, call, offered, failing, latency, edges)
            if call.waits:
                part[:, :, PodField.LATENCY] += (latency * min(call.per_request, 1.0))[:, None]
            if call.waits and not call.optional:
                lost = (
                    1 - (1 - failing) ** min(call.per_request, 3.0)
                    if call.per_request >= 1
                    else failing * call.per_request
                )
                well *= 1 - lost
                part[:, :, PodField.WORST_CALL] = np.where(lost > worst, number, part[:, :, PodField.WORST_CALL])
                worst = np.maximum(worst, lost)
        part[:, :, PodField.DEPENDENCY] = 1 - well
        room = WORKERS / np.maximum(part[:, :, PodField.LATENCY], 1e-4)
        load = np.maximum(part[:, :, PodField.RPS], 1e-9)
        jam = np.clip(1 - room / load, 0, 1)
        part[:, :, PodField.OVERLOAD] = 1 - (1 - part[:, :, PodField.OVERLOAD]) * (1 - jam)
        base = layout.figures["error_rate"][service.columns]
        fine = (1 - base) * well * (1 - part[:, :, PodField.OVERLOAD]) * (1 - part[:, :, PodField.GARBAGE])
        part[:, :, PodField.ERRORS] = 1 - fine * (1 - part[:, :, PodField.EFFECT])

    def _note_edge(
        self,
        layout: Layout,
        caller: int,
        callee: int,
        call: Call,
        offered: list[Floats],
        failing: Floats,
        latency: Floats,
        edges: dict[tuple[str, str], Floats],
    ) -> None:
        routed = layout.figures["routed"][layout.services[caller].columns]
        alive = routed.sum() > 0 and not layout.services[caller].refusal
        mean = (failing * routed).sum(axis=1) / max(routed.sum(), 1.0)
        rate = offered[caller] * call.per_request * (1.0 if alive else 0.0)
        key = (layout.services[caller].workload.key, layout.services[callee].workload.key)
        edges[key] = np.stack([rate, mean, latency], axis=1)


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


def _turn_away(
    layout: Layout, pods: NDArray[np.float64], offered: list[Floats], strangers: Mapping[int, Floats]
) -> None:
    """Let what was meant for others be answered with 404: whoever gets it does not know these paths."""
    for i, rate in strangers.items():
        part = pods[:, layout.services[i].columns, PodField.CLIENT_ERRORS]
        share = rate / np.maximum(offered[i], 1e-9)
        part[:] = 1 - (1 - part) * (1 - share)[:, None]


def _as_seen(
    service: ServiceLayout, columns: Sequence[Column], offered: Floats, pods: NDArray[np.float64], lost: float
) -> Floats:
    """Return offered rate, failing share and median latency as the callers see them."""
    part = pods[:, service.columns, :]
    load = part[:, :, PodField.RPS]
    total = load.sum(axis=1)
    reached = total > 0
    safe = np.where(reached, total, 1.0)
    failed = np.where(
        reached, (load * part[:, :, PodField.ERRORS]).sum(axis=1) / safe, (offered > 0).astype(np.float64)
    )
    latency = np.where(reached, (load * part[:, :, PodField.LATENCY]).sum(axis=1) / safe, _CONNECT_FAILURE_LATENCY)
    alive = sum(column.routed for column in columns)
    reaching = (1 - service.refused) * (alive / (alive + service.dead) if alive else 1.0)
    failed = 1 - (1 - failed) * reaching
    failed[0] = 1 - (1 - failed[0]) * (1 - min(lost / TICK, 1.0))
    return np.stack([offered, failed, latency], axis=1)


def _as_called(answer: Floats, call: Call, *, spread: float) -> tuple[Floats, Floats]:
    """Return failing share and latency of a call with its timeout and retries."""
    failed, latency = answer[:, ServiceField.FAILED], answer[:, ServiceField.LATENCY]
    depth = (math.log(call.timeout) - np.log(np.maximum(latency, 1e-4))) / spread
    late = 1 / (1 + np.exp(np.clip(1.702 * depth, -60, 60)))
    once = 1 - (1 - failed) * (1 - np.where(late > _SELDOM, late, 0.0))
    return once ** (call.retries + 1), np.minimum(latency, call.timeout)
