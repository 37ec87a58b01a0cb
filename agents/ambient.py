"""What nobody alerts about, looked for in peace: waste, certificates near their end, volumes that fill.

Read-only and bounded: the same probes and detectors as in an incident, over a whole cluster. What is worth an incident
is decided here; opening it is intake's.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from agents.cost.requested import EXPORTED
from agents.detector import Scene, Sightings, detectors
from agents.runbooks.library import Library
from agents.specialist import Desk
from incidents.alert import Severity
from incidents.casefile import CaseFile
from incidents.entity import Entity
from incidents.fact import Fact
from incidents.ids import EntityId, FactKind, IncidentId
from incidents.incident import Incident, Phase
from incidents.topology import Topology
from incidents.value import Value
from tools.kubernetes.probes.config_refs import PROBE as CONFIG_REFS
from tools.kubernetes.probes.volumes import PROBE as CLAIMS
from tools.kubernetes.scope import Where
from tools.opencost.probes.allocation import PROBE as ALLOCATION
from tools.opencost.probes.allocation import AllocationArgs
from tools.prometheus.probes.instant import PROBE as INSTANT
from tools.prometheus.probes.instant import InstantArgs
from tools.prometheus.probes.usage import PROBE as USAGE
from tools.prometheus.probes.usage import UsageArgs
from tools.prometheus.probes.volumes import PROBE as VOLUMES
from tools.prometheus.probes.volumes import VolumesArgs
from tools.prometheus.probes.workloads import PROBE as WORKLOADS
from tools.prometheus.probes.workloads import WorkloadsArgs

MOST_WORKLOADS = 100
"""Workloads whose use is read in one round: a few hundred range queries an hour are nothing to a Prometheus."""
MOST_NAMESPACES = 20
BACK = timedelta(hours=3)
COST_BACK = timedelta(hours=24)
LEAST_SAVING = 0.05
"""USD per hour, about 36 a month: less is not worth anybody's morning."""
DETECTORS = {
    "observability": ("observability.disks",),
    "kubernetes": ("kubernetes.certificates",),
    "cost": ("cost.requests", "cost.idle", "cost.orphaned_volumes"),
}
"""Specialist -> its detectors that see something before it hurts."""
WATCHED = tuple(
    FactKind(kind)
    for kind in (
        "disk.nearly_full",
        "certificate.expired",
        "certificate.expiring",
        "cost.idle",
        "cost.overprovisioned",
        "cost.orphaned_volume",
    )
)
"""Kinds that are worth an incident, the most pressing first."""


class Concern(Value):
    """Something that is not as it should be, although nothing alerts."""

    alertname: str
    """The first alert that the runbook of its kind is written for."""
    entity: EntityId
    summary: str
    usd_per_hour: float = 0.0
    """What it wastes, when that is known."""


async def look_around(desk: Desk, *, now: datetime) -> Sightings:
    """Ask about the whole cluster, as far as it is bounded."""
    listed = await desk.observe(WORKLOADS, WorkloadsArgs(at=now))
    workloads = (listed.view.workloads if listed else ())[:MOST_WORKLOADS]
    spaces = [space for space in dict.fromkeys(Entity.parse(one).namespace for one in workloads) if space]
    spaces = spaces[:MOST_NAMESPACES]
    start, cluster = now - BACK, desk.cluster.name
    prices: Any = (
        desk.observe(ALLOCATION, AllocationArgs(namespaces=tuple(spaces), start=now - COST_BACK, end=now))
        if desk.cluster.connections.opencost is not None
        else desk.observe(INSTANT, InstantArgs(query=EXPORTED, at=now))
    )
    questions = [
        prices,
        *(desk.observe(USAGE, UsageArgs(entity=one, start=start, end=now)) for one in workloads),
        *(desk.observe(VOLUMES, VolumesArgs(cluster=cluster, namespace=s, start=start, end=now)) for s in spaces),
        *(desk.observe(CLAIMS, Where(namespace=space)) for space in spaces),
        *(desk.observe(CONFIG_REFS, Where(namespace=space)) for space in spaces),
    ]
    async with asyncio.TaskGroup() as group:
        for question in questions:
            group.create_task(_ask(question))
    return Sightings(observations=desk.observations)


async def _ask(question: Any) -> None:
    await question


def facts_of(sightings: Sightings, *, cluster: str, now: datetime) -> tuple[Fact, ...]:
    """What the detectors of WATCHED kinds read out of it. Pure."""
    scene = Scene(case=_nobody(cluster, now=now), now=now, entities=())
    running = [d for agent, names in DETECTORS.items() for d in detectors(agent) if d.name in names]
    found = [fact for detector in running for fact in detector.detect(sightings, scene)]
    return tuple(fact for fact in found if fact.kind in WATCHED)


def concerns_of(facts: Iterable[Fact], library: Library) -> tuple[Concern, ...]:
    """One concern per entity, the most pressing and then the most costly first. Pure.

    Only what some runbook is written for: an incident that nobody could diagnose helps nobody.
    """
    by_entity: dict[EntityId, list[Fact]] = {}
    for fact in sorted(facts, key=lambda fact: (WATCHED.index(fact.kind), fact.id)):
        by_entity.setdefault(fact.entity, []).append(fact)
    found = [concern for group in by_entity.values() for concern in _concern(group, library)]
    order = {alert: place for place, alert in enumerate(dict.fromkeys(c.alertname for c in found))}
    return tuple(sorted(found, key=lambda c: (order[c.alertname], -c.usd_per_hour, c.entity)))


def _concern(facts: Sequence[Fact], library: Library) -> Iterator[Concern]:
    same = sorted((fact for fact in facts if fact.kind == facts[0].kind), key=_wasted, reverse=True)
    first, usd = same[0], sum(map(_wasted, same))
    name = _alert_for(first.kind, library)
    cheap = any(_PRICED & fact.attributes.keys() for fact in same) and usd < LEAST_SAVING
    if name and not cheap:
        yield Concern(alertname=name, entity=first.entity, summary=first.text, usd_per_hour=usd)


_PRICED = frozenset({"usd_per_hour_saving", "usd_per_hour"})
"""Attributes that say what is wasted; where no price is known, none is there."""


def _wasted(fact: Fact) -> float:
    return sum(float(fact.attributes[name]) for name in _PRICED & fact.attributes.keys())


def _alert_for(kind: FactKind, library: Library) -> str:
    """The first alert of the runbook whose cause has to show this kind."""
    for cause in library.causes:
        if cause.alerts and any(kind in line.kinds for line in cause.must):
            return cause.alerts[0]
    return ""


def _nobody(cluster: str, *, now: datetime) -> CaseFile:
    """A case about nothing: detectors read the cluster's name from it."""
    incident = Incident(
        id=IncidentId("inc-ambient"),
        title="ambient round",
        severity=Severity.SEV4,
        phase=Phase.INVESTIGATING,
        cluster=cluster,
        entities=(),
        opened_at=now,
        started_at=now,
        graph_version="",
    )
    return CaseFile(incident=incident, alerts=(), focus=(), onset=None, topology=Topology(), inventory=frozenset())
