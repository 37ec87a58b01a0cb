"""Chooses what the graph shows: the culprit, whom it hurts, what is near, in layers from callers to callees. Pure."""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from incidents.fact import FactRole
from incidents.ids import EntityId
from incidents.incident import CLOSED
from incidents.topology import Relation, Topology
from incidents.value import Value
from service.story.record import IncidentRecord

MOST_NODES = 12
"""More is a hairball."""
SUFFERS = frozenset(
    {"errors.elevated", "latency.elevated", "workload.unavailable", "upstream.affected", "traffic.drop"}
)
OTHER_RELATIONS = (Relation.RUNS_ON, Relation.USES, Relation.SELECTS, Relation.ROUTES, Relation.SCALES)


class Part(StrEnum):
    """What part an entity plays."""

    CULPRIT = "cause"
    FOCUS = "alerting"
    """The alerts point at it; no cause is known yet."""
    VICTIM = "affected"
    RULED_OUT = "ruled out"
    HEALTHY = "healthy"
    """Was looked at and is not part of it."""
    UNTOUCHED = ""


class Node(Value):
    """An entity in its layer; layer 0 is the culprit's."""

    entity: EntityId
    part: Part
    layer: int
    recovered: bool = False
    """It was affected, and the incident is over."""


class Link(Value):
    """Who calls (or runs on, uses) whom. `failing` lies between the culprit and those whom it hurts."""

    source: EntityId
    target: EntityId
    word: str
    failing: bool


class Neighbourhood(Value):
    """The picture's content."""

    nodes: tuple[Node, ...]
    links: tuple[Link, ...]


def neighbourhood(record: IncidentRecord) -> Neighbourhood | None:
    """Choose; None when nothing but the culprit itself is known."""
    topology = record.case.topology
    centre = _centre(record)
    if centre is None:
        return None
    victims = _victims(record) - {centre}
    layers = _layers(centre, topology, victims)
    parts = {entity: _part(entity, record, centre=centre, victims=victims) for entity in layers}
    kept = sorted(layers, key=lambda e: (_rank(parts[e]), abs(layers[e]), e))[:MOST_NODES]
    links = tuple(_links(kept, topology, centre=centre, victims=victims))
    linked = {entity for link in links for entity in (link.source, link.target)}
    over = record.incident.phase in CLOSED
    nodes = tuple(
        Node(entity=e, part=parts[e], layer=layers[e], recovered=over and parts[e] is Part.VICTIM)
        for e in kept
        if e in linked
    )
    return Neighbourhood(nodes=nodes, links=links) if len(nodes) > 1 else None


def _centre(record: IncidentRecord) -> EntityId | None:
    leading = record.diagnosis.leading if record.diagnosis else ()
    if leading:
        return record.case.topology.owner_of(leading[0].entity)
    entities = record.incident.entities
    return record.case.topology.owner_of(entities[0]) if entities else None


def _victims(record: IncidentRecord) -> set[EntityId]:
    topology = record.case.topology
    suffering = {f.entity for f in record.case.facts if f.role is FactRole.SYMPTOM and f.kind in SUFFERS}
    return {topology.owner_of(entity) for entity in suffering}


def _layers(centre: EntityId, topology: Topology, victims: Iterable[EntityId]) -> dict[EntityId, int]:
    layers = {centre: 0}
    for depth in (1, 2):
        for entity in [e for e, layer in layers.items() if layer == depth - 1]:
            layers |= {callee: depth for callee in topology.callees(entity) if callee not in layers}
        for entity in [e for e, layer in layers.items() if layer == 1 - depth]:
            layers |= {caller: -depth for caller in topology.callers(entity) if caller not in layers}
    for caller in [e for e, layer in layers.items() if layer < 0]:
        layers |= {e: layers[caller] + 1 for e in topology.callees(caller) if e not in layers}
    for relation in _relations(centre, topology):
        found = [topology.owner_of(e) for e in topology.sources(centre, relation)]
        layers |= {e: -1 for e in found if e not in layers}
    return layers | {victim: -1 for victim in victims if victim not in layers}


def _relations(centre: EntityId, topology: Topology) -> tuple[Relation, ...]:
    """Besides calls: what a node, a volume or a configuration is to those that need it."""
    calls = topology.callers(centre) or topology.callees(centre)
    return () if calls else OTHER_RELATIONS


def _part(entity: EntityId, record: IncidentRecord, *, centre: EntityId, victims: set[EntityId]) -> Part:
    if entity == centre:
        return Part.CULPRIT if record.diagnosis and record.diagnosis.leading else Part.FOCUS
    if entity in victims:
        return Part.VICTIM
    ruled_out = {item.entity for finding in record.case.findings for item in finding.ruled_out}
    ruled_out |= {item.entity for item in record.diagnosis.ruled_out} if record.diagnosis else set()
    if entity in ruled_out:
        return Part.RULED_OUT
    cleared = {f.entity for f in record.case.facts if f.role is FactRole.CLEARED and f.kind == "dependency.healthy"}
    return Part.HEALTHY if entity in cleared else Part.UNTOUCHED


def _rank(part: Part) -> int:
    return list(Part).index(part)


def _links(kept: Sequence[EntityId], topology: Topology, *, centre: EntityId, victims: set[EntityId]) -> Iterable[Link]:
    shown, hurt = set(kept), victims | {centre}
    for source in kept:
        for target in topology.callees(source):
            if target in shown and target != source:
                yield Link(source=source, target=target, word="", failing={source, target} <= hurt)
    for relation in _relations(centre, topology):
        owners = {topology.owner_of(e) for e in topology.sources(centre, relation)}
        for source in sorted(owners & shown - {centre}):
            yield Link(source=source, target=centre, word=relation.value.replace("_", " "), failing=source in hurt)
