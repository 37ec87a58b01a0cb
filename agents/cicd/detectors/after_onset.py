"""Acquits what changed only after the trouble had begun."""

from collections.abc import Iterator

from agents.cicd.happenings import happenings
from agents.cicd.period import period_of
from agents.detector import Detector, Scene, Sightings
from agents.reporting import state
from agents.wording import clock_time, duration
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.revision import Rollouts

SPEC = FactSpec(
    kind=FactKind("change.after_onset"),
    role=FactRole.CLEARED,
    meaning="A change that came after the onset: it did not begin the trouble.",
    attributes={
        "minutes_after": "minutes between the onset and it",
        "commit": "commit that it brought, when one is known",
        "revision": "revision that it brought, for a rollout",
    },
)


def detect(sightings: Sightings, scene: Scene) -> Iterator[Fact]:
    """One fact per change after the onset."""
    period = period_of(scene)
    for one in happenings(sightings, scene):
        if not period.after(one.at):
            continue
        seconds = (one.at - period.onset).total_seconds()
        late = f"{duration(seconds)} after it began at {clock_time(period.onset, now=scene.now)}"
        yield state(
            SPEC,
            entity=one.entity,
            text=f"{one.name} at {clock_time(one.at, now=scene.now)} came {late}",
            seen=one.seen,
            at=one.at,
            related=one.related,
            detector=DETECTOR.name,
            minutes_after=round(seconds / 60, 1),
            commit=one.commit or None,
            revision=one.revision,
        )


DETECTOR = Detector(name="cicd.after_onset", emits=(SPEC,), needs=(Rollouts,), detect=detect)
