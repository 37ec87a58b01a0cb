"""Rollouts that do not come to an end: the new pods do not become ready."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.sighted import SeenWorkload, latest, pods_of, workloads_of
from agents.reporting import state
from agents.wording import since
from incidents.entity import EntityKind
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from tools.kubernetes.pod import Pods
from tools.kubernetes.workload import Workloads

PATIENCE = timedelta(minutes=2)
"""A rollout whose new pods are not ready for longer is stuck; the controller itself says so after ten minutes."""

ROLLOUT_STUCK = FactSpec(
    kind=FactKind("workload.rollout_stuck"),
    role=FactRole.SYMPTOM,
    meaning="A rollout does not progress: pods of the new template do not become ready.",
    attributes={
        "revision": "number of the revision that is rolled out (Deployments)",
        "updated": "pods of the new template",
        "ready": "available pods of all templates",
        "desired": "wanted pods",
        "deadline_exceeded": "whether the controller gave up waiting",
        "paused": "whether the rollout is paused",
    },
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per workload."""
    unready = _unready(sightings, scene)
    for entity, one in workloads_of(sightings).items():
        if _gave_up(one) or (_rolling(one) and entity in unready):
            yield _fact(one, scene)


def _gave_up(one: SeenWorkload) -> bool:
    """Whether the controller says so, of this rollout: pods that fail days after theirs are another matter."""
    progressing = one.workload.condition("Progressing")
    if progressing is None or progressing.reason != "ProgressDeadlineExceeded":
        return False
    started, replicas = _started(one), one.workload.replicas
    if replicas.updated < replicas.desired or started is None or progressing.changed is None:
        return True
    return progressing.changed - started <= 2 * timedelta(seconds=one.workload.strategy.deadline_s or 600)


def _started(one: SeenWorkload) -> datetime | None:
    """When the template was written last."""
    return latest(m.at for m in one.workload.meta.managers if any(f.startswith("spec.template") for f in m.fields))


def _rolling(one: SeenWorkload) -> bool:
    workload, replicas = one.workload, one.workload.replicas
    if workload.kind is EntityKind.STATEFULSET and workload.update_revision == workload.current_revision:
        return False
    mixed = replicas.updated < replicas.current or replicas.updated < replicas.desired
    return replicas.desired > 0 and mixed and replicas.available < replicas.current + replicas.desired


def _unready(sightings: Sightings, scene: Scene) -> frozenset[EntityId]:
    """Workloads that have pods which are not ready for longer than a start takes."""
    return frozenset(
        one.pod.workload
        for one in pods_of(sightings)
        if not one.pod.ready
        and not one.pod.ended
        and one.pod.meta.created is not None
        and scene.now - one.pod.meta.created > PATIENCE
    )


def _fact(one: SeenWorkload, scene: Scene) -> Fact:
    workload, replicas = one.workload, one.workload.replicas
    progressing = workload.condition("Progressing")
    at = progressing.changed if progressing and _gave_up(one) else None
    started = _started(one)
    number = f" to revision {workload.revision}" if workload.revision else ""
    text = (
        f"the rollout of {workload.meta.name}{number} is stuck at {replicas.updated} of {replicas.desired} new pods, "
        f"{replicas.available} available{since(started or at, now=scene.now)}"
    )
    return state(
        ROLLOUT_STUCK,
        entity=workload.meta.entity,
        text=text,
        seen=[one.seen],
        at=started or at,
        detector=DETECTOR.name,
        revision=workload.revision,
        updated=replicas.updated,
        ready=replicas.available,
        desired=replicas.desired,
        deadline_exceeded=_gave_up(one),
        paused=True if workload.paused else None,
    )


DETECTOR = Detector(name="kubernetes.rollout", emits=(ROLLOUT_STUCK,), needs=(Workloads, Pods), detect=detect)
