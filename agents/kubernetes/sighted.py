"""What detectors ask of the sightings again and again: each object once, as it was seen last, and where."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from agents.detector import Scene, Sightings
from incidents.entity import Entity, EntityKind
from incidents.ids import EntityId
from tools.kubernetes.event import Event, Events
from tools.kubernetes.pod import ContainerStatus, Pod, Pods
from tools.kubernetes.workload import Workload, Workloads
from tools.probe import Observation

LEAD = timedelta(hours=1)
"""What happened longer than this before the onset is history: a restart of last week explains nothing tonight."""


@dataclass(frozen=True, kw_only=True)
class SeenPod:
    """A pod and the observation that showed it."""

    pod: Pod
    seen: Observation[Any]

    @property
    def statuses(self) -> tuple[ContainerStatus, ...]:
        """Its containers, init containers first."""
        return (*self.pod.init_containers, *self.pod.containers)


@dataclass(frozen=True, kw_only=True)
class SeenEvent:
    """An event, the workload it is about in the end, and the observation that showed it."""

    event: Event
    seen: Observation[Any]
    workload: EntityId | None
    pod: EntityId | None


@dataclass(frozen=True, kw_only=True)
class SeenWorkload:
    """A workload and the observation that showed it."""

    workload: Workload
    seen: Observation[Any]


@dataclass(frozen=True, kw_only=True)
class SeenContainer:
    """One container of one pod."""

    status: ContainerStatus
    pod: Pod
    seen: Observation[Any]


def pods_of(sightings: Sightings) -> tuple[SeenPod, ...]:
    """Every pod once, as it was seen last."""
    found: dict[EntityId, SeenPod] = {}
    for seen in _in_order(sightings.of(Pods)):
        for pod in seen.view.pods:
            found[pod.meta.entity] = SeenPod(pod=pod, seen=seen)
    return tuple(found.values())


def by_workload(pods: Iterable[SeenPod]) -> dict[EntityId, tuple[SeenPod, ...]]:
    """Pods by the workload that facts about them are said of."""
    found: dict[EntityId, tuple[SeenPod, ...]] = {}
    for one in pods:
        found[one.pod.workload] = (*found.get(one.pod.workload, ()), one)
    return found


def containers_of(
    pods: Iterable[SeenPod], *, init: bool | None = None
) -> dict[tuple[EntityId, str], tuple[SeenContainer, ...]]:
    """Containers by workload and name; only init containers, only the others, or all."""
    found: dict[tuple[EntityId, str], tuple[SeenContainer, ...]] = {}
    for one in pods:
        for status in one.statuses:
            if init is None or status.init is init:
                key = (one.pod.workload, status.name)
                container = SeenContainer(status=status, pod=one.pod, seen=one.seen)
                found[key] = (*found.get(key, ()), container)
    return found


def workloads_of(sightings: Sightings) -> dict[EntityId, SeenWorkload]:
    """Every workload once, as it was seen last."""
    return {
        workload.meta.entity: SeenWorkload(workload=workload, seen=seen)
        for seen in _in_order(sightings.of(Workloads))
        for workload in seen.view.workloads
    }


def events_of(sightings: Sightings, *reasons: str) -> tuple[SeenEvent, ...]:
    """Every event once, as it was seen last, oldest first; only those of the given reasons when there are some."""
    owners = {one.pod.meta.entity: one.pod.workload for one in pods_of(sightings)}
    found: dict[tuple[str, ...], SeenEvent] = {}
    for seen in _in_order(sightings.of(Events)):
        for event in seen.view.events:
            if reasons and event.reason not in reasons:
                continue
            key = (event.kind, event.namespace or "", event.name, event.reason, event.field, event.message)
            found[key] = _seen_event(event, seen, owners)
    return tuple(sorted(found.values(), key=lambda one: one.event.last.timestamp() if one.event.last else 0.0))


def _seen_event(event: Event, seen: Observation[Any], owners: Mapping[EntityId, EntityId]) -> SeenEvent:
    pod = event.entity if event.kind == "Pod" else None
    workload = event.owner or (owners.get(pod) if pod else None)
    if workload is None and event.entity is not None and Entity.parse(event.entity).is_workload:
        workload = event.entity
    return SeenEvent(event=event, seen=seen, workload=workload, pod=pod)


def _in_order(observations: Iterable[Observation[Any]]) -> list[Observation[Any]]:
    return sorted(observations, key=lambda seen: seen.evidence.observed_at)


def onset(scene: Scene) -> datetime:
    """When the trouble began as far as is known: the case's onset, else the first alert."""
    return scene.case.onset or scene.case.incident.started_at


def fresh(moment: datetime | None, scene: Scene) -> bool:
    """Whether something of that time can have to do with the incident. What has no time may."""
    return moment is None or moment >= onset(scene) - LEAD


def near(entity: EntityId, scene: Scene) -> bool:
    """Whether an entity is asked about or in focus; everything is when nothing is named."""
    wanted = {*scene.entities, *scene.case.focus}
    return not wanted or entity in wanted or entity_namespace(entity) in wanted


def entity_namespace(entity: EntityId) -> EntityId:
    """The namespace of an entity as an entity; that of the cluster's own things is `-`."""
    parsed = Entity.parse(entity)
    return Entity(cluster=parsed.cluster, kind=EntityKind.NAMESPACE, name=parsed.namespace or "-").id


def earliest(moments: Iterable[datetime | None]) -> datetime | None:
    """The first of the known times."""
    return min((moment for moment in moments if moment is not None), default=None)


def latest(moments: Iterable[datetime | None]) -> datetime | None:
    """The last of the known times."""
    return max((moment for moment in moments if moment is not None), default=None)


def name(entity: EntityId) -> str:
    """How people call an entity."""
    return Entity.parse(entity).label


def of_total(part: int, total: int, noun: str = "pod") -> str:
    """`2 of 6 pods`, `1 pod` when there is only one."""
    total = max(part, total)
    return f"{part} of {total} {noun}s" if total > 1 else f"1 {noun}"
