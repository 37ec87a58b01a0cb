"""Where a fact is: whether it is about an entity, about what the entity owns or uses, or about what surrounds it."""

from collections.abc import Iterable
from functools import cached_property

from agents.diagnostician.weights import CONTEXT, ROLLED_UP
from incidents.cause import Scope
from incidents.entity import NO_NAMESPACE, WORKLOADS, EntityKind
from incidents.fact import Fact
from incidents.ids import EntityId, FactId, FactKind
from incidents.topology import Relation, Topology

SCOPES: dict[Scope, frozenset[str]] = {
    Scope.WORKLOAD: frozenset(kind.value for kind in WORKLOADS),
    Scope.POD: frozenset({EntityKind.POD.value}),
    Scope.NODE: frozenset({EntityKind.NODE.value}),
    Scope.SERVICE: frozenset({EntityKind.SERVICE.value}),
    Scope.INGRESS: frozenset({EntityKind.INGRESS.value}),
    Scope.NAMESPACE: frozenset({EntityKind.NAMESPACE.value}),
    Scope.PVC: frozenset({EntityKind.PVC.value}),
    Scope.CLUSTER: frozenset({EntityKind.CLUSTER.value}),
    Scope.EXTERNAL: frozenset({EntityKind.EXTERNAL.value}),
}
"""Kinds of entities that a cause of a scope can be bound to."""

PEERS = SCOPES[Scope.WORKLOAD] | SCOPES[Scope.EXTERNAL]
"""What calls and is called. A fact about one peer that mentions another is about the first alone."""

OWNED_BY_NAMESPACE = frozenset({EntityKind.QUOTA.value, EntityKind.LIMITRANGE.value})


def kind_of(entity: EntityId) -> str:
    """The third part of an id."""
    return entity.split("/", 3)[2]


def namespace_of(entity: EntityId) -> str:
    """The second part of an id, `-` for none."""
    return entity.split("/", 3)[1]


def cluster_of(entity: EntityId) -> str:
    """The first part of an id."""
    return entity.split("/", 1)[0]


def name_of(entity: EntityId) -> str:
    """The last part of an id."""
    return entity.split("/", 3)[3]


_NO_NODE = "pod.unschedulable"
"""What relates a workload to the nodes that are closed to it."""


CLOSED, WAITING = FactKind("node.cordoned"), FactKind("pod.unschedulable")
SUFFERED = frozenset({"errors", "latency", "dependency", "log", "probe", "workload"})
"""Domains of facts that a sick node brings about in what runs on it."""
BY_CORDON = "cordoned"
"""The scheduler's deciding reason when closed nodes are what keeps a pod waiting."""


