"""Takes every check of a proposal once: from Prometheus, from Kubernetes, or from the alerts of the incident."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from incidents.evidence import Evidence
from incidents.ids import IncidentId
from incidents.verification import Check, Measurement
from orchestrator.context import Workbench
from orchestrator.desk import redacted
from orchestrator.store.alerts import firing_count
from tools.errors import ToolError
from tools.estate import Cluster
from tools.kubernetes.probes.workloads import PROBE as WORKLOADS
from tools.kubernetes.scope import Where
from tools.kubernetes.workload import Replicas
from tools.prometheus.measures import measure

RATE_WINDOW = timedelta(minutes=1)
"""Rates of a verification look back this far: short, so that what was before the change is soon out of it."""

WITH_A_PAST = frozenset({"error_rate", "latency_p99", "saturation"})
"""Measures that can be read of an earlier time."""
NOT_THERE = "the workload is not there"

Taken = tuple[Measurement, Evidence | None]


@dataclass(frozen=True, kw_only=True)
class Gauge:
    """What checks are measured with: read clients by the name of the cluster, and how many alerts still fire."""

    clusters: Callable[[str], Cluster]
    firing: Callable[[], Awaitable[int]]


def gauge_for(bench: Workbench, incident: IncidentId) -> Gauge:
    """What an incident's checks are measured with."""

    async def firing() -> int:
        async with bench.store.transaction() as tx:
            return (await firing_count(tx, [incident])).get(incident, 0)

    return Gauge(clusters=bench.cluster, firing=firing)


async def take_for(bench: Workbench, incident: IncidentId, checks: tuple[Check, ...], *, now: datetime) -> list[Taken]:
    """Measure all checks of an incident's proposal at one moment."""
    return await take(gauge_for(bench, incident), checks, now=now)


async def take(gauge: Gauge, checks: tuple[Check, ...], *, now: datetime) -> list[Taken]:
    """Measure all checks at one moment. What cannot be read is a measurement without a value, with the reason."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_one(gauge, index, check, now)) for index, check in enumerate(checks)]
    return [task.result() for task in tasks]


async def usual(gauge: Gauge, checks: tuple[Check, ...], *, before: datetime | None) -> list[float | None]:
    """What the checks that are rates were before it began: the only figure by which an outage's figures mean anything.

    Where everything fails at once, answers are quick and callers are idle: what comes back after a repair would look
    worse. None for what has no past, and when nobody knows when it began.
    """
    rates = tuple(check for check in checks if check.measure in WITH_A_PAST) if before else ()
    taken = await take(gauge, rates, now=before) if before and rates else []
    known = {check: measurement.value for check, (measurement, _) in zip(rates, taken, strict=True)}
    return [known.get(check) for check in checks]


async def _one(gauge: Gauge, index: int, check: Check, now: datetime) -> Taken:
    try:
        value, evidence, note = await _value(gauge, check, now)
    except ToolError as error:
        return Measurement(check=index, at=now, value=None, note=str(error)), None
    kept = redacted(evidence) if evidence else None
    return Measurement(check=index, at=now, value=value, evidence=kept.id if kept else None, note=note), kept


async def _value(gauge: Gauge, check: Check, now: datetime) -> tuple[float | None, Evidence | None, str]:
    match check.measure:
        case "alert_resolved":
            return float(await gauge.firing()), None, ""
        case "workload_available":
            return await _ready_pods(_cluster(gauge, check), check)
        case "ready_share":
            return await _ready_share(_cluster(gauge, check), check)
        case name:
            reading = await measure(_cluster(gauge, check), name, check.entity, at=now, window=RATE_WINDOW)
            return reading.value, reading.evidence, reading.note


async def _ready_pods(cluster: Cluster, check: Check) -> tuple[float | None, Evidence | None, str]:
    replicas, evidence = await _replicas(cluster, check)
    return (float(replicas.ready), evidence, "") if replicas else (None, evidence, NOT_THERE)


async def _ready_share(cluster: Cluster, check: Check) -> tuple[float | None, Evidence | None, str]:
    """Ready pods by wanted ones; 0 when none is wanted: a workload that was switched off serves nobody."""
    replicas, evidence = await _replicas(cluster, check)
    if replicas is None:
        return None, evidence, NOT_THERE
    return (min(replicas.ready / replicas.desired, 1.0) if replicas.desired else 0.0), evidence, ""


async def _replicas(cluster: Cluster, check: Check) -> tuple[Replicas | None, Evidence]:
    seen = await WORKLOADS.run(cluster, Where(entity=check.entity))
    found = next((w for w in seen.view.workloads if w.meta.entity == check.entity), None)
    return (found.replicas if found else None), seen.evidence


def _cluster(gauge: Gauge, check: Check) -> Cluster:
    return gauge.clusters(check.entity.split("/", 1)[0])
