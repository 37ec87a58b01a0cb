"""What containers used before the trouble: what they need, as against what they may use. Answers `usage_before`."""

from collections.abc import Iterable
from datetime import datetime

from agents.detector import Detector, Scene, Sightings
from agents.observability.figures import container_of, size
from agents.reporting import state
from agents.wording import clock_time
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.probe import Observation
from tools.prometheus.probes.usage import ContainerUsage, UsageView

USED_BEFORE = FactSpec(
    kind=FactKind("memory.used_before"),
    role=FactRole.STATE,
    meaning="What a container used of memory while all was well: what a limit has to allow.",
    attributes={
        "container": "name of the container",
        "peak": "highest use of any pod, bytes",
        "until": "the moment before which it was measured, ISO 8601",
        "p95": "95th percentile over time of the pod that used most, bytes",
    },
)
LEAST_SAMPLES = 10
"""Samples of which a peak is worth the name."""


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per container and moment."""
    for seen in sightings.of(UsageView):
        for one in seen.view.containers:
            if (fact := _fact(seen, one, scene)) is not None:
                yield fact


def _fact(seen: Observation[UsageView], one: ContainerUsage, scene: Scene) -> Fact | None:
    if one.memory is None:
        return None
    until = _until(seen, scene)
    used = sorted(one.memory.between(None, until))
    if len(used) < LEAST_SAMPLES:
        return None
    who = container_of(seen.view.entity, one.container)
    p95 = used[int(0.95 * (len(used) - 1))]
    return state(
        USED_BEFORE,
        entity=seen.view.entity,
        text=f"{who} used up to {size(used[-1])} before {clock_time(until, now=scene.now)}"
        f" (95 % of the time at most {size(p95)})",
        seen=[seen],
        at=None,
        until=until,
        detector=DETECTOR.name,
        container=one.container,
        peak=round(used[-1]),
        p95=round(p95),
        more={"until": until.isoformat()},
    )


def _until(seen: Observation[UsageView], scene: Scene) -> datetime:
    """The onset; the end of what was looked at, when that was asked to end before it."""
    onset = scene.case.onset or scene.case.incident.started_at
    window = seen.evidence.window
    return min(onset, window.end) if window else onset


DETECTOR = Detector(name="observability.memory_before", emits=(USED_BEFORE,), needs=(UsageView,), detect=detect)
