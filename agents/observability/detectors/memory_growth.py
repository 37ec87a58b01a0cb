"""Containers whose memory grows steadily towards their limit: the shape of a leak."""

from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.observability.figures import container_of, size
from agents.observability.trend import Trend, find_trend
from agents.reporting import state
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.probe import Observation
from tools.prometheus.probes.usage import ContainerUsage, UsageView

GROWING = FactSpec(
    kind=FactKind("memory.growing"),
    role=FactRole.MECHANISM,
    meaning="A container's memory grows steadily and will reach its limit: the shape of a leak.",
    attributes={
        "container": "name of the container",
        "bytes_per_hour": "how fast it grows",
        "hours_to_limit": "hours until it reaches its limit at that pace",
        "r2": "share of the variation that a straight line explains, 0..1",
    },
)
STRAIGHT = 0.8
"""Share of the variation that the line explains: caches that warm up flatten, load goes up and down."""
LEAST_HOURS = 0.4
"""Hours of steady growth: about 25 minutes, after which a start-up is over."""
LEAST_GROWTH = 0.1
"""Growth over the stretch as a share of its start."""
NOW = 0.1
"""Hours that are no time."""
SOON = 24.0
"""Hours: what lasts longer is for working hours."""


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:  # noqa: ARG001 - the form of a detector
    """One fact per container."""
    for seen in sightings.of(UsageView):
        for one in seen.view.containers:
            trend = find_trend(one.memory) if one.memory else None
            if trend is not None and (fact := _fact(seen, one, trend)) is not None:
                yield fact


def _fact(seen: Observation[UsageView], one: ContainerUsage, trend: Trend) -> Fact | None:
    limit = one.memory_limit.last if one.memory_limit else None
    hours = trend.hours_to(limit) if limit else None
    steady = trend.r2 >= STRAIGHT and trend.hours >= LEAST_HOURS and trend.last >= (1 + LEAST_GROWTH) * trend.first
    if not steady or trend.per_hour <= 0 or (hours is not None and hours > SOON):
        return None
    reach = f", {_reached(limit, hours)}" if limit and hours is not None else ""
    who = f"memory of {container_of(seen.view.entity, one.container)}"
    return state(
        GROWING,
        entity=seen.view.entity,
        text=f"{who} grows by {size(trend.per_hour)} an hour, steadily{reach}",
        seen=[seen],
        at=None,
        strength=trend.r2,
        detector=DETECTOR.name,
        container=one.container,
        bytes_per_hour=round(trend.per_hour),
        hours_to_limit=round(hours, 2) if hours is not None else None,
        r2=trend.r2,
    )


def _reached(limit: float, hours: float) -> str:
    return (
        f"its limit of {size(limit)} in {hours:.1f} h"
        if hours >= NOW
        else f"and has reached its limit of {size(limit)}"
    )


DETECTOR = Detector(name="observability.memory_growth", emits=(GROWING,), needs=(UsageView,), detect=detect)
