"""Who owns, runs on, selects, calls and uses whom: a frozen graph over entities, and the questions asked of it."""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from functools import cached_property

import networkx as nx

from incidents.ids import EntityId
from incidents.value import Value

Step = Callable[[EntityId, "Relation"], tuple[EntityId, ...]]


class Relation(StrEnum):
    """A directed relation; read `source RELATION target`."""

    OWNS = "owns"
    """workload -> replicaset -> pod."""
    RUNS_ON = "runs_on"
    """pod -> node."""
    SELECTS = "selects"
    """service -> workload (by pod labels); hpa -> workload is SCALES."""
    ROUTES = "routes"
    """ingress -> service."""
    CALLS = "calls"
    """caller workload -> callee workload or external."""
    USES = "uses"
    """workload -> configmap, secret, persistentvolumeclaim, serviceaccount."""
    SCALES = "scales"
    DEPLOYS = "deploys"
    """application -> what it manages: workloads, services, ingresses, autoscalers, configuration."""
    BUILT_FROM = "built_from"
    """workload, application -> repository."""
    PAID_BY = "paid_by"
    """workload or namespace -> owner."""


class Edge(Value):
    """One relation between two entities. `weight` of a CALLS edge is requests per second when known."""

    source: EntityId
    relation: Relation
    target: EntityId
    weight: float | None = None


class Topology(Value):
    """A set of edges. Merging is union; unknown entities simply have no neighbours."""

    edges: frozenset[Edge] = frozenset()

    def __add__(self, other: "Topology") -> "Topology":
        """The union."""
        return Topology(edges=self.edges | other.edges)

    @classmethod
    def of(cls, edges: Iterable[Edge]) -> "Topology":
        """From edges in any order."""
        return cls(edges=frozenset(edges))

    @cached_property
    def graph(self) -> "nx.MultiDiGraph[EntityId]":
        """The edges as a networkx graph; edge attribute `relation`."""
        graph: nx.MultiDiGraph[EntityId] = nx.MultiDiGraph()
        for edge in sorted(self.edges, key=lambda e: (e.source, e.relation, e.target)):
            graph.add_edge(edge.source, edge.target, relation=edge.relation)
        return graph

    @cached_property
    def _outgoing(self) -> Mapping[tuple[EntityId, Relation], tuple[EntityId, ...]]:
        return _index((e.source, e.relation, e.target) for e in self.edges)

    @cached_property
    def _incoming(self) -> Mapping[tuple[EntityId, Relation], tuple[EntityId, ...]]:
        return _index((e.target, e.relation, e.source) for e in self.edges)

    def targets(self, entity: EntityId, relation: Relation) -> tuple[EntityId, ...]:
        """Entities that `entity` has this relation to, each once, sorted."""
        return self._outgoing.get((entity, relation), ())

    def sources(self, entity: EntityId, relation: Relation) -> tuple[EntityId, ...]:
        """Entities that have this relation to `entity`, each once, sorted."""
        return self._incoming.get((entity, relation), ())

    def callees(self, entity: EntityId, *, transitive: bool = False) -> tuple[EntityId, ...]:
        """Whom it calls; transitively nearest first, itself excluded."""
        return self._walk(entity, self.targets) if transitive else self.targets(entity, Relation.CALLS)

    def callers(self, entity: EntityId, *, transitive: bool = False) -> tuple[EntityId, ...]:
        """Who calls it; transitively nearest first, itself excluded."""
        return self._walk(entity, self.sources) if transitive else self.sources(entity, Relation.CALLS)

    def call_path(self, caller: EntityId, callee: EntityId) -> tuple[EntityId, ...] | None:
        """The shortest chain of calls from one to the other, both included; None when there is none."""
        calls = nx.DiGraph([(e.source, e.target) for e in self.edges if e.relation is Relation.CALLS])
        if caller not in calls or callee not in calls or not nx.has_path(calls, caller, callee):
            return None
        return tuple(nx.shortest_path(calls, caller, callee))

    def pods_of(self, workload: EntityId) -> tuple[EntityId, ...]:
        """Pods a workload owns, directly or through ReplicaSets and Jobs; each once, however many ways lead to it."""
        found: dict[EntityId, None] = {}
        queue = [workload]
        while queue:
            owned = self.targets(queue.pop(0), Relation.OWNS)
            found |= dict.fromkeys(entity for entity in owned if "/pod/" in entity)
            queue += [entity for entity in owned if "/pod/" not in entity]
        return tuple(found)

    def owner_of(self, entity: EntityId) -> EntityId:
        """The topmost owner: the workload of a pod; the entity itself when nothing owns it."""
        seen = {entity}
        while owners := [o for o in self.sources(entity, Relation.OWNS) if o not in seen]:
            entity = owners[0]
            seen.add(entity)
        return entity

    def behind(self, entity: EntityId) -> tuple[EntityId, ...]:
        """What an alert about the entity is about: the workloads that a service selects, else its topmost owner."""
        return self.targets(entity, Relation.SELECTS) or (self.owner_of(entity),)

    def nodes_of(self, workload: EntityId) -> tuple[EntityId, ...]:
        """Nodes on which its pods run, sorted."""
        return tuple(sorted({n for pod in self.pods_of(workload) for n in self.targets(pod, Relation.RUNS_ON)}))

    def services_of(self, workload: EntityId) -> tuple[EntityId, ...]:
        """Services that select its pods."""
        return self.sources(workload, Relation.SELECTS)

    def neighbourhood(self, entity: EntityId, *, hops: int) -> dict[EntityId, int]:
        """Entities within that many edges in either direction, with their distance; the entity itself is 0."""
        if entity not in self.graph:
            return {entity: 0}
        undirected = self.graph.to_undirected(as_view=True)
        return dict(nx.single_source_shortest_path_length(undirected, entity, cutoff=hops))

    def _walk(self, start: EntityId, step: Step) -> tuple[EntityId, ...]:
        order: list[EntityId] = []
        queue, seen = [start], {start}
        while queue:
            for entity in step(queue.pop(0), Relation.CALLS):
                if entity not in seen:
                    seen.add(entity)
                    order.append(entity)
                    queue.append(entity)
        return tuple(order)


def _index(
    triples: Iterable[tuple[EntityId, Relation, EntityId]],
) -> Mapping[tuple[EntityId, Relation], tuple[EntityId, ...]]:
    found: dict[tuple[EntityId, Relation], list[EntityId]] = {}
    for near, relation, far in sorted(set(triples)):  # edges of two sources differ in their weight alone
        found.setdefault((near, relation), []).append(far)
    return {key: tuple(values) for key, values in found.items()}
