"""Where an investigation looks, and since when: from what the alerts point at, the topology and the symptoms. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from incidents.fact import Fact, FactRole
from incidents.ids import EntityId
from incidents.topology import Relation, Topology

FOCUS_LIMIT = 40
"""Entities beyond which a focus is no focus; the nearest are kept."""
CLOCKS = timedelta(seconds=90)
"""How far two clocks and resolutions differ: a scrape each 15-60 s, a rate over a few of them, events in seconds."""
CALL_HOPS = 2
"""Callees of callees are looked at: a database behind a service behind the alerting one."""


def focus_of(entities: Sequence[EntityId], *, topology: Topology, limit: int = FOCUS_LIMIT) -> tuple[EntityId, ...]:
    """The entities, their owners, the workloads behind services, and their neighbourhood, nearest first.

    Nodes are neighbours, but what else runs on a node is not: a shared node would pull in the whole cluster.
    """
    roots = _unique(found for entity in entities for found in (entity, *topology.behind(entity)))
    near = _unique(found for root in roots for found in _beside(root, topology))
    callees = near_calls = tuple(c for root in roots for c in topology.callees(root))
    for _ in range(1, CALL_HOPS):
        near_calls = tuple(c for callee in near_calls for c in topology.callees(callee))
        callees += near_calls
    callers = (caller for root in roots for caller in topology.callers(root))
    return _unique((*roots, *near, *callees, *callers))[:limit]


def onset_of(facts: Iterable[Fact], *, started_at: datetime) -> datetime:
    """When the trouble began: the earliest symptom, else when the first alert of the incident started.

    What was over before that alert is not what it is about.
    """
    lasting = (f for f in facts if f.role is FactRole.SYMPTOM and (f.until is None or f.until >= started_at - CLOCKS))
    return min((fact.at for fact in lasting if fact.at is not None), default=started_at)


def _beside(root: EntityId, topology: Topology) -> tuple[EntityId, ...]:
    hosted = (topology.owner_of(pod) for pod in topology.sources(root, Relation.RUNS_ON))
    used = topology.targets(root, Relation.USES)
    return (*topology.services_of(root), *topology.nodes_of(root), *hosted, *used)


def _unique(entities: Iterable[EntityId]) -> tuple[EntityId, ...]:
    return tuple(dict.fromkeys(entities))
