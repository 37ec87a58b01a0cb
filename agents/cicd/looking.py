"""Which questions the specialist for changes asks, in which order: the cluster's history first, then who caused it."""

import asyncio
from collections.abc import Iterable

from agents.cicd.brought import spans
from agents.cicd.deploys import Deploy
from agents.cicd.gitops import deployers
from agents.cicd.period import RECENT, period_of
from agents.cicd.reasoning.failure import failures
from agents.cicd.telling import told
from agents.detector import Scene, Sightings
from agents.specialist import Desk
from incidents.action import name_of
from incidents.casefile import Assignment, CaseFile
from incidents.entity import Entity, EntityKind
from incidents.ids import EntityId
from incidents.topology import Relation, Topology
from tools.argocd.probes import applications, diff
from tools.flags.probes import changes as flags
from tools.github.probes import commits, compare, deployments, history, workflow_runs
from tools.kubernetes.inventory import Inventory
from tools.kubernetes.probes import (
    autoscalers,
    config_refs,
    events,
    inventory,
    network_policies,
    revisions,
    services,
    workloads,
)
from tools.kubernetes.scope import Where

MOST_NAMESPACES = 4
"""Namespaces that one round reads; the nearest are kept. Each costs one listing per kind."""
MOST_MAPPED = 2
"""Namespaces whose calls are looked up in one round."""
MOST_DIFFS = 5
"""Applications that are compared with Git in one round."""
MOST_ASKED = 2
"""Subjects whose repositories are looked at although nothing was rolled out."""
MOST_REPOSITORIES = 4
MOST_COMPARISONS = 5
MOST_READ = 2
"""Repositories whose commits are read one by one in one round."""
KUBERNETES = (
    revisions.PROBE,
    workloads.PROBE,
    config_refs.PROBE,
    services.PROBE,
    autoscalers.PROBE,
    network_policies.PROBE,
    events.PROBE,
)
"""Questions to each namespace: history, and everything whose managed fields tell of a hand."""


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


async def look_at_cluster(assignment: Assignment, case: CaseFile, desk: Desk) -> CaseFile:
    """Ask Kubernetes and Argo CD. The case comes back with who calls whom, where that was not known yet.

    A dependency's deploy counts, and a dependency may live in another namespace.
    """
    first = places(subjects(assignment, case))
    async with asyncio.TaskGroup() as group:
        for where in first:
            _ask_kubernetes(desk, where, group)
        if not _calls_known(assignment, case):
            for where in first[:MOST_MAPPED]:
                group.create_task(desk.observe(inventory.PROBE, where))
    case = _with_calls(case, desk)
    about = subjects(assignment, case)
    case = case.model_copy(update={"focus": tuple(dict.fromkeys((*case.focus, *about)))})
    every = places(about)
    namespaces = tuple(where.namespace for where in every if where.namespace)
    async with asyncio.TaskGroup() as group:
        for where in every:
            if where not in first:
                _ask_kubernetes(desk, where, group)
        group.create_task(desk.observe(applications.PROBE, applications.ApplicationsArgs(namespaces=namespaces)))
    await _compare_with_git(desk, about)
    return case


def _ask_kubernetes(desk: Desk, where: Where, group: asyncio.TaskGroup) -> None:
    for probe in KUBERNETES:
        group.create_task(desk.observe(probe, where))


def _calls_known(assignment: Assignment, case: CaseFile) -> bool:
    """Whether it is known what the asked entities call; what calls nothing looks as if it were not known."""
    owners = [case.topology.owner_of(entity) for entity in assignment.entities or case.focus]
    return any(case.topology.callees(owner) for owner in owners)


def _with_calls(case: CaseFile, desk: Desk) -> CaseFile:
    sightings = Sightings(observations=desk.observations)
    edges = [edge for seen in sightings.of(Inventory) for edge in seen.view.edges]
    return case.model_copy(update={"topology": case.topology + Topology.of(edges)}) if edges else case


async def _compare_with_git(desk: Desk, about: tuple[EntityId, ...]) -> None:
    """Ask Argo CD where what lives differs from Git, for the applications that say so; those of the subjects first."""
    near = frozenset(about)
    found = [one for one in deployers(Sightings(observations=desk.observations)) if one.application.sync != "Synced"]
    found.sort(key=lambda one: (not near.intersection(one.objects), one.application.name))
    async with asyncio.TaskGroup() as group:
        for one in found[:MOST_DIFFS]:
            args = diff.DiffArgs(application=one.application.name, namespace=one.application.namespace)
            group.create_task(desk.observe(diff.PROBE, args))


async def look_at_repositories(scene: Scene, desk: Desk, about: tuple[EntityId, ...]) -> None:
    """Ask GitHub what was deployed and built, and then for the differences that the suspicious deploys brought."""
    suspicious = _suspicious(scene, desk)
    workloads = dict.fromkeys((*about[:MOST_ASKED], *(one.workload for one in suspicious)))
    built = [repo for one in workloads for repo in scene.case.topology.targets(one, Relation.BUILT_FROM)]
    since = period_of(scene).onset - RECENT
    async with asyncio.TaskGroup() as group:
        if desk.cluster.flags is not None:
            group.create_task(desk.observe(flags.PROBE, flags.ChangesArgs(start=since, end=scene.now)))
        for repository in tuple(dict.fromkeys(name_of(repo) for repo in built))[:MOST_REPOSITORIES]:
            group.create_task(desk.observe(deployments.PROBE, deployments.DeploymentsArgs(repository=repository)))
            args = workflow_runs.WorkflowRunsArgs(repository=repository, since=since)
            group.create_task(desk.observe(workflow_runs.PROBE, args))
    # Only now is it known which commits were deployed where Argo CD does not tell.
    wanted = dict.fromkeys(span for one in _suspicious(scene, desk) for span in spans(one, scene))
    async with asyncio.TaskGroup() as group:
        for span in tuple(wanted)[:MOST_COMPARISONS]:
            match span:
                case compare.CompareArgs():
                    group.create_task(desk.observe(compare.PROBE, span))
                case commits.CommitsArgs():
                    group.create_task(desk.observe(commits.PROBE, span))
        for repository in _to_read(scene, desk):
            wanted_history = history.HistoryArgs(repository=repository, since=since, until=scene.now)
            group.create_task(desk.observe(history.PROBE, wanted_history))


def _to_read(scene: Scene, desk: Desk) -> tuple[str, ...]:
    """Repositories whose commits are read one by one: those of what was deployed, once it is known how it fails."""
    if not scene.case.facts:
        return ()
    alarmed = tuple(scene.case.topology.owner_of(entity) for entity in scene.case.incident.entities)
    if not any(one.told for one in failures(scene.case.facts, scene.case.alerts, alarmed=alarmed).values()):
        return ()
    deployed = dict.fromkeys(one.workload for one in _suspicious(scene, desk) if one.commit)
    built = [repo for one in deployed for repo in scene.case.topology.targets(one, Relation.BUILT_FROM)]
    return tuple(dict.fromkeys(name_of(repo) for repo in built))[:MOST_READ]


def _suspicious(scene: Scene, desk: Desk) -> list[Deploy]:
    """Deploys of the day before the onset and since, the subjects' first, then by their distance to the onset."""
    period, sightings = period_of(scene), Sightings(observations=desk.observations)
    found = [
        (abs(one.at - period.onset), one)
        for one in told(sightings, scene)
        if one.at and one.at >= period.onset - RECENT
    ]
    found.sort(key=lambda pair: (pair[1].workload not in period.near, pair[0], pair[1].workload))
    return [one for _, one in found]
