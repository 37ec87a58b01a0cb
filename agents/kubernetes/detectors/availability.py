"""Workloads with fewer pods than they want, none at all, or a single one; and controllers that lag behind."""

from collections.abc import Iterable
from datetime import datetime

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.sighted import SeenWorkload, earliest, near, pods_of, workloads_of
from agents.reporting import state
from agents.wording import since
from incidents.entity import EntityKind
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.workload import Workloads

UNAVAILABLE = FactSpec(
    kind=FactKind("workload.unavailable"),
    role=FactRole.SYMPTOM,
    meaning="A workload has fewer available pods than it wants.",
    attributes={"ready": "available pods", "desired": "wanted pods"},
)
SCALED_TO_ZERO = FactSpec(
    kind=FactKind("workload.scaled_to_zero"),
    role=FactRole.STATE,
    meaning="A workload is scaled to zero pods.",
    attributes={"manager": "who set the number last, by the API's own record"},
)
SINGLE_REPLICA = FactSpec(
    kind=FactKind("workload.single_replica"),
    role=FactRole.STATE,
    meaning="A workload has a single pod: any restart of it is an outage.",
)
GENERATION_LAG = FactSpec(
    kind=FactKind("workload.generation_lag"),
    role=FactRole.SYMPTOM,
    meaning="The controller has not looked at the newest specification.",
    attributes={"generation": "newest generation", "observed": "generation that the controller has seen"},
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """Facts of every workload that was seen; of the quiet states only for those that are asked about."""
    down = _down_since(sightings)
    for entity, one in workloads_of(sightings).items():
        workload = one.workload
        replicas = workload.replicas
        if replicas.available < replicas.desired:
            yield _unavailable(one, down.get(entity), scene)
        if replicas.desired == 0 and workload.kind is not EntityKind.DAEMONSET and near(entity, scene):
            yield _zero(one)
        if replicas.desired == 1 and workload.kind is not EntityKind.DAEMONSET and near(entity, scene):
            yield state(
                SINGLE_REPLICA,
                entity=entity,
                text=f"{workload.meta.name} has a single pod",
                seen=[one.seen],
                at=None,
                detector=DETECTOR.name,
            )
        if workload.behind:
            yield _lag(one)


def _down_since(sightings: Sightings) -> dict[str, datetime | None]:
    """Workload -> when the first of its pods that are not ready ceased to be, or was made."""
    found: dict[str, list[datetime | None]] = {}
    for one in pods_of(sightings):
        if not one.pod.ready and not one.pod.ended:
            ready = one.pod.condition("Ready")
            found.setdefault(one.pod.workload, []).append(ready.changed if ready else one.pod.meta.created)
    return {workload: earliest(times) for workload, times in found.items()}


def _unavailable(one: SeenWorkload, down: datetime | None, scene: Scene) -> Fact:
    workload, replicas = one.workload, one.workload.replicas
    condition = workload.condition("Available")
    at = condition.changed if condition and not condition.holds else None
    start = earliest([at, down])
    return state(
        UNAVAILABLE,
        entity=workload.meta.entity,
        text=f"only {replicas.available} of {replicas.desired} pods of {workload.meta.name} are available"
        f"{since(start, now=scene.now)}",
        seen=[one.seen],
        at=start,
        detector=DETECTOR.name,
        ready=replicas.available,
        desired=replicas.desired,
    )


def _zero(one: SeenWorkload) -> Fact:
    writers = [m for m in one.workload.meta.managers if "spec.replicas" in m.fields]
    writer = max(writers, key=lambda m: m.at.timestamp() if m.at else 0.0, default=None)
    by = f" by {writer.manager}" if writer else ""
    at = writer.at if writer else None
    return state(
        SCALED_TO_ZERO,
        entity=one.workload.meta.entity,
        text=f"{one.workload.meta.name} is scaled to 0 pods{by}{since(at)}",
        seen=[one.seen],
        at=at,
        detector=DETECTOR.name,
        manager=writer.manager if writer else None,
    )


def _lag(one: SeenWorkload) -> Fact:
    workload = one.workload
    return state(
        GENERATION_LAG,
        entity=workload.meta.entity,
        text=f"the controller of {workload.meta.name} is at generation {workload.observed_generation} of "
        f"{workload.meta.generation}",
        seen=[one.seen],
        at=None,
        detector=DETECTOR.name,
        generation=workload.meta.generation,
        observed=workload.observed_generation,
    )


DETECTOR = Detector(
    name="kubernetes.availability",
    emits=(UNAVAILABLE, SCALED_TO_ZERO, SINGLE_REPLICA, GENERATION_LAG),
    needs=(Workloads,),
    detect=detect,
)
