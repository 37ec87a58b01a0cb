"""Which probes are asked in which order: wide first, then where the first look leads."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from agents.specialist import Desk
from incidents.entity import Entity, EntityKind
from incidents.fact import Fact
from incidents.ids import EntityId
from incidents.topology import Topology
from tools.kubernetes.probes import (
    autoscalers,
    config_refs,
    control_plane,
    disruption_budgets,
    events,
    ingresses,
    inventory,
    jobs,
    logs,
    network_policies,
    nodes,
    pods,
    quotas,
    services,
    volumes,
    webhooks,
    workloads,
)
from tools.kubernetes.scope import ClusterWide, Where
from tools.probe import Probe

MAX_NAMESPACES = 3
"""Namespaces that are looked at whole in one round, nearest first."""
MAX_ELSEWHERE = 6
"""Callees in other namespaces that are looked at in one round."""
MAX_LOGS = 4
"""Workloads whose logs are read in one round."""

FIRST: tuple[Probe[Where, Any], ...] = (
    pods.PROBE,
    workloads.PROBE,
    events.PROBE,
    inventory.PROBE,
    services.PROBE,
    config_refs.PROBE,
    autoscalers.PROBE,
    quotas.PROBE,
    volumes.PROBE,
    network_policies.PROBE,
    ingresses.PROBE,
)
"""Asked of every namespace of the incident, because the absence of trouble there counts, too."""

Question = tuple[Probe[Any, Any], Any]

_NAMESPACE_LEADS: dict[str, tuple[Probe[Where, Any], ...]] = {
    "pdb": (disruption_budgets.PROBE,),
    "pod.evicted": (disruption_budgets.PROBE,),
    "service": (ingresses.PROBE,),
    "ingress": (ingresses.PROBE,),
    "job": (jobs.PROBE,),
    "cronjob": (jobs.PROBE,),
}
"""Fact kind, or its first word -> what is asked of the namespace next."""
_CLUSTER_LEADS = ("admission", "webhook", "hpa.cannot_read_metrics")
_CONTROL_LEADS = ("node", "workload.generation_lag", "controlplane", "pod.unschedulable", "pod.pending")
SPEAKING = (
    "container.crash_loop",
    "container.exited_error",
    "container.exited_ok_restarting",
    "container.oom_killed",
    "container.command_not_found",
    "init.container_failing",
    "probe.liveness_failing",
    "probe.readiness_failing",
    "probe.startup_failing",
)
"""Facts whose reason the container itself may have written down."""


_WORKLOAD_PROBES = (workloads.PROBE, pods.PROBE, events.PROBE, config_refs.PROBE)
_OF_ITSELF: dict[EntityKind, tuple[Probe[Where, Any], ...]] = {
    EntityKind.NODE: (events.PROBE, pods.PROBE),
    EntityKind.SERVICE: (services.PROBE, pods.PROBE),
    EntityKind.DEPLOYMENT: _WORKLOAD_PROBES,
    EntityKind.STATEFULSET: _WORKLOAD_PROBES,
    EntityKind.DAEMONSET: _WORKLOAD_PROBES,
    EntityKind.POD: (pods.PROBE, events.PROBE),
    EntityKind.REPLICASET: (pods.PROBE, events.PROBE),
    EntityKind.PVC: (volumes.PROBE, events.PROBE),
    EntityKind.INGRESS: (ingresses.PROBE,),
    EntityKind.NAMESPACE: (pods.PROBE, workloads.PROBE, events.PROBE, quotas.PROBE),
}
"""Kind -> what is asked of an entity of that kind to know how it does."""
_OF_ITS_NAMESPACE: dict[EntityKind, tuple[Probe[Where, Any], ...]] = {
    EntityKind.DEPLOYMENT: (services.PROBE, network_policies.PROBE),
    EntityKind.STATEFULSET: (services.PROBE, network_policies.PROBE, volumes.PROBE),
    EntityKind.JOB: (jobs.PROBE,),
    EntityKind.CRONJOB: (jobs.PROBE,),
}


def namespaces_of(entities: Iterable[EntityId]) -> tuple[str, ...]:
    """Namespaces of the entities, nearest first, at most MAX_NAMESPACES."""
    found = []
    for entity in map(Entity.parse, entities):
        name = entity.name if entity.kind is EntityKind.NAMESPACE else entity.namespace
        if name:
            found.append(name)
    return tuple(dict.fromkeys(found))[:MAX_NAMESPACES]


def nodes_in(entities: Iterable[EntityId]) -> tuple[EntityId, ...]:
    """The nodes among the entities."""
    return tuple(entity for entity in entities if Entity.parse(entity).kind is EntityKind.NODE)


async def ask(desk: Desk, questions: Iterable[Question]) -> None:
    """Put all questions at once. The desk keeps what was seen and notes what was not."""
    async with asyncio.TaskGroup() as group:
        for probe, args in dict.fromkeys(questions):
            group.create_task(desk.observe(probe, args))


def first_look(entities: Sequence[EntityId]) -> list[Question]:
    """Everything about the namespaces of the entities, and the nodes; the whole cluster when they have no namespace."""
    places = namespaces_of(entities)
    found: list[Question] = [(probe, Where(namespace=place)) for place in places for probe in FIRST]
    found.append((nodes.PROBE, Where()))
    for node in nodes_in(entities):
        found += [(events.PROBE, Where(entity=node)), (pods.PROBE, Where(entity=node))]
    if not places:
        found += [(probe, Where()) for probe in (workloads.PROBE, inventory.PROBE)]
        found.append((control_plane.PROBE, ClusterWide()))
    if any(Entity.parse(entity).kind in {EntityKind.JOB, EntityKind.CRONJOB} for entity in entities):
        found += [(jobs.PROBE, Where(namespace=place)) for place in places]
    if any(Entity.parse(entity).kind is EntityKind.INGRESS for entity in entities):
        found += [(ingresses.PROBE, Where(namespace=place)) for place in places]
    return found


def health_look(entities: Sequence[EntityId]) -> list[Question]:
    """How single entities do: their pods, events, state and endpoints."""
    found: list[Question] = []
    for entity in map(Entity.parse, entities):
        where, inside = Where(entity=entity.id), Where(namespace=entity.namespace)
        found += [(probe, where) for probe in _OF_ITSELF.get(entity.kind, ())]
        found += [(probe, inside) for probe in _OF_ITS_NAMESPACE.get(entity.kind, ())]
        if entity.kind in {EntityKind.NODE, EntityKind.CLUSTER}:
            found.append((nodes.PROBE, Where()))
        if entity.kind is EntityKind.CLUSTER:
            found.append((control_plane.PROBE, ClusterWide()))
    return found


def further_look(entities: Sequence[EntityId], topology: Topology) -> list[Question]:
    """How those do whom the entities call, in namespaces not looked at whole, and whether they are reached."""
    known = set(namespaces_of(entities))
    callees = dict.fromkeys(callee for entity in entities for callee in topology.callees(entity))
    elsewhere = [
        callee
        for callee in callees
        if (place := Entity.parse(callee).namespace) is not None
        and place not in known
        and Entity.parse(callee).is_workload
    ]
    nearest = elsewhere[:MAX_ELSEWHERE]
    themselves: list[Question] = [
        (probe, Where(entity=callee)) for callee in nearest for probe in (workloads.PROBE, pods.PROBE, events.PROBE)
    ]
    places = dict.fromkeys(Entity.parse(callee).namespace for callee in nearest)
    way: list[Question] = [
        (probe, Where(namespace=place)) for place in places for probe in (services.PROBE, network_policies.PROBE)
    ]
    return [*themselves, *way]


def log_look(entities: Iterable[EntityId]) -> list[Question]:
    """The logs of workloads and pods."""
    speaking = {
        EntityKind.DEPLOYMENT,
        EntityKind.STATEFULSET,
        EntityKind.DAEMONSET,
        EntityKind.POD,
        EntityKind.JOB,
        EntityKind.REPLICASET,
    }
    chosen = [entity for entity in dict.fromkeys(entities) if Entity.parse(entity).kind in speaking]
    return [(logs.PROBE, logs.LogsWanted(entity=entity)) for entity in chosen[:MAX_LOGS]]


def leads(facts: Sequence[Fact], *, near: Sequence[EntityId]) -> list[Question]:
    """What the facts of the first look make worth asking."""
    order = {entity: place for place, entity in enumerate(near)}
    speaking = {fact.entity for fact in facts if fact.kind in SPEAKING}
    nearest = sorted(speaking, key=lambda entity: (order.get(entity, len(order)), entity))
    return [*(question for fact in facts for question in _lead(fact)), *log_look(nearest)]


def _lead(fact: Fact) -> Iterator[Question]:
    domain, place = fact.kind.split(".", 1)[0], Entity.parse(fact.entity).namespace
    if place:
        further = (*_NAMESPACE_LEADS.get(domain, ()), *_NAMESPACE_LEADS.get(fact.kind, ()))
        yield from ((probe, Where(namespace=place)) for probe in further)
    if fact.kind.startswith(_CLUSTER_LEADS):
        yield webhooks.PROBE, ClusterWide()
    if fact.kind.startswith(_CONTROL_LEADS):
        yield control_plane.PROBE, ClusterWide()
    if domain == "node":
        yield events.PROBE, Where(entity=fact.entity)
