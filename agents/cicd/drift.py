"""Live fields that differ from what was synchronised from Git: somebody or something wrote them since. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from agents.cicd.edits import Write, writes
from agents.cicd.hands import Hand
from agents.detector import Sightings
from agents.remembered import remembered
from incidents.action import FieldChange
from incidents.entity import Entity
from incidents.ids import EntityId
from tools.argocd.application import Application
from tools.argocd.probes.applications import ApplicationsView
from tools.argocd.probes.diff import DiffView
from tools.kubernetes.metadata import entity_id, kind_of
from tools.probe import Observation

UNKNOWN_WRITER = 0.7
"""Strength of a difference to Git whose writer is not known: Argo CD's comparison errs on defaulted fields."""


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One field of one object. `before` is what Git says, `after` what lives."""

    entity: EntityId
    change: FieldChange
    manager: str
    """Who owns the field; empty when that is not known."""
    at: datetime | None
    strength: float
    seen: Observation[DiffView]


@dataclass(frozen=True, kw_only=True)
class Drifts:
    """All that was seen to differ."""

    drifts: tuple[Drift, ...]

    @cached_property
    def by_entity(self) -> Mapping[EntityId, tuple[Drift, ...]]:
        """Per object."""
        found: dict[EntityId, tuple[Drift, ...]] = {}
        for one in self.drifts:
            found[one.entity] = (*found.get(one.entity, ()), one)
        return found

    def of(self, entity: EntityId) -> tuple[Drift, ...]:
        """Of one object."""
        return self.by_entity.get(entity, ())


@remembered
def drifts_of(sightings: Sightings) -> Drifts:
    """Differences of applications whose newest commit was synchronised: else Git is ahead, and nobody wrote by hand."""
    level = {app.name for seen in sightings.of(ApplicationsView) for app in seen.view.applications if _level(app)}
    known = writes(sightings)
    drifts = [drift for seen in sightings.of(DiffView) if seen.view.application in level for drift in _of(seen, known)]
    return Drifts(drifts=tuple(drifts))


def _level(app: Application) -> bool:
    """Whether the commit that is compared with is the one that was synchronised last."""
    return bool(app.history) and bool(app.revision) and app.history[-1].revision == app.revision


def _of(seen: Observation[DiffView], known: tuple[Write, ...]) -> Iterator[Drift]:
    if not seen.evidence.entities:
        return
    cluster = Entity.parse(seen.evidence.entities[0]).cluster
    for resource in seen.view.resources:
        kind = kind_of(resource.kind)
        if kind is None:
            continue
        entity = entity_id(cluster, kind, resource.name, resource.namespace or None)
        for change in resource.fields:
            owner = next((w for w in known if w.entity == entity and w.wrote(change.path)), None)
            if owner is None or owner.hand is not Hand.CONTROLLER:
                yield Drift(
                    entity=entity,
                    change=change,
                    manager=owner.manager if owner else "",
                    at=owner.at if owner else None,
                    strength=owner.manual if owner and owner.manual else UNKNOWN_WRITER,
                    seen=seen,
                )
