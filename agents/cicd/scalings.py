"""Who changed how many pods a workload wants: a person's client, or what the deployment controller reported. Pure.

Kubernetes keeps no history of `spec.replicas`. Managed fields tell who wrote it last and when, events what it was
before, Argo CD what Git says. Autoscalers are another's business and are left out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from agents.cicd.deploys import SAME_WRITE, Deploy, deploys
from agents.cicd.drift import drifts_of
from agents.cicd.edits import Write, writes
from agents.cicd.hands import Hand
from agents.detector import Scene, Sightings
from incidents.ids import EntityId
from tools.kubernetes.autoscaler import Autoscalers
from tools.kubernetes.event import Event, Events
from tools.kubernetes.workload import Workload, Workloads
from tools.probe import Observation

ROLLOUT_TIME = timedelta(minutes=15)
"""After a new template the controller scales step by step: scaling up within this time is part of the rollout."""
_REPORT = re.compile(
    r"Scaled (?P<way>up|down) replica set (?P<set>\S+) "
    r"(?:from (?P<old>\d+) to (?P<new>\d+)|to (?P<new2>\d+)(?: from (?P<old2>\d+))?)"
)
"""The wordings of Kubernetes 1.31+, 1.26+ and before."""


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """One change of the wanted number of pods. `before` is None when nobody tells."""

    workload: EntityId
    at: datetime | None
    before: int | None
    after: int
    actor: str
    by_hand: bool
    seen: tuple[Observation[Any], ...]


@dataclass(frozen=True, kw_only=True)
class Report:
    """What the deployment controller reported."""

    at: datetime
    before: int | None
    after: int
    seen: Observation[Events]


def scalings(sightings: Sightings, scene: Scene) -> Iterator[Scaling]:
    """The last change of each workload's replicas, where one can be told from rollouts and autoscalers."""
    scaled = {one.target for seen in sightings.of(Autoscalers) for one in seen.view.autoscalers}
    owners = _owners(sightings)
    history = deploys(sightings, scene)
    for seen in sightings.of(Workloads):
        for workload in seen.view.workloads:
            entity = workload.meta.entity
            if entity in scaled:
                continue
            report = _report(entity, sightings, [one for one in history if one.workload == entity])
            found = _of(workload, owner=owners.get(entity), report=report, sightings=sightings, seen=seen)
            if found is not None:
                yield found


def _of(
    workload: Workload,
    *,
    owner: Write | None,
    report: Report | None,
    sightings: Sightings,
    seen: Observation[Workloads],
) -> Scaling | None:
    """What the report says, unless a person wrote at another time than it was reported: then what that person wrote."""
    by_hand = owner is not None and owner.hand is Hand.PERSON and not owner.created
    together = _together(owner, report)
    if report is None or (by_hand and not together):
        return _written(workload, owner, sightings, seen) if owner and by_hand else None
    return Scaling(
        workload=workload.meta.entity,
        at=report.at,
        before=report.before,
        after=report.after,
        actor=owner.manager if owner and together else "",
        by_hand=by_hand,
        seen=(seen, report.seen),
    )


def _together(owner: Write | None, report: Report | None) -> bool:
    """Whether the write brought about what was reported."""
    if owner is None or report is None:
        return False
    return owner.at is None or abs(owner.at - report.at) <= SAME_WRITE


def _written(workload: Workload, owner: Write, sightings: Sightings, seen: Observation[Workloads]) -> Scaling:
    """What a person wrote; what stood there before is known from Git alone."""
    entity = workload.meta.entity
    drift = next((one for one in drifts_of(sightings).of(entity) if one.change.path == "spec.replicas"), None)
    before = (drift.change.before or "") if drift else ""
    return Scaling(
        workload=entity,
        at=owner.at,
        before=int(before) if before.isdigit() else None,
        after=workload.replicas.desired,
        actor=owner.manager,
        by_hand=True,
        seen=(seen, *((drift.seen,) if drift else ())),
    )


def _owners(sightings: Sightings) -> dict[EntityId, Write]:
    """Who wrote `spec.replicas` last."""
    found: dict[EntityId, Write] = {}
    for one in writes(sightings):
        if "spec.replicas" in one.fields and one.hand is not Hand.CONTROLLER:
            known = found.get(one.entity)
            if known is None or (one.at and (known.at is None or one.at > known.at)):
                found[one.entity] = one
    return found


def _report(entity: EntityId, sightings: Sightings, history: list[Deploy]) -> Report | None:
    """The newest report about the current template's pods that is no step of its rollout."""
    current = next((one for one in history if one.revision.current), None)
    if current is None:
        return None
    found = [
        report
        for seen in sightings.of(Events)
        for event in seen.view.events
        if event.entity == entity and event.reason == "ScalingReplicaSet"
        if (report := _read(event, current, seen)) is not None
    ]
    return max(found, key=lambda one: one.at, default=None)


def _read(event: Event, current: Deploy, seen: Observation[Events]) -> Report | None:
    match = _REPORT.search(event.message)
    if match is None or event.last is None or match["set"] != current.revision.name:
        return None
    rolling = current.at is None or event.last - current.at < ROLLOUT_TIME
    if match["way"] == "up" and rolling:
        return None
    old = match["old"] or match["old2"]
    return Report(at=event.last, before=int(old) if old else None, after=int(match["new"] or match["new2"]), seen=seen)
