"""Says of a workload in focus that nothing changed on it before the onset, when its history could be read."""

from collections.abc import Iterator

from agents.cicd.happenings import happenings, label
from agents.cicd.period import RECENT, period_of
from agents.detector import Detector, Scene, Sightings
from agents.reporting import state
from agents.wording import clock_time
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.revision import Rollouts

SPEC = FactSpec(
    kind=FactKind("change.none"),
    role=FactRole.CLEARED,
    meaning="The rollout history was read, and nothing changed on the workload or its configuration before the onset.",
    attributes={"since": "nothing changed since then (ISO 8601)"},
)


def detect(sightings: Sightings, scene: Scene) -> Iterator[Fact]:
    """One fact per workload in focus without a change."""
    period = period_of(scene)
    changed = {entity for one in happenings(sightings, scene) if period.recent(one.at) for entity in one.touches}
    since = period.onset - RECENT
    for seen in sightings.of(Rollouts):
        for rollout in seen.view.rollouts:
            undated = any(revision.created is None for revision in rollout.revisions)
            if rollout.workload in period.near and rollout.workload not in changed and not undated:
                yield state(
                    SPEC,
                    entity=rollout.workload,
                    text=f"nothing changed on {label(rollout.workload)} since {clock_time(since, now=scene.now)}",
                    seen=(seen,),
                    at=None,
                    detector=DETECTOR.name,
                    since=since.isoformat(),
                )


DETECTOR = Detector(name="cicd.none", emits=(SPEC,), needs=(Rollouts,), detect=detect)
