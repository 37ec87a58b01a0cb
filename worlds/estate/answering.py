"""What the callers get back: errors and latency up the call graph, from those who call nobody to the users."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from worlds.estate.fields import TICK, PodField, Pods, ServiceField
from worlds.estate.layout import Column, Floats, Layout
from worlds.estate.podmodel import WORKERS
from worlds.scenario.workload import Call

_CONNECT_FAILURE_LATENCY = 0.004
# Timeouts that hit fewer requests than this are left out: the logistic tail is fatter than the normal one.
_SELDOM = 1e-3
# Calls that fail less than this are not named as the worst.
_NOTICED = 0.002
# numpy adds up this many numbers and more in another order when they lie together than when they do not.
_ADDED_IN_ORDER = 8


def total(rows: Floats) -> Floats:
    """Return the sum over the pods, a row each; added up as if the pods of a tick lay together."""
    if len(rows) < _ADDED_IN_ORDER:
        return np.asarray(rows.sum(axis=0))
    return np.asarray(np.ascontiguousarray(rows.T).sum(axis=1))


def within(low: float, values: Floats, high: float) -> Floats:
    """Return the values, none lower or higher than this. np.clip takes three times as long for as little."""
    return np.asarray(np.minimum(np.maximum(values, low), high))


class Answers:
    """Fills in what each process answers, callees before callers, and keeps what callers see of it.

    `edges` is keyed by caller and callee, a row per tick.
    """

    def __init__(self, layout: Layout, *, offered: list[Floats], pods: Pods, lost: Mapping[str, float]) -> None:
        self._layout = layout
        self._offered = offered
        self._pods = pods
        # Per service: the rows of ServiceField.
        self._seen: dict[int, Floats] = {}
        self.edges: dict[tuple[str, str], Floats] = {}
        for index in range(len(layout.services) - 1, -1, -1):
            self._wait_for_others(index)
            self._seen[index] = self._as_seen(index, lost.get(layout.names[index], 0.0))

    def services(self) -> dict[str, Floats]:
        """Return what the callers of each service see, a row per tick."""
        return {self._layout.names[index]: seen.T for index, seen in self._seen.items()}

    def _wait_for_others(self, index: int) -> None:
        service = self._layout.services[index]
        part = self._pods[:, service.columns]
        part[PodField.WORST_CALL] = -1
        well: Floats | float = 1.0
        worst: Floats | float = _NOTICED
        for number, (callee, call) in enumerate(service.calls):
            answer = self._seen.get(callee)
            if answer is None:
                continue
            spread = self._layout.services[callee].workload.behaviour.spread
            fail, latency = _as_called(answer, call, spread=spread)
            failing = _failing(self._layout.columns[service.columns], number, fail)
            self._note_edge(index, (callee, call), failing, latency)
            if call.waits:
                part[PodField.LATENCY] += latency * min(call.per_request, 1.0)
            if call.waits and not call.optional:
                lost = _lost(failing, call)
                well = well * (1 - lost)
                part[PodField.WORST_CALL] = np.where(lost > worst, number, part[PodField.WORST_CALL])
                worst = np.maximum(worst, lost)
        part[PodField.DEPENDENCY] = 1 - well
        self._sum_up(index, part, well)

    def _sum_up(self, index: int, part: Pods, well: Floats | float) -> None:
        """Note what share of its requests each process fails, of all reasons together."""
        room = WORKERS / np.maximum(part[PodField.LATENCY], 1e-4)
        jam = within(0, 1 - room / np.maximum(part[PodField.RPS], 1e-9), 1)
        part[PodField.OVERLOAD] = 1 - (1 - part[PodField.OVERLOAD]) * (1 - jam)
        base = self._layout.figures["error_rate"][self._layout.services[index].columns][:, None]
        fine = (1 - base) * well * (1 - part[PodField.OVERLOAD]) * (1 - part[PodField.GARBAGE])
        part[PodField.ERRORS] = 1 - fine * (1 - part[PodField.EFFECT])

    def _note_edge(self, caller: int, callee: tuple[int, Call], failing: Floats, latency: Floats) -> None:
        service, (other, call) = self._layout.services[caller], callee
        alive = self._layout.routed[caller]
        routed = self._layout.figures["routed"][service.columns][:, None]
        mean = total(failing * routed) / max(alive, 1.0)
        rate = self._offered[caller] * call.per_request * (1.0 if alive and not service.refusal else 0.0)
        self.edges[self._layout.names[caller], self._layout.names[other]] = np.array([rate, mean, latency]).T

    def _as_seen(self, index: int, lost: float) -> Floats:
        """Return offered rate, failing share and median latency as the callers see them."""
        service, offered = self._layout.services[index], self._offered[index]
        part = self._pods[:, service.columns]
        load = part[PodField.RPS]
        together = total(load)
        reached = together > 0
        safe = np.where(reached, together, 1.0)
        failed = np.where(reached, total(load * part[PodField.ERRORS]) / safe, offered > 0)
        latency = np.where(reached, total(load * part[PodField.LATENCY]) / safe, _CONNECT_FAILURE_LATENCY)
        alive = self._layout.routed[index]
        reaching = (1 - service.refused) * (alive / (alive + service.dead) if alive else 1.0)
        failed = 1 - (1 - failed) * reaching
        failed[0] = 1 - (1 - failed[0]) * (1 - min(lost / TICK, 1.0))
        return np.array([offered, failed, latency])


def _lost(failing: Floats, call: Call) -> Floats:
    """Return the share of requests that fail because one of their calls does."""
    if call.per_request < 1:
        return failing * call.per_request
    return np.asarray(1 - (1 - failing) ** min(call.per_request, 3.0))


def _failing(columns: Sequence[Column], number: int, fail: Floats) -> Floats:
    """Return how often a call fails, a row per process: some know a wrong address or are led astray by their node."""
    failing = np.empty((len(columns), len(fail)))
    failing[:] = fail
    for at, column in enumerate(columns):
        if column.wrong_address and column.wrong_address[number]:
            failing[at] = 1.0
        elif column.stale:
            failing[at] = 1 - (1 - failing[at]) * (1 - column.stale[number])
    return failing


def _as_called(answer: Floats, call: Call, *, spread: float) -> tuple[Floats, Floats]:
    """Return failing share and latency of a call with its timeout and retries."""
    failed, latency = answer[ServiceField.FAILED], answer[ServiceField.LATENCY]
    depth = (math.log(call.timeout) - np.log(np.maximum(latency, 1e-4))) / spread
    late = 1 / (1 + np.exp(within(-60, 1.702 * depth, 60)))
    once = 1 - (1 - failed) * (1 - np.where(late > _SELDOM, late, 0.0))
    return np.asarray(once ** (call.retries + 1)), np.minimum(latency, call.timeout)
