"""Whose telemetry decides whether a repair helped: the blamed workload, else the workloads that suffer from the rest.

Nodes, volumes and clusters have no requests and no pods to count. An alert about them is no measure of a repair either:
a node that was closed to new pods is still sick, and what matters is that its workloads run elsewhere.
"""

from collections.abc import Iterable, Iterator

from agents.diagnostician.places import SCOPES, Places, kind_of, name_of
from incidents.casefile import CaseFile
from incidents.cause import Scope
from incidents.diagnosis import Hypothesis
from incidents.entity import EntityKind
from incidents.fact import Fact, FactRole
from incidents.ids import EntityId
from incidents.topology import Relation

MOST_WATCHED = 2
"""Workloads by which the repair of a node or a volume is judged."""
_TELLING = frozenset({FactRole.SYMPTOM, FactRole.MECHANISM})
_WORKLOADS = SCOPES[Scope.WORKLOAD]


def watched(hypothesis: Hypothesis, *, case: CaseFile) -> tuple[EntityId, ...]:
    """The workloads, nearest first; the blamed thing itself when no workload is known to suffer from it."""
    entity, places = hypothesis.entity, Places(case.topology)
    if kind_of(entity) in _WORKLOADS:
        return (entity,)
    near = tuple(_near(entity, places=places))
    alarmed = _workloads(home for one in case.incident.entities for home in places.homes(one))
    alarmed_near = tuple(one for one in alarmed if one in near)
    left = _workloads(places.topology.owner_of(fact.entity) for fact in case.facts if _left(fact, entity))
    choice = next((found for found in (alarmed_near, left, _hurt(near, case=case), alarmed, near) if found), ())
    return choice[:MOST_WATCHED] or (entity,)


def _near(entity: EntityId, *, places: Places) -> Iterator[EntityId]:
    """The workloads to which it leads, which live on it, which are part of it or use it."""
    users = places.topology.sources(entity, Relation.USES)
    every = (*places.homes(entity), *places.tenants.get(entity, ()), *sorted(places.own(entity)), *users)
    yield from _workloads(every)


def _left(fact: Fact, node: EntityId) -> bool:
    """Whether a fact says that pods had to leave this node, so that it no longer shows who lived there."""
    return (
        kind_of(node) == EntityKind.NODE
        and fact.role in _TELLING
        and (node in fact.related or fact.attributes.get("node") == name_of(node))
    )


def _hurt(near: Iterable[EntityId], *, case: CaseFile) -> tuple[EntityId, ...]:
    hurt = {fact.entity for fact in case.facts if fact.role in _TELLING and fact.until is None}
    return tuple(one for one in near if one in hurt)


def _workloads(entities: Iterable[EntityId]) -> tuple[EntityId, ...]:
    return tuple(one for one in dict.fromkeys(entities) if kind_of(one) in _WORKLOADS)
