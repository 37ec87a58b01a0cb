"""Which questions the specialist for changes asks, in which order: the cluster's history first, then who caused it."""

import asyncio
from collections.abc import Iterable

from agents.cicd.gitops import Deployer, deployers
from agents.detector import Sightings
from agents.specialist import Desk
from incidents.casefile import Assignment, CaseFile
from incidents.entity import Entity, EntityKind
from incidents.ids import EntityId
from tools.argocd.probes import applications, diff
from tools.kubernetes.probes import (
    autoscalers,
    config_refs,
    events,
    network_policies,
    revisions,
    services,
    workloads,
)
from tools.kubernetes.scope import Where

MOST_NAMESPACES = 4
"""Namespaces that one round reads; the nearest are kept. Each costs one listing per kind."""
MOST_DIFFS = 5
"""Applications that are compared with Git in one round."""
_ALWAYS = (revisions.PROBE, workloads.PROBE, config_refs.PROBE)
_OVERVIEW = (services.PROBE, autoscalers.PROBE, network_policies.PROBE, events.PROBE)


def subjects(assignment: Assignment, case: CaseFile) -> tuple[EntityId, ...]:
    """What this round is about: the asked entities, what they call, then the rest of the focus; nearest first."""
    asked = assignment.entities or case.focus
    owners = tuple(case.topology.owner_of(entity) for entity in asked)
    callees = tuple(callee for owner in owners for callee in case.topology.callees(owner, transitive=True))
    return tuple(dict.fromkeys((*asked, *owners, *callees, *(case.focus if not assignment.question else ()))))


def places(entities: Iterable[EntityId]) -> tuple[Where, ...]:
    """The namespaces of the entities, nearest first; the whole cluster when none of them has one."""
    parsed = [Entity.parse(entity) for entity in entities]
    names = [one.name if one.kind is EntityKind.NAMESPACE else one.namespace for one in parsed]
    found = tuple(dict.fromkeys(name for name in names if name))[:MOST_NAMESPACES]
    return tuple(Where(namespace=name) for name in found) or (Where(),)


async def look(assignment: Assignment, case: CaseFile, desk: Desk) -> None:
    """Ask everything. What could not be seen is noted by the desk."""
    about = subjects(assignment, case)
    wheres = places(about)
    wanted = (*_ALWAYS, *_OVERVIEW)
    namespaces = tuple(where.namespace for where in wheres if where.namespace)
    async with asyncio.TaskGroup() as group:
        for where in wheres:
            for probe in wanted:
                group.create_task(desk.observe(probe, where))
        group.create_task(desk.observe(applications.PROBE, applications.ApplicationsArgs(namespaces=namespaces)))
    await _compare(desk, about)


async def _compare(desk: Desk, about: tuple[EntityId, ...]) -> None:
    """Ask Argo CD where what lives differs from Git, for applications of the subjects that are out of sync."""
    near = frozenset(about)
    found = [one for one in deployers(Sightings(observations=desk.observations)) if one.application.sync != "Synced"]
    found.sort(key=lambda one: (not near.intersection(one.objects), one.application.name))
    async with asyncio.TaskGroup() as group:
        for one in found[:MOST_DIFFS]:
            group.create_task(desk.observe(diff.PROBE, _diff_args(one)))


def _diff_args(one: Deployer) -> diff.DiffArgs:
    return diff.DiffArgs(application=one.application.name, namespace=one.application.namespace)
