"""The Kubernetes specialist: looks at the namespaces of the incident, follows leads, reads facts, asks colleagues."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from agents.detector import Scene, Sightings
from agents.kubernetes.asking import questions_of
from agents.kubernetes.looking import Question, ask, first_look, further_look, health_look, leads, log_look
from agents.kubernetes.sighted import pods_of, workloads_of
from agents.kubernetes.telling import gaps_of, told
from agents.reporting import Reading, compose, findings_of, read_facts, scene_of
from agents.specialist import Desk
from incidents.casefile import Assignment, CaseFile, Report
from incidents.entity import Entity, EntityKind
from incidents.finding import AgentName, Topic
from incidents.ids import EntityId
from incidents.topology import Edge, Relation, Topology
from tools.kubernetes.inventory import Inventory
from tools.kubernetes.node import Nodes
from tools.kubernetes.pod import Pod

HOPS = 2
"""How far around the asked entities coverage is told: callers, callees, services and what they run on."""


class KubernetesSpecialist:
    """Sees everything that the Kubernetes API shows; changes nothing."""

    name = AgentName.KUBERNETES
    role = "Looks at pods, events, workloads, nodes, services, volumes and configuration of the cluster."
    topics = frozenset({Topic.OVERVIEW, Topic.HEALTH, Topic.LOGS, Topic.CHANGES})

    async def work(self, assignment: Assignment, case: CaseFile, desk: Desk) -> Report:
        """Look wide, then where it leads; report what was read."""
        started = desk.clock.now()
        scene = scene_of(assignment, case, now=started)
        near = tuple(dict.fromkeys((*scene.entities, *case.focus)))
        await ask(desk, _opening(assignment.topic, scene.entities))
        first = self._read(desk, scene, case)
        if assignment.topic is not Topic.LOGS:
            topology = case.topology + topology_of(Sightings(observations=desk.observations))
            await ask(desk, [*leads(first.facts, near=near), *further_look(scene.entities, topology)])
        reading = self._read(desk, scene, case)
        return self._report(assignment, scene, reading, desk=desk, near=near, started=started)

    def _read(self, desk: Desk, scene: Scene, case: CaseFile) -> Reading:
        sightings = Sightings(observations=desk.observations)
        topology = case.topology + topology_of(sightings)
        about = _around(scene.entities or case.focus, topology, sightings)
        known = Scene(case=case.model_copy(update={"topology": topology}), now=scene.now, entities=scene.entities)
        return read_facts(self.name, sightings, known, about=about)

    def _report(
        self,
        assignment: Assignment,
        scene: Scene,
        reading: Reading,
        *,
        desk: Desk,
        near: Sequence[EntityId],
        started: datetime,
    ) -> Report:
        sightings = Sightings(observations=desk.observations)
        found = topology_of(sightings)
        whole = scene.case.topology + found
        findings = findings_of(assignment, reading.facts, near=near, at=scene.now)
        return compose(
            assignment=assignment,
            desk=desk,
            started=started,
            reading=reading,
            findings=(*findings, *told(assignment, reading.facts, sightings, scene)),
            gaps=gaps_of(sightings),
            questions=questions_of(assignment, reading.facts, sightings, whole, near=near),
            topology=found,
            inventory=inventory_of(sightings),
        )


def _opening(topic: Topic, entities: Sequence[EntityId]) -> list[Question]:
    match topic:
        case Topic.LOGS:
            return log_look(entities)
        case Topic.HEALTH | Topic.DEPENDENCIES:
            return health_look(entities)
        case _:
            return first_look(entities)


def topology_of(sightings: Sightings) -> Topology:
    """The edges of every inventory that was seen, and where pods run that were looked at besides."""
    edges: set[Edge] = set()
    for seen in sightings.of(Inventory):
        edges |= set(seen.view.edges)
    placed = {edge.source for edge in edges if edge.relation is Relation.RUNS_ON}
    for one in pods_of(sightings):
        if one.pod.node and one.pod.meta.entity not in placed:
            edges |= _placing(one.pod)
    return Topology.of(edges)


def _placing(pod: Pod) -> set[Edge]:
    """Whose pod it is, and on which node."""
    here, cluster = pod.meta.entity, Entity.parse(pod.meta.entity).cluster
    node = Entity(cluster=cluster, kind=EntityKind.NODE, name=pod.node or "").id
    edges = {Edge(source=here, relation=Relation.RUNS_ON, target=node)}
    return edges if pod.owner is None else edges | {Edge(source=pod.owner, relation=Relation.OWNS, target=here)}


def inventory_of(sightings: Sightings) -> tuple[EntityId, ...]:
    """What exists: all that was listed, the namespaces and nodes around it, and the outside hosts that are called."""
    found: dict[EntityId, None] = {}
    for seen in sightings.of(Inventory):
        found |= dict.fromkeys(seen.view.entities)
        outside = [e.target for e in seen.view.edges if f"/{EntityKind.EXTERNAL}/" in e.target]
        found |= dict.fromkeys(outside)
    found |= dict.fromkeys(workloads_of(sightings))
    found |= dict.fromkeys(node.meta.entity for seen in sightings.of(Nodes) for node in seen.view.nodes)
    return (*found, *_spaces(found))


def _spaces(entities: Iterable[EntityId]) -> tuple[EntityId, ...]:
    """The namespaces and clusters that entities are in."""
    parsed = [Entity.parse(entity) for entity in entities]
    spaces = {
        Entity(cluster=one.cluster, kind=EntityKind.NAMESPACE, name=one.namespace).id for one in parsed if one.namespace
    }
    return tuple(
        sorted(spaces | {Entity(cluster=one.cluster, kind=EntityKind.CLUSTER, name=one.cluster).id for one in parsed})
    )


def _around(entities: Sequence[EntityId], topology: Topology, sightings: Sightings) -> set[EntityId]:
    """The entities, their neighbourhood without single pods, their namespaces, and all nodes."""
    found: set[EntityId] = set(entities)
    for entity in entities:
        found |= set(topology.neighbourhood(entity, hops=HOPS))
        found |= set(topology.nodes_of(entity))
    found |= {node.meta.entity for seen in sightings.of(Nodes) for node in seen.view.nodes}
    kept = {
        entity for entity in found if f"/{EntityKind.POD}/" not in entity and f"/{EntityKind.REPLICASET}/" not in entity
    }
    return kept | set(_spaces(kept))


SPECIALIST = KubernetesSpecialist()
