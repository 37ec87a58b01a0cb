"""Rollout history as deploys: which template became the wanted one when, by whose hand, from which commit. Pure.

Kubernetes keeps templates, not events. A template that comes back keeps its old time of creation, so that its time is
only known where something else tells it; a deploy without a time is better than one with a wrong one.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from agents.cicd.hands import Hand, hand_of
from agents.cicd.origin import Origin, Origins, origins_of
from agents.detector import Scene, Sightings
from agents.remembered import remembered
from incidents.action import FieldChange
from incidents.ids import EntityId
from tools.kubernetes.metadata import FieldManager
from tools.kubernetes.revision import Revision, Rollout, Rollouts
from tools.kubernetes.workload import Workload, Workloads
from tools.probe import Observation

SAME_WRITE = timedelta(seconds=60)
"""How far the time of a write and of the revision that it brought about may lie apart: the controller answers in
seconds, a busy one in tens of them."""
SHORT_SHA = 7
"""Digits by which people name a commit."""


@dataclass(frozen=True, kw_only=True)
class Deploy:
    """One revision that became the wanted one."""

    workload: EntityId
    revision: Revision
    previous: Revision | None
    """None for the oldest that is kept."""
    at: datetime | None
    """None when it cannot be known: a template that came back and was replaced again."""
    actor: str = ""
    """Who: a commit's author or a field manager."""
    by_hand: bool = False
    origin: Origin | None = None
    """Where it came from, when a repository or Argo CD told."""
    later: tuple["Deploy", ...] = ()
    """Deploys of the same workload after it, oldest first."""
    seen: tuple[Observation[Any], ...]

    @property
    def commit(self) -> str:
        """The commit that it brought; empty when by hand, or when none is known."""
        if self.by_hand:
            return ""
        if self.origin is not None:
            return self.origin.commit
        before = self.previous.commit if self.previous else ""
        return "" if before and before == self.revision.commit else self.revision.commit

    @property
    def returns_to(self) -> int | None:
        """The number that this template had before, when it was rolled back to."""
        return self.revision.history[-1] if self.revision.history else None

    @property
    def first(self) -> bool:
        """Whether it brought the workload into the world."""
        return self.previous is None and self.revision.number == 1 and not self.revision.history

    @property
    def name(self) -> str:
        """How a sentence begins: `deploy 8f2c1d7`, `revision 42`, `a change by hand (kubectl-edit)`."""
        if self.by_hand:
            return f"a change by hand ({self.actor})"
        if self.commit:
            return f"deploy {self.commit[:SHORT_SHA]}"
        if self.returns_to is not None:
            return f"the rollback to revision {self.returns_to}"
        return f"revision {self.revision.number}"

    @property
    def person(self) -> str:
        """Who did it, where that is a person and not yet said by `name`."""
        machine = hand_of(self.actor) in {Hand.PIPELINE, Hand.CONTROLLER, Hand.APPLY, Hand.PERSON}
        return "" if self.by_hand or machine else self.actor

    @property
    def changes(self) -> tuple[FieldChange, ...]:
        """Fields that differ from the revision before."""
        return self.revision.changes

    def until(self, paths: Iterable[str]) -> datetime | None:
        """When the last of these fields was changed again; None while one of them stands as it was left."""
        times: list[datetime] = []
        for path in paths:
            again = next((one.at for one in self.later if one.at and any(c.path == path for c in one.changes)), None)
            if again is None:
                return None
            times.append(again)
        return max(times, default=None)


@remembered
def deploys(sightings: Sightings, scene: Scene) -> tuple[Deploy, ...]:
    """All deploys that were seen, per workload oldest first; a workload that was seen twice counts once."""
    origins = origins_of(sightings, scene.case.topology)
    workloads = {one.meta.entity: one for seen in sightings.of(Workloads) for one in seen.view.workloads}
    found: dict[EntityId, tuple[Deploy, ...]] = {}
    for seen in sightings.of(Rollouts):
        for rollout in seen.view.rollouts:
            found[rollout.workload] = _of(rollout, seen=seen, workload=workloads.get(rollout.workload), origins=origins)
    return tuple(deploy for group in found.values() for deploy in group)


def _of(
    rollout: Rollout, *, seen: Observation[Rollouts], workload: Workload | None, origins: Origins
) -> tuple[Deploy, ...]:
    newest_first = rollout.revisions
    group: tuple[Deploy, ...] = ()
    for place, revision in enumerate(newest_first):
        before = newest_first[place + 1 :]
        at = _time(revision, before)
        actor, by_hand = _actor(revision, at=at, workload=workload)
        origin = (
            None
            if by_hand
            else origins.of(rollout.workload, at=at, revision=revision, before=before[0] if before else None)
        )
        deploy = Deploy(
            workload=rollout.workload,
            revision=revision,
            previous=before[0] if before else None,
            at=at,
            actor=(origin.actor if origin and origin.actor else actor),
            by_hand=by_hand,
            origin=origin,
            later=group,
            seen=(seen, *(origin.seen if origin else ())),
        )
        group = (deploy, *group)
    return group


def _time(revision: Revision, before: Sequence[Revision]) -> datetime | None:
    """Its time, unless an older revision is younger than it: then the template had been there before."""
    at = revision.deployed or revision.created
    earlier = [one.created for one in before if one.created]
    return None if at is None or any(one > at for one in earlier) else at


def _actor(revision: Revision, *, at: datetime | None, workload: Workload | None) -> tuple[str, bool]:
    """The field manager behind a revision, and whether a person was at it."""
    if revision.actor and hand_of(revision.actor) is Hand.PERSON:
        return revision.actor, True
    writers = tuple(_writers(workload, at)) if workload and at else ()
    person = next((one for one in writers if hand_of(one.manager, operation=one.operation) is Hand.PERSON), None)
    if person is not None:
        return person.manager, True
    return revision.actor or next((one.manager for one in writers), ""), False


def _writers(workload: Workload, at: datetime) -> Iterator[FieldManager]:
    for manager in workload.meta.managers:
        wrote = any(field.startswith("spec.template") for field in manager.fields)
        if wrote and manager.at and abs(manager.at - at) <= SAME_WRITE:
            yield manager
