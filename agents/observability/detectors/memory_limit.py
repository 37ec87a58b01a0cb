"""Containers whose memory reached their limit."""

from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.observability.figures import container_of, size
from agents.reporting import state
from agents.wording import percent, since
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.probe import Observation
from tools.prometheus.curve import Curve
from tools.prometheus.probes.usage import ContainerUsage, UsageView

AT_LIMIT = FactSpec(
    kind=FactKind("memory.at_limit"),
    role=FactRole.MECHANISM,
    meaning="A container's memory came so close to its limit that the kernel kills it at any moment.",
    attributes={
        "container": "name of the container",
        "peak": "highest use of the pod closest to its limit, bytes",
        "limit": "its limit, bytes",
        "ratio": "peak by limit, 0..1",
    },
)
CLOSE = 0.9
"""Share of the limit. The kernel kills at all of it; between two samples of 30 s a starting process takes the rest."""
WHOLE = 0.995
"""Share that is said to be all of it."""
LATELY = 4
"""Samples at the end of which one has to be close: what was close only long ago is over."""


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per container."""
    for seen in sightings.of(UsageView):
        for one in seen.view.containers:
            if (fact := _fact(seen, one, scene)) is not None:
                yield fact


def _fact(seen: Observation[UsageView], one: ContainerUsage, scene: Scene) -> Fact | None:
    if one.memory_ratio is None or not (hits := [at for at, ratio in one.memory_ratio.points() if ratio >= CLOSE]):
        return None
    seen_ratio = max(value for _, value in one.memory_ratio.points())
    highest = next(index for index, value in enumerate(one.memory_ratio.values) if value == seen_ratio)
    limit = _at(one.memory_limit_lowest, highest) or _at(one.memory_limit, highest)
    if limit is None:
        return None
    begun = _run_start(one.memory_ratio)
    over = None if _is_close_now(one.memory_ratio) else hits[-1]
    ratio = min(1.0, seen_ratio)  # nobody uses more than the limit: use and limit were sampled at different times
    peak = ratio * limit
    whole = ratio >= WHOLE
    reach = f"its limit of {size(limit)}" if whole else f"{size(peak)}, {percent(ratio)} of its limit of {size(limit)}"
    who = container_of(seen.view.entity, one.container)
    return state(
        AT_LIMIT,
        entity=seen.view.entity,
        text=f"{who} reaches {reach}" + since(one.memory_ratio.time(begun), now=scene.now),
        seen=[seen],
        at=one.memory_ratio.time(begun),
        until=over,
        detector=DETECTOR.name,
        container=one.container,
        peak=round(peak),
        limit=round(limit),
        ratio=round(ratio, 3),
    )


def _run_start(curve: Curve) -> int:
    """Index of the first sample that was close to the limit."""
    return next(index for index, value in enumerate(curve.values) if value is not None and value >= CLOSE)


def _is_close_now(curve: Curve) -> bool:
    known = [value for value in curve.values if value is not None]
    return any(value >= CLOSE for value in known[-LATELY:])


def _at(curve: Curve | None, index: int) -> float | None:
    """The value at that place of the grid, or the nearest known one before it."""
    if curve is None:
        return None
    return next((value for value in reversed(curve.values[: index + 1]) if value is not None), None)


DETECTOR = Detector(name="observability.memory_limit", emits=(AT_LIMIT,), needs=(UsageView,), detect=detect)
