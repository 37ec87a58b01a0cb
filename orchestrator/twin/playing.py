"""Plays a twin: lets its trouble come, makes the change, and looks until it has recovered or the time is over."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from incidents.foresight import Outlook
from incidents.prediction import Foreseen, Prediction, nothing
from orchestrator.twin.model import CHANGED_AFTER, TROUBLE_SECONDS, Twin
from worlds.estate.flow import ServiceField
from worlds.estate.simulation import Simulation
from worlds.objects.kinds import kind_named

STEP = 5.0
"""Seconds between two looks: pods become ready between the twin's ticks."""
WATCHED = 420.0
"""Seconds that the twin is watched after the change: a slow rollout, and time to hold."""
HOLDS = 60.0
"""Seconds that it has to be well to count as recovered."""
SLACK = 0.005
"""Share of requests that may fail above what failed before the trouble: the target of most services' error budgets."""
SLOWER = 1.5
"""Times its usual latency up to which it counts as well (as the checks of a proposal do)."""
WORSE = 1.2
"""Factor by which failures have to grow to call it worse."""
NEAR, NEARLY = 0.05, 0.5
"""How far the twin's share of failing requests may be from the real one: absolutely, and as a part of it."""
SWING = 0.2
"""By how much the load of a real service moves within the time that is foreseen, as a share: the range of figures."""


class TooSlowError(Exception):
    """The twin took longer than a card may wait for it."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The twin at one moment, `at` seconds after the change."""

    at: float
    failing: float
    latency: float
    """Median in seconds."""
    ready: int


def play(twin: Twin, *, seconds: float, clock: Callable[[], float] = time.monotonic) -> Prediction:
    """Play it, for at most so many seconds of real time. Raises TooSlowError."""
    deadline = clock() + seconds
    world = Simulation(twin.scenario)
    _advance(world, world.at(-TROUBLE_SECONDS - STEP), deadline=deadline, clock=clock)
    usual = _look(world, twin, at=-TROUBLE_SECONDS)
    _advance(world, world.at(0.0), deadline=deadline, clock=clock)
    before = _look(world, twin, at=0.0)
    if _well(twin, before, usual):
        return nothing("the twin shows no such trouble, so it is none: more is wrong than what it was built from")
    if not _like(before, twin):
        share = f"{before.failing:.1%} of the twin's requests fail, really {twin.load.failing:.1%} do"
        return nothing(f"{share}: its trouble is not quite that of the twin")
    readings: list[Reading] = []
    offset = CHANGED_AFTER
    while offset < WATCHED:
        offset += STEP
        _advance(world, world.at(offset), deadline=deadline, clock=clock)
        readings.append(_look(world, twin, at=offset - CHANGED_AFTER))
    return _judged(twin, usual, before, readings)


def _advance(world: Simulation, to: float, *, deadline: float, clock: Callable[[], float]) -> None:
    """In small steps, so that a twin that is too large is given up in time."""
    while world.cluster.now < to:
        if clock() > deadline:
            raise TooSlowError("the twin took too long")
        world.advance(min(to, world.cluster.now + 30.0))


def _look(world: Simulation, twin: Twin, *, at: float) -> Reading:
    namespace, _, name = twin.key.partition("/")
    kind = kind_named(twin.scenario.estate.workload(twin.key).kind.value)
    live = world.cluster.store.find(kind, namespace=namespace, name=name)
    ready = int((live or {}).get("status", {}).get("readyReplicas", 0))
    rows = world.tape.service(twin.key).rows
    latency = float(rows[-1, ServiceField.LATENCY]) if len(rows) else 0.0
    return Reading(at=at, failing=world.failing(twin.key), latency=latency, ready=ready)


def _like(before: Reading, twin: Twin) -> bool:
    """Whether the twin in its trouble is like what is really seen: else what it does says nothing.

    What dies and comes back fails more in one moment than in the next: that is not compared.
    """
    real = twin.load.failing
    return not twin.steady or abs(before.failing - real) <= max(NEAR, real * NEARLY)


def _well(twin: Twin, reading: Reading, usual: Reading) -> bool:
    return (
        reading.ready >= twin.replicas
        and reading.failing <= max(twin.load.failing_before, usual.failing) + SLACK
        and reading.latency <= usual.latency * SLOWER
    )


def _judged(twin: Twin, usual: Reading, before: Reading, readings: Sequence[Reading]) -> Prediction:
    well = [_well(twin, reading, usual) for reading in readings]
    last = next((at for at in range(len(well) - 1, -1, -1) if not well[at]), -1)
    recovered = readings[last + 1].at if last + 1 < len(readings) else None
    held = recovered is not None and readings[-1].at - recovered >= HOLDS
    end = readings[-1]
    worse = end.failing > before.failing * WORSE + SLACK or (end.ready < before.ready and end.failing > before.failing)
    outlook = Outlook.RECOVERS if held else Outlook.WORSENS if worse else Outlook.STAYS_BROKEN
    return Prediction(
        outlook=outlook,
        seconds=recovered if held else None,
        figures=_figures(twin, usual, before, [one for one in readings if one.at >= end.at - HOLDS]),
        built_from=(
            *twin.built_from,
            f"before the change it fails {before.failing:.1%}; really {twin.load.failing:.1%}",
        ),
        assumes=twin.assumes,
        not_foreseen=twin.not_foreseen,
    )


def _figures(twin: Twin, usual: Reading, before: Reading, ends: Sequence[Reading]) -> tuple[Foreseen, ...]:
    """Failures, pods, and the latency that really was usual, moved as the twin's moved."""
    failing, end = [one.failing for one in ends], ends[-1]
    figures = [
        Foreseen(
            measure="error_rate",
            unit="ratio",
            before=round(before.failing, 4),
            after=round(end.failing, 4),
            low=round(min(failing) * (1 - SWING), 4),
            high=round(min(1.0, max(failing) * (1 + SWING) + SLACK), 4),
        ),
        Foreseen(
            measure="workload_available",
            unit="pods",
            before=before.ready,
            after=end.ready,
            low=float(min(one.ready for one in ends)),
            high=float(max(one.ready for one in ends)),
        ),
    ]
    if twin.load.p99 is not None and twin.load.p99_before is not None and usual.latency > 0:
        times = [one.latency / usual.latency for one in ends]
        figures.append(
            Foreseen(
                measure="latency_p99",
                unit="seconds",
                before=round(twin.load.p99, 4),
                after=round(twin.load.p99_before * times[-1], 4),
                low=round(twin.load.p99_before * min(times) * (1 - SWING), 4),
                high=round(twin.load.p99_before * max(times) * (1 + SWING), 4),
            )
        )
    return tuple(figures)
