"""Which questions the observability specialist asks, and in which order. Everything goes through the desk."""

import asyncio
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from agents.detector import Sightings
from agents.observability.calls import most_called_first, neighbours, troubled
from agents.observability.names import Names, workloads_of
from agents.observability.period import ALERTS_LATE, Period
from agents.observability.shift import find_shift, share
from agents.observability.spreading import look_everywhere
from agents.observability.tracing import look_at_traces
from agents.reporting import scene_of
from agents.specialist import Desk
from incidents.casefile import Assignment, CaseFile
from incidents.entity import Entity, EntityKind
from incidents.finding import Topic
from incidents.ids import EntityId
from tools.alertmanager.probes.alerts import PROBE as ALERTS
from tools.alertmanager.probes.alerts import AlertsArgs
from tools.alertmanager.probes.silences import PROBE as SILENCES
from tools.alertmanager.probes.silences import SilencesArgs
from tools.loki.probes.templates import PROBE as TEMPLATES
from tools.loki.probes.templates import TemplatesArgs
from tools.prometheus.probes.nodes import PROBE as NODES
from tools.prometheus.probes.nodes import NodesArgs
from tools.prometheus.probes.pod_latency import PROBE as POD_LATENCY
from tools.prometheus.probes.pod_latency import PodLatencyArgs
from tools.prometheus.probes.red import PROBE as RED
from tools.prometheus.probes.red import RedArgs, RedView
from tools.prometheus.probes.service_graph import PROBE as SERVICE_GRAPH
from tools.prometheus.probes.service_graph import ServiceGraphArgs
from tools.prometheus.probes.table import PROBE as TABLE
from tools.prometheus.probes.table import TableArgs
from tools.prometheus.probes.targets import PROBE as TARGETS
from tools.prometheus.probes.targets import TargetsArgs
from tools.prometheus.probes.units import PROBE as UNITS
from tools.prometheus.probes.units import UnitsArgs
from tools.prometheus.probes.usage import PROBE as USAGE
from tools.prometheus.probes.usage import UsageArgs
from tools.prometheus.probes.volumes import PROBE as VOLUMES
from tools.prometheus.probes.volumes import VolumesArgs
from tools.prometheus.probes.wide import PROBE as WIDE
from tools.prometheus.probes.wide import WideArgs
from tools.prometheus.probes.workloads import PROBE as WORKLOADS
from tools.prometheus.probes.workloads import WorkloadsArgs
from tools.statuspage.probes.incidents import PROBE as PROVIDERS
from tools.statuspage.probes.incidents import IncidentsArgs

CLOSELY = 3
"""Workloads whose logs and every metric are looked at: those that the alerts point at."""
WIDELY = 8
"""Workloads whose requests and use are looked at: those, and their neighbours."""
APART = 5
"""Workloads whose pods are looked at one by one, when they are slow: the asked ones and their nearest."""
LOGS_BEFORE = timedelta(minutes=45)
"""Minutes of log before the onset that say what is usual."""
MARGIN = timedelta(seconds=60)
"""Lines this long before the onset that was measured belong to it: rates climb after their cause."""
NOISE = share(0.1, at_least=0.001)


async def look(assignment: Assignment, case: CaseFile, desk: Desk, *, period: Period) -> None:
    """Ask what the topic calls for."""
    asked = workloads_of(assignment.entities or case.focus, case.topology)
    match assignment.topic:
        case Topic.USAGE_BEFORE:
            await at_once(_usage(desk, entity, period) for entity in asked[:WIDELY])
        case Topic.LOGS:
            await _logs(desk, asked[:CLOSELY], period, since=period.onset - ALERTS_LATE)
        case Topic.HEALTH:
            await _health(assignment, asked, desk, period)
        case Topic.COMPARISON:
            await _comparison(assignment, case, asked, desk, period)
        case Topic.DEPENDENCIES:
            await at_once([desk.observe(WORKLOADS, WorkloadsArgs(at=period.end)), _graph(desk, asked, period, hops=3)])
            await _neighbours(case, asked, desk, period)
        case _:
            await _overview(assignment, case, asked, desk, period)


