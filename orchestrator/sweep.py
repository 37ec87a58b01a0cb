"""The sweep.

Finds what is due although no job says so, because a process died, a clock was moved, or a job was given up.

It only enqueues and expires; it can run anywhere, any number of times, at the same time.
"""

import asyncio
import logging
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from incidents.execution import LATE_SECONDS, WITHOUT_EFFECT, ExecutionStatus
from incidents.ids import IncidentId, ProposalDigest
from incidents.incident import SETTLED, Phase
from incidents.value import Value
from orchestrator.decisions import expire
from orchestrator.jobs import Task, enqueue
from orchestrator.settings import Periods
from orchestrator.store.database import Store
from orchestrator.store.rehearsals import RehearsalStatus
from orchestrator.store.transaction import Tx
from orchestrator.version import GRAPH_VERSION

logger = logging.getLogger(__name__)

WORKING = (Phase.OPEN, Phase.INVESTIGATING, Phase.EXECUTING, Phase.VERIFYING)
"""Phases in which Midwatch, not a person, has the next step."""


class Swept(Value):
    """What a sweep found."""

    expired: tuple[ProposalDigest, ...] = ()
    advanced: tuple[IncidentId, ...] = ()
    executor: int = 0
    """Rehearsals, executions and measurements that nobody was working on."""


async def sweep(store: Store, *, now: datetime) -> Swept:
    """Enqueue what is due."""
    expired = await expire(store, now=now)
    async with store.transaction() as tx:
        stuck = await _stuck(tx)
        for incident in stuck:
            await enqueue(tx, Task.ADVANCE, incident)
        forgotten = await _forgotten(tx, now=now)
        for task, incident, item in forgotten:
            await enqueue(tx, task, incident, item=item)
    return Swept(expired=expired, advanced=stuck, executor=len(forgotten))


async def sweep_forever(store: Store, *, periods: Periods) -> None:
    """Sweep every `sweep_seconds` of wall-clock time until cancelled."""
    while True:
        try:
            await sweep(store, now=store.clock.now())
        except (DBAPIError, OSError):
            logger.exception("The sweep could not reach the database", extra={"action": "sweep_failed"})
        await asyncio.sleep(periods.sweep_seconds)


_STUCK = text(
    """
    SELECT id FROM incident
    WHERE (phase = ANY(:working) OR (NOT rests AND phase = ANY(:settled) AND graph_version = :version))
      AND (lease_until IS NULL OR lease_until < clock_timestamp())
      AND NOT EXISTS (SELECT 1 FROM procrastinate_jobs AS job
                      WHERE job.status IN ('todo', 'doing') AND job.args ->> 'incident' = incident.id)
    ORDER BY opened_at
    """
)
_FORGOTTEN = text(
    """
    WITH wanted AS (
        SELECT 'rehearse' AS task, incident_id, '' AS item FROM rehearsal WHERE status = :requested
        UNION
        SELECT 'execute', incident_id, digest FROM execution WHERE status = ANY(:unfinished)
        UNION
        SELECT 'follow', incident_id, digest FROM execution
        WHERE status = ANY(:without) AND dispatched_at IS NOT NULL AND ended_at > :recent
        UNION
        SELECT 'measure', done.incident_id, done.digest FROM execution AS done
        JOIN incident ON incident.id = done.incident_id AND incident.phase = :verifying
        WHERE done.status = :succeeded AND NOT done.undo
          AND NOT EXISTS (SELECT 1 FROM verification WHERE verification.digest = done.digest)
          AND NOT EXISTS (SELECT 1 FROM execution AS undo WHERE undo.digest = done.digest AND undo.undo)
    )
    SELECT task, incident_id, item FROM wanted
    WHERE NOT EXISTS (SELECT 1 FROM procrastinate_jobs AS job
                      WHERE job.status IN ('todo', 'doing') AND job.args ->> 'item' = wanted.item
                        AND job.args ->> 'incident' = wanted.incident_id
                        AND (job.task_name = wanted.task OR (wanted.task = 'execute' AND job.task_name = 'follow')))
    ORDER BY incident_id, task
    """
)


async def _stuck(tx: Tx) -> tuple[IncidentId, ...]:
    given = {
        "working": [phase.value for phase in WORKING],
        "settled": [phase.value for phase in SETTLED],
        "version": GRAPH_VERSION,
    }
    rows = await tx.execute(_STUCK, given)
    return tuple(IncidentId(row.id) for row in rows)


async def _forgotten(tx: Tx, *, now: datetime) -> tuple[tuple[Task, IncidentId, str], ...]:
    given = {
        "requested": RehearsalStatus.REQUESTED.value,
        "unfinished": [ExecutionStatus.APPROVED.value, ExecutionStatus.DISPATCHED.value],
        "without": [status.value for status in WITHOUT_EFFECT],
        "recent": now - timedelta(seconds=LATE_SECONDS),
        "verifying": Phase.VERIFYING.value,
        "succeeded": ExecutionStatus.SUCCEEDED.value,
    }
    rows = await tx.execute(_FORGOTTEN, given)
    return tuple((Task(row.task), IncidentId(row.incident_id), row.item) for row in rows)
