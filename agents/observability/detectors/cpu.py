"""Containers that are held back at their CPU limit, or use all of it."""

from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.observability.figures import container_of, cores
from agents.observability.shift import find_shift, share
from agents.reporting import state
from agents.wording import percent, since
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.probe import Observation
from tools.prometheus.curve import Curve
from tools.prometheus.probes.usage import ContainerUsage, UsageView

THROTTLED = FactSpec(
    kind=FactKind("saturation.cpu_throttled"),
    role=FactRole.MECHANISM,
    meaning="A container is held back by its CPU limit more than before.",
    attributes={
        "container": "name of the container",
        "ratio": "share of CPU periods in which it was held back since, 0..1",
        "baseline": "share before, 0..1",
    },
)
CPU_HIGH = FactSpec(
    kind=FactKind("saturation.cpu_high"),
    role=FactRole.MECHANISM,
    meaning="A container uses nearly all CPU that its limit allows.",
    attributes={
        "container": "name of the container",
        "ratio": "use by limit of the busiest pod since, 0..1",
        "baseline": "use by limit before, 0..1",
    },
)
LEAST_THROTTLED = 0.25
"""Share of periods from which kube-prometheus warns (CPUThrottlingHigh)."""
LEAST_RISE = 0.1
LEAST_USE = 0.9
"""Share of the limit: what is left is less than one request's burst."""
NOISE = share(0.1, at_least=0.01)
RECENT = 5
"""Samples whose median is the level now, when there was no shift."""


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """Up to two facts per container."""
    for seen in sightings.of(UsageView):
        for one in seen.view.containers:
            yield from _throttled(seen, one, scene)
            yield from _high(seen, one, scene)


def _throttled(seen: Observation[UsageView], one: ContainerUsage, scene: Scene) -> Iterable[Fact]:
    shift = find_shift(one.throttled, floor=NOISE) if one.throttled else None
    if shift is None or shift.after < max(LEAST_THROTTLED, shift.before + LEAST_RISE):
        return
    yield state(
        THROTTLED,
        entity=seen.view.entity,
        text=f"{_who(seen, one)} is held back by its CPU limit in {percent(shift.after)} of periods"
        f"{since(shift.at, until=shift.until, now=scene.now)} ({percent(shift.before)} before)",
        seen=[seen],
        at=shift.at,
        until=shift.until,
        detector=DETECTOR.name,
        container=one.container,
        ratio=round(shift.after, 3),
        baseline=round(shift.before, 3),
    )


def _high(seen: Observation[UsageView], one: ContainerUsage, scene: Scene) -> Iterable[Fact]:
    curve = _by_limit(one)
    limit = one.cpu_limit.last if one.cpu_limit else None
    if curve is None or limit is None:
        return
    shift = find_shift(curve, floor=NOISE)
    level = shift.after if shift and shift.until is None else _level_now(curve)
    if level is None or level < LEAST_USE:
        return
    rising = shift if shift and shift.up and shift.until is None else None
    yield state(
        CPU_HIGH,
        entity=seen.view.entity,
        text=f"{_who(seen, one)} uses {percent(level)} of its {cores(limit)} CPU limit"
        + (since(rising.at, now=scene.now) if rising else ""),
        seen=[seen],
        at=rising.at if rising else None,
        detector=DETECTOR.name,
        container=one.container,
        ratio=round(level, 3),
        baseline=round(rising.before, 3) if rising else None,
    )


def _who(seen: Observation[UsageView], one: ContainerUsage) -> str:
    return container_of(seen.view.entity, one.container)


def _by_limit(one: ContainerUsage) -> Curve | None:
    if one.cpu is None or one.cpu_limit is None or one.cpu_limit.step != one.cpu.step:
        return None
    pairs = zip(one.cpu.values, one.cpu_limit.values, strict=False)
    values = tuple(used / limit if used is not None and limit else None for used, limit in pairs)
    return one.cpu.model_copy(update={"values": values})


def _level_now(curve: Curve) -> float | None:
    known = [value for value in curve.values if value is not None][-RECENT:]
    return sorted(known)[len(known) // 2] if known else None


DETECTOR = Detector(name="observability.cpu", emits=(THROTTLED, CPU_HIGH), needs=(UsageView,), detect=detect)
