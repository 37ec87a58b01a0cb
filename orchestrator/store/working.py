"""Investigations at work, at a glance: what their agents said last and what they used, for many incidents at once."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlmodel import col, select

from incidents.ids import IncidentId
from incidents.incident import EventKind, TimelineEvent
from incidents.value import Value
from orchestrator.store.timeline import TimelineRow, told
from orchestrator.store.transaction import Tx

AGENTS_SAY = (EventKind.AGENT, EventKind.QUESTION, EventKind.HYPOTHESIS)
"""Lines that tell what agents do."""


class Used(Value):
    """What an investigation has used so far, by all its agents."""

    incident: IncidentId
    owner: str
    """The process that has it now (`host:pid:...`); empty while it waits for one."""
    rounds: int
    probes: int
    seconds: float
    calls: int
    tokens: int
    usd: float


_USED = text(
    """
    SELECT i.id, coalesce(CASE WHEN i.lease_until > clock_timestamp() THEN i.lease_owner END, '') AS owner,
           coalesce(s.rounds, 0) AS rounds, coalesce(s.probes, 0) AS probes, coalesce(s.seconds, 0) AS seconds,
           coalesce(m.calls, 0) AS calls, coalesce(m.tokens, 0) AS tokens, coalesce(m.usd, 0) AS usd
    FROM incident AS i
    LEFT JOIN (SELECT incident_id, max(round) AS rounds, sum(probes) AS probes, sum(seconds) AS seconds
               FROM survey WHERE incident_id = ANY(:wanted) GROUP BY incident_id) AS s ON s.incident_id = i.id
    LEFT JOIN (SELECT incident_id, sum(calls) AS calls, sum(tokens_in + tokens_out) AS tokens, sum(usd) AS usd
               FROM spending WHERE incident_id = ANY(:wanted) GROUP BY incident_id) AS m ON m.incident_id = i.id
    WHERE i.id = ANY(:wanted)
    """
)


async def used_by(tx: Tx, incidents: Sequence[IncidentId]) -> dict[IncidentId, Used]:
    """What each of them used."""
    rows = await tx.execute(_USED, {"wanted": list(incidents)})
    return {
        row.id: Used(
            incident=row.id,
            owner=row.owner,
            rounds=int(row.rounds),
            probes=int(row.probes),
            seconds=float(row.seconds),
            calls=int(row.calls),
            tokens=int(row.tokens),
            usd=float(row.usd),
        )
        for row in rows
    }


async def agents_said(tx: Tx, incidents: Sequence[IncidentId]) -> dict[IncidentId, tuple[TimelineEvent, ...]]:
    """The lines of their agents, in order."""
    query = (
        select(TimelineRow)
        .where(col(TimelineRow.incident_id).in_(list(incidents)), col(TimelineRow.kind).in_(AGENTS_SAY))
        .order_by(col(TimelineRow.incident_id), col(TimelineRow.seq))
    )
    found: dict[IncidentId, list[TimelineEvent]] = {incident: [] for incident in incidents}
    for row in await tx.scalars(query):
        found[row.incident_id].append(told(row))
    return {incident: tuple(lines) for incident, lines in found.items()}
