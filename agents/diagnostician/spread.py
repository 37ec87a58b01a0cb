"""How trouble spreads: from a node to what runs on it, from a callee to its callers, load to those who carry it."""

from collections.abc import Iterable
from datetime import datetime

from agents.diagnostician.loads import LOAD, overloaded
from agents.diagnostician.places import SCOPES, cluster_of, kind_of, name_of, namespace_of
from agents.diagnostician.reading import Reading, Symptom
from agents.diagnostician.weights import (
    BEFORE_ITS_CAUSE,
    HOP,
    OWN_BUSINESS,
    SAME_NAMESPACE,
    TOLERANCE,
    WHOLE_NAMESPACE,
)
from incidents.cause import Cause, Scope
from incidents.entity import NO_NAMESPACE, EntityKind
from incidents.ids import EntityId
from incidents.topology import Relation

HARMLESS = frozenset({"telemetry", "cost", "argocd"})
"""Domains of facts that hurt no request by themselves: a cause that rests on these alone explains no symptom."""


def harms(cause: Cause) -> bool:
    """Whether a cause can bring about what users notice."""
    return any(kind.partition(".")[0] not in HARMLESS for line in cause.must for kind in line.kinds)


def carries_load(cause: Cause) -> bool:
    """Whether a cause spreads to those who are called."""
    return any(kind in LOAD for line in cause.must for kind in line.kinds)


class Spread:
    """Reach of entities over one case's topology; kept, as every cause asks for the same entities."""

    def __init__(self, reading: Reading) -> None:
        """`reading` of the case."""
        self.reading = reading
        self.topology = reading.topology
        self._reach: dict[tuple[EntityId, bool], dict[EntityId, int]] = {}
        self._degrees: dict[tuple[str, EntityId, bool], float] = {}

    def explained(self, symptom: Symptom, *, entity: EntityId, since: datetime | None, load: bool) -> float:
        """Degree (0..1) to which trouble at `entity`, beginning at `since`, explains the symptom."""
        key = (symptom.key, entity, load)
        if key not in self._degrees:
            homes = {*self.reading.places.homes(symptom.entity), symptom.entity}
            self._degrees[key] = max(self._degree(symptom, home, entity=entity, load=load) for home in homes)
        degree = self._degrees[key]
        early = since and symptom.at and symptom.at < since - TOLERANCE
        return degree * BEFORE_ITS_CAUSE if early else degree

    def _degree(self, symptom: Symptom, home: EntityId, *, entity: EntityId, load: bool) -> float:
        hops = self.reach(entity, load=load).get(home)
        if hops is not None:
            return HOP**hops * (OWN_BUSINESS if symptom.own_business and hops else 1.0)
        return self._by_place(home, entity=entity)

    def _by_place(self, home: EntityId, *, entity: EntityId) -> float:
        """What can be said without a path: an alert about a whole namespace, or a sufferer whose calls nobody knows."""
        if cluster_of(home) != cluster_of(entity):
            return 0.0
        if kind_of(home) == EntityKind.CLUSTER:
            return WHOLE_NAMESPACE
        if kind_of(home) == EntityKind.NAMESPACE:
            return WHOLE_NAMESPACE if name_of(home) in self._namespaces(entity) else 0.0
        blind = kind_of(home) in SCOPES[Scope.WORKLOAD] and not self.topology.callees(home)
        near = namespace_of(home) == namespace_of(entity) != NO_NAMESPACE
        return SAME_NAMESPACE if blind and near and kind_of(entity) in SCOPES[Scope.WORKLOAD] else 0.0

    def _namespaces(self, entity: EntityId) -> set[str]:
        return {namespace_of(e) for e in (entity, *self.reading.places.tenants.get(entity, ()))}

    def reach(self, entity: EntityId, *, load: bool) -> dict[EntityId, int]:
        """Who suffers when the entity is in trouble -> calls between them."""
        key = (entity, load)
        if key not in self._reach:
            reached = dict.fromkeys(self._direct(entity), 0)
            reached |= dict.fromkeys(overloaded(entity, reading=self.reading), 1)
            self._walk(reached, callers=True)
            if load:
                self._walk(reached, callers=False)
            self._reach[key] = reached
        return self._reach[key]

    def _walk(self, reached: dict[EntityId, int], *, callers: bool) -> None:
        queue = list(reached)
        while queue:
            near = queue.pop(0)
            for far in self.topology.callers(near) if callers else self.topology.callees(near):
                if far not in reached:
                    reached[far] = reached[near] + 1
                    queue.append(far)

    def _direct(self, entity: EntityId) -> Iterable[EntityId]:
        """The entity and what stands on it without a call between."""
        yield entity
        places, kind = self.reading.places, kind_of(entity)
        if kind in SCOPES[Scope.WORKLOAD] | SCOPES[Scope.SERVICE]:
            yield from places.own(entity)
        elif kind in (EntityKind.POD, EntityKind.INGRESS):
            yield from places.homes(entity)
        elif kind == EntityKind.NODE:
            yield from places.tenants.get(entity, ())
            yield from places.kept_off(entity, self.reading.facts)
        elif kind == EntityKind.NAMESPACE:
            yield from (e for e in self._known if namespace_of(e) == name_of(entity))
        if kind == EntityKind.CLUSTER or entity in self.reading.resolvers:
            yield from (e for e in self._known if cluster_of(e) == cluster_of(entity))
        yield from self.topology.sources(entity, Relation.USES)

    @property
    def _known(self) -> list[EntityId]:
        case = self.reading.case
        return sorted({*case.inventory, *case.incident.entities, *(fact.entity for fact in self.reading.facts)})
