"""Workloads that cost far more than they did: by OpenCost's hours, or by what their pods request."""

from collections.abc import Iterable
from datetime import datetime
from statistics import median
from typing import Any

from agents.cost.requested import prices_of, requested_over_time, rows_of
from agents.detector import Detector, Scene, Sightings
from agents.observability.shift import find_shift, share
from agents.reporting import state
from agents.wording import since
from incidents.action import name_of
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from tools.opencost.client import Allocation
from tools.opencost.probes.allocation import AllocationView
from tools.probe import Observation
from tools.prometheus.probes.usage import UsageView

SPIKE = FactSpec(
    kind=FactKind("cost.spike"),
    role=FactRole.SYMPTOM,
    meaning="A workload costs far more per hour than before.",
    attributes={"usd_per_hour": "what it costs now", "baseline": "what it cost before, USD per hour"},
)
RATIO = 1.5
LEAST = 0.05
"""USD per hour more: about 36 dollars a month."""
HOURS = 4
"""Hours before the latest that make a baseline."""
FULL_HOUR = 30.0
"""Minutes of an hour that have to be counted for its rate to mean something."""
NOISE = share(0.05, at_least=1e-6)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """At most one fact per workload: by its requests where known: these tell the minute, hours do not."""
    for seen in sightings.of(UsageView):
        entity = seen.view.entity
        fact = _by_requests(sightings, seen, scene) or _by_hours(sightings, entity, scene)
        if fact is not None:
            yield fact


def _by_hours(sightings: Sightings, entity: EntityId, scene: Scene) -> Fact | None:
    for seen in sightings.of(AllocationView):
        rows = [row for row in rows_of(seen.view, entity) if row.minutes >= FULL_HOUR]
        if len(rows) <= HOURS:
            continue
        now, before = _rate(rows[0]), median(_rate(row) for row in rows[1:])
        if now >= max(RATIO * before, before + LEAST):
            return _fact(entity, now, before, seen=[seen], scene=scene, at=rows[0].start)
    return None


def _by_requests(sightings: Sightings, seen: Observation[UsageView], scene: Scene) -> Fact | None:
    priced = prices_of(sightings)
    cores, memory = (requested_over_time(seen.view, resource) for resource in ("cpu", "memory"))
    if priced is None or cores is None or memory is None:
        return None
    prices, sources = priced
    pairs = zip(cores.values, memory.values, strict=False)
    values = tuple(
        prices.usd_per_hour(cores=a, memory_bytes=b) if a is not None and b is not None else None for a, b in pairs
    )
    shift = find_shift(cores.model_copy(update={"values": values}), floor=NOISE)
    if shift is None or shift.until is not None or shift.after < max(RATIO * shift.before, shift.before + LEAST):
        return None
    return _fact(seen.view.entity, shift.after, shift.before, seen=[seen, *sources], scene=scene, at=shift.at)


def _fact(
    entity: EntityId, now: float, before: float, *, seen: Iterable[Observation[Any]], scene: Scene, at: datetime
) -> Fact:
    return state(
        SPIKE,
        entity=entity,
        text=f"{name_of(entity)} costs {before:.2f} -> {now:.2f} $/h{since(at, now=scene.now)}",
        seen=seen,
        at=at,
        detector=DETECTOR.name,
        usd_per_hour=round(now, 5),
        baseline=round(before, 5),
    )


def _rate(row: Allocation) -> float:
    return row.usd_per_hour or 0.0


DETECTOR = Detector(name="cost.spike", emits=(SPIKE,), needs=(UsageView,), detect=detect)
