"""Takes out what nobody needs any more, in small steps, so that the database does not grow for ever.

What people decided and what was done stays: incidents, facts, findings, timelines, proposals, decisions, executions,
post-mortems and the ledger are never touched here. A body that is taken out says so where it stood.
"""

from datetime import datetime

from sqlalchemy import text

from incidents.incident import SETTLED
from incidents.value import Value
from orchestrator.store.transaction import Tx

STEP = 200
"""Rows of one kind that one transaction takes out: it holds no lock for long."""


class Forgotten(Value):
    """How much was taken out, by kind."""

    threads: int = 0
    """Incidents whose checkpoints (the graph's cache of reasoning) are gone."""
    bodies: int = 0
    """Pieces of evidence that are only named any more: source, query, time and digest stay."""
    looks: int = 0
    """What replays read."""
    deliveries: int = 0

    @property
    def anything(self) -> bool:
        """Whether there may be more."""
        return bool(self.threads or self.bodies or self.looks or self.deliveries)


_ENDED = "phase = ANY(:settled) AND lease_until IS NULL AND coalesce(closed_at, last_alert_at) < :before"

_THREADS = text(
    f"""
    WITH gone AS (
        SELECT id FROM incident WHERE {_ENDED}
          AND EXISTS (SELECT 1 FROM checkpoints WHERE checkpoints.thread_id = incident.id)
        LIMIT {STEP}
    ), a AS (DELETE FROM checkpoint_writes USING gone WHERE thread_id = gone.id),
       b AS (DELETE FROM checkpoint_blobs USING gone WHERE thread_id = gone.id),
       c AS (DELETE FROM checkpoints USING gone WHERE thread_id = gone.id)
    SELECT count(*) FROM gone
    """  # noqa: S608 - constants of this file
)
_BODIES = text(
    f"""
    UPDATE evidence SET body = '', head = jsonb_set(head::jsonb, '{{cut}}', to_jsonb(CAST(:why AS text)))
    WHERE (incident_id, id) IN (
        SELECT incident_id, evidence.id FROM evidence JOIN incident ON incident.id = incident_id
        WHERE {_ENDED} AND body <> '' LIMIT {STEP}
    )
    """  # noqa: S608 - constants of this file
)
_LOOKS = text(
    f"""
    DELETE FROM look WHERE (incident_id, key) IN (
        SELECT incident_id, key FROM look JOIN incident ON incident.id = incident_id WHERE {_ENDED} LIMIT {STEP}
    )
    """  # noqa: S608 - constants of this file
)
_DELIVERIES = text(
    f"""
    WITH gone AS (SELECT id FROM delivery WHERE last_at < :before LIMIT {STEP}),
         a AS (DELETE FROM rejected_alert USING gone WHERE delivery_id = gone.id)
    DELETE FROM delivery USING gone WHERE delivery.id = gone.id
    """  # noqa: S608 - constants of this file
)
_WORDS = {"settled": [phase.value for phase in SETTLED]}


async def forget_threads(tx: Tx, *, before: datetime) -> int:
    """Take out checkpoints of incidents that ended before; how many incidents. The graph never goes on with those."""
    return int((await tx.execute(_THREADS, {**_WORDS, "before": before})).scalar_one())


async def forget_bodies(tx: Tx, *, before: datetime, why: str) -> int:
    """Empty the bodies of evidence of incidents that ended before; `why` stands in their place."""
    return _count(await tx.execute(_BODIES, {**_WORDS, "before": before, "why": why}))


async def forget_looks(tx: Tx, *, before: datetime) -> int:
    """Take out what replays of incidents that ended before would read."""
    return _count(await tx.execute(_LOOKS, {**_WORDS, "before": before}))


async def forget_deliveries(tx: Tx, *, before: datetime) -> int:
    """Take out notifications that last came before: a repeat that is that old is taken for a new one, and joins."""
    return _count(await tx.execute(_DELIVERIES, {"before": before}))


def _count(result: object) -> int:
    return max(0, int(getattr(result, "rowcount", 0)))