async def _overview(
    assignment: Assignment, case: CaseFile, asked: Sequence[EntityId], desk: Desk, period: Period
) -> None:
    """Everything about what was asked; then, knowing onset and neighbours, logs and who else is in trouble."""
    nodes = tuple(entity for entity in assignment.entities if Entity.parse(entity).kind is EntityKind.NODE)
    await at_once(
        [
            *(_red(desk, entity, period) for entity in asked[:WIDELY]),
            *(_usage(desk, entity, period) for entity in asked[:WIDELY]),
            _graph(desk, asked, period, hops=2),
            desk.observe(WORKLOADS, WorkloadsArgs(at=period.end)),
            desk.observe(ALERTS, AlertsArgs()),
            desk.observe(SILENCES, SilencesArgs()),
            desk.observe(NODES, NodesArgs(nodes=nodes, start=period.start, end=period.end)),
            desk.observe(UNITS, UnitsArgs(start=period.start, end=period.end)),
            *(_volumes(desk, case, space, period) for space in _namespaces(assignment.entities)),
            *(_table(desk, case, space, period) for space in _namespaces(assignment.entities) if not asked),
            *(desk.observe(TARGETS, TargetsArgs(entity=entity, at=period.end)) for entity in asked[:CLOSELY]),
        ]
    )
    since = measured_onset(desk, asked) or period.onset - ALERTS_LATE
    scene = scene_of(assignment, case, now=period.end)
    sightings = Sightings(observations=desk.observations)
    nearest = most_called_first(sightings, scene, asked)
    blamed = troubled(sightings, scene, asked)[:CLOSELY]
    await at_once(
        [
            _logs(desk, (*nearest[:CLOSELY], *blamed), period, since=since),
            look_at_traces(desk, nearest, period, since=since),
            *_providers(desk, period),
            _neighbours(case, asked, desk, period),
            *(_usage(desk, entity, period) for entity in blamed if entity not in asked[:WIDELY]),
            *(_wide(desk, entity, period) for entity in (*nearest[:CLOSELY], *blamed[:1])),
        ]
    )
    await _pods_of_slow_ones(desk, period)
    await look_everywhere(desk, period)


def _providers(desk: Desk, period: Period) -> Iterator[Awaitable[Any]]:
    """What providers outside say of themselves, where their pages are configured."""
    if desk.cluster.status_pages:
        yield desk.observe(PROVIDERS, IncidentsArgs(start=period.start, end=period.end))


async def _pods_of_slow_ones(desk: Desk, period: Period) -> None:
    """Each pod of those that are slower than before: one slow pod, or one slow node, is another matter than all."""
    slow = [
        seen.view.entity
        for seen in Sightings(observations=desk.observations).of(RedView)
        if (curve := seen.view.p99) is not None and (shift := find_shift(curve, floor=NOISE)) is not None and shift.up
    ]
    await at_once(
        desk.observe(POD_LATENCY, PodLatencyArgs(entity=entity, start=period.start, end=period.end))
        for entity in list(dict.fromkeys(slow))[:APART]
    )


async def _health(assignment: Assignment, asked: Sequence[EntityId], desk: Desk, period: Period) -> None:
    nodes = tuple(entity for entity in assignment.entities if Entity.parse(entity).kind is EntityKind.NODE)
    questions: list[Awaitable[Any]] = [
        *(_red(desk, entity, period) for entity in asked[:WIDELY]),
        *(_usage(desk, entity, period) for entity in asked[:WIDELY]),
    ]
    if nodes:
        questions.append(desk.observe(NODES, NodesArgs(nodes=nodes, start=period.start, end=period.end)))
        questions.append(desk.observe(UNITS, UnitsArgs(start=period.start, end=period.end)))
    if asked:
        questions.append(desk.observe(WORKLOADS, WorkloadsArgs(at=period.end)))
        questions.append(_graph(desk, asked, period, hops=1))
    await at_once(questions)
    await _pods_of_slow_ones(desk, period)