class Places:
    """Nearness of facts to entities over one topology. Answers are kept, as every cause asks the same again."""

    def __init__(self, topology: Topology) -> None:
        """Nothing is computed before it is asked for."""
        self.topology = topology
        self.peers: dict[FactId, EntityId | None] = {}
        """Facts that one side stated about the other, a caller's log about whom it called; None: somebody unknown."""
        self._own: dict[EntityId, frozenset[EntityId]] = {}
        self._around: dict[EntityId, frozenset[EntityId]] = {}
        self._homes: dict[EntityId, tuple[EntityId, ...]] = {}
        self._near: dict[tuple[FactId, EntityId], float] = {}

    def nearness(self, fact: Fact, entity: EntityId) -> float:
        """1 when the fact is about the entity, less when about its parts or surroundings, 0 about something else."""
        key = fact.id, entity
        near = self._near.get(key)
        if near is None:
            near = self._near[key] = self._nearness(fact, entity)
        return near

    def _nearness(self, fact: Fact, entity: EntityId) -> float:
        peer = self.peers.get(fact.id)
        if peer is not None and (peer == entity or peer in self.own(entity)):
            return ROLLED_UP
        if fact.entity == entity:
            return CONTEXT if fact.id in self.peers else 1.0
        if fact.entity in self.own(entity):
            return ROLLED_UP
        if fact.entity in self.around(entity) or self._encloses(entity, fact.entity) or _mentions(fact, entity):
            return CONTEXT
        if fact.entity in self.tenants.get(entity, ()) and fact.kind.partition(".")[0] in SUFFERED:
            return CONTEXT
        return CONTEXT if kind_of(entity) == EntityKind.NODE and _waits_for(fact, entity) else 0.0

    def own(self, entity: EntityId) -> frozenset[EntityId]:
        """The entity, what it owns, and what exists for it alone or is part of how it runs."""
        if entity not in self._own:
            self._own[entity] = frozenset({entity, *self._parts(entity)})
        return self._own[entity]

    def around(self, entity: EntityId) -> frozenset[EntityId]:
        """What surrounds it: nodes, namespace, application, repository, cluster."""
        if entity not in self._around:
            self._around[entity] = frozenset(self._surroundings(entity))
        return self._around[entity]

    def homes(self, entity: EntityId) -> tuple[EntityId, ...]:
        """The workloads to which an entity belongs or leads; itself when there are none."""
        if entity not in self._homes:
            self._homes[entity] = self._find_homes(entity)
        return self._homes[entity]

    def _find_homes(self, entity: EntityId) -> tuple[EntityId, ...]:
        kind = kind_of(entity)
        if kind == EntityKind.CONTAINER:
            entity = EntityId(entity.rsplit("/", 1)[0].replace("/container/", "/pod/"))
        if kind == EntityKind.SERVICE:
            return self.topology.targets(entity, Relation.SELECTS) or (entity,)
        if kind == EntityKind.INGRESS:
            services = self.topology.targets(entity, Relation.ROUTES)
            return tuple(home for service in services for home in self.homes(service)) or (entity,)
        if kind == EntityKind.HPA:
            return self.topology.targets(entity, Relation.SCALES) or (entity,)
        return (self.topology.owner_of(entity),)

    @cached_property
    def tenants(self) -> dict[EntityId, tuple[EntityId, ...]]:
        """Node -> the workloads with pods on it."""
        found: dict[EntityId, set[EntityId]] = {}
        for edge in self.topology.edges:
            if edge.relation is Relation.RUNS_ON:
                found.setdefault(edge.target, set()).add(self.topology.owner_of(edge.source))
        return {node: tuple(sorted(workloads)) for node, workloads in found.items()}

    def kept_off(self, node: EntityId, facts: Iterable[Fact]) -> tuple[EntityId, ...]:
        """Workloads that a closed node keeps waiting, although none of their pods is there."""
        if kind_of(node) != EntityKind.NODE:
            return ()
        known = list(facts)
        if not any(fact.kind == CLOSED and fact.entity == node for fact in known):
            return ()
        waiting = {fact.entity for fact in known if _waits_for(fact, node)}
        return tuple(sorted(one for one in waiting if kind_of(one) in SCOPES[Scope.WORKLOAD]))

    def _parts(self, entity: EntityId) -> list[EntityId]:
        topology, kind = self.topology, kind_of(entity)
        parts = self._owned(entity)
        if kind == EntityKind.SERVICE:
            parts += topology.targets(entity, Relation.SELECTS)
            parts += topology.sources(entity, Relation.ROUTES)
        elif kind in SCOPES[Scope.WORKLOAD]:
            services = topology.services_of(entity)
            parts += services
            parts += [ingress for service in services for ingress in topology.sources(service, Relation.ROUTES)]
            parts += topology.targets(entity, Relation.USES)
            parts += topology.sources(entity, Relation.SCALES)
        return parts

    def _owned(self, entity: EntityId) -> list[EntityId]:
        found: list[EntityId] = []
        queue = [entity]
        while queue:
            owned = [e for e in self.topology.targets(queue.pop(), Relation.OWNS) if e not in found]
            found += owned
            queue += owned
        return found

    def _surroundings(self, entity: EntityId) -> list[EntityId]:
        topology, cluster = self.topology, cluster_of(entity)
        found = [EntityId(f"{cluster}/-/cluster/{cluster}")]
        if namespace_of(entity) != NO_NAMESPACE:
            found.append(EntityId(f"{cluster}/-/namespace/{namespace_of(entity)}"))
        found += topology.nodes_of(entity) or topology.targets(entity, Relation.RUNS_ON)
        found += topology.sources(entity, Relation.DEPLOYS)
        found += topology.targets(entity, Relation.BUILT_FROM)
        found += topology.sources(entity, Relation.USES)
        if kind_of(entity) == EntityKind.INGRESS:
            found += [home for home in self.homes(entity) if home != entity]
        owner = topology.owner_of(entity)
        return found if owner == entity else [*found, owner]

    def _encloses(self, entity: EntityId, inner: EntityId) -> bool:
        """Whether the entity is the namespace or cluster of the other; quotas are near the workloads they limit."""
        if cluster_of(entity) != cluster_of(inner):
            return False
        match kind_of(entity):
            case EntityKind.CLUSTER:
                return True
            case EntityKind.NAMESPACE:
                return namespace_of(inner) == name_of(entity)
            case _:
                same = namespace_of(entity) == namespace_of(inner) != NO_NAMESPACE
                return same and kind_of(inner) in OWNED_BY_NAMESPACE


def _waits_for(fact: Fact, node: EntityId) -> bool:
    """Whether pods wait because this node is closed: one that they ask for, or which those are is not known."""
    if fact.kind != WAITING or fact.attributes.get("reason") != BY_CORDON:
        return False
    asked = [one for one in fact.related if kind_of(one) == EntityKind.NODE]
    return node in asked or not asked


def _mentions(fact: Fact, entity: EntityId) -> bool:
    """Whether a fact about something else speaks of the entity: by relation, or by an attribute of its kind."""
    if kind_of(fact.entity) in PEERS and kind_of(entity) in PEERS:
        return False
    return entity in fact.related or fact.attributes.get(kind_of(entity)) == name_of(entity)
