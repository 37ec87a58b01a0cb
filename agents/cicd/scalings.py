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
    entity, wanted = workload.meta.entity, workload.replicas.desired
    by_hand = owner is not None and owner.hand is Hand.PERSON and not owner.created
    if report is None and not by_hand:
        return None
    same = report is not None and (owner is None or owner.at is None or abs(owner.at - report.at) <= SAME_WRITE)
    if report is None or not (same or not by_hand):
        git = next((d for d in drifts_of(sightings).of(entity) if d.change.path == "spec.replicas"), None)
        wanted_before = git.change.before or "" if git else ""
        before = int(wanted_before) if wanted_before.isdigit() else None
        assert owner is not None
        more = (git.seen,) if git else ()
        return Scaling(
            workload=entity, at=owner.at, before=before, after=wanted, actor=owner.manager, by_hand=True,
            seen=(seen, *more),
        )  # fmt: skip
    return Scaling(
        workload=entity,
        at=report.at,
        before=report.before,
        after=report.after,
        actor=owner.manager if owner and same else "",
        by_hand=by_hand and same,
        seen=(seen, report.seen),
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
