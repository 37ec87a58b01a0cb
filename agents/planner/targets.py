"""What an action would be done to: the blamed entity when it can be, else what topology says belongs to it."""

from collections.abc import Iterable

from agents.diagnostician.places import SCOPES, kind_of
from agents.planner.evidence import Known
from incidents.cause import Scope
from incidents.entity import EntityKind
from incidents.ids import EntityId
from incidents.topology import Relation
from tools.action import ActionCard


def targets(card: ActionCard, *, known: Known) -> list[EntityId]:
    """Entities of the inventory that the action could be done to for this hypothesis, best first."""
    kinds = {kind.value for kind in card.targets}
    found = [known.entity, *_related(known, kinds=kinds)]
    fitting = [entity for entity in found if kind_of(entity) in kinds and entity in known.case.inventory]
    return list(dict.fromkeys(fitting))


def _related(known: Known, *, kinds: set[str]) -> Iterable[EntityId]:
    topology, entity = known.case.topology, known.entity
    yield from topology.sources(entity, Relation.DEPLOYS)
    yield from topology.targets(entity, Relation.BUILT_FROM)
    for application in topology.sources(entity, Relation.DEPLOYS):
        yield from topology.targets(application, Relation.BUILT_FROM)
    yield from topology.targets(entity, Relation.SELECTS)
    yield from topology.sources(entity, Relation.USES)
    if kind_of(entity) == EntityKind.CLUSTER:
        yield from _servers(known)
    if known.change and kind_of(known.change.entity) in kinds:
        yield known.change.entity
    if EntityKind.NODE.value in kinds:
        yield from _sick_nodes(known)
    if EntityKind.POD.value in kinds:
        yield from _named_pods(known)


def _servers(known: Known) -> Iterable[EntityId]:
    """The workloads that serve what fails in the whole cluster, its DNS: those that the cited facts about it name."""
    facts = [fact for fact in known.case.facts if fact.id in known.cited and fact.entity == known.entity]
    return (e for fact in facts for e in fact.related if kind_of(e) in SCOPES[Scope.WORKLOAD])


def _sick_nodes(known: Known) -> Iterable[EntityId]:
    """Nodes of the workload about which something is known; a healthy node is not cordoned."""
    nodes = known.case.topology.nodes_of(known.entity)
    return (node for node in nodes if any(f.entity == node and f.kind.startswith("node.") for f in known.case.facts))


def _named_pods(known: Known) -> Iterable[EntityId]:
    """Pods that the facts of the argument speak of."""
    facts = [fact for fact in known.case.facts if fact.id in known.cited]
    pods = {e for fact in facts for e in (fact.entity, *fact.related) if kind_of(e) == EntityKind.POD}
    return sorted(pods)
