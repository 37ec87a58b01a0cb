"""Incidents: their head rows, the conditional changes of phase, and lists for people and for the sweep."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy
from sqlalchemy import Index, Text, cast, func, insert, text, update
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from incidents.alert import Severity
from incidents.correlation import OpenIncident
from incidents.ids import EntityId, IncidentId
from incidents.incident import CLOSED, EventKind, Incident, Phase
from incidents.ledger import EntryKind
from incidents.lifecycle import sources_of
from incidents.value import Value
from orchestrator.store import columns
from orchestrator.store.columns import Row
from orchestrator.store.errors import StaleStateError, UnknownError
from orchestrator.store.ledger import record
from orchestrator.store.timeline import append_event
from orchestrator.store.transaction import Tx


class IncidentRow(Row, table=True):
    """One incident with its lease. `event_seq` numbers the timeline."""

    __tablename__ = "incident"
    __table_args__ = (
        Index("ix_incident_open", "last_alert_at", postgresql_where=text("closed_at IS NULL")),
        Index("ix_incident_restless", "opened_at", postgresql_where=text("NOT rests")),
    )

    id: IncidentId = columns.text(key=True)
    title: str = columns.text()
    severity: int = columns.small()
    phase: Phase = columns.word(Phase, index=True)
    cluster: str = columns.text()
    entities: tuple[EntityId, ...] = columns.document(tuple[EntityId, ...])
    groups: tuple[str, ...] = columns.document(tuple[str, ...])
    """Keys of the Alertmanager groups whose alerts are in it."""
    opened_at: datetime = columns.moment(index=True)
    started_at: datetime = columns.moment()
    last_alert_at: datetime = columns.moment()
    """When an alert last joined it or fired again."""
    closed_at: datetime | None = columns.moment(null=True)
    graph_version: str = columns.text()
    lease_owner: str | None = columns.text(null=True)
    lease_until: datetime | None = columns.moment(null=True)
    fence: int = columns.number(default=0)
    rests: bool = columns.flag(default=False)
    """Whether the graph has come to its end, so that nothing is left to do when the incident is settled."""
    event_seq: int = columns.number(default=0)


async def incident_of(tx: Tx, incident: IncidentId) -> Incident:
    """The head of an incident. Raises UnknownError."""
    row = await tx.get(IncidentRow, incident)
    if row is None:
        raise UnknownError(f"there is no incident {incident}")
    return domain(row)


async def lock_incident(tx: Tx, incident: IncidentId) -> None:
    """Hold the incident's row until the transaction ends.

    Always the first lock: proposals and the rest come after it.
    """
    await tx.execute(select(col(IncidentRow.id)).where(col(IncidentRow.id) == incident).with_for_update(key_share=True))
    tx.held.add(incident)


async def list_incidents(
    tx: Tx,
    *,
    phases: Sequence[Phase] | None = None,
    cluster: str | None = None,
    severity: Severity | None = None,
    search: str = "",
    limit: int = 100,
    offset: int = 0,
) -> tuple[Incident, ...]:
    """Incidents, newest first. `severity` is the mildest shown; `search` looks into title and entities."""
    query = _filtered(select(IncidentRow), phases=phases, cluster=cluster, severity=severity, search=search)
    rows = await tx.scalars(
        query.order_by(col(IncidentRow.opened_at).desc(), col(IncidentRow.id)).limit(limit).offset(offset)
    )
    return tuple(domain(row) for row in rows)


async def count_by_phase(tx: Tx) -> dict[Phase, int]:
    """How many incidents stand in each phase."""
    rows = await tx.execute(select(col(IncidentRow.phase), func.count()).group_by(col(IncidentRow.phase)))
    return {row[0]: row[1] for row in rows}


async def open_incidents(tx: Tx) -> tuple[Incident, ...]:
    """Incidents that are not closed, oldest first."""
    rows = await tx.scalars(
        select(IncidentRow).where(col(IncidentRow.closed_at).is_(None)).order_by(col(IncidentRow.opened_at))
    )
    return tuple(domain(row) for row in rows)


async def open_for_correlation(tx: Tx, *, since: datetime, besides: Sequence[IncidentId]) -> tuple[OpenIncident, ...]:
    """What correlation needs to know of incidents that are not closed and were heard of since then, or are named."""
    recent = (col(IncidentRow.last_alert_at) >= since) | col(IncidentRow.id).in_(list(besides))
    wanted = [col(getattr(IncidentRow, name)) for name in OpenIncident.model_fields if name != "fingerprints"]
    rows = await tx.execute(sqlalchemy.select(*wanted).where(col(IncidentRow.closed_at).is_(None), recent))
    return tuple(OpenIncident.model_validate(dict(found)) for found in rows.mappings())


class Opening(Value):
    """An incident that opens."""

    id: IncidentId
    title: str
    severity: Severity
    cluster: str
    entities: tuple[EntityId, ...]
    groups: tuple[str, ...]
    opened_at: datetime
    started_at: datetime
    graph_version: str


async def insert_incidents(tx: Tx, openings: Sequence[Opening]) -> None:
    """Open incidents in phase `open`."""
    rows = [
        {
            **dict(opening),
            "title": columns.storable(opening.title),
            "severity": int(opening.severity),
            "phase": Phase.OPEN,
            "last_alert_at": opening.opened_at,
        }
        for opening in openings
    ]
    if rows:
        await tx.execute(insert(IncidentRow), rows)


async def grow_incident(
    tx: Tx,
    incident: IncidentId,
    *,
    severity: Severity,
    entities: Sequence[EntityId],
    group: str,
    started_at: datetime,
    now: datetime,
) -> None:
    """Alerts joined: it covers their entities and group too, and takes the worst severity and the earliest start."""
    row = await tx.get(IncidentRow, incident, with_for_update={"key_share": True})
    if row is None:
        raise UnknownError(f"there is no incident {incident}")
    await tx.execute(
        update(IncidentRow)
        .where(col(IncidentRow.id) == incident)
        .values(
            severity=min(row.severity, int(severity)),
            entities=tuple(dict.fromkeys((*row.entities, *entities))),
            groups=tuple(dict.fromkeys((*row.groups, group))),
            started_at=min(row.started_at, started_at),
            last_alert_at=max(row.last_alert_at, now),
        )
        .execution_options(synchronize_session=False)
    )


async def move(
    tx: Tx, incident: IncidentId, *, to: Phase, because: str, actor: str, now: datetime, sources: Sequence[Phase] = ()
) -> Incident:
    """Change the phase from one that the lifecycle (or `sources`) allows; timeline and ledger are written with it.

    Raises StaleStateError when the incident stands in another phase by now; nothing is changed then.
    """
    allowed = sources_of(to) & (frozenset(sources) or frozenset(Phase))
    moved = await tx.execute(
        update(IncidentRow)
        .where(col(IncidentRow.id) == incident, col(IncidentRow.phase).in_(sorted(allowed)))
        .values(phase=to, closed_at=now if to in CLOSED else None)
        .returning(col(IncidentRow.id))
        .execution_options(synchronize_session=False)
    )
    if moved.first() is None:
        current = await incident_of(tx, incident)
        raise StaleStateError(f"{incident} is {current.phase}: it cannot become {to}; read it again")
    await append_event(tx, incident, kind=EventKind.PHASE, actor=actor, text=because, at=now, data={"phase": to.value})
    if entry := _ENTRIES.get(to):
        record(tx, kind=entry, incident=incident, actor=actor, at=now, payload={"phase": to, "because": because})
    return await incident_of(tx, incident)


_ENTRIES = {
    Phase.ESCALATED: EntryKind.ESCALATED,
    Phase.RESOLVED: EntryKind.INCIDENT_CLOSED,
    Phase.VERIFIED: EntryKind.INCIDENT_CLOSED,
}
"""Phases that the ledger records; others are recorded with what causes them (decision, execution, verification)."""


async def retitle(tx: Tx, incident: IncidentId, *, title: str, severity: Severity | None = None) -> None:
    """Give it a better title, and another severity when one is given."""
    values = {"title": title} | ({"severity": int(severity)} if severity else {})
    await tx.execute(
        update(IncidentRow)
        .where(col(IncidentRow.id) == incident)
        .values(**values)
        .execution_options(synchronize_session=False)
    )


def domain(row: IncidentRow) -> Incident:
    """The domain value of a row."""
    return Incident(
        id=row.id,
        title=row.title,
        severity=Severity(row.severity),
        phase=row.phase,
        cluster=row.cluster,
        entities=tuple(row.entities),
        opened_at=row.opened_at,
        started_at=row.started_at,
        closed_at=row.closed_at,
        graph_version=row.graph_version,
    )


def _filtered(
    query: SelectOfScalar[IncidentRow],
    *,
    phases: Sequence[Phase] | None,
    cluster: str | None,
    severity: Severity | None,
    search: str,
) -> SelectOfScalar[IncidentRow]:
    if phases is not None:
        query = query.where(col(IncidentRow.phase).in_(list(phases)))
    if cluster:
        query = query.where(col(IncidentRow.cluster) == cluster)
    if severity:
        query = query.where(col(IncidentRow.severity) <= int(severity))
    if search:
        wanted = f"%{search.replace('%', '').replace('_', '')}%"
        entities = cast(col(IncidentRow.entities), Text)
        query = query.where(col(IncidentRow.title).ilike(wanted) | entities.ilike(wanted))
    return query
