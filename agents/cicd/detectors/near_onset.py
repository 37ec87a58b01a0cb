"""Names the changes closest before the onset, with their distance: time proves nothing, but it is where to look."""

from collections.abc import Iterator

from agents.cicd.happenings import Happening, happenings
from agents.cicd.period import period_of
from agents.detector import Detector, Scene, Sightings
from agents.reporting import state
from agents.wording import clock_time, duration
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.revision import Rollouts

SPEC = FactSpec(
    kind=FactKind("change.near_onset"),
    role=FactRole.CHANGE,
    meaning="This change is among those closest before the onset.",
    attributes={
        "minutes_before": "minutes between it and the onset",
        "rank": "1 for the closest",
        "commit": "commit that it brought, when one is known",
        "revision": "revision that it brought, for a rollout",
    },
)
MOST = 3
"""Ranks that are told: a list of everything points nowhere."""


def detect(sightings: Sightings, scene: Scene) -> Iterator[Fact]:
    """The last change of each of the entities that changed last before the onset."""
    period = period_of(scene)
    last: dict[str, Happening] = {}
    for one in happenings(sightings, scene):
        if period.recent(one.at):
            last[one.entity] = one
    closest = sorted(last.values(), key=lambda one: (-one.at.timestamp(), one.entity))
    for rank, one in enumerate(closest[:MOST], start=1):
        seconds = max(0.0, (period.onset - one.at).total_seconds())
        ago = f"{duration(seconds)} before it began" if seconds else "right when it began"
        ago = f"{ago} at {clock_time(period.onset, now=scene.now)}"
        yield state(
            SPEC,
            entity=one.entity,
            text=f"{one.name} at {clock_time(one.at, now=scene.now)}, {ago}",
            seen=one.seen,
            at=one.at,
            related=one.related,
            detector=DETECTOR.name,
            minutes_before=round(seconds / 60, 1),
            rank=rank,
            commit=one.commit or None,
            revision=one.revision,
        )


DETECTOR = Detector(name="cicd.near_onset", emits=(SPEC,), needs=(Rollouts,), detect=detect)
