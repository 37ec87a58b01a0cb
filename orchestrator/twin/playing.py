"""Plays a twin: lets its trouble come, makes the change, and looks until it has recovered or the time is over."""

import time
from collections.abc import Callable

from incidents.foresight import Outlook
from incidents.prediction import Foreseen, Prediction, nothing
from orchestrator.twin.model import CHANGED_AFTER, Twin
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
WORSE = 1.2
"""Factor by which failures have to grow to call it worse."""


class TooSlowError(Exception):
    """The twin took longer than a card may wait for it."""


def play(twin: Twin, *, seconds: float, clock: Callable[[], float] = time.monotonic) -> Prediction:
    """Play it, for at most so many seconds of real time. Raises TooSlowError."""
    deadline = clock() + seconds
    world = Simulation(twin.scenario)
    _advance(world, world.at(0.0), deadline=deadline, clock=clock)
    before = _look(world, twin)
    if _well(twin, before):
        return nothing("the twin shows no such trouble, so it is none: more is wrong than what it was built from")
    readings: list[tuple[float, float, int]] = []
    offset = CHANGED_AFTER
    while offset < WATCHED:
        offset += STEP
        _advance(world, world.at(offset), deadline=deadline, clock=clock)
        readings.append((offset - CHANGED_AFTER, *_look(world, twin)))
    return _judged(twin, before, readings)


def _advance(world: Simulation, to: float, *, deadline: float, clock: Callable[[], float]) -> None:
    """In small steps, so that a twin that is too large is given up in time."""
    while world.cluster.now < to:
        if clock() > deadline:
            raise TooSlowError("the twin took too long")
        world.advance(min(to, world.cluster.now + 30.0))


def _look(world: Simulation, twin: Twin) -> tuple[float, int]:
    """Share of requests that fail, and pods that are ready."""
    namespace, _, name = twin.key.partition("/")
    kind = kind_named(twin.scenario.estate.workload(twin.key).kind.value)
    live = world.cluster.store.find(kind, namespace=namespace, name=name)
    ready = int((live or {}).get("status", {}).get("readyReplicas", 0))
    return world.failing(twin.key), ready


def _well(twin: Twin, reading: tuple[float, int]) -> bool:
    failing, ready = reading
    return ready >= twin.replicas and failing <= twin.usual_failing + SLACK


def _judged(twin: Twin, before: tuple[float, int], readings: list[tuple[float, float, int]]) -> Prediction:
    well = [_well(twin, (failing, ready)) for _, failing, ready in readings]
    last = next((at for at in range(len(well) - 1, -1, -1) if not well[at]), -1)
    recovered = readings[last + 1][0] if last + 1 < len(readings) else None
    held = recovered is not None and readings[-1][0] - recovered >= HOLDS
    end = readings[-1]
    worse = end[1] > before[0] * WORSE + SLACK or (end[2] < before[1] and end[1] > before[0])
    outlook = Outlook.RECOVERS if held else Outlook.WORSENS if worse else Outlook.STAYS_BROKEN
    return Prediction(
        outlook=outlook,
        seconds=recovered if held else None,
        figures=(
            Foreseen(measure="error_rate", unit="ratio", before=round(before[0], 4), after=round(end[1], 4)),
            Foreseen(measure="workload_available", unit="pods", before=before[1], after=end[2]),
        ),
        built_from=(*twin.built_from, f"before the change it fails {before[0]:.1%}; really {twin.failing:.1%}"),
        assumes=twin.assumes,
        not_foreseen=twin.not_foreseen,
    )
