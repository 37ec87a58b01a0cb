"""What telemetry adds to the map: who calls whom and how often, and which workloads there are. Pure."""

from collections.abc import Collection, Iterable, Iterator

from agents.detector import Scene, Sightings
from agents.observability.calls import edges_of
from agents.observability.tracing import traced_calls
from incidents.entity import Entity, EntityKind
from incidents.fact import Fact
from incidents.ids import EntityId, FactKind
from incidents.topology import Edge, Relation, Topology
from tools.prometheus.probes.red import RedView
from tools.prometheus.probes.table import TableView
from tools.prometheus.probes.usage import UsageView
from tools.prometheus.probes.volumes import VolumesView
from tools.prometheus.probes.workloads import WorkloadsView

COMPLAINT = FactKind("log.error_class")


def topology_of(sightings: Sightings, scene: Scene, facts: Iterable[Fact] = ()) -> Topology:
    """CALLS edges with their requests per second, and those to hosts outside that only a log names."""
    heaviest: dict[tuple[EntityId, EntityId], float] = {}
    for caller, callee, per_second in edges_of(sightings, scene):
        heaviest[caller, callee] = max(per_second, heaviest.get((caller, callee), 0.0))
    measured = [
        Edge(source=caller, relation=Relation.CALLS, target=callee, weight=round(weight, 3))
        for (caller, callee), weight in heaviest.items()
    ]
    traced = [
        Edge(source=caller, relation=Relation.CALLS, target=callee)
        for caller, callee in traced_calls(sightings, scene)
        if (caller, callee) not in heaviest
    ]
    return Topology.of([*measured, *traced, *_complained_of(facts, besides=heaviest)])


def _complained_of(facts: Iterable[Fact], *, besides: Collection[tuple[EntityId, EntityId]]) -> Iterator[Edge]:
    """Who writes that a host outside does not answer has called it: nothing else in telemetry may show that call."""
    for fact in facts:
        for peer in fact.related if fact.kind == COMPLAINT else ():
            if Entity.parse(peer).kind is EntityKind.EXTERNAL and (fact.entity, peer) not in besides:
                yield Edge(source=fact.entity, relation=Relation.CALLS, target=peer)


def inventory_of(sightings: Sightings, topology: Topology) -> tuple[EntityId, ...]:
    """Entities that telemetry shows to exist: those that are measured, listed, or called from outside the inventory."""
    found: set[EntityId] = set()
    found |= {seen.view.entity for seen in sightings.of(RedView) if seen.view.metrics is not None}
    found |= {seen.view.entity for seen in sightings.of(UsageView) if seen.view.containers}
    found |= {volume.claim for seen in sightings.of(VolumesView) for volume in seen.view.volumes}
    near = {entity for edge in topology.edges for entity in (edge.source, edge.target)}
    found |= near
    spaces = {Entity.parse(entity).namespace for entity in found}
    spaces |= {Entity.parse(seen.view.namespace).name for seen in sightings.of(TableView) if seen.view.rows}
    listed = {entity for seen in sightings.of(WorkloadsView) for entity in seen.view.workloads}
    return tuple(sorted(found | {entity for entity in listed if Entity.parse(entity).namespace in spaces}))
