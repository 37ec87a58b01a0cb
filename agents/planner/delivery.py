"""Which delivery brought what is wrong: the blamed change, else the release or the sync right before it began. Pure.

A wrong field of an object that Argo CD manages and that nobody changed by hand came by a sync. When the trouble begins
right after the last one, going back to the sync before it takes the field back, whatever kind of object it is on. In
the same way a process that fails from its first minutes on came with the revision that it belongs to.
"""

from datetime import datetime, timedelta

from agents.diagnostician.places import SCOPES, kind_of
from agents.diagnostician.places import name_of as _name
from agents.planner.evidence import SAME_DEPLOY, TEMPLATE_CHANGES, Known
from incidents.cause import Scope
from incidents.fact import Fact, FactRole
from incidents.ids import EntityId, FactKind
from incidents.topology import Relation

DRIFTED = FactKind("argocd.drifted")
_MISSED = frozenset({"missing_name", "ref_name"})
"""Attributes that name an object which is referred to and is not there."""
SYNCED, OUT_OF_SYNC = FactKind("argocd.synced"), FactKind("argocd.out_of_sync")
RIGHT_AFTER = timedelta(minutes=10)
"""What a delivery breaks at once shows by then: a rollout, a few scrapes, the hold of an alert."""
FIRST_MINUTES = ("container.", "probe.", "init.", "volume.")
"""Domains of mechanisms by which new pods of a bad revision fail."""
_RESTART = FactKind("change.restarted")
_BY_PEOPLE = "change."


def release(target: EntityId, *, known: Known) -> Fact | None:
    """The change of a workload's template that came right before its containers began to fail.

    Of the blamed workload when no change is blamed; of one behind what is blamed (the cluster's DNS) always.
    """
    blamed = target == known.entity
    if not _is_workload(target) or (blamed and known.change is not None):
        return None
    facts = _cited(known) if blamed else known.case.facts
    failing = [
        f.at for f in facts if f.at and f.kind.startswith(FIRST_MINUTES) and f.entity in known.places.own(target)
    ]
    began = min(failing, default=None)
    changes = [f for f in known.case.facts if f.kind in TEMPLATE_CHANGES and f.entity == target and f.at]
    before = [f for f in changes if began and _at(f) <= began + SAME_DEPLOY]
    last = max(before, key=lambda fact: (_at(fact), "previous_revision" in fact.attributes, fact.id), default=None)
    if last is None or began is None or began - _at(last) > RIGHT_AFTER:
        return None
    restarts = (fact for fact in changes if fact.kind == _RESTART)
    return None if any(_together(restart, last) for restart in restarts) else last


def sync_of(application: EntityId, *, known: Known) -> Fact | None:
    """The last sync of the application, when it brought what is wrong; None when something else did."""
    facts = [fact for fact in known.case.facts if fact.entity == application]
    sync = next((fact for fact in facts if fact.kind == SYNCED and fact.at), None)
    if sync is None or any(fact.kind == OUT_OF_SYNC for fact in facts):
        return None
    managed = frozenset(known.case.topology.targets(application, Relation.DEPLOYS))
    change = known.change
    if change is not None and change.kind.startswith(_BY_PEOPLE):
        return sync if change.entity in managed and _together(change, sync) else None
    if _is_workload(known.entity):
        return sync if any(_together(fact, sync) for fact in _beside(known, managed)) else None
    began = min(_moments(known), default=None)
    right_after = began is not None and -SAME_DEPLOY <= began - _at(sync) <= RIGHT_AFTER
    return sync if known.entity in managed and right_after else None


def drifted(application: EntityId, *, known: Known) -> list[EntityId]:
    """Objects of the application that are not what Git says, among those that the argument is about."""
    near = known.places.own(known.entity)
    named = {str(value) for fact in _cited(known) for name, value in fact.attributes.items() if name in _MISSED}
    found = [fact for fact in known.case.facts if fact.kind == DRIFTED and application in fact.related]
    about = [f.entity for f in found if f.entity in near or (f.attributes.get("missing") and _name(f.entity) in named)]
    return sorted(dict.fromkeys(entity for entity in about if not _is_workload(entity)))


def _beside(known: Known, managed: frozenset[EntityId]) -> list[Fact]:
    """Changes of what belongs to a workload and is no part of its template: its autoscaler, its service, its config."""
    beside = (known.places.own(known.entity) & managed) - {known.entity}
    return [fact for fact in known.case.facts if fact.entity in beside and fact.kind.startswith(_BY_PEOPLE)]


def _together(change: Fact, sync: Fact) -> bool:
    return change.at is not None and abs(change.at - _at(sync)) <= SAME_DEPLOY


def _is_workload(entity: EntityId) -> bool:
    return kind_of(entity) in SCOPES[Scope.WORKLOAD]


def _moments(known: Known) -> list[datetime]:
    """When what is wrong began, by what the argument cites; states without a time begin with the first symptom."""
    cited = [fact.at for fact in _cited(known) if fact.at and fact.role is not FactRole.SYMPTOM]
    return cited or [at for at in (known.hypothesis.onset, known.case.onset) if at]


def _cited(known: Known) -> list[Fact]:
    return [fact for fact in known.case.facts if fact.id in known.cited]


def _at(fact: Fact) -> datetime:
    assert fact.at is not None, "facts without a time were left out"
    return fact.at