async def _comparison(
    assignment: Assignment, case: CaseFile, asked: Sequence[EntityId], desk: Desk, period: Period
) -> None:
    """All workloads of the namespaces, and who calls whom: callers suffer from what they call."""
    await at_once(
        [
            desk.observe(WORKLOADS, WorkloadsArgs(at=period.end)),
            _graph(desk, asked, period, hops=2),
            *(_table(desk, case, space, period) for space in _namespaces((*assignment.entities, *case.focus))),
        ]
    )


async def _neighbours(case: CaseFile, asked: Sequence[EntityId], desk: Desk, period: Period) -> None:
    """Requests of those that the asked ones call: traces show the calls, only they themselves show the rest."""
    sightings = Sightings(observations=desk.observations)
    names = Names.seen(sightings, case, near=asked)
    near = [entity for entity in neighbours(sightings, names, asked) if entity not in asked]
    await at_once(_red(desk, entity, period) for entity in near[: max(0, WIDELY - len(asked[:WIDELY]))])


def measured_onset(desk: Desk, asked: Iterable[EntityId]) -> datetime | None:
    """When the requests of what was asked about began to fail, a little earlier; None when they did not.

    What still lasts tells it, and what is over only where nothing lasts: trouble may come and go.
    """
    wanted = set(asked)
    found = [
        (shift.until is not None, shift.at)
        for seen in Sightings(observations=desk.observations).of(RedView)
        if seen.view.entity in wanted
        for curve in (seen.view.error_ratio, seen.view.p99)
        if curve is not None and (shift := find_shift(curve, floor=NOISE)) is not None and shift.up
    ]
    return min(found)[1] - MARGIN if found else None


async def _logs(desk: Desk, workloads: Sequence[EntityId], period: Period, *, since: datetime) -> None:
    begun = max(since, period.start + timedelta(minutes=1))
    await at_once(
        desk.observe(TEMPLATES, TemplatesArgs(entity=entity, start=begun - LOGS_BEFORE, since=begun, end=period.end))
        for entity in workloads
    )


def _red(desk: Desk, entity: EntityId, period: Period) -> Awaitable[Any]:
    return desk.observe(RED, RedArgs(entity=entity, start=period.start, end=period.end))


def _wide(desk: Desk, entity: EntityId, period: Period) -> Awaitable[Any]:
    return desk.observe(WIDE, WideArgs(entity=entity, start=period.start, end=period.end))


def _usage(desk: Desk, entity: EntityId, period: Period) -> Awaitable[Any]:
    return desk.observe(USAGE, UsageArgs(entity=entity, start=period.start, end=period.end))


async def _graph(desk: Desk, workloads: Sequence[EntityId], period: Period, *, hops: int) -> None:
    services = tuple(dict.fromkeys(Entity.parse(entity).name for entity in workloads[:CLOSELY]))
    if services:
        args = ServiceGraphArgs(services=services, hops=hops, start=period.start, end=period.end)
        await desk.observe(SERVICE_GRAPH, args)


def _volumes(desk: Desk, case: CaseFile, namespace: str, period: Period) -> Awaitable[Any]:
    args = VolumesArgs(cluster=case.incident.cluster, namespace=namespace, start=period.start, end=period.end)
    return desk.observe(VOLUMES, args)


def _table(desk: Desk, case: CaseFile, namespace: str, period: Period) -> Awaitable[Any]:
    space = Entity(cluster=case.incident.cluster, kind=EntityKind.NAMESPACE, name=namespace).id
    return desk.observe(TABLE, TableArgs(namespace=space, onset=period.onset, end=period.end))


def _namespaces(entities: Iterable[EntityId], *, most: int = 2) -> list[str]:
    parsed = [Entity.parse(entity) for entity in entities]
    found = dict.fromkeys(one.name if one.kind is EntityKind.NAMESPACE else one.namespace for one in parsed)
    return [space for space in found if space][:most]


async def at_once(questions: Iterable[Awaitable[Any]]) -> None:
    """Ask several questions side by side; the desk limits how many are really under way."""
    async with asyncio.TaskGroup() as group:
        for question in questions:
            group.create_task(_ask(question))


async def _ask(question: Awaitable[Any]) -> None:
    await question
