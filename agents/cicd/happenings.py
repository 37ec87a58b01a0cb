"""Everything that changed, whatever way it came, as one list in time: rollouts, edits, new configuration. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agents.cicd.deploys import SAME_WRITE, deploys
from agents.cicd.edits import config_writes, manual_edits
from agents.cicd.period import period_of
from agents.detector import Scene, Sightings
from agents.remembered import remembered
from incidents.entity import Entity
from incidents.ids import EntityId
from tools.probe import Observation


@dataclass(frozen=True, kw_only=True)
class Happening:
    """One change with its time."""

    entity: EntityId
    at: datetime
    name: str
    """How a sentence names it: `deploy 8f2c1d7 of checkout`."""
    commit: str = ""
    revision: int | None = None
    related: tuple[EntityId, ...] = ()
    seen: tuple[Observation[Any], ...]

    @property
    def touches(self) -> tuple[EntityId, ...]:
        """The entity and what it concerns."""
        return (self.entity, *self.related)


@remembered
def happenings(sightings: Sightings, scene: Scene) -> tuple[Happening, ...]:
    """What changed in the period, oldest first. What has no time is left out."""
    every = _all(sightings, scene)
    found = period_of(scene).chosen(every, at=lambda one: one.at, entities=lambda one: one.touches)
    return tuple(sorted(found, key=lambda one: (one.at, one.entity)))


def _all(sightings: Sightings, scene: Scene) -> Iterator[Happening]:
    rolled = deploys(sightings, scene)
    for deploy in rolled:
        if deploy.at:
            yield Happening(
                entity=deploy.workload,
                at=deploy.at,
                name=f"{deploy.name} of {label(deploy.workload)}",
                commit=deploy.commit,
                revision=deploy.revision.number,
                seen=deploy.seen,
            )
    rolled_out = [(deploy.workload, deploy.at) for deploy in rolled if deploy.at]
    for edit in manual_edits(sightings):
        if edit.at and not any(edit.entity == w and abs(edit.at - at) <= SAME_WRITE for w, at in rolled_out):
            name = f"a change of {label(edit.entity)} by hand ({edit.manager})"
            yield Happening(entity=edit.entity, at=edit.at, name=name, related=edit.related, seen=(edit.seen,))
    for write in config_writes(sightings):
        if write.at and not write.manual and not write.created:
            name = f"an edit of {label(write.entity)}"
            yield Happening(entity=write.entity, at=write.at, name=name, related=write.related, seen=(write.seen,))


def label(entity: EntityId) -> str:
    """`checkout`, `configmap checkout-config`."""
    return Entity.parse(entity).label
